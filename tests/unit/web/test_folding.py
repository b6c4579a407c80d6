"""Tests of buildbot.web.pages.folding."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.web.pages.folding import Group, grouped, numbers


class GroupedTests(unittest.SynchronousTestCase):
    """Builders in groups by category."""

    NAMED = (("fast", "a"), ("slow", "b"), ("fast", "c"), ("fast", "d"))

    def test_runs(self) -> None:
        """Builders stay in their order, so a category may come several times."""
        self.assertEqual(
            grouped(self.NAMED, ()), [Group("fast", ("a",)), Group("slow", ("b",)), Group("fast", ("c", "d"))]
        )

    def test_folded(self) -> None:
        """A folded category has all its builders in the place of the first one."""
        self.assertEqual(
            grouped(self.NAMED, ("fast", "other")),
            [Group("fast", ("a", "c", "d"), True), Group("slow", ("b",))],
        )

    def test_numbers(self) -> None:
        """The most frequent word comes first."""
        self.assertEqual(numbers(["red", "good", "good"]), "2 good, 1 red")
        self.assertEqual(numbers([]), "")
