"""The command line as a user meets it: help teaches, mistakes are told on standard error, exit codes hold."""

import re

import harness


def subcommands_in(help_text):
    """The names under "Subcommands:" of the program's help."""
    section = re.search(r"^Subcommands:\n((?: +.*\n)+)", help_text, flags=re.M)
    return re.findall(r"^  ([a-z][\w-]*)", section[1], flags=re.M) if section else []


class CommandLineTest(harness.TestCase):
    def assert_usage_error(self, *arguments):
        done = self.tapeline(*arguments, exit_code=2)
        self.assertEqual(done.stdout, "", f"{arguments}: standard output is for data alone")
        self.assertTrue(done.stderr.strip(), f"{arguments}: the mistake is told")
        return done.stderr

    def test_help_lists_the_commands_and_the_exit_codes(self):
        done = self.tapeline("--help")
        self.assertIn("generate", subcommands_in(done.stdout))
        self.assertIn("Exit codes", done.stdout)
        self.assertEqual(done.stderr, "")

    def test_each_command_has_help_that_teaches(self):
        for command in subcommands_in(self.tapeline("--help").stdout):
            with self.subTest(command=command):
                done = self.tapeline(command, "--help")
                self.assertEqual(done.stderr, "")
                self.assertIn("Usage:", done.stdout)
                self.assertIn(command, done.stdout)
                described = [line for line in done.stdout.splitlines() if line.strip()][0]
                self.assertGreaterEqual(len(described.split()), 4, "the first line says in words what the command does")

    def test_version_is_a_number(self):
        done = self.tapeline("--version")
        self.assertRegex(done.stdout, r"^\d+\.\d+\.\d+\n$")

    def test_no_command_is_a_usage_error(self):
        self.assert_usage_error()

    def test_unknown_command_is_a_usage_error(self):
        self.assert_usage_error("no-such-command")

    def test_unknown_option_is_a_usage_error(self):
        self.assert_usage_error("--no-such-option")

    def test_unknown_option_of_each_command_is_a_usage_error(self):
        for command in subcommands_in(self.tapeline("--help").stdout):
            with self.subTest(command=command):
                self.assertIn("--no-such-option", self.assert_usage_error(command, "--no-such-option"))


if __name__ == "__main__":
    harness.main()
