"""How the bytes for a peer are sent over plain TCP."""

from __future__ import annotations

from typing import Any

from twisted.internet import tcp
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.trial import unittest

from buildbot.wire.callee import AT_LEISURE
from buildbot.wire.encoding import encode, encodeAnswer
from buildbot.wire.flow import PATIENCE
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


class SendingCase(unittest.SynchronousTestCase):
    """A connection over plain TCP."""

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


class SendingTests(SendingCase):
    """The bytes of one reactor turn."""

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


class Command(pb.Referenceable):
    """I am called by a slave, which does not wait for the answer to C{complete}."""

    def remoteMessageReceived(self, broker: object, message: str, args: object, kw: object) -> Any:
        return AT_LEISURE if message == "complete" else 0


class LeisureTests(SendingCase):
    """Answers that the slave does not wait for."""

    def setUp(self) -> None:
        super().setUp()
        self.broker.dataReceived(encode(b"pb", vocabulary=False))
        self.broker.admitPeer("bot")
        self.broker.setNameForLocal("command", Command())
        self.clock.advance(0)
        self.system.sent.clear()

    def hear(self, *methods: bytes) -> bytes:
        """The slave makes these calls at once. Returns the answers that it gets in the end."""
        said = [
            encode([b"message", number, b"command", method, 1, [b"tuple"], [b"dictionary"]])
            for number, method in enumerate(methods)
        ]
        self.broker.dataReceived(b"".join(said))
        self.clock.advance(0)
        answers = {b"complete": AT_LEISURE}
        return b"".join(encodeAnswer(n, answers.get(each, 0)) for n, each in enumerate(methods))

    def test_withNext(self) -> None:
        """The answer to the end of a command, and to its last updates, is sent with the next command."""
        answers = self.hear(b"update", b"complete")
        self.assertEqual(self.system.sent, [])
        self.write(b"next")
        self.clock.advance(0)
        self.assertEqual(self.system.sent, [answers + b"next"])
        self.clock.advance(PATIENCE)
        self.assertEqual(len(self.system.sent), 1)

    def test_inTime(self) -> None:
        """Without a next command, it is sent soon, and so is that of the next time."""
        for _ in range(2):
            answers = self.hear(b"complete")
            self.clock.pump([PATIENCE, 0])
            self.assertEqual(self.system.sent, [answers])
            self.system.sent.clear()

    def test_others(self) -> None:
        """Other answers are sent at once, and so are those that wait with them."""
        answers = self.hear(b"complete", b"update")
        self.assertEqual(self.system.sent, [answers])

    def test_closed(self) -> None:
        """They are sent before the master closes the connection, as when it stops."""
        answers = self.hear(b"complete")
        self.broker.abort()
        self.clock.pump([PATIENCE, 0])
        self.assertEqual(self.system.sent, [answers])

    def test_ended(self) -> None:
        """Nothing is sent over a connection that has ended in the meantime."""
        self.hear(b"complete")
        self.broker.connectionLost(Failure(ConnectionDone()))
        self.clock.pump([PATIENCE, 0])
        self.assertEqual(self.system.sent, [])

    def test_portClosed(self) -> None:
        """A port that is closed leaves no timer behind."""
        self.hear(b"complete")
        self.factory.stopAll()
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
