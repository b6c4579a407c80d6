"""Whether people look at the pages."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.web.looking import LONGEST, Looking


class LookingTests(unittest.SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.lookers: set[object] = set()
        self.left = 0
        self.looking = Looking(self.clock, self.lookers, self._leave)

    def _leave(self) -> None:
        self.left += 1

    def test_while(self) -> None:
        """People look from their first request until half an hour after their last."""
        self.assertEqual(self.lookers, set())
        self.looking.seen()
        self.clock.advance(LONGEST - 1)
        self.looking.seen()
        self.clock.advance(LONGEST - 1)
        self.assertEqual(self.lookers, {self.looking})
        self.clock.advance(1)
        self.assertEqual((self.lookers, self.clock.getDelayedCalls(), self.left), (set(), [], 1))
        self.looking.seen()
        self.assertEqual(self.lookers, {self.looking})

    def test_stop(self) -> None:
        """Nobody looks at a web server that has stopped; a second stop does nothing."""
        self.looking.seen()
        self.looking.stop()
        self.looking.stop()
        self.assertEqual((self.lookers, self.clock.getDelayedCalls(), self.left), (set(), [], 0))
