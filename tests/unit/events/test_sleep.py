"""A Deferred that fires after some time."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.events.sleep import sleep


class SleepTests(unittest.TestCase):
    """Waiting, and giving up waiting."""

    def test_fires(self) -> None:
        """It fires after the time, and not before."""
        clock = Clock()
        waiting = sleep(clock, 3)
        clock.advance(2.9)
        self.assertNoResult(waiting)
        clock.advance(0.1)
        self.assertIsNone(self.successResultOf(waiting))

    def test_cancelled(self) -> None:
        """A cancelled wait leaves no call in the clock."""
        clock = Clock()
        waiting = sleep(clock, 3)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(clock.getDelayedCalls(), [])
