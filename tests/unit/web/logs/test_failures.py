"""Tests of buildbot.web.logs.failures."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.web.logs.failures import Failures, Kind, kindOf

GOLDEN = Path(__file__).with_name("failures.golden").read_text().splitlines()
KINDS = {"E": Kind.ERROR, "W": Kind.WARNING, " ": None}
#: (kind, line) of the outputs of compilers and test runners.
ROWS = [(KINDS[row[0]], row[2:]) for row in GOLDEN if row and row[0] != "#"]
LINES = [line for _, line in ROWS]


class FailuresTests(unittest.TestCase):
    """Failing lines in the outputs of compilers, test runners and shells (row 40)."""

    def test_outputs(self) -> None:
        """The failing lines of more than twelve programs are found, and no other ones."""
        self.assertGreater(len([row for row in GOLDEN if row.startswith("#")]), 12)
        for kind, line in ROWS:
            self.assertEqual(kindOf(line), kind, line)

    @given(st.lists(st.sampled_from([*LINES, "", "x", "\u0130 error: x", "\x1b[31merror:\x1b[m x"])))
    def test_blockAsLines(self, lines: list[str]) -> None:
        """The failing lines of a block are those that fail one by one."""
        found = [(number, kind) for number, line in enumerate(lines, 7) if (kind := kindOf(line))]
        self.assertEqual(list(Failures().find("\n".join(lines), 7)), found)
        self.assertEqual(list(Failures().find("".join(f"{line}\n" for line in lines), 7)), found)

    def test_colours(self) -> None:
        """A line with colours is judged by its text."""
        self.assertEqual(kindOf("\x1b[1ma.c:1:2:\x1b[m \x1b[1;31merror: \x1b[mx"), Kind.ERROR)
        self.assertEqual(kindOf("\x1b[33mwarning\x1b[0m: x\r"), Kind.WARNING)

    def test_errorInAWarning(self) -> None:
        """The first word of a line counts."""
        self.assertEqual(kindOf("warning: unused variable error: x"), Kind.WARNING)
        self.assertEqual(kindOf("error: unused warning: x"), Kind.ERROR)

    def test_ownPatterns(self) -> None:
        """A step may have patterns of its own, beside the known ones or alone."""
        both = Failures([r"^BAD ", re.compile("(?i)kaputt")])
        self.assertEqual(list(both.find("ok\nBAD x\nKaputt\nerror: x")), [(n, Kind.ERROR) for n in (2, 3, 4)])
        self.assertEqual(list(Failures(["^BAD "], onlyOwn=True).find("error: x\nBAD x")), [(2, Kind.ERROR)])
        self.assertRaises(re.error, Failures, ["("])

    def test_longLine(self) -> None:
        """Only the beginning of a line of megabytes is looked at."""
        self.assertIsNone(kindOf("x" * 3_000_000 + " error: x"))
        self.assertEqual(list(Failures().find("error: " + "x" * 3_000_000)), [(1, Kind.ERROR)])
