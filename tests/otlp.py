"""The OpenTelemetry Collector's own OTLP receiver, for the tests; built from tests/otlp_receiver by Go."""

import json
import os
import queue
import shutil
import subprocess
import threading
import time
import unittest

import harness


def build(folder):
    """The program in `folder`; skips the test where it cannot be built."""
    if shutil.which("go") is None:
        raise unittest.SkipTest("there is no Go, which the OpenTelemetry Collector's receiver is built with")
    program = folder / "otlp_receiver"
    done = subprocess.run(["go", "build", "-o", str(program), "."], cwd=harness.SOURCE_DIR / "tests/otlp_receiver",
                          env=os.environ | {"GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"}, capture_output=True,
                          text=True, timeout=280, check=False)
    if done.returncode != 0:
        raise unittest.SkipTest(f"the OpenTelemetry Collector's receiver could not be built: {done.stderr[-300:]}")
    return program


class Receiver:
    """A running one at `.address`; what it understood of each span is in spans()."""

    def __init__(self, program):
        self.process = subprocess.Popen([str(program)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.address = self.process.stdout.readline().strip()
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.taken = []

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)

    @staticmethod
    def _attributes(of):
        return {one["key"]: next(iter(one["value"].values())) for one in of.get("attributes", [])}

    def spans(self):
        """All so far: the members of OTLP, `attributes` as a dictionary, `resource` likewise."""
        while not self.lines.empty():
            for group in json.loads(self.lines.get())["resourceSpans"]:
                resource = self._attributes(group["resource"])
                for span in (span for scope in group["scopeSpans"] for span in scope["spans"]):
                    span["attributes"] = self._attributes(span)
                    span["resource"] = resource
                    self.taken.append(span)
        return self.taken

    def wait_for(self, condition, timeout=20):
        """The spans, once they meet the condition."""
        end = time.monotonic() + timeout
        while not condition(self.spans()):
            if time.monotonic() > end:
                raise AssertionError(f"that did not come within {timeout} s; {len(self.taken)} spans did")
            time.sleep(0.05)
        return self.taken

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)
        self.reader.join(timeout=10)
        self.process.stdout.close()
