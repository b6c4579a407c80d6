"""The deadlines of a slave, its keepalive timer and its probes."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.slaves.attachment import State
from buildbot.slaves.liveness import ATTACH_TIME, PROBE_TIME, Liveness
from buildbot.slaves.offers import BuilderOffers
from buildbot.wire.peers import SlavePeer
from tests.unit.slaves.parts import FakePart, FakePeer


class Watched(FakePart):
    """A slave to watch."""

    def __init__(self) -> None:
        super().__init__()
        self.keepalive = 120.0
        self.offers = BuilderOffers(self.clock, self)
        self.looks = 0

    def fail(self, peer: SlavePeer, reason: str) -> None:
        self.said.append(reason)

    def onLook(self) -> None:
        self.looks += 1


class LivenessTests(unittest.SynchronousTestCase):
    """A slave that misses a deadline fails; others are not touched."""

    def setUp(self) -> None:
        self.slave = Watched()
        self.clock = self.slave.clock
        self.liveness = Liveness(self.clock, self.slave)
        self.peer = FakePeer()

    def ready(self) -> None:
        self.slave.serve(self.peer)
        self.liveness.attached()

    def test_login(self) -> None:
        """A slave that is not attached in time fails."""
        self.slave.serve(self.peer, State.ASKING)
        self.liveness.loginBegan()
        self.clock.advance(ATTACH_TIME)
        self.assertEqual(self.slave.said, ["it did not finish attaching within 60 s"])

    def test_silence(self) -> None:
        """A silent slave is probed after its keepalive, and fails without an answer."""
        self.ready()
        self.clock.advance(119)
        self.assertEqual(self.peer.probes, 0)
        self.clock.advance(1)
        self.assertEqual((self.peer.probes, self.slave.said), (1, []))
        self.clock.advance(PROBE_TIME)
        self.assertEqual(self.slave.said, ["it did not answer a probe within 30 s"])

    def test_anyWordWillDo(self) -> None:
        """Any data after a probe counts as the answer."""
        self.ready()
        self.clock.advance(120)
        self.peer.flow.lastHeard = 125
        self.clock.advance(PROBE_TIME)
        self.assertEqual((self.peer.probes, self.slave.said), (1, []))

    def test_list(self) -> None:
        """An attached slave that does not accept a changed builder list in time fails."""
        self.ready()
        self.clock.advance(10)
        self.slave.offers.sent((("full", "full-dir"),))
        self.liveness.listSent()
        self.clock.advance(ATTACH_TIME)
        self.assertEqual(self.slave.said, ["it did not accept its builder list within 60 s"])

    def test_keepaliveChanged(self) -> None:
        """A changed keepalive counts from the last data of the slave."""
        self.ready()
        self.clock.advance(50)
        self.slave.keepalive = 60.0
        self.liveness.keepaliveChanged()
        self.clock.advance(10)
        self.assertEqual(self.peer.probes, 1)

    def test_mute(self) -> None:
        """A slave that may be too busy to answer is not probed until that ends."""
        self.ready()
        self.liveness.mayBeMute(1000.0)
        self.clock.pump([60] * 10)
        self.assertEqual(self.peer.probes, 0)
        self.liveness.mayBeMute(0)
        self.clock.advance(0)
        self.assertEqual(self.peer.probes, 1)

    def test_asked(self) -> None:
        """A slave that sent data recently is alive; another one is probed, and fails without an answer."""
        self.assertIs(self.successResultOf(self.liveness.isAnswering(5.0, -1.0)), False)
        self.ready()
        self.assertIs(self.successResultOf(self.liveness.isAnswering(5.0, 10.0)), True)
        answers = self.liveness.isAnswering(5.0, -1.0)
        self.peer.pings[0].callback(None)
        self.assertIs(self.successResultOf(answers), True)
        silent = self.liveness.isAnswering(5.0, -1.0)
        self.clock.advance(5)
        self.assertIs(self.successResultOf(silent), False)
        self.assertEqual(self.slave.said, ["it did not answer within 5 s"])

    def test_stop(self) -> None:
        """After the end of the connection, no timer is left."""
        self.ready()
        self.liveness.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
