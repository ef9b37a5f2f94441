"""The scripts around the build: what bootstrap.sh does on machines unlike this one, what run_tests.py reads."""

import importlib.util
import pathlib
import re
import shutil
import subprocess
import unittest

import harness

SCRIPTS = harness.SOURCE_DIR / "scripts"


def script_module(name):
    """A Python script, imported."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class BootstrapTest(harness.TestCase):
    """Runs a copy of bootstrap.sh that finds stand-ins for dpkg-query, apt-get, id and sudo."""

    def setUp(self):
        super().setUp()
        (self.folder / "scripts").mkdir()
        shutil.copy(SCRIPTS / "bootstrap.sh", self.folder / "scripts")
        self.tools = self.folder / "tools"
        self.tools.mkdir()
        for tool in ("sh", "dirname", "grep", "tail", "sed", "mktemp", "rm", "env", "touch"):
            (self.tools / tool).symlink_to(shutil.which(tool))

    def stand_in(self, tool, body):
        file = self.tools / tool
        file.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        file.chmod(0o755)

    def debian(self, user=0, installed=(), apt="exit 0"):
        self.stand_in("dpkg-query", "printf '%s' '" + "".join(f"{name}=installed " for name in installed) + "'; exit 1")
        self.stand_in("apt-get", f'echo "$*" >> "{self.folder}/apt.log"; {apt}')
        self.stand_in("id", f"echo {user}")

    def bootstrap(self, *arguments, exit_code=0, **environment):
        done = subprocess.run([self.folder / "scripts/bootstrap.sh", *arguments], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env={"PATH": str(self.tools)} | environment)
        self.assertEqual(done.returncode, exit_code, done.stdout + done.stderr)
        return done

    def packages(self, *arguments):
        self.debian()
        return self.bootstrap("--list", *arguments).stdout.split()

    def apt_calls(self):
        log = self.folder / "apt.log"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    def test_dev_adds_to_the_list(self):
        plain, dev = self.packages(), self.packages("--dev")
        self.assertIn("g++", plain)
        self.assertEqual(dev[:len(plain)], plain)
        self.assertIn("clang-19", dev)

    def test_a_browser_is_for_the_tests_alone(self):
        self.assertNotIn("chromium", self.packages() + self.packages("--dev"))
        self.assertIn("chromium-driver", self.packages("--browser"))

    def test_says_nothing_and_does_nothing_when_all_is_there(self):
        self.debian(installed=self.packages())
        done = self.bootstrap()
        self.assertEqual((done.stdout, done.stderr, self.apt_calls()), ("", "", []))

    def test_installs_only_what_is_missing(self):
        self.debian(installed=[name for name in self.packages() if name not in ("ccache", "g++")])
        self.assertIn("installing g++ ccache", self.bootstrap().stdout)
        update, install = self.apt_calls()
        self.assertTrue(update.endswith(" update"), update)
        self.assertTrue(install.endswith("install --no-install-recommends g++ ccache"), install)

    def test_without_network(self):
        self.debian(apt="echo 'Err:1 no route'; exit 100")
        self.assertIn("is there a network?", self.bootstrap(exit_code=1).stderr)

    def test_package_that_apt_does_not_have(self):
        self.debian(apt='case "$*" in *update) exit 0 ;; esac; echo "E: Unable to locate package mold"; exit 100')
        error = self.bootstrap(exit_code=1).stderr
        self.assertIn("Unable to locate package mold", error)
        self.assertIn("Debian 12", error)

    def test_user_without_sudo(self):
        self.debian(user=1000)
        error = self.bootstrap(exit_code=1).stderr
        self.assertIn("root or sudo", error)
        self.assertIn("apt-get install --no-install-recommends g++ cmake", error)
        self.assertEqual(self.apt_calls(), [])

    def test_user_with_sudo(self):
        self.debian(user=1000)
        self.stand_in("true", "exit 0")
        self.stand_in("sudo", 'shift; exec "$@"')
        self.bootstrap()
        self.assertEqual(len(self.apt_calls()), 2)

    def test_other_systems(self):
        error = self.bootstrap(exit_code=1).stderr
        self.assertIn("not a Debian system", error)
        self.assertIn("libbenchmark-dev", error)
        self.bootstrap(TAPELINE_SKIP_BOOTSTRAP="1")

    def test_unknown_option(self):
        self.assertIn("--no-such", self.bootstrap("--no-such", exit_code=1).stderr)


class RunTestsTest(unittest.TestCase):
    def setUp(self):
        self.run_tests = script_module("run_tests")

    def test_skips_of_google_test(self):
        output = ("[ RUN      ] Book.Works\n[       OK ] Book.Works (0 ms)\n"
                  "[ RUN      ] Book.Sample\n/x/book_test.cc:7: Skipped\nno sample\n\n[  SKIPPED ] Book.Sample (0 ms)\n"
                  "[ RUN      ] Book.Quiet\n/x/book_test.cc:9: Skipped\n\n\n[  SKIPPED ] Book.Quiet (0 ms)\n"
                  "[  SKIPPED ] 2 tests, listed below:\n[  SKIPPED ] Book.Sample\n[  SKIPPED ] Book.Quiet\n")
        self.assertEqual(list(self.run_tests.skips_in(output)),
                         [("Book.Sample", "no sample"), ("Book.Quiet", "no reason given")])

    def test_skips_of_unittest(self):
        output = ("test_a (__main__.T.test_a) ... ok\ntest_b (__main__.T.test_b) ... skipped 'no sample'\n"
                  'test_c (__main__.T.test_c) ... skipped "it isn\'t here"\n')
        self.assertEqual(list(self.run_tests.skips_in(output)), [("test_b", "no sample"), ("test_c", "it isn't here")])


class MakefileTest(unittest.TestCase):
    def test_help_names_every_target_a_user_would_type(self):
        makefile = (harness.SOURCE_DIR / "Makefile").read_text(encoding="utf-8")
        targets = set(re.search(r"^\.PHONY: (.*)$", makefile, flags=re.M)[1].split())
        said = subprocess.run([SCRIPTS / "help.sh"], capture_output=True, text=True, check=True).stdout
        for target in targets - {"help", "bootstrap", "bootstrap-dev"}:
            self.assertRegex(said, rf"\b{target}\b")

    def test_scripts_parse(self):
        for script in [*SCRIPTS.glob("*.sh"), harness.SOURCE_DIR / ".ci/run"]:
            with self.subTest(script=script.name):
                shell = pathlib.Path(script.read_text(encoding="utf-8").split("\n", 1)[0].split()[-1]).name
                subprocess.run([shell, "-n", script], check=True)


if __name__ == "__main__":
    harness.main()
