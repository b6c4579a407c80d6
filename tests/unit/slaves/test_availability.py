"""Availability of a slave for builds, and how it leaves."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.trial import unittest

from buildbot.config.model import SlaveConfig
from buildbot.model.records import PauseRecord
from buildbot.slaves.availability import DRAINED, Availability
from tests.unit.slaves.parts import FakePart

PAUSED = PauseRecord("bot1", "me", 7.0, "disk full", "paused")
DRAINING = PauseRecord("bot1", "me", 7.0, "", "draining")


class Limited(FakePart):
    """A slave with one connection that answers every probe."""

    def __init__(self) -> None:
        super().__init__()
        self.setup: SlaveConfig | None = SlaveConfig("bot1", "sekrit", max_builds=2)
        self.connected = True
        self.gone: Deferred[None] = Deferred()

    def isConnected(self) -> bool:
        return self.connected

    def isReady(self) -> bool:
        return self.connected

    def isAnswering(self, timeout: float) -> Deferred[bool]:
        return succeed(True)

    def disconnect(self, reason: str) -> Deferred[None]:
        self.said.append(f"disconnected: {reason}")
        self.connected = False
        return succeed(None)

    def whenGone(self) -> Deferred[None]:
        return self.gone


class AvailabilityTests(unittest.SynchronousTestCase):
    """Limits, pauses, draining."""

    def setUp(self) -> None:
        self.slave = Limited()
        self.slave.clock.advance(100)
        self.availability = Availability(self.slave.clock, self.slave)

    def test_limit(self) -> None:
        """B9: at most max_builds builds start on a slave; a removed slave has no limit."""
        for mayStart in (True, True, False):
            self.assertIs(self.availability.canStartBuild(), mayStart)
            self.availability.buildBegins()
        self.assertEqual((self.availability.buildsRunning, self.availability.lastUsed), (3, 100.0))
        self.slave.setup = None
        self.assertTrue(self.availability.canStartBuild())

    def test_gone(self) -> None:
        """No build starts on a slave that is not connected."""
        self.slave.connected = False
        self.assertFalse(self.availability.canStartBuild())

    def test_paused(self) -> None:
        """O7: no build starts on a paused slave, and its status tells who paused it and why."""
        self.availability.setPause(PAUSED)
        self.assertFalse(self.availability.canStartBuild())
        self.availability.setPause(PAUSED)
        self.availability.setPause(None)
        self.assertTrue(self.availability.canStartBuild())
        self.assertEqual(self.slave.said, ["paused by me: disk full", "unpaused"])

    def test_drained(self) -> None:
        """O7: a drained slave is disconnected when its last build has ended."""
        self.availability.buildBegins()
        self.availability.setPause(DRAINING)
        self.slave.clock.advance(1)
        self.assertFalse(self.availability.isDrained)
        self.availability.buildEnded()
        self.availability.maybeLeave()
        self.slave.clock.advance(0)
        self.assertTrue(self.availability.isDrained)
        self.assertEqual(self.slave.said, ["draining by me", "disconnected: drained by me", DRAINED])

    def test_anonymous(self) -> None:
        """The event of a slave that an anonymous visitor drains or pauses names somebody."""
        self.availability.setPause(PauseRecord("bot1", "", 7.0, "", "draining"))
        self.availability.setPause(PauseRecord("bot1", "", 7.0, "disk full", "paused"))
        self.assertEqual(self.slave.said, ["draining by somebody", "paused by somebody: disk full"])

    def test_leave(self) -> None:
        """R3: a removed slave is disconnected at once or after its last build, and gets no other build."""
        self.availability.buildBegins()
        self.assertNoResult(self.availability.leave("removed", atOnce=False))
        self.assertFalse(self.availability.canStartBuild())
        self.availability.buildEnded()
        self.availability.maybeLeave()
        self.slave.clock.advance(0)
        self.assertEqual(self.slave.said, ["disconnected: removed"])
        self.successResultOf(self.availability.leave("removed", atOnce=True))

    def test_stay(self) -> None:
        """A slave that should leave after its build stays if the reason is over before that."""
        self.availability.buildBegins()
        self.availability.leave("another master may be active", atOnce=False)
        self.availability.stay()
        self.assertTrue(self.availability.canStartBuild())
        self.availability.buildEnded()
        self.availability.maybeLeave()
        self.slave.clock.advance(1)
        self.assertEqual(self.slave.said, [])
