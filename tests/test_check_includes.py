"""scripts/check_includes.py on small trees, one for each thing that it must find."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import harness

SCRIPT = harness.SOURCE_DIR / "scripts/check_includes.py"
HEADER = "#pragma once\n"

CMAKE = """
# tapeline_module(comment DEPS nothing) is no declaration.
tapeline_module(base)
tapeline_module(base/testing DEPS base)
tapeline_module(market   # The vocabulary.
  DEPS base)
tapeline_module(feed/itch50
  SOURCES decoder.cc
  DEPS market  # Not base: it comes through market for tests only.
  LIBS fmt::fmt
  TESTS decoder_test.cc)
add_executable(tapeline app/main.cc)
"""

TREE = {
    "CMakeLists.txt": CMAKE,
    "base/check.h": HEADER,
    "base/testing/seed.h": HEADER + '#include "base/check.h"\n',
    "market/types.h": HEADER + '#include <cstdint>\n#include "base/check.h"\n',
    "feed/itch50/decoder.h": HEADER + '#include "market/types.h"\n',
    "feed/itch50/decoder.cc": '#include "feed/itch50/decoder.h"\n// #include "feed/gone.h"\n/* old:\n#include "x.h"\n*/\n',
    "feed/itch50/decoder_test.cc": '#include "base/check.h"\n#include "base/testing/seed.h"\n#include <gtest/gtest.h>\n',
    "app/main.cc": '#include "base/check.h"\n#include "feed/itch50/decoder.h"\n',
}


class CheckIncludesTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="tapeline-test-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def check(self, changes=None, exit_code=1):
        """What the script prints for TREE with some files changed; its last line is the count."""
        for name, text in (TREE | (changes or {})).items():
            file = self.folder / "src" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, SCRIPT, "--source", self.folder], capture_output=True, text=True)
        self.assertEqual(done.returncode, exit_code, done.stdout + done.stderr)
        return done.stdout

    def assert_finds(self, expected, changes, exit_code=1, count=1):
        """The changes bring `count` findings, and `expected` (place and a part of the text) is one of them."""
        output = self.check(changes, exit_code)
        place, part = expected
        self.assertTrue(any(line.startswith(f"src/{place}: ") and part in line for line in output.splitlines()),
                        f"expected {expected} in\n{output}")
        self.assertEqual(len(output.splitlines()) - 1, count, output)

    def test_a_sound_tree_passes(self):
        self.assertIn("4 modules, 7 files, 0 wrong, 0 warnings", self.check(exit_code=0))

    def test_undeclared_module(self):
        self.assert_finds(("feed/itch50/decoder.h:2", "add base to DEPS of feed/itch50"),
                          {"feed/itch50/decoder.h": HEADER + '#include "base/check.h"\n'})

    def test_indented_include(self):
        self.assert_finds(("feed/itch50/decoder.h:3", "add base to DEPS"),
                          {"feed/itch50/decoder.h": HEADER + '#if 1\n#  include "base/check.h"\n#endif\n'})

    def test_module_that_depends_on_this_one(self):
        self.assert_finds(("base/check.h:2", "market itself depends on base"),
                          {"base/check.h": HEADER + '#include "market/types.h"\n'})

    def test_what_tests_may_include_is_no_licence_for_sources(self):
        self.assert_finds(("feed/itch50/decoder.cc:1", "add base/testing to DEPS"),
                          {"feed/itch50/decoder.cc": '#include "base/testing/seed.h"\n'})

    def test_tests_may_not_include_unrelated_modules(self):
        self.assert_finds(("feed/itch50/decoder_test.cc:1", "add book to DEPS"),
                          {"CMakeLists.txt": CMAKE + "tapeline_module(book)\n", "book/book.h": HEADER,
                           "feed/itch50/decoder_test.cc": '#include "book/book.h"\n'})

    def test_inner_module_is_not_its_outer_one(self):
        self.assert_finds(("market/types.h:2", "add base/testing to DEPS of market"),
                          {"market/types.h": HEADER + '#include "base/testing/seed.h"\n'})

    def test_program_is_no_dependency(self):
        self.assert_finds(("market/types.h:2", "nothing may include the program"),
                          {"app/exit_code.h": HEADER, "market/types.h": HEADER + '#include "app/exit_code.h"\n'})

    def test_missing_file(self):
        self.assert_finds(("market/types.h:2", "there is no src/base/gone.h"),
                          {"market/types.h": HEADER + '#include "base/gone.h"\n'})

    def test_include_beside_the_file(self):
        self.assert_finds(("feed/itch50/decoder.cc:1", 'write "feed/itch50/decoder.h"'),
                          {"feed/itch50/decoder.cc": '#include "decoder.h"\n'})

    def test_own_file_in_angle_brackets(self):
        self.assert_finds(("market/types.h:2", 'write "base/check.h"'),
                          {"market/types.h": HEADER + "#include <base/check.h>\n"})

    def test_missing_pragma_once(self):
        self.assert_finds(("base/check.h:1", "#pragma once"), {"base/check.h": "// Nothing.\n"})

    def test_folder_without_a_module(self):
        self.assert_finds(("book/book.h:1", "belongs to no module"), {"book/book.h": HEADER})

    def test_include_of_a_folder_without_a_module(self):
        self.assert_finds(("app/main.cc:1", '"book/book.h" belongs to no module'),
                          {"book/book.h": HEADER, "app/main.cc": '#include "book/book.h"\n'}, count=2)

    def test_file_that_nothing_builds(self):
        self.assert_finds(("market/types_test.cc:1", "never built"), {"market/types_test.cc": "\n"})

    def test_file_named_only_as_part_of_another(self):
        self.assert_finds(("feed/itch50/coder.cc:1", "never built"), {"feed/itch50/coder.cc": "\n"})

    def test_dependency_that_does_not_exist(self):
        self.assert_finds(("CMakeLists.txt:15", "depends on gone, which no tapeline_module declares"),
                          {"CMakeLists.txt": CMAKE + "tapeline_module(book\n  DEPS\n    gone)\n"}, count=1)

    def test_order(self):
        self.assert_finds(("CMakeLists.txt:13", "book depends on table, which stands below it"),
                          {"CMakeLists.txt": CMAKE + "tapeline_module(book DEPS table)\ntapeline_module(table)\n"})

    def test_circle_is_told_once(self):
        self.assert_finds(("CMakeLists.txt:13", "a -> b -> c -> a"),
                          {"CMakeLists.txt": CMAKE + "tapeline_module(a DEPS b)\ntapeline_module(b DEPS c)\n"
                                                     "tapeline_module(c DEPS a)\n"})

    def test_module_that_depends_on_itself(self):
        self.assert_finds(("CMakeLists.txt:13", "a -> a"), {"CMakeLists.txt": CMAKE + "tapeline_module(a DEPS a)\n"})

    def test_module_declared_twice(self):
        self.assert_finds(("CMakeLists.txt:13", "declared twice"), {"CMakeLists.txt": CMAKE + "tapeline_module(base)\n"})

    def test_long_files_are_only_warned_about(self):
        self.assert_finds(("base/check.h:601", "warning: 601 lines"), {"base/check.h": HEADER + "\n" * 600},
                          exit_code=0)
        self.assert_finds(("feed/itch50/decoder.cc:701", "warning: 701 lines"),
                          {"feed/itch50/decoder.cc": "\n" * 701}, exit_code=0)

    def test_no_sources_at_all(self):
        done = subprocess.run([sys.executable, SCRIPT, "--source", self.folder], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot read", done.stderr)


if __name__ == "__main__":
    harness.main()
