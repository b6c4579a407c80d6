"""The slave port with peers that break its rules: each costs one log line and its connection."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from hashlib import md5
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial import unittest

from buildbot.files.reserve import FileReserve
from buildbot.wire.banana import AFTER_LOGIN, BananaError, Decoder
from buildbot.wire.broker import SlavePortBroker
from buildbot.wire.budget import SLICE, Slices
from buildbot.wire.callee import MESSAGES_BEFORE_LOGIN, Callee
from buildbot.wire.encoding import encode
from buildbot.wire.flow import MANY, UNREAD_AFTER_LOGIN, UNREAD_BEFORE_LOGIN, UNSERVED
from buildbot.wire.greeting import LOGIN_TIME
from buildbot.wire.ratelimit import BURST, LONGEST
from buildbot.wire.slaveport import SlavePortFactory
from tests.garbage import setOthersAside
from tests.loglisteners import hearLog
from tests.pumped import Pump
from tests.slaveport import SlavePortCase, config

HELLO = encode(b"pb", vocabulary=False) + encode([b"version", 6])


def call(method: str, *args: Any, request: int = 1, target: Any = b"root", answer: int = 1) -> bytes:
    """Encode a call with bytes and numbers as arguments."""
    return encode([b"message", request, target, method.encode(), answer, [b"tuple", *args], [b"dictionary"]])


class Root(Callee):
    """The object that the peers of these tests can call."""

    def __init__(self, broker: Any) -> None:
        self.broker = broker
        self.got: list[Any] = []
        self.work: Any = lambda: None

    def remote_take(self, *args: Any) -> str:
        self.got.append(args)
        self.work()
        return "taken"

    def remote_keep(self, reference: Any) -> None:
        self.got.append(reference)

    async def remote_later(self) -> str:
        return "later"

    def remote_fail(self) -> None:
        raise ValueError("secret path /etc/shadow")

    def remote_refuse(self) -> None:
        raise pb.Error("not today")

    async def remote_failLater(self) -> None:
        self.refuse()

    refuse = remote_refuse

    def remote_big(self) -> bytes:
        return b"x" * 600_000


class Raw(Protocol):
    """A peer that sends raw bytes."""

    def __init__(self) -> None:
        self.heard = b""

    def dataReceived(self, data: bytes) -> None:
        self.heard += data


class Case(unittest.SynchronousTestCase):
    """A slave port with a Root."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.roots: list[Root] = []
        self.factory = SlavePortFactory(self.rootFor, self.clock)
        self.lines: list[str] = []
        hearLog(self, self.observe)

    def observe(self, event: Any) -> None:
        if event.get("log_namespace", "").startswith("buildbot"):
            self.lines.append(event["log_format"].format(**event))

    def rootFor(self, broker: Any) -> Root:
        root = Root(broker)
        self.roots.append(root)
        return root

    def connect(self, host: str = "10.0.0.1", port: int = 1) -> Pump:
        server = self.factory.buildProtocol(IPv4Address("TCP", host, port))
        pump = Pump(server, Raw(), self.clock, port)
        pump.pump()
        return pump

    def send(
        self, data: bytes, pump: Pump | None = None, chunk: int | None = None, hello: bool = True
    ) -> Pump:
        pump = pump or self.connect()
        pump.client.write((HELLO if hello else b"") + data)
        pump.pump(chunk)
        return pump

    def heard(self, pump: Pump) -> bytes:
        data: bytes = pump.client.protocol.heard
        return data

    def assertCut(self, pump: Pump, lines: int = 1) -> None:
        self.assertTrue(pump.client.lost)
        self.assertEqual(len(self.lines), lines, self.lines)
        self.assertEqual(self.factory.open, set())
        self.assertTrue(all(len(line) < 400 for line in self.lines))

    def tearDown(self) -> None:
        self.assertEqual(self.flushLoggedErrors(), [])


class ServingTests(Case):
    """Calls of genuine peers."""

    def test_knowsTwistedsAttributes(self) -> None:
        """Our broker has every attribute that Twisted's broker sets on itself."""
        ours = self.connect().server.protocol
        self.assertEqual([name for name in vars(pb.Broker()) if not hasattr(ours, name)], [])

    def test_call(self) -> None:
        """A call is served and answered, also if it arrives byte by byte."""
        for chunk in (None, 1):
            pump = self.send(call("take", b"x"), chunk=chunk)
            self.assertIn(b"taken", self.heard(pump))
            self.assertEqual(self.roots[-1].got, [(b"x",)])
            pump.client.abortConnection()
            pump.pump()

    def test_coroutine(self) -> None:
        """A remote method may be a coroutine; its result is the answer."""
        self.assertIn(b"later", self.heard(self.send(call("later"))))

    def test_keywordsInBytes(self) -> None:
        """Keywords as bytes, from Python 2 clients, are accepted."""
        kw = [b"dictionary", [b"reference", 7]]
        self.send(encode([b"message", 1, b"root", b"keep", 1, [b"tuple"], kw]))
        self.assertEqual(self.roots[-1].got, [7])

    def test_errorsTellNoDetails(self) -> None:
        """S4: the peer gets an internal error without text, path or traceback."""
        pump = self.send(call("fail"))
        heard = self.heard(pump)
        self.assertIn(b"ValueError", heard)
        self.assertNotIn(b"shadow", heard)
        self.assertNotIn(b'File "', heard)
        self.assertFalse(pump.client.lost)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_errorsMeantForThePeer(self) -> None:
        """A refusal for the peer is sent with its text."""
        self.assertIn(b"not today", self.heard(self.send(call("refuse"))))

    def test_failsLaterUnanswered(self) -> None:
        """A call without an answer that fails later is logged once, and nothing is sent."""
        setOthersAside(self)
        pump = self.connect()
        self.send(b"", pump)
        heard = self.heard(pump)
        self.send(call("failLater", answer=0), pump, hello=False)
        self.assertEqual(self.heard(pump), heard)
        self.assertEqual(self.lines, ["refused a call of 10.0.0.1:1: Error: not today"])
        gc.collect()  # an unhandled failure would be logged now
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_keywordsOfAnotherShape(self) -> None:
        """A7: keywords that are not a dictionary cause one log line without a traceback."""
        self.send(encode([b"message", 1, b"root", b"take", 1, [b"tuple"], [b"list"]]))
        self.assertEqual(len(self.lines), 1)
        self.assertIn("keywords are not a dictionary", self.lines[0])

    def test_lineOfTheLogStaysOne(self) -> None:
        """S4: the method name of a call cannot start a new log line or colour it."""
        self.send(call("x\n2026-01-01 forged\x1b[31m"))
        self.assertEqual([line for line in self.lines if "\n" in line or "\x1b" in line], [])
        self.assertIn("forged", self.lines[0])

    def test_unknownMethod(self) -> None:
        """A call of an unknown method returns an error and logs one line: newer slaves have more methods."""
        pump = self.send(call("nothing") + call("nothing", request=2) + call("fail" + "x" * 900, request=3))
        self.assertIn(b"NoSuchMethod", self.heard(pump))
        self.assertFalse(pump.client.lost)
        self.assertEqual(len(self.lines), 1)
        self.assertNotIn("xxxx", self.lines[0])

    def test_malformedCall(self) -> None:
        """H7: a call with invalid arguments is answered with an error, and the connection ends."""
        pump = self.send(b"")
        pump.server.protocol.admitPeer("bot1")
        self.send(call("keep") + call("fail", b"x" * 900, request=2), pump, hello=False)
        self.assertIn(b"MalformedCall", self.heard(pump))
        self.assertEqual(len(self.lines), 1)
        self.assertIn("bot1 (10.0.0.1:1)", self.lines[0])
        self.assertNotIn("xxxx", self.lines[0])
        self.clock.advance(2)
        pump.pump()
        self.assertCut(pump)

    def test_malformedCallUnanswered(self) -> None:
        """H7: an invalid call without an answer ends the connection at once."""
        pump = self.send(b"")
        pump.server.protocol.admitPeer("bot1")
        self.send(call("keep", answer=0) * 10_000, pump, hello=False)
        self.assertCut(pump)


class BeforeLoginTests(Case):
    """The limits before login (4.5 row 2)."""

    def test_notPB(self) -> None:
        """A8: a browser, a TLS client or random bytes cost one line and the connection each."""
        strangers = (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\xff\xfe", b"\x05\x80" * 20)
        for number, data in enumerate(strangers):
            self.lines.clear()
            pump = self.connect(f"10.0.1.{number}")
            self.send(data, pump, hello=False)
            self.assertCut(pump)

    def test_largeExpression(self) -> None:
        """A string or list larger than a login needs is refused by its announced length."""
        for number, data in enumerate(
            (b"\x00\x28\x82", b"\x00\x28\x80", b"\x01\x80" * 9, b"\x05\x81" * 5000, b"\x01" * 65)
        ):
            self.lines.clear()
            pump = self.connect(f"10.0.2.{number}")
            self.send(data, pump)
            self.assertCut(pump)

    def test_manyMessages(self) -> None:
        """More messages than a login needs are refused."""
        pump = self.send(b"".join(call("take", request=i) for i in range(MESSAGES_BEFORE_LOGIN + 1)))
        self.assertCut(pump)

    def test_slowLogin(self) -> None:
        """A8: a connection that does not log in within 30 s is closed; later ones too."""
        first = self.connect()
        self.clock.advance(LOGIN_TIME / 2)
        second = self.connect(port=2)
        self.clock.advance(LOGIN_TIME / 2)
        first.pump(), second.pump()
        self.assertEqual((first.client.lost, second.client.lost), (True, False))
        self.clock.advance(LOGIN_TIME / 2)
        second.pump()
        self.assertCut(second)
        self.leave([])

    def test_tooMany(self) -> None:
        """When there are too many connections before login, the oldest is closed, never the new one."""
        self.factory = SlavePortFactory(self.rootFor, self.clock, greeting=50)
        pumps = [self.connect(port=i) for i in range(53)]
        self.assertEqual([p.client.lost for p in self.pumped(pumps)], [True] * 3 + [False] * 50)
        self.assertEqual(len(self.factory.open), 50)
        self.leave(pumps)

    def pumped(self, pumps: list[Pump]) -> list[Pump]:
        for pump in pumps:
            pump.pump()
        return pumps

    def leave(self, pumps: list[Pump]) -> None:
        for pump in pumps:
            pump.client.abortConnection()
            pump.pump()
        self.assertEqual((self.factory.greeting, self.factory.open), (0, set()))
        self.clock.advance(61)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_tooManyOfOneAddress(self) -> None:
        """H2: an address with more than its share of connections before login loses its own oldest one."""
        self.factory = SlavePortFactory(self.rootFor, self.clock, greeting=50)
        honest = [self.connect(f"10.0.1.{n}") for n in range(5)]
        many = [self.connect("10.0.0.1", port) for port in range(200)]
        self.assertEqual([pump.client.lost for pump in self.pumped(honest)], [False] * 5)
        self.assertEqual(sum(not pump.client.lost for pump in self.pumped(many)), 45)
        self.leave(honest + many)

    def test_whoFailedMakesRoom(self) -> None:
        """H2: when there are too many connections, a failed one that is held is closed first."""
        self.factory = SlavePortFactory(self.rootFor, self.clock, greeting=10)
        for port in range(BURST + 1):
            failed = self.send(b"\xff", self.connect("10.0.0.1", port), hello=False)
        self.assertFalse(failed.client.lost)
        honest = [self.connect("10.0.0.1", port) for port in range(9)]
        self.assertFalse(failed.client.lost)
        honest.append(self.connect("10.0.0.1", 10))
        failed.pump()
        self.assertTrue(failed.client.lost)
        self.assertEqual([pump.client.lost for pump in self.pumped(honest)], [False] * 10)
        self.leave(honest)

    def test_nonsenseIsHeld(self) -> None:
        """H2: invalid connections from one address are held longer and longer, up to a few seconds."""
        pumps = [self.send(b"\xff", self.connect(port=port), hello=False) for port in range(5 * BURST)]
        self.assertTrue(all(pump.client.lost for pump in pumps[:BURST]))
        self.assertFalse(pumps[-1].client.lost)
        self.clock.advance(LONGEST)
        self.assertTrue(all(pump.client.lost for pump in self.pumped(pumps)))

    def test_neighbourOfNonsense(self) -> None:
        """H2: a valid connection is served at once, whatever others from its address did."""
        for port in range(5 * BURST):
            self.send(b"\xff", self.connect(port=port), hello=False)
        self.assertIn(b"taken", self.heard(self.send(call("take"))))

    def test_noFiles(self) -> None:
        """H6: when only the reserved file descriptors are left, new connections are closed, and one line
        tells it.
        """
        free = [100]
        self.factory = SlavePortFactory(
            self.rootFor, self.clock, files=FileReserve(lambda: 1024, lambda: free[0])
        )
        honest = self.connect()
        free[0] = 1000
        turnedAway = [self.connect(port=port) for port in range(2, 12)]
        self.assertTrue(all(pump.client.lost for pump in self.pumped(turnedAway)))
        self.assertFalse(honest.client.lost)
        self.assertEqual(self.factory.files.turnedAway, 10)
        self.assertEqual(len(self.lines), 1)
        self.assertIn("128 of the 1024 files", self.lines[0])
        self.leave([honest])

    def test_fewFiles(self) -> None:
        """H6: when file descriptors are scarce, a slow login is closed for a new connection."""
        free = [100]
        self.factory = SlavePortFactory(
            self.rootFor, self.clock, files=FileReserve(lambda: 1024, lambda: free[0])
        )
        slow = self.connect()
        free[0] = 900
        self.assertTrue(self.pumped([self.connect(port=2)])[0].client.lost)
        self.clock.advance(5)
        newcomer = self.connect(port=3)
        self.assertEqual([p.client.lost for p in self.pumped([slow, newcomer])], [True, False])
        self.leave([newcomer])

    def test_neverReads(self) -> None:
        """4.5 row 8: a peer that does not read is disconnected at 1 MiB of unsent data."""
        pump = self.connect()
        pump.client.reading = False
        self.send(b"".join(call("big", request=i) for i in range(3)), pump)
        self.assertTrue(pump.server.aborted)
        pump.client.reading = True
        pump.pump()
        self.assertCut(pump)
        self.assertGreater(3 * 600_000, UNREAD_BEFORE_LOGIN)

    def test_manyOffenders(self) -> None:
        """A7: hundreds of violations from one address cause one log line, and one with their number."""
        for port in range(5 * BURST):
            self.send(b"\xff", self.connect(port=port), hello=False)
        self.assertEqual(len(self.lines), 1)
        self.clock.advance(61)
        self.assertEqual(len(self.lines), 2)
        self.assertIn(
            f"in the last minute, hung up on {5 * BURST - 1} more connections; peers: 1", self.lines[1]
        )


class HostileTests(Case):
    """The limits after login (4.5 rows 3 to 5)."""

    def welcome(self) -> Pump:
        pump = self.send(b"")
        pump.server.protocol.admitPeer("bot1")
        return pump

    def hostile(self) -> Iterator[tuple[str, bytes]]:
        def argument(value: Any) -> bytes:
            return encode([b"message", 1, b"root", b"take", 1, [b"tuple", value], [b"dictionary"]])

        yield "a module", argument([b"module", b"antigravity"])
        yield "a class", argument([b"class", b"os.system"])
        yield "a function", argument([b"function", b"os.system"])
        yield "an instance", argument([b"instance", [b"class", b"os.x"], [b"dictionary"]])
        yield "a dotted type", argument([b"antigravity.Thing", [b"dictionary"]])
        yield "a method", argument([b"method", b"x", [b"None"], [b"class", b"os.x"]])
        yield "a cycle", argument([b"reference", 1, [b"list", [b"dereference", 1]]])
        yield (
            "a reference twice",
            argument([b"list", [b"reference", 1, [b"list"]], [b"reference", 1, [b"list"]]]),
        )
        yield "a copy", argument([b"copy", b"x"])
        yield "a cache", argument([b"cached", 1])
        yield "colliding keys", argument([b"dictionary", *[[k * (2**61 - 1), 1] for k in range(100)]])
        yield "a short dictionary item", argument([b"dictionary", [1]])
        yield "no type", argument([])
        yield "a number for a type", argument([7])
        yield "deep", b"\x01\x80" * 65
        yield "a string too long", b"\x01\x00\x28\x82"
        yield "no such message", encode([b"cachemessage", 1, 2, b"x", 1, [b"tuple"], [b"dictionary"]])
        yield "an attribute as message", encode([b"__class__"])
        yield "a message too short", encode([b"message", 1])
        yield (
            "a message with a list for its id",
            encode([b"message", [], b"root", b"take", 1, [b"tuple"], [b"dictionary"]]),
        )
        yield "no list", encode(7)
        yield "an empty list", encode([])
        yield "an answer to nothing", encode([b"answer", 77, [b"None"]])
        yield "an error to nothing", encode([b"error", 77, [b"None"]])
        yield "a decref of nothing", encode([b"decref", 77])
        yield "another version", encode([b"version", 5])

    def test_hostileStructure(self) -> None:
        """4.5 rows 3 to 5: each hostile structure costs one line and the connection; nothing is imported."""
        before = set(sys.modules)
        for what, data in self.hostile():
            self.lines.clear()
            pump = self.welcome()
            pump.client.write(data)
            pump.pump()
            self.assertTrue(pump.client.lost, what)
            self.assertLessEqual(len(self.lines), 1, what)
            self.assertEqual(self.flushLoggedErrors(), [], what)
            self.assertNotIn(b"antigravity", self.heard(pump), what)
            self.clock.advance(61)
        self.assertEqual({m for m in set(sys.modules) - before if "antigravity" in m}, set())

    def test_badAnswers(self) -> None:
        """4.5 row 16: an invalid answer or error ends the connection, and then its call fails."""
        for kind, jelly in ((b"answer", [b"module", b"os"]), (b"error", [b"module", b"os"]), (b"error", 7)):
            self.lines.clear()
            pump = self.welcome()
            waiting = pb.RemoteReference(None, pump.server.protocol, 1, 0).callRemote("x")
            pump.client.write(encode([kind, 1, jelly]))
            pump.pump()
            self.assertCut(pump)
            self.failureResultOf(waiting, pb.PBConnectionLost)
            self.clock.advance(61)

    def test_neverReads(self) -> None:
        """4.5 row 8: after login, a peer that does not read is disconnected at 4 MiB of unsent data."""
        pump = self.welcome()
        pump.client.reading = False
        sent = 0
        while not pump.server.aborted:
            sent += 1
            pump.client.write(call("big", request=sent))
            pump.pump()
            self.assertLess(sent, 20)
        self.assertGreater(sent * 600_000, UNREAD_AFTER_LOGIN)

    def test_readsLate(self) -> None:
        """A slow reader that catches up stays connected."""
        pump = self.welcome()
        for request in range(20):
            pump.client.reading = False
            pump.client.write(call("big", request=request))
            pump.pump()
            pump.client.reading = True
            pump.pump()
        self.assertFalse(pump.client.lost)

    def takeLong(self) -> None:
        """Let a time slice pass."""
        self.clock.rightNow += SLICE

    def test_floodYields(self) -> None:
        """L6, H3: many messages in one packet are served a few at a time, with other peers in between."""
        pump = self.welcome()
        got = self.roots[-1].got
        self.roots[-1].work = self.takeLong
        pump.client.write(call("take", b"1") + call("take", b"2") + call("take", b"3"))
        pump.client.deliver()
        self.assertEqual((len(got), pump.server.reading), (1, False))
        pump.client.write(call("take", b"4"))
        served = []
        for _ in range(4):
            self.clock.advance(SLICE)
            pump.client.deliver()
            served.append(len(got))
        self.assertEqual(served, [2, 3, 4, 4])
        self.clock.advance(1)
        self.assertEqual((got, pump.server.reading), ([(b"1",), (b"2",), (b"3",), (b"4",)], True))

    def test_unasked(self) -> None:
        """H3: data that arrives while reading is paused is served later; too much of it is refused."""
        pump = self.welcome()
        got = self.roots[-1].got
        self.roots[-1].work = self.takeLong
        pump.server.protocol.dataReceived(call("take", b"1"))
        pump.server.protocol.dataReceived(call("take", b"2"))
        self.assertEqual(got, [(b"1",)])
        self.clock.advance(SLICE)
        self.assertEqual(got, [(b"1",), (b"2",)])
        for _ in range(3):
            pump.server.protocol.dataReceived(bytes(UNSERVED // 2))
        pump.pump()
        self.assertCut(pump)

    def test_unaskedCrumbs(self) -> None:
        """H3: single bytes that arrive while reading is paused are served later as one packet."""
        pump = self.welcome()
        got = self.roots[-1].got
        self.roots[-1].work = self.takeLong
        pump.server.protocol.dataReceived(call("take", b"1"))
        for byte in call("take", b"2") + call("take", b"3"):
            pump.server.protocol.dataReceived(bytes((byte,)))
        decoded: list[bytes] = []
        decoder = pump.server.protocol.flow.decoder
        decode = decoder.decode

        def counted(self: Decoder, data: bytes) -> Any:
            decoded.append(data)
            return decode(data)

        self.patch(type(decoder), "decode", counted)
        self.clock.advance(SLICE)
        self.assertEqual(decoded, [call("take", b"2") + call("take", b"3")])
        self.clock.advance(SLICE)
        self.assertEqual(got, [(b"1",), (b"2",), (b"3",)])

    def answers(self, pump: Pump) -> list[Any]:
        """The messages that the peer has received since it logged in."""
        return list(Decoder(AFTER_LOGIN, vocabulary=True).decode(pump.client.protocol.heard))

    def test_answersTogether(self) -> None:
        """The short answers to all calls of one read are sent together, those to many calls in parts."""
        pump = self.welcome()
        pump.client.protocol.heard = b""
        sizes: list[int] = []
        write = pump.server.write

        def counted(data: bytes) -> None:
            sizes.append(len(data))
            write(data)

        self.patch(pump.server, "write", counted)
        for count, writes in ((3, 1), (2 * MANY, 2)):
            sizes.clear()
            pump.client.protocol.heard = b""
            pump.client.write(b"".join(call("take", request=number) for number in range(count)))
            pump.pump()
            self.assertEqual(len(sizes), writes)
            taken = [[b"answer", number, [b"unicode", b"taken"]] for number in range(count)]
            self.assertEqual(self.answers(pump), taken)

    def test_answersInOrder(self) -> None:
        """Answers, errors and late answers are sent in the order of the calls, whatever their size."""
        pump = self.welcome()
        pump.client.protocol.heard = b""
        methods = ["take", "big", "take", "refuse", "take", "later", "take"]
        pump.client.write(b"".join(call(method, request=at) for at, method in enumerate(methods)))
        pump.pump()
        told = [(kind, number) for kind, number, _ in self.answers(pump)]
        kinds = [b"error" if method == "refuse" else b"answer" for method in methods]
        self.assertEqual(told, list(zip(kinds, range(len(methods)), strict=True)))

    def test_answersBeforeAViolation(self) -> None:
        """A peer that breaks a rule while it is held first gets the answers to its earlier calls."""
        pump = self.welcome()
        pump.client.protocol.heard = b""
        wrong = encode([b"message", 2, b"root", b"keep", 1, [b"tuple"], [b"dictionary"]])
        pump.client.write(call("take") + wrong)
        pump.pump()
        self.assertEqual([kind for kind, *_ in self.answers(pump)], [b"answer", b"error"])

    def test_longCall(self) -> None:
        """H3: a long call is served in slices; the peer's next message waits for it."""
        pump = self.welcome()
        said: list[Any] = []

        def work() -> Iterator[None]:
            for number in range(3):
                said.append(number)
                self.takeLong()
                yield

        self.patch(self.roots[-1], "remoteMessageReceived", lambda *args: Slices(work(), 7))
        pump.client.write(call("long") + call("long", request=2))
        pump.client.deliver()
        self.assertEqual(said, [0])
        for _ in range(8):
            self.clock.advance(SLICE)
        pump.pump()
        self.assertEqual(said, [0, 1, 2, 0, 1, 2])
        self.assertIn(encode([b"answer", 2, 7]), pump.client.protocol.heard)

    def test_retired(self) -> None:
        """H3: a retired object is freed, even if the peer never releases it."""
        setOthersAside(self)
        pump = self.welcome()
        broker = pump.server.protocol
        command = Root(broker)
        number = broker.registerReference(command)
        broker.retire(command)
        broker.retire(command)
        gone = weakref.ref(command)
        del command
        gc.collect()
        self.assertIsNone(gone())
        pump.client.write(call("take", b"late", target=number) + encode([b"decref", number]))
        pump.pump()
        self.assertIn(encode([b"answer", 1, 0]), pump.client.protocol.heard)
        self.assertEqual(list(broker.localObjects), [b"root"])

    def test_largeAnswerRefused(self) -> None:
        """A call with an argument that is too large for PB raises, and leaves no pending call."""
        pump = self.welcome()
        pump.client.write(
            encode([b"message", 1, b"root", b"keep", 1, [b"tuple", [b"remote", 1]], [b"dictionary"]])
        )
        pump.pump()
        (reference,) = self.roots[-1].got
        self.assertRaises(BananaError, reference.callRemote, "x", b"x" * 700_000)
        self.assertEqual(pump.server.protocol.waitingForAnswers, {})

    def test_deadReference(self) -> None:
        """A call to a peer raises DeadReferenceError from the abort on."""
        pump = self.welcome()
        pump.client.write(
            encode([b"message", 1, b"root", b"keep", 1, [b"tuple", [b"remote", 1]], [b"dictionary"]])
        )
        pump.pump()
        (reference,) = self.roots[-1].got
        answer = reference.callRemote("x")
        pump.server.protocol.abort()
        self.assertRaises(pb.DeadReferenceError, reference.callRemote, "x")
        pump.pump()
        self.failureResultOf(answer, pb.PBConnectionLost)


class LoginTests(unittest.SynchronousTestCase):
    """The login."""

    def setUp(self) -> None:
        self.base = SlavePortCase("setUp")
        self.base.setUp()

    def login(self, guesses: int) -> Pump:
        """Connect a raw peer that answers one challenge with several wrong passwords."""
        factory = self.base.factory
        server = factory.buildProtocol(IPv4Address("TCP", "10.0.0.1", 7))
        pump = Pump(server, Raw(), self.base.clock, 7)
        pump.client.write(HELLO + call("login", b"bot1"))
        pump.pump()
        for number in range(guesses):
            guess = md5(b"%d" % number).digest()
            pump.client.write(call("respond", guess, [b"None"], request=number + 2, target=1))
            pump.pump()
        return pump

    def test_oneGuess(self) -> None:
        """4.1: a challenge accepts one response; then nothing more is read from the peer."""
        pump = self.login(3)
        self.assertEqual(pump.client.protocol.heard.count(b"UnauthorizedLogin"), 2)  # the type and the list
        self.base.wait(6)
        pump.pump()
        self.assertTrue(pump.client.lost)

    def test_guessesInOneBreath(self) -> None:
        """4.1: several challenges and responses in one write count as one attempt."""
        pump = self.login(0)
        pump.client.write(b"".join(call("login", b"bot1", request=n) for n in (2, 3)))
        pump.pump()
        guesses = [call("respond", b"?" * 16, [b"None"], request=3 + n, target=n) for n in (1, 2, 3)]
        pump.client.write(b"".join(guesses))
        pump.pump()
        events = [text for _, text in self.base.bot.slave_status.getEvents()]
        self.assertEqual(events, ["login from 10.0.0.1:7 refused: wrong password"])

    def test_guessWithoutAnAnswer(self) -> None:
        """A7: a wrong response without an answer is refused in one line, without a traceback."""
        setOthersAside(self)
        pump = self.login(0)
        pump.client.write(call("respond", b"?" * 16, [b"None"], request=2, target=1, answer=0))
        pump.pump()
        self.base.wait(6)
        pump.pump()
        self.assertTrue(pump.client.lost)
        gc.collect()  # an unhandled failure would be logged now
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_twoLogins(self) -> None:
        """H6: a connection accepts one login, even if two challenges are requested first."""
        self.base.use(config({"bot1": "sekrit", "bot2": "sekrit"}))
        server = self.base.factory.buildProtocol(IPv4Address("TCP", "10.0.0.1", 7))
        pump = Pump(server, Raw(), self.base.clock, 7)
        pump.client.write(HELLO + call("login", b"bot1", request=1) + call("login", b"bot2", request=2))
        pump.pump()
        decoder = Decoder(AFTER_LOGIN, vocabulary=True)
        answers = [each for each in decoder.decode(pump.client.protocol.heard[12:]) if each[0] == b"answer"]
        for number, answer in enumerate(answers, 1):
            _, challenge, _ = answer[2]
            proof = md5(md5(b"sekrit").digest() + challenge).digest()
            pump.client.write(call("respond", proof, [b"remote", 1], request=number + 2, target=number))
        pump.pump()
        self.assertTrue(pump.client.lost)
        assert isinstance(server, SlavePortBroker)
        self.assertEqual(server.name, "bot1")
        self.assertEqual(self.base.botmaster.slaves["bot2"].slave_status.getEvents(), [])

    def test_oddLogin(self) -> None:
        """A login without a name, or with extra arguments, ends the connection."""
        for message in (call("login"), call("login", b"bot1", b"more")):
            server = self.base.factory.buildProtocol(IPv4Address("TCP", "10.0.0.1", 7))
            pump = Pump(server, Raw(), self.base.clock, 7)
            pump.client.write(HELLO + message)
            pump.pump()
            self.assertTrue(pump.client.lost)

    def test_noLogin(self) -> None:
        """A peer that calls anything else before its login is disconnected."""
        server = self.base.factory.buildProtocol(IPv4Address("TCP", "10.0.0.1", 7))
        pump = Pump(server, Raw(), self.base.clock, 7)
        pump.client.write(HELLO + call("reboot"))
        pump.pump()
        self.assertTrue(pump.client.lost)

    def test_oddMind(self) -> None:
        """A login whose mind is no reference is not checked, and ends the connection."""
        pump = self.login(0)
        pump.client.write(call("respond", b"?" * 16, 5, request=2, target=1))
        pump.pump()
        self.assertTrue(pump.client.lost)
        self.assertEqual(self.base.bot.slave_status.getEvents(), [])

    def test_challengesDiffer(self) -> None:
        """Two logins of one name get different challenges."""
        self.assertNotEqual(self.login(0).client.protocol.heard, self.login(0).client.protocol.heard)

    def test_secondLogin(self) -> None:
        """A logged-in peer cannot log in again on the same connection."""
        slave = self.base.connect()
        slave.broker.factory._root.callRemote("login", b"bot1").addErrback(lambda why: None)
        self.base.settle()
        self.assertTrue(slave.pump.client.lost)
