"""Two running slaves log in with one name: which one gets it."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.slaves.arbitration import ARBITRATION_TIME, Arbiter
from buildbot.slaves.conflict import TAKEOVERS
from buildbot.wire.peers import SlavePeer
from tests.unit.slaves.parts import FakePart, FakePeer


class Contested(FakePart):
    """A slave with a name that newcomers want."""

    def takeOver(self, newcomer: SlavePeer, why: str) -> None:
        self.said.append(f"{newcomer.address} takes over: {why}")

    def refuse(self, newcomer: SlavePeer, reason: str, told: str) -> None:
        self.said.append(f"{newcomer.address} is refused: {reason}")


class ArbiterTests(unittest.SynchronousTestCase):
    """The holder of a name is probed; if it answers, it keeps the name."""

    def setUp(self) -> None:
        self.slave = Contested()
        self.slave.clock.advance(100)
        self.holder = FakePeer("holder", lastHeard=100.0)
        self.slave.serve(self.holder)
        self.arbiter = Arbiter(self.slave.clock, self.slave, self.slave)
        self.first, self.second = FakePeer("first"), FakePeer("second")

    def test_needed(self) -> None:
        """D3: the first takeovers are normal; one more needs a verdict."""
        for _ in range(TAKEOVERS):
            self.assertFalse(self.arbiter.isNeeded())
            self.arbiter.takeover()
        self.assertTrue(self.arbiter.isNeeded())

    def test_answers(self) -> None:
        """D2: a holder that answers keeps the name; the status names both."""
        self.arbiter.wait(self.first.asPeer)
        self.slave.clock.advance(1)
        self.holder.flow.lastHeard = 101.0
        self.slave.clock.advance(ARBITRATION_TIME)
        note, refusal = self.slave.said
        self.assertEqual((self.holder.probes, self.slave.slave_status.note), (1, note))
        self.assertIn("holder, which is connected and answers, and first, which is refused", note)
        self.assertEqual(refusal, "first is refused: name conflict with holder")

    def test_mute(self) -> None:
        """D1: a holder that does not answer loses the name."""
        self.holder.flow.lastHeard = 99.0
        self.arbiter.wait(self.first.asPeer)
        self.slave.clock.advance(ARBITRATION_TIME)
        why = "it did not answer while a newer connection from first waited"
        self.assertEqual(self.slave.said, [f"first takes over: {why}"])
        self.assertIsNone(self.arbiter.candidate)

    def test_newer(self) -> None:
        """D5: a still newer connection replaces the waiting one, and gets the verdict at the same time."""
        self.arbiter.wait(self.first.asPeer)
        self.slave.clock.advance(ARBITRATION_TIME - 1)
        self.holder.flow.lastHeard = 101.0
        self.arbiter.wait(self.second.asPeer)
        self.assertEqual(self.slave.said, ["first is refused: a still newer connection came"])
        self.slave.clock.advance(1)
        self.assertEqual(self.slave.said[-1], "second is refused: name conflict with holder")
        self.assertEqual(self.holder.probes, 1)

    def test_cancelled(self) -> None:
        """A newcomer refused without a verdict is told why, and no timer is left."""
        self.arbiter.wait(self.first.asPeer)
        self.arbiter.cancel("the master is stopping", "try again")
        self.arbiter.cancel("the master is stopping", "try again")
        self.assertEqual(self.slave.said, ["first is refused: the master is stopping"])
        self.assertEqual(self.slave.clock.getDelayedCalls(), [])
