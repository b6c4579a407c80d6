"""How the bytes for a peer are sent over plain TCP."""

from __future__ import annotations

from typing import Any

from twisted.internet import tcp
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial import unittest

from buildbot.wire.encoding import encode
from buildbot.wire.slaveport import SlavePortFactory

GREETING = encode(pb.Broker.knownDialects, vocabulary=False)


class System:
    """A socket of the system, with room for so many bytes; below zero, each attempt to send fails."""

    def __init__(self, room: int = 1 << 20) -> None:
        self.room = room
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> int:
        if self.room <= 0:
            raise BlockingIOError(11, "no room") if self.room == 0 else ConnectionResetError(104, "reset")
        part = bytes(data[: self.room])
        self.room -= len(part)
        self.sent.append(part)
        return len(part)

    def fileno(self) -> int:
        return 99

    def setblocking(self, isBlocking: bool) -> None: ...
    def setsockopt(self, *values: object) -> None: ...
    def shutdown(self, how: int) -> None: ...
    def close(self) -> None: ...


class Reactor(Clock):
    """A clock that also counts how often a connection asks whether it can write."""

    asked = 0
    isWriting = False

    def addReader(self, reader: object) -> None: ...
    def removeReader(self, reader: object) -> None: ...

    def addWriter(self, writer: object) -> None:
        self.asked += not self.isWriting
        self.isWriting = True

    def removeWriter(self, writer: object) -> None:
        self.isWriting = False


class SendingTests(unittest.SynchronousTestCase):
    """The bytes of one reactor turn."""

    def setUp(self) -> None:
        self.clock = Reactor()
        self.system = System()
        self.factory = SlavePortFactory(lambda broker: pb.Referenceable(), self.clock)
        self.addCleanup(self.factory.stopAll)
        self.broker: Any = self.factory.buildProtocol(IPv4Address("TCP", "10.0.0.1", 1))
        self.transport: Any = tcp.Server(
            *(self.system, self.broker, ("10.0.0.1", 1), None, 0, self.clock)  # type: ignore[arg-type]
        )
        self.broker.makeConnection(self.transport)

    def write(self, *parts: bytes) -> None:
        for each in parts:
            self.broker.flow.write(each)

    def test_together(self) -> None:
        """All that the master says to a slave in one turn is sent at once, and the reactor is not asked."""
        self.write(b"one ", b"two")
        self.assertEqual(self.system.sent, [])
        self.clock.advance(0)
        self.assertEqual(self.system.sent, [GREETING + b"one two"])
        self.write(b"three")
        self.clock.advance(0)
        self.assertEqual(self.system.sent[1:], [b"three"])
        self.assertEqual(self.clock.asked, 0)

    def test_slowPeer(self) -> None:
        """A peer that reads slowly gets all bytes, in order."""
        self.clock.advance(0)
        self.system.room = 5
        self.write(b"long answer")
        self.clock.advance(0)
        self.write(b", and another")
        self.clock.advance(0)
        self.assertEqual((self.system.sent[1:], self.clock.isWriting), ([b"long "], True))
        self.system.room = 1000
        self.transport.doWrite()
        self.assertEqual(b"".join(self.system.sent[1:]), b"long answer, and another")
        self.assertFalse(self.clock.isWriting)

    def test_noRoom(self) -> None:
        """While the system has no room at all, the bytes wait."""
        self.system.room = 0
        self.clock.advance(0)
        self.assertTrue(self.clock.isWriting)
        self.system.room = 1000
        self.transport.doWrite()
        self.assertEqual(self.system.sent, [GREETING])

    def test_reset(self) -> None:
        """A connection that the peer has reset is found to be lost when the master sends."""
        self.system.room = -1
        self.clock.advance(0)
        self.assertIsInstance(self.transport.doWrite(), Exception)

    def test_closed(self) -> None:
        """Nothing is sent over a connection that was closed in the same turn, nor after its end."""
        self.write(b"one")
        self.broker.abort()
        self.clock.advance(0)
        self.write(b"two")
        self.clock.advance(0)
        self.assertEqual(self.system.sent, [])

    def test_error(self) -> None:
        """An error of the program in one connection keeps no other one from sending."""
        self.factory.sender.later(lambda: 1 / 0)
        self.write(b"one")
        other: list[str] = []
        self.factory.sender.later(lambda: self.factory.sender.later(lambda: 1 / 0))
        self.factory.sender.later(lambda: other.append("sent"))
        self.clock.advance(0)
        self.assertEqual((self.system.sent, other), ([GREETING + b"one"], ["sent"]))
        self.clock.advance(0)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
