# -*- test-case-name: tests.unit.control.test_server -*-
"""The master's side of its control socket: DIR/control.sock, one JSON line in, one out.

L{buildbot.control.protocol} lists the commands; handlers carry them out. Every user who can open the socket
can use every command: only its mode (0600) and the mode of its directory protect it. A client that hangs, or
does not read its answers, does not disturb other clients.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack, suppress
from typing import Any, cast

from twisted.application import service
from twisted.internet import defer, interfaces, protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.control.audit import Audit, By
from buildbot.control.client import LONGEST, ControlError, NotRunning, ask, request, socketPath
from buildbot.control.protocol import BadRequest, Kind, understand
from buildbot.control.recording import SOCKET as BY_SOCKET
from buildbot.control.recording import peerOf, recordOf
from buildbot.daemon.directory import SOCKET
from buildbot.events.alarm import Alarm
from buildbot.events.coroutines import returnsDeferred
from buildbot.events.eventual import eventual
from buildbot.events.reactors import SocketReactor, Timers
from buildbot.files.plain import NotPlain

__all__ = ["ControlError", "ControlServer", "NotRunning", "ask", "request"]

Handler = Callable[..., object]
_Answer = Callable[[bytes, defer.Deferred[None], By], Coroutine[defer.Deferred[object], object, bytes]]
#: A handler with this parameter gets a Deferred that fires if the client disconnects before the answer.
_HUNG_UP = "hungUp"

#: A client whose user is not known.
_UNKNOWN = By("", BY_SOCKET)

#: The most bytes of an answer. A request has at most LONGEST.
LARGEST = 1 << 24
#: The most clients. A further client replaces the one that has been idle for the longest time.
MOST = 100
#: Seconds between two checks that the socket still exists.
LOOK = 30.0
#: Seconds until a client with an incomplete request, or an unread answer, is disconnected.
PATIENCE = 60.0


class ControlServer(service.Service):
    """While I run, I answer the commands on the control socket of one directory.

    This process must hold the lock of the directory: an existing socket is treated as stale and replaced.
    """

    log = Logger()

    def __init__(
        self,
        basedir: str,
        handlers: Mapping[str, Handler],
        reactor: SocketReactor,
        commands: Mapping[str, Mapping[str, Kind]],
        audit: Audit | None = None,
    ) -> None:
        """@param handlers: by command; called with the request's parameters as keywords. Each returns a
            JSON-able value, or a Deferred or coroutine of one, or raises L{ControlError}.
        @param reactor: has timers and Unix sockets.
        @param commands: the parameters of each command; other commands and parameters are refused.
        @param audit: records the actions; None: they are not recorded.
        """
        self.basedir = os.path.abspath(basedir)
        self._handlers = handlers
        self._commands = commands
        self._audit = audit
        self._reactor = reactor
        self._open: dict[_Conversation, None] = {}
        self._port: interfaces.IListeningPort | None = None
        self._path = ExitStack()
        self._name = ""
        self._inode: int | None = None
        self._checks = LoopingCall(self._look)
        self._checks.clock = cast(interfaces.IReactorTime, reactor)

    def startService(self) -> None:
        """Create the socket and listen. Raises L{twisted.internet.error.CannotListenError} or OSError."""
        service.Service.startService(self)
        self._name = self._path.enter_context(socketPath(self.basedir))
        self._listen()
        self._checks.start(LOOK, now=False)

    def _listen(self) -> None:
        path = self._name
        if os.path.isdir(path) and not os.path.islink(path):
            raise NotPlain("a directory", os.path.join(self.basedir, SOCKET))
        with suppress(FileNotFoundError):
            os.unlink(path)
        factory = _Conversations(self.answer, self._open, self._reactor)
        # The umask protects the socket between bind and chmod.
        umask = os.umask(0o177)
        try:
            self._port = self._reactor.listenUNIX(path, factory, mode=0o600)
        finally:
            os.umask(umask)
        with suppress(OSError):
            self._inode = os.stat(path).st_ino

    def _look(self) -> None:
        """Create the socket again if it was deleted: without it, no command reaches the master."""
        with suppress(OSError):
            if self._inode is None or os.stat(self._name).st_ino == self._inode:
                return
        self.log.warn(
            "{path} was deleted or replaced: creating it again", path=os.path.join(self.basedir, SOCKET)
        )
        defer.Deferred.fromCoroutine(self._listenAnew()).addErrback(
            lambda why: self.log.warn("cannot create the control socket: {why}", why=why.getErrorMessage())
        )

    async def _listenAnew(self) -> None:
        port, self._port = self._port, None
        if not os.path.lexists(self._name):
            os.close(os.open(self._name, os.O_CREAT | os.O_CLOEXEC, 0o600))  # closing a port removes this
        if port is not None:
            await defer.maybeDeferred(port.stopListening)
        if self.running:
            self._listen()

    @returnsDeferred
    async def stopService(self) -> None:
        """Answer all waiting clients that the master is stopping. Fires when the socket is removed."""
        service.Service.stopService(self)
        if self._checks.running:
            self._checks.stop()
        port, self._port = self._port, None
        for conversation in list(self._open):
            conversation.giveUp("the master is stopping")
        try:
            if port is not None:
                await defer.maybeDeferred(port.stopListening)
        except FileNotFoundError:
            self.log.warn("the control socket of {basedir} was already deleted", basedir=self.basedir)
        finally:
            self._path.close()

    async def answer(
        self, line: bytes, hungUp: defer.Deferred[None] | None = None, by: By = _UNKNOWN
    ) -> bytes:
        """The answer to one request, {"ok": value} or {"error": message} as JSON; never raises.

        @param hungUp: fires if the client disconnects before the answer.
        @param by: the user at the other end.
        """
        command: object = None
        try:
            command, params = understand(line, self._commands)
            said = _toJSON(ok=await self._recorded(command, params, hungUp, by))
        except (ControlError, BadRequest) as why:
            return _toJSON(error=str(why))
        except defer.CancelledError:
            return _toJSON(error="cancelled: the client has disconnected")
        except PLUGIN_ERRORS:
            self.log.failure("control command {command} failed", command=command)
            return _toJSON(error="internal error, see twistd.log")
        if len(said) > LARGEST:
            return _toJSON(error=f"the answer has {len(said)} bytes, more than {LARGEST}: ask for less")
        return said

    async def _recorded(
        self, command: str, params: dict[str, Any], hungUp: defer.Deferred[None] | None, by: By
    ) -> object:
        """Carry out a command, and record it if it is an action."""
        record = recordOf(command, params)
        work = self._carriedOut(self._handlers[command], params, hungUp)
        if record is None or self._audit is None:
            return await work
        return await self._audit.carriedOut(by, record.action, record.subject, work, record.detail)

    async def _carriedOut(
        self, handler: Handler, params: dict[str, Any], hungUp: defer.Deferred[None] | None
    ) -> object:
        if _HUNG_UP in inspect.signature(handler).parameters:
            params = {**params, _HUNG_UP: hungUp}
        value = handler(**params)
        if inspect.iscoroutine(value):
            value = await value
        elif isinstance(value, defer.Deferred):
            value = await value
        return value


def _toJSON(**answer: object) -> bytes:
    return json.dumps(answer).encode("ascii")


class _Conversations(protocol.Factory):
    """I make a L{_Conversation} for each client."""

    noisy = False

    def __init__(self, answer: _Answer, all: dict[_Conversation, None], clock: Timers) -> None:
        self._answer = answer
        self._all = all
        self._clock = clock

    def logPrefix(self) -> str:
        return "control socket"

    def buildProtocol(self, addr: interfaces.IAddress | None) -> _Conversation:
        if len(self._all) >= MOST:
            idle = next((each for each in self._all if not each.isBusy), None)
            if idle is not None:
                idle.giveUp(f"more than {MOST} clients are connected, and this one has been idle for longest")
        return _Conversation(self._answer, self._all, self._clock)


@implementer(interfaces.IPushProducer)
class _Conversation(protocol.Protocol):
    """I am the connection of one client. I answer each request before I parse the next one.

    While the client does not read its answers, I do not read from it.

    @ivar isBusy: True while a request is carried out, or its answer is not read yet.
    """

    def __init__(self, answer: _Answer, all: dict[_Conversation, None], clock: Timers) -> None:
        self._answer = answer
        self._all = all  # the client with the longest idle time first
        self._clock = clock
        self._received = b""
        self._isAsking = False
        self._isFull = False
        self._isCalm = True
        self._deadline = Alarm(self._tooLate)
        self._hungUp: defer.Deferred[None] | None = None
        self._by = _UNKNOWN

    @property
    def isBusy(self) -> bool:
        """See the class."""
        return self._isAsking or self._isFull

    @property
    def _wire(self) -> Any:
        return self.transport

    def connectionMade(self) -> None:
        """Register the client. If MOST clients are all busy, refuse it."""
        if len(self._all) >= MOST:
            self.giveUp(f"{MOST} clients are connected and wait for answers: try again later")
            return
        self._all[self] = None
        self._by = peerOf(self.transport)
        self._wire.registerProducer(self, True)

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        """Forget the client. Its command continues, unless its handler takes C{hungUp}."""
        self._all.pop(self, None)
        self._received = b""
        self._expect(False)
        hungUp, self._hungUp = self._hungUp, None
        if hungUp is not None:
            hungUp.callback(None)

    def dataReceived(self, data: bytes) -> None:
        """Add received bytes, and answer the complete requests."""
        if self in self._all:
            self._received += data
            self._next()

    def _next(self) -> None:
        """Answer the received requests, one per reactor turn."""
        if self in self._all and not self.isBusy and self._isCalm:
            line, newline, rest = self._received.partition(b"\n")
            if len(line) > LONGEST:
                self.giveUp(f"a request has at most {LONGEST} bytes")
                return
            if newline:
                self._received = rest
                self._isAsking = True
                self._all.pop(self)
                self._all[self] = None
                self._calm()
                defer.Deferred.fromCoroutine(self._converse(line))
        if self in self._all:
            # Go on reading while the answer is awaited, to notice a disconnect.
            if self._isFull or not self._isCalm or len(self._received) > LONGEST:
                self._wire.pauseProducing()
            else:
                self._wire.resumeProducing()
            self._expect(self._isFull or (bool(self._received) and not self._isAsking))

    def _calm(self) -> None:
        """Delay the next request by one reactor turn, for the other clients."""
        self._isCalm = False

        def go() -> None:
            self._isCalm = True
            self._next()

        eventual(self._clock, go)

    async def _converse(self, line: bytes) -> None:
        hungUp = self._hungUp = defer.Deferred()
        said = await self._answer(line, hungUp, self._by)
        self._hungUp = None
        self._isAsking = False
        if self in self._all:
            self._wire.write(said + b"\n")
            if self._isCalm:
                self._next()

    def _expect(self, isDue: bool) -> None:
        """Start the time limit of the client if C{isDue}, else stop it."""
        if not isDue:
            self._deadline.stop()
        elif not self._deadline.isSet:
            self._deadline.set(self._clock, PATIENCE)

    def _tooLate(self) -> None:
        self._all.pop(self, None)
        self._wire.abortConnection()

    def pauseProducing(self) -> None:
        """Stop reading: the client does not read its answers."""
        self._isFull = True
        self._next()

    def resumeProducing(self) -> None:
        """Go on: the client has read its answers."""
        self._isFull = False
        self._next()

    def stopProducing(self) -> None:
        """Do nothing: L{connectionLost} follows."""

    def giveUp(self, reason: str) -> None:
        """Send an error as the last answer, and disconnect."""
        if self in self._all:
            del self._all[self]
            self._wire.unregisterProducer()
        self._wire.write(_toJSON(error=reason) + b"\n")
        self._wire.loseConnection()
        self._expect(False)
        self._expect(True)  # it has PATIENCE seconds to read the answer
