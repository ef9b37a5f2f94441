"""Traces: what a real OTLP receiver is told of messages, and what `tapeline trace` shows of the same."""

import collections
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time

import harness
import otlp
from live import Live, free_port
from websocket import WebSocket

STAGES = ["capture", "log append", "operators", "rows append", "file sink", "serve books", "client send"]
MESSAGES = 60_000
SESSION = "LIVE000001"


def number(span, name):
    return int(span["attributes"][name])


class TraceTest(harness.TestCase):
    receiver_folder = None
    program = None

    @classmethod
    def setUpClass(cls):
        cls.receiver_folder = tempfile.TemporaryDirectory(prefix="tapeline-otlp-")
        cls.addClassCleanup(cls.receiver_folder.cleanup)
        cls.program = otlp.build(pathlib.Path(cls.receiver_folder.name))

    def setUp(self):
        super().setUp()
        self.receiver = otlp.Receiver(self.program)
        self.addCleanup(self.receiver.stop)

    def settings(self, *more):
        self.page_port = free_port(1)
        return ("serve.enabled=true", f"serve.port={self.page_port}", "stream.workers=2",
                f"trace.otlp_endpoint={self.receiver.address}", *more)

    def subscribe(self, address):
        """A thread that reads what a client is told until the session is over; it ends then."""
        end = time.monotonic() + 20
        while True:
            try:
                client = WebSocket(address)
                break
            except ConnectionRefusedError:  # The page comes a moment behind the status.
                self.assertLess(time.monotonic(), end)
                time.sleep(0.05)
        self.addCleanup(client.close)
        client.ask(op="subscribe", id=1, tables=["overview"], rows=50, interval_ms=10)
        listener = threading.Thread(target=client.wait_for, kwargs={"type": "heartbeat", "session_ended": True})
        listener.start()
        self.addCleanup(listener.join)
        return listener

    def traces(self, spans):
        by_id = collections.defaultdict(dict)
        for span in spans:
            self.assertNotIn(span["name"], by_id[span["traceId"]], "each span once")
            by_id[span["traceId"]][span["name"]] = span
        return by_id

    def check_trace(self, trace):
        """One message: one root, its children in their order, the same attributes everywhere."""
        root = trace["capture"]
        self.assertFalse(root.get("parentSpanId"))
        identity = {(span["attributes"]["moldudp64.session"], number(span, "moldudp64.sequence"),
                     number(span, "tapeline.log.offset")) for span in trace.values()}
        self.assertEqual(len(identity), 1, identity)
        began = {name: int(span["startTimeUnixNano"]) for name, span in trace.items()}
        ended = {name: int(span["endTimeUnixNano"]) for name, span in trace.items()}
        for name, span in trace.items():
            self.assertLessEqual(began[name], ended[name], name)
            if name != "capture":
                self.assertEqual(span["parentSpanId"], root["spanId"], name)
        for before, after in (("capture", "log append"), ("operators", "rows append")):
            self.assertEqual(ended[before], began[after])
        # Whatever was put off in between, nothing is done with before the stage before has begun with it.
        for before, after in (("log append", "operators"), ("rows append", "file sink"), ("log append", "serve books")):
            if before in trace and after in trace:
                self.assertLessEqual(began[before], ended[after], f"{before} and {after}")
        if "client send" in trace:
            self.assertLessEqual(ended["serve books"], began["client send"] + 1_000)
        return identity.pop()

    def test_drawn_messages_have_one_trace_from_packet_to_page(self):
        with Live(self.folder, settings=self.settings("trace.sample_one_in=4096", "sinks.file.enabled=true")) as live:
            pipeline = live.start_pipeline()
            client = self.subscribe(f"127.0.0.1:{self.page_port}")
            live.start_exchange(count=MESSAGES)
            live.wait_for_end()
            client.join(timeout=60)
            wanted = set(range(4096, MESSAGES + 1, 4096))
            spans = self.receiver.wait_for(lambda spans: {number(span, "moldudp64.sequence") for span in spans} == wanted
                                           and len(spans) >= len(wanted) * len(STAGES))
            traces = self.traces(spans)
            self.assertEqual(len(traces), len(wanted))
            for identifier, trace in traces.items():
                self.assertEqual(sorted(trace), sorted(STAGES))
                session, sequence, offset = self.check_trace(trace)
                self.assertEqual(session, SESSION)
                self.assertEqual(trace["capture"]["resource"]["service.name"], "tapeline")
                # The terminal shows the same.
                shown = json.loads(self.tapeline("trace", sequence, "--format", "json", *live.options()).stdout)
                self.assertEqual((shown["trace_id"], shown["sequence"], shown["offset"]), (identifier, sequence, offset))
                for span in shown["spans"]:
                    told = trace[span["name"]]
                    self.assertEqual((span["span_id"], span["began_ns"], span["ended_ns"]),
                                     (told["spanId"], int(told["startTimeUnixNano"]), int(told["endTimeUnixNano"])))
            status = live.wait_for(lambda status: status["traces"]["sent"] == len(wanted))["traces"]
            self.assertEqual((status["sampled"], status["dropped"], status["missed_records"]), (len(wanted), 0, 0))
            self.assertEqual(live.stop(pipeline), 0)
            self.assertEqual(len(self.receiver.spans()), len(spans), "nothing is sent twice")

    def test_slow_messages_are_traced_after_the_fact_and_bounded(self):
        # Every message takes longer than a microsecond.
        with Live(self.folder, settings=self.settings("trace.slow_us=1", "trace.slow_per_second=5")) as live:
            pipeline = live.start_pipeline()
            began = time.monotonic()
            live.start_exchange(count=MESSAGES)
            status = live.wait_for_end()
            spans = self.receiver.wait_for(lambda spans: len(spans) >= 10 * 5)
            self.assertEqual(live.stop(pipeline), 0)
            traces = self.traces(self.receiver.spans())
            self.assertLessEqual(len(traces), 5 * (time.monotonic() - began) + 5)
            self.assertGreater(status["traces"]["slow_untraced"], 100)
            for trace in traces.values():
                self.check_trace(trace)
                self.assertTrue(all(span["attributes"]["tapeline.slow"] for span in trace.values()))
                self.assertLessEqual({"capture", "log append", "operators", "rows append", "serve books"}, set(trace))
            self.assertTrue(spans)

    def test_processes_that_know_nothing_of_one_another_write_one_trace(self):
        with Live(self.folder, settings=("trace.sample_one_in=4096", f"trace.otlp_endpoint={self.receiver.address}")) as live:
            live.start_pipeline()
            page = live._start(["serve", "--format", "json", *live.options(), "--set", "serve.port=0"], "serve.log")
            address = json.loads(page.stdout.readline())["address"]
            client = self.subscribe(address)
            live.start_exchange(count=MESSAGES)
            live.wait_for_end()
            client.join(timeout=60)
            wanted = MESSAGES // 4096
            spans = self.receiver.wait_for(lambda spans: len(spans) >= wanted * 6)
            traces = self.traces(spans)
            self.assertEqual(len(traces), wanted)
            for trace in traces.values():
                self.check_trace(trace)
                by_process = collections.defaultdict(set)
                for name, span in trace.items():
                    by_process[span["resource"]["service.instance.id"]].add(name)
                self.assertEqual(sorted(map(sorted, by_process.values())),
                                 sorted(map(sorted, ({"capture", "log append", "operators", "rows append"},
                                                     {"serve books", "client send"}))))

    def test_a_collector_out_of_reach_harms_nobody(self):
        address = self.receiver.address
        self.receiver.process.send_signal(signal.SIGSTOP)  # It takes connections and answers nothing.
        self.addCleanup(self.receiver.process.send_signal, signal.SIGCONT)
        with Live(self.folder, settings=self.settings("trace.sample_one_in=16")) as live:
            pipeline = live.start_pipeline()
            live.start_exchange(count=MESSAGES * 2)
            live.wait_for_end()
            status = live.wait_for(lambda status: status["traces"]["dropped"] > 0 and
                                   any(address in warning for warning in status["warnings"]))
            self.assertEqual(status["stages"][3]["total"], MESSAGES * 2)
            self.assertEqual(status["traces"]["missed_records"], 0)
            self.assertEqual(live.stop(pipeline, timeout=20), 0)


class TerminalTest(harness.TestCase):
    """`tapeline trace` needs no collector."""

    def test_a_crash_leaves_the_times_behind(self):
        with Live(self.folder) as live:
            pipeline = live.start_pipeline()
            live.start_exchange(count=MESSAGES)
            live.wait_for_end()
            running = self.tapeline("trace", MESSAGES - 5, *live.options()).stdout
            self.assertEqual(live.stop(pipeline, signal.SIGKILL), -signal.SIGKILL)
            self.assertEqual(self.tapeline("trace", MESSAGES - 5, *live.options()).stdout, running)
            self.assertIn(f"message {MESSAGES - 5:,} of session {SESSION}", running)
            names = re.findall(r"^([a-z ]+?) +\+", running, flags=re.M)
            self.assertEqual(names, STAGES[:4])
            # A symbol stands for the latest message about it.
            symbol = json.loads(self.tapeline("trace", MESSAGES - 5, "--format", "json", *live.options()).stdout)["symbol"]
            self.assertTrue(symbol)
            latest = json.loads(self.tapeline("trace", symbol, "--format", "json", *live.options()).stdout)
            self.assertEqual(latest["symbol"], symbol)
            self.assertGreaterEqual(latest["sequence"], MESSAGES - 5)
            for wrong in ("NOSUCH", MESSAGES + 1000):
                self.assertTrue(self.tapeline("trace", wrong, *live.options(), exit_code=3).stderr)

    def test_mistakes_are_told(self):
        self.assertIn("trace.recorded_batches", self.tapeline("trace", "AAPL", exit_code=3).stderr)
        self.assertIn("which message", self.tapeline("trace", exit_code=2).stderr)
        live = Live(self.folder)
        done = subprocess.run([str(harness.BINARY), "run", *live.options(), "--set", "trace.sample_one_in=1000"],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("1024 is one", done.stderr)

    def test_nothing_is_recorded_where_nothing_is_wanted(self):
        with Live(self.folder, settings=["trace.recorded_batches=0"]) as live:
            live.start_pipeline()
            live.start_exchange(count=1_000)
            live.wait_for_end()
            self.assertEqual(list((live.data / "trace").glob("*")), [])
            self.assertIn("holds no records", self.tapeline("trace", 500, *live.options(), exit_code=3).stderr)


if __name__ == "__main__":
    harness.main()
