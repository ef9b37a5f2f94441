#!/usr/bin/env python3
"""What clients of a running pipeline hear, and when: exchange, pipeline with its page, and many clients on one machine.

    scripts/measure_serve.py [--rate 200000] [--clients 50] [--stalled 0] [--seconds 20] [--interval-ms 1]
                             [--tables bbo] [--symbols 3] [--set SECTION.KEY=VALUE]…

Prints one line of JSON: what `tapeline serve-load` tells (delays from a packet's arrival at the kernel to its message at
a client, of the newest change in each message and of the one that waited longest), processor time and memory of the
pipeline, and the pipeline's own account of its latencies and traces.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
import harness  # noqa: E402
from live import Live, free_port  # noqa: E402
from test_serve_load import resident_bytes  # noqa: E402


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busiest(address, count):
    import urllib.request  # pylint: disable=import-outside-toplevel
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{address}/v1/symbols?limit={count}", timeout=10) as answer:
        return [row[0] for row in json.load(answer)["symbols"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rate", 200_000), ("clients", 50), ("stalled", 0), ("seconds", 20), ("interval-ms", 1),
                          ("symbols", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--tables", default="bbo")
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    port = free_port(1)
    settings = ["serve.enabled=true", f"serve.port={port}", f"serve.max_clients={options.clients + 100}", "stream.workers=1",
                *options.set]
    with tempfile.TemporaryDirectory() as name, Live(pathlib.Path(name), options.rate, settings) as live:
        pipeline = live.start_pipeline()
        live.start_exchange(symbols=500, count=options.rate * (options.seconds + 15))
        time.sleep(3)
        address = f"127.0.0.1:{port}"
        load = subprocess.Popen(
            [harness.BINARY, "serve-load", *live.options(), "--clients", str(options.clients), "--stalled",
             str(options.stalled), "--seconds", str(options.seconds), "--interval-ms", str(options.interval_ms), "--tables",
             options.tables, "--symbols", ",".join(busiest(address, options.symbols)), "--delays"],
            stdout=subprocess.PIPE, text=True)
        memory = []
        before, began = cpu_seconds(pipeline), time.monotonic()
        while time.monotonic() - began < options.seconds:
            memory.append(resident_bytes(pipeline) >> 20)
            time.sleep(1)
        cores = (cpu_seconds(pipeline) - before) / (time.monotonic() - began)
        told = json.loads(load.communicate()[0])
        status = live.status()
        told["pipeline"] = {
            "cores": round(cores, 2), "resident_mib": memory[:: max(1, len(memory) // 20)],
            "messages_per_second": status["stages"][3]["per_second"], "lost": status["feed"]["lost_messages"],
            "traces": status["traces"], "latencies_us": {
                one["name"].strip(): {key: one[f"{key}_ns"] // 1000 for key in ("p50", "p99", "p999")}
                for one in status["latencies"]}}
        print(json.dumps(told))


if __name__ == "__main__":
    main()
