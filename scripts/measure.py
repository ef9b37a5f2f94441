#!/usr/bin/env python3
"""Measures the program over feeds and reports; scripts/bench.sh calls it.

Each measurement is one JSON line. The report, and the lines behind it, go to standard output and report.txt.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

BENCHES = ("decode", "books", "analytics")
RUNS = 5


def run_timed(command):
    """Runs a command with its standard output thrown away; seconds of the clock and of the processor, peak MB."""
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as program:
        said = program.stderr.read()
        _, status, usage = os.wait4(program.pid, 0)
        wall = time.monotonic() - start
        program.returncode = os.waitstatus_to_exitcode(status)
    if program.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{said}")
    return {"seconds": round(wall, 2), "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
            "peak_rss_mb": round(usage.ru_maxrss / 1024, 1)}


def instructions_of(command):
    """How many instructions a command takes by callgrind's count."""
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command],
                          capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(f"valgrind could not count {' '.join(command)}:\n{done.stderr[-2000:]}")
    return int(found[1])


def machine():
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii"), flags=re.M)
    memory = re.search(r"^MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(encoding="ascii"), flags=re.M)
    git = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"], capture_output=True,
                         text=True)
    return {"measure": "machine", "commit": git.stdout.strip() or "unknown", "cpu": cpu[1] if cpu else "unknown",
            "cores": os.cpu_count(), "memory_mb": int(memory[1]) // 1024, "load": round(os.getloadavg()[0], 2)}


def measurements(options):
    """Yields one dict per measurement."""
    tapeline = options.tapeline
    yield machine()
    for feed in options.feeds:
        for bench in BENCHES:
            done = subprocess.run([tapeline, "bench", bench, feed, "--runs", str(RUNS)], capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(done.stderr)
            yield {"measure": "bench"} | json.loads(done.stdout)
    for feed in options.feeds:
        tables = options.folder / "tables"
        timed = run_timed([tapeline, "replay", feed, "--output", str(tables), "--no-progress"])
        size = sum(file.stat().st_size for file in tables.glob("*.parquet"))
        shutil.rmtree(tables)
        yield {"measure": "replay", "file": feed, "messages": options.messages, "parquet_mb": size >> 20} | timed
    timed = run_timed([tapeline, "generate", "-", "--messages", str(options.messages), "--no-progress"])
    yield {"measure": "generate", "messages": options.messages} | timed
    if shutil.which("valgrind"):
        for bench in BENCHES:
            command = [tapeline, "bench", bench, options.count, "--warm-up", "0", "--runs"]
            messages = json.loads(subprocess.run([*command, "1"], capture_output=True, text=True, check=True).stdout)
            two, one = instructions_of([*command, "2"]), instructions_of([*command, "1"])
            yield {"measure": "instructions", "bench": bench, "file": options.count, "messages": messages["messages"],
                   "instructions_per_message": round((two - one) / messages["messages"], 1)}


def report(lines):
    """The readable form of the measurements."""
    def of(kind):
        return [line for line in lines if line["measure"] == kind]

    [host] = of("machine")
    yield f"commit {host['commit']}; {host['cores']} cores of {host['cpu']}, {host['memory_mb']} MB; load {host['load']}"
    yield ""
    yield f"{'ns per message':<16}{'feed':<28}{'median':>9}{'least':>9}{'most':>9}{'M/s':>8}{'peak MB':>9}"
    for line in of("bench"):
        ns = line["ns_per_message"]
        yield (f"{line['bench']:<16}{pathlib.Path(line['file']).name:<28}{ns['median']:>9.2f}{ns['min']:>9.2f}"
               f"{ns['max']:>9.2f}{1000 / ns['median']:>8.1f}{line['peak_rss_mb']:>9.1f}")
    yield ""
    yield f"{'whole command':<16}{'feed':<28}{'seconds':>9}{'cpu s':>9}{'M/s':>8}{'peak MB':>9}{'MB out':>8}"
    for line in of("replay") + of("generate"):
        name = pathlib.Path(line["file"]).name if "file" in line else "to nowhere"
        yield (f"{line['measure']:<16}{name:<28}{line['seconds']:>9.2f}{line['cpu_seconds']:>9.2f}"
               f"{line['messages'] / line['seconds'] / 1e6:>8.1f}{line['peak_rss_mb']:>9.1f}"
               f"{line.get('parquet_mb', ''):>8}")
    yield ""
    if not of("instructions"):
        yield "Instructions were not counted: valgrind is not installed (scripts/bootstrap.sh --dev)."
    else:
        yield f"{'instructions per message':<28}{'feed':<28}"
    for line in of("instructions"):
        yield f"{line['bench']:<16}{pathlib.Path(line['file']).name:<28}{line['instructions_per_message']:>9.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("feeds", nargs="+")
    parser.add_argument("--tapeline", required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--messages", type=int, required=True, help="of each feed")
    parser.add_argument("--count", required=True, help="the feed to count instructions over")
    options = parser.parse_args()
    lines = []
    for line in measurements(options):
        lines.append(line)
        print(f"measured: {line['measure']} {line.get('bench', '')} {line.get('file', '')}", file=sys.stderr)
    text = "\n".join([*report(lines), "", "Raw:", *map(json.dumps, lines), ""])
    print(text, end="")
    (options.folder / "report.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
