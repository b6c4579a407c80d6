"""Fake slaves of each generation. On request they hang, break, refuse or drop the connection.

A FakeSlave is a real PB client: Twisted's own broker on the far side of a L{tests.pumped.Pump}, with the
methods of a generation of slaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.spread import pb

from tests.pumped import Pump

COMMANDS = ("shell", "uploadFile", "downloadFile")
HANG = object()
DROP = object()


@dataclass(frozen=True)
class Kind:
    """The methods and properties of a generation of slaves."""

    command: str
    python: int
    methods: tuple[str, ...]
    version: str | None = None


_SLAVE = ("print", "getSlaveInfo", "getCommands", "getVersion", "setBuilderList")
_WORKER = ("print", "getWorkerInfo", "getCommands", "getVersion", "setBuilderList")
KINDS: Mapping[str, Kind] = {
    "0.5": Kind("", 2, ("print", "getSlaveInfo", "setBuilderList")),
    "0.7.5": Kind("2.2", 2, ("print", "getSlaveInfo", "getCommands", "setBuilderList")),
    "0.7.12": Kind("2.9", 2, _SLAVE, "0.7.12"),
    "0.8.14": Kind("2.16", 2, _SLAVE, "0.8.14"),
    "w0.9": Kind("3.1", 2, _WORKER, "0.9.15"),
    "w4.3": Kind("3.3", 3, _WORKER, "4.3.0"),
}


class Trouble(Exception):
    """The exception of a fake slave that is told to raise."""


class QuietBroker(pb.Broker):
    """I send the errors of a fake slave without logging them."""

    def _sendFailure(self, fail: Failure, requestID: int) -> None:
        self._sendError(fail, requestID)


class Python2Broker(QuietBroker):
    """I send like a slave on Python 2: all text as bytes, also keys and errors."""

    def serialize(self, object: Any, *args: Any, **kw: Any) -> Any:
        if isinstance(object, Deferred):
            return object.addCallback(self.serialize)
        return _asPython2(super().serialize(object, *args, **kw))


def _asPython2(sexp: Any) -> Any:
    if not isinstance(sexp, (list, tuple)):
        return sexp
    if len(sexp) == 2 and sexp[0] == b"unicode":
        return sexp[1]
    return [_asPython2(part) for part in sexp]


class _SlaveBuilder(pb.Referenceable):
    def __init__(self, name: str, slave: FakeSlave) -> None:
        self.name = name
        self.slave = slave
        self.master: Any = None
        self.running: Any = None

    def remote_setMaster(self, master: Any) -> None:
        self.master = master
        self.slave.heard.append(("setMaster", self.name))

    def remote_print(self, message: Any) -> None:
        self.slave.heard.append(("print", message))

    def remote_startBuild(self) -> None:
        self.slave.heard.append(("startBuild", self.name))

    def remote_startCommand(self, reference: Any, stepId: Any, name: Any, args: Any) -> Any:
        behaviour = self.slave.trouble.get("startCommand")
        if behaviour is HANG:
            return Deferred()
        if isinstance(behaviour, Deferred):
            return behaviour
        if behaviour is DROP:
            self.slave.broker.transport.abortConnection()
            return None
        if isinstance(behaviour, Exception):
            return fail(behaviour)
        command = FakeCommand(self.slave, self.name, reference, name, args)
        self.slave.commands.append(command)
        self.running = command
        self.slave.onCommand(command)
        return None

    def remote_interruptCommand(self, stepId: Any, why: Any) -> None:
        self.running.interrupted = why
        self.slave.onInterrupt(self.running)


class FakeCommand:
    """I am a running command of a fake slave; the test controls me.

    @ivar args: as received.
    @ivar interrupted: the reason of an interrupt, if there was one.
    """

    def __init__(self, slave: FakeSlave, builder: str, reference: Any, name: Any, args: Any) -> None:
        self.slave = slave
        self.builder = builder
        self.reference = reference
        self.name = name
        self.args = args
        self.interrupted: Any = None

    def update(self, **updates: Any) -> None:
        """Send updates, in order."""
        for key, value in updates.items():
            said = {self.slave.text(key): self.slave.text(value) if isinstance(value, str) else value}
            self._call("update", [[said, 0]])

    def complete(self, failure: Exception | None = None) -> None:
        """End the command."""
        self._call("complete", None if failure is None else pb.CopyableFailure(failure))

    def end(self, rc: int = 0, **updates: Any) -> None:
        """Send some last updates, the exit status, and the completion."""
        self.update(**updates, rc=rc)
        self.complete()

    def _call(self, name: str, value: Any) -> None:
        try:
            self.reference.callRemote(name, value).addErrback(self.slave.complaints.append)
        except pb.DeadReferenceError:
            pass


class _Bot(pb.Referenceable):
    def __init__(self, slave: FakeSlave) -> None:
        self.slave = slave

    def remoteMessageReceived(self, broker: Any, message: str, args: Any, kw: Any) -> Any:
        slave = self.slave
        if message not in slave.methods:
            return broker.serialize(fail(pb.NoSuchMethod(f"No such method: remote_{message}")))
        positional = broker.unserialize(args)
        slave.heard.append((message, *positional))
        behaviour = slave.trouble.get(message)
        if isinstance(behaviour, Exception):
            return broker.serialize(fail(behaviour))
        if behaviour is HANG:
            return Deferred()
        if behaviour is DROP:
            slave.broker.transport.abortConnection()
            return broker.serialize(None)
        if callable(behaviour):
            return broker.serialize(behaviour(*positional))
        return broker.serialize(getattr(slave, f"answer_{message}")(*positional))


class FakeSlave:
    """I am a slave of a given generation.

    @ivar trouble: method -> HANG, DROP, an exception to raise, or a function that makes the answer.
    @ivar heard: the received calls, in order, with their arguments.
    @ivar perspective: the result of the login; C{error} if it failed.
    """

    def __init__(
        self,
        kind: str = "0.7.12",
        name: str = "bot1",
        password: str = "sekrit",
        trouble: Mapping[str, Any] | None = None,
        without: tuple[str, ...] = (),
        info: Mapping[Any, Any] | None = None,
        onCommand: Any = None,
    ) -> None:
        self.kind = KINDS[kind]
        self.name = name
        self.password = password
        self.trouble = dict(trouble or {})
        self.methods = set(self.kind.methods) - set(without)
        self.info = dict(info if info is not None else {"admin": "me\n", "host": "here\n"})
        self.heard: list[tuple[Any, ...]] = []
        self.commands: list[FakeCommand] = []
        self.complaints: list[Any] = []
        self.onCommand: Any = onCommand or (lambda command: None)
        self.onInterrupt: Any = lambda command: None
        self.builders: dict[Any, _SlaveBuilder] = {}
        self.perspective: Any = None
        self.error: Failure | None = None
        self.broker: Any = None
        self.pump: Pump

    def text(self, value: str) -> str | bytes:
        return value.encode() if self.kind.python == 2 else value

    def connect(self, factory: Any, clock: Clock, port: int = 50000, login: bool = True) -> Pump:
        """Connect to a server factory and log in. The test must pump the returned Pump."""
        client = pb.PBClientFactory()
        client.protocol = Python2Broker if self.kind.python == 2 else QuietBroker
        server = factory.buildProtocol(IPv4Address("TCP", "10.0.0.1", port))
        self.broker = client.buildProtocol(None)
        if login:
            credentials = UsernamePassword(self.name.encode(), self.password.encode())
            client.login(credentials, _Bot(self)).addCallbacks(self._gotPerspective, self._failed)
        self.pump = Pump(server, self.broker, clock, port)
        return self.pump

    def _gotPerspective(self, perspective: Any) -> None:
        self.perspective = perspective

    def _failed(self, why: Failure) -> None:
        self.error = why

    @property
    def called(self) -> list[str]:
        """The names of the received calls."""
        return [call[0] for call in self.heard]

    def answer_print(self, message: Any) -> None:
        return None

    def _words(self, values: Mapping[Any, Any]) -> dict[Any, Any]:
        return {
            self.text(k) if isinstance(k, str) else k: self.text(v) if isinstance(v, str) else v
            for k, v in values.items()
        }

    def answer_getSlaveInfo(self) -> dict[Any, Any]:
        return self._words(self.info)

    answer_getWorkerInfo = answer_getSlaveInfo

    def answer_getCommands(self) -> dict[Any, Any]:
        return self._words({name: self.kind.command for name in COMMANDS})

    def answer_getVersion(self) -> str | bytes:
        return self.text(self.kind.version or "")

    def answer_setBuilderList(self, wanted: Any) -> dict[Any, Any]:
        names = [name for name, _ in wanted]
        for name in [name for name in self.builders if name not in names]:
            del self.builders[name]
        for name in names:
            self.builders.setdefault(name, _SlaveBuilder(name, self))
        return dict(self.builders)
