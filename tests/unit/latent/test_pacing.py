"""How many slaves start, which ones, and when they are tried again."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.latent.pacing import LONGEST_WAIT, buildsNeeded, inOrder, waitAfter


class PacingTests(unittest.SynchronousTestCase):
    """Rules about values."""

    def test_wait(self) -> None:
        """Each failure in a row doubles the wait, up to an hour."""
        self.assertEqual([waitAfter(count, 15.0) for count in range(4)], [0.0, 15.0, 30.0, 60.0])
        self.assertEqual(waitAfter(10**9, 15.0), LONGEST_WAIT)

    def test_builds(self) -> None:
        """Requests that can be merged need one slave, others one each, and no more than there are."""
        same = lambda one, other: one[0] == other[0]  # noqa: E731
        self.assertEqual(buildsNeeded(["a1", "b1", "a2"], same, 5), [["a1", "a2"], ["b1"]])
        self.assertEqual(buildsNeeded(["a1", "b1", "c1"], same, 2), [["a1"], ["b1"]])
        self.assertEqual(buildsNeeded([], same, 2), [])

    def test_noSlave(self) -> None:
        """A request that has no slave is left out, and does not keep a later one from its slave."""
        same = lambda one, other: one[0] == other[0]  # noqa: E731
        found = buildsNeeded(["a1", "b1", "a2", "b2"], same, 2, lambda request: request[0] == "b")
        self.assertEqual(found, [["b1", "b2"]])

    def test_order(self) -> None:
        """First come slaves that did not lose the build, then those with few failures."""
        failures = {"a": 0, "b": 2, "c": 0, "d": 0}
        self.assertEqual(inOrder("abcd", failures.__getitem__, ["a"]), ["c", "d", "b", "a"])
