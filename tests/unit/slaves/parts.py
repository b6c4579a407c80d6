"""A connection and a slave whose behaviour a test sets."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from buildbot.slaves.attachment import ABSENT, Attachment, State
from buildbot.status.slave import SlaveStatus
from buildbot.wire.peers import SlavePeer


class FakeFlow:
    """The bytes of a connection."""

    def __init__(self, lastHeard: float) -> None:
        self.lastHeard = lastHeard


class FakePeer:
    """A connection that counts its probes, and answers a ping when the test says so."""

    def __init__(self, address: str = "10.0.0.1:1", lastHeard: float = 0.0) -> None:
        self.address = address
        self.flow = FakeFlow(lastHeard)
        self.probes = 0
        self.alive = True
        self.pings: list[Deferred[Any]] = []

    def isAlive(self) -> bool:
        return self.alive

    def probe(self) -> None:
        self.probes += 1

    def ping(self) -> Deferred[Any]:
        self.pings.append(Deferred())
        return self.pings[-1]

    @property
    def asPeer(self) -> SlavePeer:
        """Return me with the type of a SlavePeer."""
        return cast(SlavePeer, self)


class FakePart:
    """A slave that records the calls of its parts."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.slavename = "bot1"
        self.slave_status = SlaveStatus("bot1")
        self.attachment: Attachment[SlavePeer] = ABSENT
        self.said: list[str] = []

    def happened(self, text: str) -> None:
        self.said.append(text)

    def serve(self, peer: FakePeer, state: State = State.READY) -> None:
        """Become connected."""
        self.attachment = Attachment(state, peer.asPeer)
