"""Many clients at once: all are told everything that they are due, in bounded memory, whoever among them stalls."""

import json
import pathlib
import subprocess
import time

import harness
from test_serve_command import Server

CLIENTS = 200
STALLED = 10
SECONDS = 20


def resident_bytes(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmRSS"))


class LoadTest(harness.TestCase):
    def test_many_clients_are_told_everything_in_bounded_memory(self):
        self.tapeline("generate", "day.itch", "--messages", 1_000_000, "--symbols", 20)
        server = Server(self.folder, "serve.max_clients=1000")
        self.addCleanup(server.stop)
        feed = subprocess.Popen([str(harness.BINARY), "log", "import", "day.itch", "--rate", "30000"], cwd=self.folder,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(feed.wait)
        self.addCleanup(feed.kill)
        server.wait_until_live(20_000)
        symbols = [row[0] for row in server.json("/v1/symbols?limit=3")["symbols"]]
        port = server.address.rsplit(":", 1)[1]
        load = subprocess.Popen(
            [str(harness.BINARY), "serve-load", "--set", f"serve.port={port}", "--clients", str(CLIENTS), "--stalled",
             str(STALLED), "--seconds", str(SECONDS), "--symbols", ",".join(symbols), "--tables", "book,trades",
             "--interval-ms", "100"], cwd=self.folder, stdout=subprocess.PIPE, text=True)
        self.addCleanup(load.stdout.close)
        self.addCleanup(load.kill)
        memory = []
        while load.poll() is None:
            memory.append(resident_bytes(server.process))
            time.sleep(0.5)
        told = json.loads(load.stdout.read())
        self.assertEqual((told["opened"], told["lost"], told["gaps"]), (CLIENTS, {}, 0))
        # A client that keeps up hears of three busy symbols several times a second, at the least by heartbeats.
        self.assertLess(told["longest_silence_ms"], 3_000)
        self.assertGreater(told["messages"], (CLIENTS - STALLED) * SECONDS * 3)
        # Once all are there, what is kept does not grow with what is sent.
        steady = memory[len(memory) // 2:]
        self.assertLess(max(steady) - steady[0], 16 << 20, memory)
        self.assertLess(max(memory) - memory[0], CLIENTS * (256 << 10), memory)
        self.assertEqual(server.get("/healthz")[0], 200)


if __name__ == "__main__":
    harness.main()
