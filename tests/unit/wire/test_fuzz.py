"""H7: any call or answer of a peer costs at most one line and its connection, without a traceback.

Every method that a peer can reach is called over pumped brokers with values from hypothesis. A traceback in
the log would show a case that our code does not handle.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies
from twisted.internet.address import IPv4Address
from twisted.internet.defer import ensureDeferred
from twisted.internet.protocol import Protocol
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from buildbot.changes.pb import ChangePerspective
from buildbot.control.debug import DebugPerspective
from buildbot.process.buildfactory import BuildFactory
from buildbot.steps.shell import SetProperty, ShellCommand
from buildbot.steps.transfer import DirectoryUpload, FileDownload, FileUpload
from buildbot.wire.banana import BananaError
from buildbot.wire.broker import SlavePortBroker
from buildbot.wire.encoding import encode
from tests.examples import examples
from tests.fakes import FakeSlave, QuietBroker, _SlaveBuilder
from tests.loglisteners import hearLog
from tests.pumped import Pump
from tests.unit.control.test_debug import FakeMaster
from tests.unit.process.test_builds import BuildCase

HELLO = encode(b"pb", vocabulary=False) + encode([b"version", 6])
#: The number of calls of each kind; C{BUILDBOT_TEST_SEQUENCES} in the environment sets another one.
MANY = examples(40)
CALLS = settings(
    max_examples=MANY, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

# ---- values from peers

_NAMES = (
    b"stdout",
    b"stderr",
    b"header",
    b"log",
    b"rc",
    b"who",
    b"files",
    b"comments",
    b"when",
    b"properties",
    b"type",
)
_NUMBERS = (0, 1, -1, 2**31, -(2**400), 1e308, float("inf"), float("nan"), 256, 0o644)
_ATOMS: tuple[Any, ...] = (
    *_NAMES,
    *_NUMBERS,
    b"",
    b"\xff\xfe\x00\n\x1b[31m",
    b"../../etc/passwd",
    b"x" * 5000,
    [b"None"],
    [b"boolean", b"true"],
    [b"unicode", b""],
    [b"unicode", b"full"],
    [b"unicode", b"\xf0\x9f\x90\x8d {who} %s \r\n"],
    [b"remote", 1],
    [b"local", 1],
    [b"local", 2],
)
_KEYS = strategies.sampled_from((*_NAMES, *([b"unicode", name] for name in _NAMES), b"\xff", [b"None"]))


def _containers(inner: strategies.SearchStrategy[Any]) -> strategies.SearchStrategy[Any]:
    some = strategies.lists(inner, max_size=4)
    kind = strategies.sampled_from((b"list", b"tuple", b"set", b"nonsense"))
    listed = strategies.builds(lambda kind, items: [kind, *items], kind, some)
    pairs = strategies.lists(strategies.tuples(_KEYS, inner).map(list), max_size=4)
    table = pairs.map(lambda items: [b"dictionary", *items])
    failure = table.map(lambda state: [b"twisted.spread.pb.CopyableFailure", state])
    return listed | table | failure


#: Values on the wire, most of them valid.
VALUES = strategies.recursive(strategies.sampled_from(_ATOMS), _containers, max_leaves=8)
#: Updates with any values.
UPDATES = strategies.lists(
    strategies.tuples(_KEYS, VALUES).map(lambda pair: [b"list", [b"dictionary", list(pair)], 0]), max_size=3
).map(lambda updates: [b"list", *updates])
ARGUMENTS = strategies.lists(VALUES, max_size=4) | UPDATES.map(lambda updates: [updates])
KEYWORDS = strategies.lists(strategies.tuples(_KEYS, VALUES).map(list), max_size=2)


#: Replaces the number of the called object until that is known.
TARGET = 7_777_777


def call(target: Any, method: bytes, arguments: list[Any], keywords: list[Any], answer: int = 1) -> bytes:
    """Encode a call; empty if it cannot be encoded."""
    message = [b"message", 99, target, method, answer, [b"tuple", *arguments], [b"dictionary", *keywords]]
    try:
        return encode(message)
    except BananaError:
        return b""


class Raw(Protocol):
    """A peer that sends given bytes."""

    def dataReceived(self, data: bytes) -> None:
        pass


def _forgiving(method: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any) -> None:
        try:
            method(*args)
        except (KeyError, pb.ProtocolError):
            pass

    return called


class FuzzCase(BuildCase):
    """A master with all objects that a peer can call, and a check of its log."""

    def setUp(self) -> None:
        super().setUp()
        self.errors: list[Any] = []
        hearLog(self, self.observe)

    def connect(self, *args: Any, **kw: Any) -> FakeSlave:
        """Connect a slave that ignores invalid answers and invalid releases."""
        slave = super().connect(*args, **kw)
        slave.methods.add("shutdown")
        slave.trouble.setdefault("shutdown", lambda: None)
        for name in ("proto_answer", "proto_error", "proto_decref"):
            setattr(slave.broker, name, _forgiving(getattr(slave.broker, name)))
        return slave

    def observe(self, event: Any) -> None:
        if event.get("log_failure") is not None:
            self.errors.append(event)

    def assertNoTraceback(self, what: object) -> None:
        gc.collect(0)  # unhandled failures would be logged now
        flushed = self.flushLoggedErrors()
        if self.errors or flushed:
            failure = self.errors[0]["log_failure"] if self.errors else flushed[0]
            self.errors.clear()
            self.fail(f"{what!r}:\n{failure.getTraceback()}")

    def leave(self) -> None:
        """Disconnect all peers and end their commands."""
        for slave in self.slaves:
            slave.broker.transport.abortConnection()
        self.settle()
        self.slaves.clear()
        for builder in self.botmaster.builders.values():
            ensureDeferred(builder.cancelPending(list(builder.pending)))
        self.wait(70, step=35)

    def factoryOf(self, step: Callable[[], Any]) -> BuildFactory:
        factory = BuildFactory()
        factory.addStep(step())
        return factory

    def playWith(self, key: str | None, data: bytes) -> None:
        """Run a step on a slave, and send it C{data}.

        The target is the object in the argument C{key} of the step's command, or the command itself. Then the
        command ends.
        """
        known = dict.fromkeys(("shell", "uploadFile", "uploadDirectory", "downloadFile"), "3.3")
        slave = self.connect("w4.3", trouble={"getCommands": lambda: known})
        self.force()
        command = slave.commands[-1]
        target = command.reference if key is None else command.args[key]
        try:
            slave.broker.transport.write(data.replace(encode(TARGET), encode(target.luid)))
            self.settle()
            self.wait(2)
            if not slave.pump.client.lost:
                command.end(1)
                self.settle()
        finally:
            self.leave()


class BeforeLoginTests(FuzzCase):
    """Calls before login."""

    def say(self, data: bytes) -> None:
        server = self.factory.buildProtocol(IPv4Address("TCP", "10.0.0.1", 7))
        pump = Pump(server, Raw(), self.clock, 7)
        pump.client.write(HELLO + data)
        pump.pump()
        pump.client.abortConnection()
        pump.pump()
        self.wait(10, step=5)

    def test_login(self) -> None:
        """H7: a login with any name and any response to the challenge."""

        @CALLS
        @given(ARGUMENTS, ARGUMENTS, KEYWORDS, strategies.booleans())
        def check(names: list[Any], answers: list[Any], keywords: list[Any], honest: bool) -> None:
            login = call(b"root", b"login", [b"bot1"] if honest else names, [])
            self.say(login + call(1, b"respond", answers, keywords))
            self.assertNoTraceback((names, answers, keywords))

        check()


class SlaveTests(FuzzCase):
    """Calls of a logged-in slave."""

    def test_perspective(self) -> None:
        """H7: a slave calls its perspective and its master object with any values."""
        methods = strategies.sampled_from((b"keepalive", b"shutdown", b"update", b"__init__", b"\xff\x00"))

        @CALLS
        @given(methods, strategies.integers(0, 4), ARGUMENTS, KEYWORDS, strategies.integers(0, 1))
        def check(method: bytes, target: int, arguments: list[Any], keywords: list[Any], answer: int) -> None:
            slave = self.connect()
            slave.broker.transport.write(call(target, method, arguments, keywords, answer))
            self.settle()
            self.leave()
            self.assertNoTraceback((method, target, arguments, keywords))

        check()

    def test_answers(self) -> None:
        """H7: a slave answers its calls with any value or error."""
        calls = ("print", "getSlaveInfo", "getCommands", "getVersion", "setBuilderList", "startCommand")

        @CALLS
        @given(strategies.sampled_from(calls), VALUES, strategies.booleans())
        def check(asked: str, answer: Any, isError: bool) -> None:
            slave = self.connect("0.7.12", trouble={asked: lambda *args: Raised(answer, isError)})
            self.settle()
            self.wait(1)
            self.assertNoTraceback((asked, answer, isError))
            if not slave.pump.client.lost:
                self.force()
            self.leave()
            self.assertNoTraceback((asked, answer, isError))

        class Raised:
            """An exception that is sent with generated attributes."""

            def __init__(self, answer: Any, isError: bool) -> None:
                self.answer = answer
                self.isError = isError

        serialize, sendAnswer = QuietBroker.serialize, QuietBroker._sendAnswer

        def raw(broker: Any, value: Any, *args: Any, **kw: Any) -> Any:
            return value if isinstance(value, Raised) else serialize(broker, value, *args, **kw)

        def answered(broker: Any, result: Any, requestID: int) -> None:
            if not isinstance(result, Raised):
                sendAnswer(broker, result, requestID)
                return
            kind = b"error" if result.isError else b"answer"
            broker.transport.write(encode([kind, requestID, result.answer]))

        def startCommand(builder: Any, *args: Any) -> Any:
            made = builder.slave.trouble.get("startCommand")
            return made() if made is not None else None

        self.patch(_SlaveBuilder, "remote_startCommand", startCommand)
        self.patch(QuietBroker, "serialize", raw)
        self.patch(QuietBroker, "_sendAnswer", answered)
        check()

    def test_commands(self) -> None:
        """H7: a slave sends any updates of a running command."""
        steps: tuple[Callable[[], Any], ...] = (
            lambda: ShellCommand(command=["true"], logfiles={"log": "log"}),
            lambda: SetProperty(command=["true"], property="p"),
        )
        methods = strategies.sampled_from((b"update", b"complete", b"nonsense"))

        @CALLS
        @given(strategies.sampled_from((0, 1)), methods, ARGUMENTS, KEYWORDS)
        def check(step: int, method: bytes, arguments: list[Any], keywords: list[Any]) -> None:
            self.configure(self.factoryOf(steps[step]))
            self.playWith(None, call(TARGET, method, arguments, keywords))
            self.assertNoTraceback((step, method, arguments, keywords))

        check()

    def test_transfers(self) -> None:
        """H7: a slave sends any calls to the objects of a transfer."""
        path = self.mktemp()
        steps: dict[str, Callable[[], Any]] = {
            "writer": lambda: FileUpload(slavesrc="a", masterdest=path),
            "directory": lambda: DirectoryUpload(slavesrc="a", masterdest=path + "-d"),
            "reader": lambda: FileDownload(mastersrc=__file__, slavedest="b"),
        }
        methods = strategies.sampled_from((b"write", b"read", b"close", b"utime", b"unpack", b"nonsense"))

        @CALLS
        @given(strategies.sampled_from(sorted(steps)), methods, ARGUMENTS, KEYWORDS)
        def check(kind: str, method: bytes, arguments: list[Any], keywords: list[Any]) -> None:
            self.configure(self.factoryOf(steps[kind]))
            key = "reader" if kind == "reader" else "writer"
            self.playWith(key, call(TARGET, method, arguments, keywords))
            self.assertNoTraceback((kind, method, arguments, keywords))

        check()


class ClientTests(FuzzCase):
    """Calls of accounts that are not slaves."""

    def say(self, name: str, perspective: Any, data: bytes) -> None:
        """Send a call of a logged-in client."""
        server = self.factory.buildProtocol(IPv4Address("TCP", "10.0.0.1", 7))
        pump = Pump(server, Raw(), self.clock, 7)
        pump.client.write(HELLO)
        pump.pump()
        assert isinstance(server, SlavePortBroker)
        server.admitPeer(name)
        server.closeRoot()
        server.setNameForLocal(b"here", Here(perspective))
        pump.client.write(data)
        pump.pump()
        self.clock.advance(2)
        pump.client.abortConnection()
        pump.pump()

    def test_change(self) -> None:
        """H7: a client sends any value as a change."""

        class Keeper:
            async def addChange(self, change: Any) -> None:
                repr(change)

        perspective = ChangePerspective(Keeper(), None)
        fields = [*_NAMES, b"branch", b"revision", b"links", b"category", b"project", b"isdir", b"revlink"]
        table = strategies.fixed_dictionaries(
            {b"who": VALUES, b"files": VALUES, b"comments": VALUES},
            optional={name: VALUES for name in fields if name not in (b"who", b"files", b"comments")},
        ).map(lambda said: [[b"dictionary", *map(list, said.items())]])

        @CALLS
        @given(ARGUMENTS | table, KEYWORDS)
        def check(arguments: list[Any], keywords: list[Any]) -> None:
            self.say("change", perspective, call(b"here", b"addChange", arguments, keywords))
            self.assertNoTraceback((arguments, keywords))

        check()

    def test_debug(self) -> None:
        """H7: a debug client calls its methods with any values."""
        perspective = DebugPerspective(FakeMaster(self.botmaster))
        methods = strategies.sampled_from(
            (b"print", b"requestBuild", b"pingBuilder", b"fakeChange", b"messageReceived")
        )
        builder = strategies.sampled_from([[[b"unicode", b"full"]], [b"full"], []])

        @CALLS
        @given(methods, builder, ARGUMENTS, KEYWORDS)
        def check(method: bytes, first: list[Any], rest: list[Any], keywords: list[Any]) -> None:
            self.say("debug", perspective, call(b"here", method, [*first, *rest], keywords))
            self.assertNoTraceback((method, first, rest, keywords))

        check()


class Here:
    """The name of the perspective on the wire."""

    def __init__(self, perspective: Any) -> None:
        self.perspective = perspective

    def remoteMessageReceived(self, broker: Any, message: str, args: Any, kw: Any) -> Any:
        return self.perspective.perspectiveMessageReceived(broker, message, args, kw)


class MeansTests(SynchronousTestCase):
    """The helpers of these tests."""

    def test_targetIsFound(self) -> None:
        """The placeholder of the target is found and replaced in the encoded bytes."""
        self.assertIn(encode(TARGET), call(TARGET, b"update", [], []))
