"""What the end-to-end tests share: the built program, a folder of their own, the sample data.

A test file ends with

    if __name__ == "__main__":
        harness.main()

and runs by itself too: python3 tests/test_command_line.py. TAPELINE_BINARY names the program (build/release/tapeline
by default), TAPELINE_SHARED_DATA the sample data (../shared/data beside the project by default).
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SKIPPED = 77  # What ctest takes for "skipped".

SOURCE_DIR = pathlib.Path(os.environ.get("TAPELINE_SOURCE_DIR") or pathlib.Path(__file__).resolve().parent.parent)
BINARY = pathlib.Path(os.environ.get("TAPELINE_BINARY") or SOURCE_DIR / "build/release/tapeline")
SHARED_DATA = pathlib.Path(os.environ.get("TAPELINE_SHARED_DATA") or SOURCE_DIR.parent / "shared/data")


def shared_data(name):
    """The path of a sample, e.g. "itch/directory-head.itch"; skips the test where it is not there."""
    path = SHARED_DATA / name
    if not path.exists():
        raise unittest.SkipTest(f"there is no sample {name} in {SHARED_DATA}; TAPELINE_SHARED_DATA names another folder")
    return path


class TestCase(unittest.TestCase):
    """Gives each test a folder of its own, `self.folder`, which is the program's working directory."""

    maxDiff = None

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="tapeline-test-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def tapeline(self, *arguments, exit_code=0, stdin=None, timeout=120, environment=None):
        """Runs `tapeline ARGUMENTS…`, fails on any other exit code; .stdout and .stderr of what returns are text."""
        command = [str(BINARY), *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, timeout=timeout, text=True,
                              errors="replace", env=os.environ | (environment or {}),
                              **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}))
        if done.returncode != exit_code:
            self.fail(f"{' '.join(command)}\nexited with {done.returncode}, expected {exit_code}\n"
                      f"--- its standard output ends with\n{done.stdout[-4000:]}\n"
                      f"--- its standard error ends with\n{done.stderr[-4000:]}")
        return done


def main():
    """Runs the tests of the calling file; exits with 77 when every one of them was skipped."""
    if not BINARY.is_file():
        sys.exit(f"there is no program at {BINARY}: run 'make build', or set TAPELINE_BINARY")
    result = unittest.main(module="__main__", verbosity=2, exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun == len(result.skipped) and result.skipped:
        sys.exit(SKIPPED)
