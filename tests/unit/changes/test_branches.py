"""The branches that a poller watches."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.changes.branches import BRANCHES, isWatched, named, toldBranches
from buildbot.changes.storingpoller import PollFailed


class BranchesTests(unittest.TestCase):
    """A list, True, or a function."""

    def test_kinds(self) -> None:
        """Each way to say the branches chooses the right ones, and is told to people."""
        for branches, watched, names, told in (
            (["b", "a"], ["a", "b"], ["a", "b"], "a, b"),
            (True, ["a", "b", "c"], None, "all branches"),
            (lambda branch: branch > "a", ["b", "c"], None, "some branches"),
        ):
            self.assertTrue(BRANCHES.fits(branches))
            self.assertEqual([each for each in "abc" if isWatched(branches, each)], watched)
            self.assertEqual((named(branches), toldBranches(branches)), (names, told))
        self.assertFalse(BRANCHES.fits("a"))
        self.assertFalse(BRANCHES.fits([""]))

    def test_failure(self) -> None:
        """A function that fails is an error of the look."""
        self.assertRaises(PollFailed, isWatched, lambda branch: 1 / 0, "a")
