#!/usr/bin/env python3
"""Runs every test of a built preset through ctest and sums up, with each skipped test and its reason.

  scripts/run_tests.py PRESET [CTEST OPTION…]      e.g. scripts/run_tests.py release -R itch50

Exits as ctest does.
"""

import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent

# GoogleTest tells the reason above the line that names the test; unittest on the same line.
GOOGLE_SKIP = re.compile(r"^\[ RUN      \] (?P<test>\S+)\n(?P<said>(?:(?!\[ RUN).*\n)*?)\[  SKIPPED \] (?P=test)", re.M)
UNITTEST_SKIP = re.compile(r"""^(?P<test>\w+) \(.*\.\.\. skipped ['"](?P<reason>.*)['"]$""", re.M)
WHOLE_SKIP = re.compile(r"^skipped: (?P<reason>.*)$", re.M)


def skips_in(output):
    """(test, reason) of each test that the output of one test program says was skipped."""
    for match in GOOGLE_SKIP.finditer(output):
        said = [line for line in match["said"].splitlines() if line.strip() and not line.endswith(": Skipped")]
        yield match["test"], " ".join(said) or "no reason given"
    for match in UNITTEST_SKIP.finditer(output):
        yield match["test"], match["reason"]


def skipped_tests(report):
    """(test program, test or None for all of it, reason) from ctest's JUnit report."""
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        output = (case.findtext("system-out") or "") + "\n"
        inside = list(skips_in(output))
        for test, reason in inside:
            yield case.get("name"), test, reason
        if not inside and case.find("skipped") is not None:
            match = WHOLE_SKIP.search(output)
            yield case.get("name"), None, match["reason"] if match else case.find("skipped").get("message", "")


def environment():
    """Sanitizers that say where, unless the caller has wishes of their own."""
    wishes = {"UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"}
    return wishes | dict(os.environ)


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    build = ROOT / "build" / sys.argv[1]
    report = build / "tests.xml"
    report.unlink(missing_ok=True)
    # The report keeps the output of tests that passed too: that is where a skipped case tells its reason.
    command = ["ctest", "--test-dir", str(build), "-j2", "--output-on-failure", "--no-tests=error",
               "--output-junit", str(report), "--test-output-size-passed", "10000000", *sys.argv[2:]]
    summary = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment(), text=True,
                          errors="replace") as ctest:
        for line in ctest.stdout:
            print(line, end="", flush=True)
            if re.match(r"\d+% tests passed|Total Test time", line):
                summary.append(line)
    if report.exists():
        skipped = list(skipped_tests(report))
        print(f"\n{len(skipped)} skipped" + (":" if skipped else ""))
        for program, test, reason in skipped:
            print(f"  {program}{' ' + test if test else ''}: {reason}")
    print("\n" + "".join(summary), end="")
    return ctest.returncode


if __name__ == "__main__":
    sys.exit(main())
