"""`tapeline config`: what it prints is a configuration, mistakes are told with their place."""

import harness


class ConfigCommandTest(harness.TestCase):
    def test_what_is_printed_is_a_valid_configuration(self):
        file = self.folder / "tapeline.toml"
        file.write_text(self.tapeline("config").stdout, encoding="utf-8")
        done = self.tapeline("config", "--check", file)
        self.assertEqual(done.stdout, "")
        self.assertIn("valid", done.stderr)
        self.assertEqual(self.tapeline("config", "--config", file).stdout, file.read_text(encoding="utf-8"))

    def test_arguments_win_over_the_file(self):
        (self.folder / "t.toml").write_text("[stream]\nworkers = 2\n", encoding="utf-8")
        printed = self.tapeline("config", "--config", "t.toml", "--set", "stream.idle=spin", "--set",
                                "analytics.tables=bbo,depth").stdout
        self.assertIn("\nworkers = 2\n", printed)
        self.assertIn('\nidle = "spin"\n', printed)
        self.assertIn('\ntables = ["bbo", "depth"]\n', printed)

    def test_mistakes_are_told_with_their_place(self):
        (self.folder / "t.toml").write_text("[stream]\nworker = 2\n\n[feed]\nsilence_ms = 1\n", encoding="utf-8")
        done = self.tapeline("config", "--check", "t.toml", exit_code=2)
        self.assertIn("t.toml:2:1: there is no setting stream.worker; did you mean stream.workers?", done.stderr)
        self.assertIn("t.toml:5:14: feed.silence_ms must be", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_file_that_is_not_there(self):
        self.assertIn("absent.toml", self.tapeline("config", "--check", "absent.toml", exit_code=3).stderr)

    def test_a_folder_is_no_file(self):
        self.tapeline("config", "--check", ".", exit_code=4)


if __name__ == "__main__":
    harness.main()
