"""Operators of users: the example built against an installed Tapeline, in replay and in the live pipeline."""

import csv
import io
import pathlib
import shutil
import signal
import subprocess
import tempfile

import harness
from live import Live

EXAMPLE = harness.SOURCE_DIR / "examples/operators/aggressor_pressure/aggressor_pressure.cc"
COUNT = 60_000


def setUpModule():
    """Installs the built program into a folder of its own and builds the operators against that alone."""
    global PREFIX, LIBRARIES
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tapeline-operators-"))
    unittest_cleanups.append(folder)
    PREFIX, LIBRARIES = folder / "installed", folder / "built"
    for command in (["cmake", "--install", harness.BINARY.parent, "--prefix", PREFIX],
                    ["cmake", "-S", harness.SOURCE_DIR / "tests/operators", "-B", LIBRARIES, f"-DCMAKE_PREFIX_PATH={PREFIX}",
                     f"-DEXAMPLE={EXAMPLE}"],
                    ["cmake", "--build", LIBRARIES]):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def tearDownModule():
    for folder in unittest_cleanups:
        shutil.rmtree(folder, ignore_errors=True)


unittest_cleanups = []


class OperatorTest(harness.TestCase):
    def library(self, name="aggressor_pressure"):
        return LIBRARIES / f"lib{name}.so"

    def faulty(self, fault):
        return f"{self.library('faulty')}:fault={fault}"

    def feed(self, count=COUNT):
        path = self.folder / "feed.itch"
        self.tapeline("generate", path, "--messages", count, "--symbols", 20, "--no-progress")
        return path

    def rows(self, folder, sql):
        return list(csv.DictReader(io.StringIO(self.tapeline("query", sql, "--data", folder, "--format", "csv").stdout)))

    def test_the_installed_program_runs_by_itself(self):
        done = subprocess.run([str(PREFIX / "bin/tapeline"), "query", "SELECT 1 AS one", "--data", str(self.folder)],
                              capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin"}, check=False)
        self.assertNotIn("cannot open shared object", done.stderr)

    def test_the_example_agrees_with_the_trades(self):
        self.tapeline("replay", self.feed(), "-o", "out", "--tables", "trades", "--operator",
                      f"{self.library()}:window_ms=60000", "--no-progress")
        [compared] = self.rows("out", """
            WITH expected AS (
              SELECT symbol, time_bucket(INTERVAL 60 SECONDS, time) + INTERVAL 60 SECONDS AS until,
                     coalesce(sum(size) FILTER (aggressor = 'B'), 0) AS bought,
                     coalesce(sum(size) FILTER (aggressor = 'S'), 0) AS sold, max(size) AS largest, max(sequence) AS last
              FROM trades WHERE kind = 'displayed' AND printable = 'Y' GROUP BY ALL)
            SELECT count(*) AS both, count(*) FILTER (e.bought = a.bought AND e.sold = a.sold AND e.largest = a.largest
                     AND e.last = a.sequence AND abs(a.pressure - (a.bought::DOUBLE - a.sold::DOUBLE) / (a.bought + a.sold))
                     < 1e-12 AND a.levels_taken BETWEEN 0 AND 20) AS equal
            FROM expected e FULL JOIN aggressor_pressure a ON e.symbol = a.symbol AND e.until = a.time""")
        self.assertGreater(int(compared["both"]), 100)
        self.assertEqual(compared["equal"], compared["both"])

    def test_live_rows_are_those_of_replay_though_it_is_killed(self):
        feed = self.feed()
        operator = f"{self.library()}:window_ms=60000"
        self.tapeline("replay", feed, "-o", "out", "--tables", "none", "--format", "csv", "--operator", operator,
                      "--no-progress")
        with open(self.folder / "out/aggressor_pressure.csv", encoding="ascii") as file:
            expected = sorted(self.comparable(row) for row in csv.DictReader(file))
        settings = ["sinks.file.enabled=true", "sinks.file.part_seconds=1", "stream.workers=2",
                    f"analytics.operators={operator}"]
        with Live(self.folder, settings=settings) as live:
            pipeline = live.start_pipeline()
            live.start_exchange(feed)
            live.wait_for(lambda status: status["feed"]["next_sequence"] > COUNT / 2)
            live.stop(pipeline, signal.SIGKILL)
            pipeline = live.start_pipeline("--set", "stream.workers=1")
            live.wait_for_end()
            self.assertEqual(live.stop(pipeline), 0)
            written = []
            for path in (live.data / "tables/aggressor_pressure").glob("*.csv"):
                with open(path, encoding="ascii") as file:
                    written += [self.comparable(row) for row in csv.DictReader(file)]
        self.assertGreater(len(expected), 100)
        self.assertEqual(sorted(written), expected)

    @staticmethod
    def comparable(row):
        return tuple(value for name, value in row.items() if name != "captured")

    def test_says_what_is_wrong_with_an_operator(self):
        feed = self.feed(5_000)

        def refused(operator, exit_code=2):
            return self.tapeline("replay", feed, "-o", "out", "--operator", operator, "--no-progress",
                                 exit_code=exit_code).stderr

        self.assertIn("it was asked to fail", refused(self.faulty("make")))
        self.assertIn("no column names byte 44", refused(self.faulty("padded")))
        self.assertIn("there is a table bars already", refused(self.faulty("name")))
        self.assertIn("there is no option depth; it has window_ms", refused(f"{self.library()}:depth=3"))
        self.assertIn("window_ms=0: a number from", refused(f"{self.library()}:window_ms=0"))
        self.assertIn("a thousand orders are too many", refused(self.faulty("throw"), exit_code=6))
        self.assertIn("a row of 56 bytes where its schema says 48", refused(self.faulty("size"), exit_code=6))
        self.assertEqual(list(self.folder.glob("out/*")), [])

    def test_a_live_pipeline_stops_with_the_operators_error(self):
        with Live(self.folder, settings=[f"analytics.operators={self.faulty('throw')}"]) as live:
            pipeline = live.start_pipeline()
            live.start_exchange(count=COUNT)
            self.assertNotEqual(pipeline.wait(60), 0)
            self.assertIn("a thousand orders are too many", (self.folder / "pipeline.log").read_text(encoding="utf-8"))

    def test_describes_its_table(self):
        described = self.tapeline("replay", "--describe", "--operator", self.library()).stdout
        self.assertIn("## aggressor_pressure", described)
        self.assertIn("| levels_taken | u64 |", described)


if __name__ == "__main__":
    harness.main()
