"""The live pipeline as processes: it survives what may happen to it, and says what it does."""

import csv
import json
import os
import pathlib
import signal
import socket
import subprocess

import harness
from live import Live, free_port

COUNT = 60_000


class RunTest(harness.TestCase):
    def log_counts(self, live):
        """Records by topic, over its partitions."""
        listed = json.loads(self.tapeline("log", "list", "--format", "json", "--data", live.data / "journal").stdout)
        counts = {}
        for partition in listed:
            counts[partition["topic"]] = counts.get(partition["topic"], 0) + partition["end"] - partition["oldest"]
        return counts

    def test_takes_a_session_to_its_end_and_stops_in_order(self):
        with Live(self.folder) as live:
            pipeline = live.start_pipeline()
            live.start_exchange(count=COUNT)
            status = live.wait_for_end()
            self.assertEqual(status["feed"]["next_sequence"], COUNT + 1)
            self.assertEqual(status["feed"]["lost_messages"], 0)
            self.assertTrue(all(line["packets"] > 0 for line in status["feed"]["lines"]))
            self.assertEqual(live.stop(pipeline), 0)
            # Each message, the start and the end of the session.
            self.assertEqual(self.log_counts(live)["feed"], COUNT + 2)
            self.assertGreater(self.log_counts(live)["rows"], COUNT / 4)

    def test_goes_on_where_it_stopped_with_another_number_of_workers(self):
        with Live(self.folder) as live:
            pipeline = live.start_pipeline("--set", "stream.workers=1")
            live.start_exchange(count=COUNT)
            live.wait_for(lambda status: status["feed"]["next_sequence"] > COUNT / 4)
            self.assertEqual(live.stop(pipeline), 0)
            live.start_pipeline("--set", "stream.workers=3")
            status = live.wait_for_end()
            self.assertEqual(len(status["workers"]), 3)
            self.assertEqual((status["feed"]["next_sequence"], status["feed"]["lost_messages"]), (COUNT + 1, 0))
            self.assertGreater(status["caught_up_at_ns"], status["started_at_ns"])

    def test_scales_and_saves_while_it_runs(self):
        with Live(self.folder) as live:
            live.start_pipeline("--set", "stream.workers=1")
            live.start_exchange(count=COUNT)
            live.wait_for(lambda status: status["feed"]["next_sequence"] > COUNT / 8)
            self.assertIn("4 workers", self.tapeline("scale", "4", *live.options()).stdout)
            self.assertEqual(len(live.wait_for(lambda s: len(s["workers"]) == 4)["workers"]), 4)
            saved = pathlib.Path(self.tapeline("savepoint", "noon", *live.options()).stdout.strip())
            self.assertTrue((saved / "CURRENT").exists(), saved)
            self.assertIn("choose another name", self.tapeline("savepoint", "noon", *live.options(), exit_code=2).stderr)
            self.assertIn("2 workers", self.tapeline("scale", "2", *live.options()).stdout)
            status = live.wait_for_end()
            self.assertEqual((status["feed"]["next_sequence"], status["feed"]["lost_messages"]), (COUNT + 1, 0))

    def test_joins_in_the_middle_of_a_session_by_a_snapshot(self):
        # Nothing is requested, so what was before has to come from the snapshot.
        with Live(self.folder, settings=["feed.retransmit_max_messages=0"]) as live:
            live.start_exchange(count=200_000)
            live.start_pipeline()
            status = live.wait_for_end()
            self.assertEqual(status["feed"]["snapshots"], 1)
            self.assertEqual(status["feed"]["next_sequence"], 200_001)

    def test_takes_the_next_session_of_an_exchange_that_starts_again(self):
        with Live(self.folder) as live:
            live.start_pipeline()
            exchange = live.start_exchange(count=COUNT)
            live.wait_for(lambda status: status["feed"]["next_sequence"] > COUNT / 8)
            live.stop(exchange, signal.SIGKILL)
            live.start_exchange(count=20_000, session="LIVE000002")
            status = live.wait_for_end("LIVE000002")
            self.assertEqual(status["feed"]["next_sequence"], 20_001)

    def test_writes_rows_to_files_each_once_though_it_is_killed(self):
        settings = ["sinks.file.enabled=true", "sinks.file.part_seconds=1"]
        with Live(self.folder, settings=settings) as live:
            pipeline = live.start_pipeline()
            live.start_exchange(count=COUNT)
            for part in (1, 2):
                live.wait_for(lambda status: status["feed"]["next_sequence"] > COUNT * part / 3)
                live.stop(pipeline, signal.SIGKILL)
                pipeline = live.start_pipeline()
            live.wait_for_end()
            self.assertEqual(live.stop(pipeline), 0)
            names = []
            for path in sorted((live.data / "tables" / "bbo").glob("*.csv")):
                with open(path, encoding="ascii", newline="") as file:
                    names += [(row["sequence"], row["symbol"]) for row in csv.DictReader(file)]
            self.assertGreater(len(names), COUNT / 8)
            self.assertEqual(len(names), len(set(names)))
            again = self.tapeline("log", "dump", "rows", "--format", "json", "--no-payload", "--data",
                                  live.data / "journal").stdout
            # A batch takes an offset for itself; the rest are rows of the three tables.
            rows = sum(json.loads(line)["records"] - 1 for line in again.splitlines())
            files = 0
            for path in (live.data / "tables").glob("*/*.csv"):
                with open(path, encoding="ascii") as file:
                    files += sum(1 for _ in file) - 1
            self.assertEqual(files, rows)

    def test_waits_for_room_on_a_full_disk_and_loses_nothing(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", disk], capture_output=True,
                                 text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(disk)], check=False)
        with Live(self.folder, settings=["feed.retransmit_max_messages=10000000"]) as live:
            live.settings[0] = f"data.folder={disk}/data"
            live.data = disk / "data"
            pipeline = live.start_pipeline()
            live.start_exchange(count=COUNT)
            live.wait_for(lambda status: status["feed"]["next_sequence"] > COUNT / 8)
            ballast = disk / "ballast"
            with open(ballast, "wb") as file:
                try:
                    while True:
                        file.write(b"\0" * 65536)
                        file.flush()
                except OSError:
                    pass
            told = live.wait_for(lambda status: status["warnings"])["warnings"]
            self.assertTrue(any("space" in warning or "room" in warning or "full" in warning for warning in told), told)
            self.assertIsNone(pipeline.poll())
            os.truncate(ballast, 0)
            status = live.wait_for_end()
            self.assertEqual((status["feed"]["next_sequence"], status["feed"]["lost_messages"]), (COUNT + 1, 0))

    def test_takes_the_feed_by_tcp_and_goes_on_after_a_kill(self):
        port = free_port(socket.SOCK_STREAM)
        settings = ["feed.protocol=itch50-soupbintcp", f"feed.tcp_server=127.0.0.1:{port}", "feed.tcp_user=desk"]
        with Live(self.folder, settings=settings) as live:
            live.settings = [setting for setting in live.settings if "retransmission" not in setting]
            pipeline = live.start_pipeline()  # Before there is an exchange.
            live.start_exchange("--tcp", f"127.0.0.1:{port}", count=COUNT)
            for part in (1, 2):
                live.wait_for(lambda status: status["feed"]["next_sequence"] > COUNT * part / 3)
                live.stop(pipeline, signal.SIGKILL)
                pipeline = live.start_pipeline()
            status = live.wait_for_end()
            self.assertEqual((status["feed"]["next_sequence"], status["feed"]["lost_messages"]), (COUNT + 1, 0))
            self.assertEqual([line["name"] for line in status["feed"]["lines"]], ["A"])
            self.assertEqual(live.stop(pipeline), 0)
            self.assertEqual(self.log_counts(live)["feed"], COUNT + 2)
            told = (self.folder / "pipeline.log").read_text(encoding="utf-8")
            self.assertIn("trying again", told)
            self.assertIn("the feed comes from", told)

    def test_says_what_a_feed_by_tcp_needs(self):
        refused = self.tapeline("run", "--set", "feed.protocol=itch50-soupbintcp", "--set", f"data.folder={self.folder}/d",
                                exit_code=2).stderr
        self.assertIn("feed.tcp_server", refused)

    def test_refuses_a_folder_that_another_pipeline_uses(self):
        with Live(self.folder) as live:
            live.start_pipeline()
            self.tapeline("run", *live.options(), "--set", f"status.socket={self.folder}/other.sock", exit_code=4)


class SoakTest(harness.TestCase):
    def soak(self, *arguments, exit_code=0):
        done = self.tapeline("soak", "--rate", "40000", "--duration", "3s", "--symbols", "50", "--seed", "7", "--format",
                             "json", "--folder", self.folder / "soak", *arguments, exit_code=exit_code)
        return json.loads(done.stdout)

    def test_kills_and_faults_change_nothing_of_what_is_computed(self):
        plain = self.soak("--recompute", "1,2,4,8")
        self.assertTrue(plain["sound"], plain)
        self.assertEqual(plain["messages"]["sent"], 120_000)
        self.assertEqual([found["equal"] for found in plain["recomputed"].values()], [True] * 4)
        harsh = self.soak("--kill-every", "700ms", "--faults", "loss=0.02,duplicate,reorder,corrupt,one-feed-down",
                          "--workers", "3", "--recompute", "1")
        self.assertTrue(harsh["sound"], harsh)
        self.assertGreaterEqual(harsh["kills"], 2)
        self.assertGreater(harsh["messages"]["recovered"], 0)
        self.assertEqual(harsh["digests"], plain["digests"])

    def test_restarts_of_the_exchange_are_sessions_of_their_own(self):
        found = self.soak("--exchange-restarts", "1", "--recompute", "2")
        self.assertTrue(found["sound"], found)
        self.assertEqual(found["messages"]["sessions"], 2)

    def test_leaves_nothing_behind(self):
        self.soak("--no-recompute")
        self.assertFalse(os.path.exists(self.folder / "soak"))


if __name__ == "__main__":
    harness.main()
