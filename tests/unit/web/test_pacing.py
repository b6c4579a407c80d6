"""Tests of buildbot.web.pacing."""

from __future__ import annotations

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.web.pacing import Pacing


class PacingTests(unittest.SynchronousTestCase):
    """Several costly pages are asked for at the same time."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.pacing = Pacing(self.clock)
        self.pages: list[str] = []

    def make(self, name: str, seconds: float) -> Deferred[None]:
        """Make a page."""

        async def made() -> None:
            await self.pacing.turn()
            self.pages.append(name)
            self.pacing.made(seconds)

        return ensureDeferred(made())

    def test_costly(self) -> None:
        """They are made one by one, in the order of the questions, with a pause as long as each took."""
        for name in "abc":
            self.make(name, 0.1)
        self.assertEqual(self.pages, ["a"])
        self.clock.advance(0.05)
        self.assertEqual(self.pages, ["a"])
        self.clock.advance(0.05)
        self.assertEqual(self.pages, ["a", "b"])
        self.clock.pump([0.1, 0.1])
        self.make("d", 0.1)
        self.assertEqual(self.pages, ["a", "b", "c", "d"])

    def test_veryCostly(self) -> None:
        """The pause is short, since a page that waited for the store seems to have taken long."""
        self.make("a", 9.0)
        self.make("b", 0.1)
        self.clock.advance(0.25)
        self.assertEqual(self.pages, ["a", "b"])

    def test_cheap(self) -> None:
        """Any number of pages that cost little is made in a turn."""
        for name in "abc":
            self.make(name, 0.001)
        self.assertEqual(self.pages, ["a", "b", "c"])
        self.make("d", 0.1)
        for name in "efg":
            self.make(name, 0.001)
        self.clock.advance(0.1)
        self.assertEqual(self.pages, list("abcdefg"))

    def test_gone(self) -> None:
        """A client that goes away does not keep the others waiting."""
        self.make("a", 0.1)
        gone = self.make("b", 0.1)
        gone.addErrback(lambda why: None)
        self.make("c", 0.1)
        gone.cancel()
        self.clock.advance(0.1)
        self.assertEqual(self.pages, ["a", "c"])

    def test_stop(self) -> None:
        """A web server that stops keeps nobody waiting, and leaves no timer."""
        for name in "ab":
            self.make(name, 0.1)
        self.make("c", 0.001)
        self.pacing.stop()
        self.pacing.stop()
        self.assertEqual(self.pages, ["a", "b", "c"])
        self.assertEqual(self.clock.getDelayedCalls(), [])
