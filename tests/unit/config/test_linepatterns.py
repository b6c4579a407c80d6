"""Regular expressions for the failing lines of a step."""

from __future__ import annotations

import re
from functools import partial

from twisted.trial import unittest

from buildbot.config.linepatterns import LONGEST_LINE, trouble
from tests.effort import leastEffort


class TroubleTests(unittest.TestCase):
    """An expression that could stop the master is refused, with the reason."""

    def test_good(self) -> None:
        """Usual expressions are taken."""
        for pattern in (
            r"^E\d+:",
            r"(?i)assertion .* failed in .*\.c",
            r"\[(FAIL|CRASH)\]",
            r"(?:not )?ok \d+",
            r"^ {2,8}\w+\(\): bad$",
            r"(?=x)y",
        ):
            self.assertEqual(trouble(pattern), "", pattern)

    def test_wrong(self) -> None:
        """An invalid expression is refused, and so is a too long one."""
        self.assertIn("not a valid pattern", trouble("("))
        self.assertIn("500 characters", trouble("x" * 501))

    def test_endless(self) -> None:
        """An expression that could take for ever is refused at once."""
        for pattern in (r"(a+)+$", r"(a|aa)*b", r"(?:\w*x?)*$", r"(\w+)\1", r"((a{0,9}){0,9})*$"):
            self.assertIn("for ever", trouble(pattern), pattern)
        self.assertIn("too many repeats", trouble(".*a.*b.*c.*d"))
        self.assertIn("too many repeats", trouble("a?" * 30 + "a" * 30))

    def test_slow(self) -> None:
        """At worst, a taken expression is searched in a line in less than half a second."""
        self.assertIn("too many repeats", trouble(r"x*x*x*y"))
        for pattern in (r"x*x*y", r"^x*x*x*y", "x?" * 15 + "y"):
            self.assertEqual(trouble(pattern), "", pattern)
            search = partial(re.search, pattern, "x" * LONGEST_LINE)
            self.assertIsNone(search())
            self.assertLess(leastEffort(search, 0.5), 0.5, pattern)
