"""`tapeline doctor`: the exit code and the JSON agree, whatever this machine is like."""

import json

import harness


class DoctorCommandTest(harness.TestCase):
    def doctor(self, *arguments):
        """Runs it with whichever exit code its findings call for."""
        try:
            return self.tapeline("doctor", *arguments), 0
        except self.failureException:
            return self.tapeline("doctor", *arguments, exit_code=6), 6

    def test_json_and_exit_code_agree(self):
        done, code = self.doctor("--format", "json")
        document = json.loads(done.stdout)
        grades = [finding["grade"] for finding in document["findings"]]
        self.assertGreater(len(grades), 5)
        for grade in ("ok", "warn", "bad"):
            self.assertEqual(document[grade], grades.count(grade))
        self.assertEqual(code, 6 if "bad" in grades else 0)
        self.assertEqual(list(self.folder.iterdir()), [], "the disk was measured without a leftover")

    def test_what_is_bad_comes_with_a_command(self):
        done = self.tapeline("doctor", "--set", "feed.interface=no-such-if", exit_code=6)
        self.assertIn("there is no interface no-such-if", done.stdout)
        self.assertIn("$ ip -brief link", done.stdout)

    def test_a_small_buffer_is_always_granted(self):
        done, _ = self.doctor("--set", "feed.receive_buffer_bytes=65536", "--format", "json")
        buffer = [finding for finding in json.loads(done.stdout)["findings"] if finding["subject"] == "receive buffer"]
        self.assertEqual([finding["grade"] for finding in buffer if "does not tell" not in finding["found"]][:1] or ["ok"],
                         ["ok"])


if __name__ == "__main__":
    harness.main()
