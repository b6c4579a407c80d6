"""One timer for many logs."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.logs.flushing import DELAY, Flusher


class Noted:
    """I am a log that counts its flushes; with C{again}, I ask for so many more."""

    def __init__(self, flusher: Flusher, again: int = 0) -> None:
        self.flushes = 0
        self._flusher = flusher
        self._again = again

    def flushInTime(self) -> None:
        """See L{buildbot.logs.flushing.Flushed}."""
        self.flushes += 1
        if self.flushes <= self._again:
            self._flusher.add(self)


class FlusherTests(unittest.TestCase):
    """Each log is flushed in time."""

    def setUp(self) -> None:
        """No log yet."""
        self.clock = Clock()
        self.flusher = Flusher(self.clock)

    def test_inTime(self) -> None:
        """Logs are flushed at the latest DELAY seconds after they were added, with one timer."""
        logs = [Noted(self.flusher) for _ in range(3)]
        for log in logs:
            self.flusher.add(log)
            self.clock.advance(DELAY / 4)
        self.assertEqual([log.flushes for log in logs], [0, 0, 0])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(DELAY / 4)
        self.assertEqual([log.flushes for log in logs], [1, 1, 1])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_again(self) -> None:
        """A log that asks for it during a flush is flushed again."""
        log = Noted(self.flusher, 2)
        self.flusher.add(log)
        self.clock.pump([DELAY] * 5)
        self.assertEqual(log.flushes, 3)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_removed(self) -> None:
        """A complete log is not flushed, and the last one takes the timer along."""
        one, other = Noted(self.flusher), Noted(self.flusher)
        self.flusher.remove(one)
        self.flusher.add(one)
        self.flusher.add(other)
        self.flusher.remove(one)
        self.clock.advance(DELAY)
        self.assertEqual((one.flushes, other.flushes), (0, 1))
        self.flusher.add(one)
        self.flusher.remove(one)
        self.assertEqual(self.clock.getDelayedCalls(), [])
