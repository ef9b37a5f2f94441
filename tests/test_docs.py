"""The documents: those that are generated are up to date, links lead somewhere, what is said of exit codes is so."""

import os
import re
import subprocess
import unittest

import harness

DOCUMENTS = sorted(path for folder in (".", "docs", "docs/formats", "bench")
                   for path in (harness.SOURCE_DIR / folder).glob("*.md"))


def text_of(path):
    return path.read_text(encoding="utf-8")


class DocsTest(unittest.TestCase):
    maxDiff = None

    def test_tables_are_what_the_program_describes(self):
        said = subprocess.run([harness.SOURCE_DIR / "scripts/describe_tables.sh"], capture_output=True, text=True,
                              check=True, env=os.environ | {"TAPELINE_BINARY": str(harness.BINARY)}).stdout
        self.assertEqual(text_of(harness.SOURCE_DIR / "docs/tables.md"), said,
                         "make it again: scripts/describe_tables.sh > docs/tables.md")

    def test_links_between_files_lead_somewhere(self):
        for document in DOCUMENTS:
            prose = re.sub(r"^```.*?^```", "", text_of(document), flags=re.M | re.S)
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose):
                if not re.match(r"\w+:", target):
                    self.assertTrue((document.parent / target).exists(), f"{document.name} links to {target}")

    def test_files_that_are_named_are_there(self):
        for document in DOCUMENTS:
            for named in re.findall(r"`((?:src|scripts|tests|docs|bench|fuzz|cmake)/[\w./-]+\.\w+)`", text_of(document)):
                if "NAME" not in named:
                    self.assertTrue((harness.SOURCE_DIR / named).exists(), f"{document.name} names {named}")

    def test_readme_knows_every_exit_code(self):
        codes = re.findall(r"^  \w+ = (\d+)", text_of(harness.SOURCE_DIR / "src/app/exit_code.h"), flags=re.M)
        self.assertGreater(len(codes), 5)
        for code in codes:
            self.assertRegex(text_of(harness.SOURCE_DIR / "README.md"), rf"(?m)^\| {code} \|")


if __name__ == "__main__":
    harness.main()
