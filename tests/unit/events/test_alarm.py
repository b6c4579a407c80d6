"""Alarms: one delayed call that can be stopped."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.events.alarm import Alarm


class AlarmTests(unittest.SynchronousTestCase):
    """See L{Alarm}."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.rung: list[float] = []
        self.alarm = Alarm(lambda: self.rung.append(self.clock.seconds()))

    def test_once(self) -> None:
        """An alarm makes its call once, when its time has come."""
        self.alarm.set(self.clock, 5)
        self.assertTrue(self.alarm.isSet)
        self.clock.pump([5, 5, 5])
        self.assertEqual((self.rung, self.alarm.isSet), ([5], False))

    def test_setAgain(self) -> None:
        """Setting an alarm again replaces the time."""
        self.alarm.set(self.clock, 5)
        self.alarm.set(self.clock, 8)
        self.clock.pump([5, 3])
        self.assertEqual(self.rung, [8])

    def test_stopped(self) -> None:
        """A stopped alarm makes no call and leaves no timer; it can be stopped and set again."""
        self.alarm.stop()
        self.alarm.set(self.clock, 5)
        self.alarm.stop()
        self.alarm.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.alarm.set(self.clock, 1)
        self.clock.advance(1)
        self.assertEqual(self.rung, [1])

    def test_past(self) -> None:
        """A time in the past means the next turn."""
        self.alarm.set(self.clock, -5)
        self.assertEqual(self.rung, [])
        self.clock.advance(0)
        self.assertEqual(self.rung, [0])

    def test_cancelledByOthers(self) -> None:
        """An alarm whose delayed call was cancelled by others is not set, and can be set again."""
        self.alarm.set(self.clock, 5)
        assert self.alarm.waiting is not None
        self.alarm.waiting.cancel()
        self.assertFalse(self.alarm.isSet)
        self.alarm.set(self.clock, 1)
        self.clock.advance(1)
        self.assertEqual(self.rung, [1])
