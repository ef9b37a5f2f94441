"""`tapeline simulate`: a seed is one run, whoever runs it; what it prints can be read by people and programs."""

import json
import re
import signal
import subprocess

import harness


class SimulateCommandTest(harness.TestCase):
    def simulate(self, *arguments, **how):
        return json.loads(self.tapeline("simulate", "--format", "json", *arguments, **how).stdout)

    def test_one_seed_is_told_in_words(self):
        done = self.tapeline("simulate", "--seed", 7)
        self.assertEqual(done.stderr, "")
        for word in ("seed        7:", "exchange", "network", "process", "digest", "trace hash", "everything that is checked holds"):
            self.assertIn(word, done.stdout)

    def test_a_seed_gives_the_same_run(self):
        runs = [self.simulate("--seed", 11) for _ in range(2)]
        for run in runs:
            self.assertEqual(run["failed"], 0)
            del run["seconds"]
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0]["trace_hash"], self.simulate("--seed", 12)["trace_hash"])

    def test_many_seeds_are_the_same_on_any_number_of_threads(self):
        runs = [self.simulate("--seed", 3, "--seeds", 40, "--jobs", jobs) for jobs in (1, 2, 3)]
        for run in runs:
            self.assertEqual((run["runs"], run["failed"], run["violations"]), (40, 0, []))
            self.assertGreater(run["crashes"] + run["power_losses"], 10)
            del run["seconds"]
        self.assertEqual(runs[0], runs[1])
        self.assertEqual(runs[0], runs[2])

    def test_verbose_tells_the_events(self):
        done = self.tapeline("simulate", "--seed", 5, "--verbose")
        events = [line for line in done.stdout.splitlines() if re.match(r" *\d+\.\d{3} us  ", line)]
        self.assertGreater(len(events), 100)
        times = [float(line.split()[0]) for line in events]
        self.assertEqual(times, sorted(times))
        self.assertEqual(done.stdout, self.tapeline("simulate", "--seed", 5, "--verbose").stdout)

    def test_verbose_is_for_one_run(self):
        done = self.tapeline("simulate", "--seeds", 2, "--verbose", exit_code=2)
        self.assertIn("--verbose", done.stderr)

    def test_it_stops_after_the_minutes(self):
        run = self.simulate("--seeds", 100_000_000, "--minutes", "0.02")
        self.assertGreater(run["runs"], 0)
        self.assertLess(run["runs"], 100_000_000)

    def test_an_interrupt_ends_it_in_order(self):
        command = [harness.BINARY, "simulate", "--seeds", "100000000", "--format", "json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            process.communicate(timeout=1)
            self.fail("it ended by itself")
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, stderr)
        self.assertIn("interrupted after", stderr)
        self.assertGreater(json.loads(stdout)["runs"], 0)


if __name__ == "__main__":
    harness.main()
