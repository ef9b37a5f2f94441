"""A simulated exchange and a live pipeline on it, as processes of their own, for the end-to-end tests."""

import json
import os
import signal
import socket
import subprocess
import time

import harness


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Live:
    """Both in `folder`; used as a context manager, which ends what is still running."""

    def __init__(self, folder, rate=20_000, settings=()):
        self.folder = folder
        self.rate = rate
        self.data = folder / "data"
        self.ports = {name: free_port() for name in ("a", "b", "requests")}
        self.ports["glimpse"] = free_port(socket.SOCK_STREAM)
        self.settings = [
            f"data.folder={self.data}", f"feed.group_a=239.255.42.1:{self.ports['a']}",
            f"feed.group_b=239.255.42.2:{self.ports['b']}",
            f"feed.retransmission_servers=127.0.0.1:{self.ports['requests']}",
            f"feed.snapshot_server=127.0.0.1:{self.ports['glimpse']}", "feed.snapshot_user=test", "serve.enabled=false",
            *settings]
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()

    def _start(self, arguments, log):
        with open(self.folder / log, "ab") as error:
            process = subprocess.Popen([str(harness.BINARY), *map(str, arguments)], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=error, cwd=self.folder)
        self.processes.append(process)
        return process

    def start_exchange(self, *arguments, count=100_000, session="LIVE000001", symbols=50):
        process = self._start(
            ["exchange", "--format", "json", "--rate", self.rate, "--count", count, "--session", session, "--symbols", symbols,
             "--no-restamp", "--linger-ms", 60_000,
             "--group-a", f"239.255.42.1:{self.ports['a']}", "--group-b", f"239.255.42.2:{self.ports['b']}",
             "--requests", f"127.0.0.1:{self.ports['requests']}", "--glimpse", f"127.0.0.1:{self.ports['glimpse']}",
             *arguments], "exchange.log")
        json.loads(process.stdout.readline())
        return process

    def options(self):
        return [part for setting in self.settings for part in ("--set", setting)]

    def start_pipeline(self, *arguments):
        process = self._start(["run", *self.options(), *arguments], "pipeline.log")
        self.wait_for(lambda status: status["process"] == process.pid)
        return process

    def status(self):
        done = subprocess.run([str(harness.BINARY), "status", "--format", "json", *self.options()], capture_output=True,
                              text=True, timeout=20, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def wait_for(self, condition, timeout=60):
        """The first status that meets the condition."""
        deadline = time.monotonic() + timeout
        status = None
        while time.monotonic() < deadline:
            status = self.status()
            if status is not None and condition(status):
                return status
            time.sleep(0.05)
        log = (self.folder / "pipeline.log").read_text(errors="replace")[-3000:]
        raise AssertionError(f"it did not come to that within {timeout} s; status {status}\n{log}")

    def wait_for_end(self, session="LIVE000001", timeout=60):
        return self.wait_for(lambda s: s["feed"]["session"] == session and s["feed"]["state"] == "ended" and
                             all(worker["lag_messages"] == 0 for worker in s["workers"]), timeout)

    @staticmethod
    def stop(process, number=signal.SIGTERM, timeout=60):
        os.kill(process.pid, number)
        return process.wait(timeout)
