# -*- test-case-name: tests.unit.control.test_server -*-
"""The master's side of its control socket: DIR/control.sock, one JSON line in, one out.

The commands are listed in L{buildbot.control.protocol}; the handlers do them. Whoever can open the socket
can use every command: its only protection is its mode (0600) and the mode of its directory. A client that
hangs, or asks and never reads, does not disturb the others.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack, suppress
from typing import Any

from twisted.application import service
from twisted.internet import defer, interfaces, protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.control.client import LONGEST, ControlError, NotRunning, ask, request, socketPath
from buildbot.control.protocol import BadRequest, Kind, understand
from buildbot.daemon.directory import SOCKET
from buildbot.events.alarm import Alarm
from buildbot.events.coroutines import returnsDeferred
from buildbot.events.eventual import eventual
from buildbot.files.plain import NotPlain

__all__ = ["ControlError", "ControlServer", "NotRunning", "ask", "request"]

Handler = Callable[..., object]
_Answer = Callable[[bytes, defer.Deferred[None]], Coroutine[defer.Deferred[object], object, bytes]]
#: A handler with this parameter gets a Deferred that fires if the client goes before the answer.
_HUNG_UP = "hungUp"

#: The most bytes of an answer. A request has at most LONGEST.
LARGEST = 1 << 24
#: The most clients. One more takes the place of the client that has been idle for longest.
MOST = 100
#: Seconds between two looks whether the socket is still there.
LOOK = 30.0
#: Seconds after which a client is cut that has sent half a request, or does not read its answer.
PATIENCE = 60.0


class ControlServer(service.Service):
    """I answer the commands that come through the control socket of one directory, as long as I run.

    The lock of the directory must be ours: a socket that is there already is taken for stale.
    """

    log = Logger()

    def __init__(
        self,
        basedir: str,
        handlers: Mapping[str, Handler],
        reactor: Any,
        commands: Mapping[str, Mapping[str, Kind]],
    ) -> None:
        """
        @param handlers: by command; called with the request's parameters as keywords. Each gives a
            JSON-able value, a Deferred or a coroutine of one, or raises L{ControlError}.
        @param reactor: an L{interfaces.IReactorUNIX} and L{interfaces.IReactorTime}.
        @param commands: the parameters of each command; what is not in there is refused.
        """
        self.basedir = os.path.abspath(basedir)
        self._handlers = handlers
        self._commands = commands
        self._reactor = reactor
        self._open: dict[_Conversation, None] = {}
        self._port: interfaces.IListeningPort | None = None
        self._path = ExitStack()
        self._name = ""
        self._inode: int | None = None
        self._alarm = Alarm(self._look)

    def startService(self) -> None:
        """Listen. Raises L{twisted.internet.error.CannotListenError} or OSError if that cannot be."""
        service.Service.startService(self)
        self._name = self._path.enter_context(socketPath(self.basedir))
        self._listen()
        self._alarm.set(self._reactor, LOOK)

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
        """Listen anew if somebody has deleted the socket: without it, no command reaches the master."""
        self._alarm.set(self._reactor, LOOK)
        with suppress(OSError):
            if self._inode is None or os.stat(self._name).st_ino == self._inode:
                return
        self.log.warn(
            "{path} was deleted or replaced: it is made anew", path=os.path.join(self.basedir, SOCKET)
        )
        defer.Deferred.fromCoroutine(self._listenAnew()).addErrback(
            lambda why: self.log.warn("the control socket cannot be made: {why}", why=why.getErrorMessage())
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
        """Tell all waiting clients that the master stops. Fires when the socket is gone."""
        service.Service.stopService(self)
        self._alarm.stop()
        port, self._port = self._port, None
        for conversation in list(self._open):
            conversation.giveUp("the master is stopping")
        try:
            if port is not None:
                await defer.maybeDeferred(port.stopListening)
        except FileNotFoundError:
            self.log.warn("somebody had removed the control socket of {basedir}", basedir=self.basedir)
        finally:
            self._path.close()

    async def answer(self, line: bytes, hungUp: defer.Deferred[None] | None = None) -> bytes:
        """The answer to one request, {"ok": value} or {"error": message} as JSON; never raises.

        @param hungUp: fires if the asker goes before the answer comes.
        """
        command: object = None
        try:
            command, params = understand(line, self._commands)
            handler = self._handlers[command]
            if _HUNG_UP in inspect.signature(handler).parameters:
                params[_HUNG_UP] = hungUp
            value = handler(**params)
            if inspect.iscoroutine(value):
                value = await value
            elif isinstance(value, defer.Deferred):
                value = await value
            said = _toJSON(ok=value)
        except (ControlError, BadRequest) as why:
            return _toJSON(error=str(why))
        except defer.CancelledError:
            return _toJSON(error="given up: whoever asked has gone")
        except PLUGIN_ERRORS:
            self.log.failure("control command {command} failed", command=command)
            return _toJSON(error="internal error, see twistd.log")
        if len(said) > LARGEST:
            return _toJSON(error=f"the answer has {len(said)} bytes, more than {LARGEST}: ask for less")
        return said


def _toJSON(**answer: object) -> bytes:
    return json.dumps(answer).encode("ascii")


class _Conversations(protocol.Factory):
    """I make a L{_Conversation} for each client."""

    noisy = False

    def __init__(self, answer: _Answer, all: dict[_Conversation, None], clock: Any) -> None:
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
    """I am one client: each of its lines is answered before the next one is looked at.

    While it does not read, nothing more is read from it.

    @ivar isBusy: whether a request is being worked on, or its answer is not read yet.
    """

    def __init__(self, answer: _Answer, all: dict[_Conversation, None], clock: Any) -> None:
        self._answer = answer
        self._all = all  # the one that has been idle for longest first
        self._clock = clock
        self._received = b""
        self._isAsking = False
        self._isFull = False
        self._isCalm = True
        self._deadline = Alarm(self._tooLate)
        self._hungUp: defer.Deferred[None] | None = None

    @property
    def isBusy(self) -> bool:
        """See above."""
        return self._isAsking or self._isFull

    @property
    def _wire(self) -> Any:
        return self.transport

    def connectionMade(self) -> None:
        """Stay, unless there are too many who are all busy."""
        if len(self._all) >= MOST:
            self.giveUp(f"{MOST} clients are connected and wait for answers: try again later")
            return
        self._all[self] = None
        self._wire.registerProducer(self, True)

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        """Forget it; what it has asked for is done all the same, unless the command wants to know."""
        self._all.pop(self, None)
        self._received = b""
        self._expect(False)
        hungUp, self._hungUp = self._hungUp, None
        if hungUp is not None:
            hungUp.callback(None)

    def dataReceived(self, data: bytes) -> None:
        """Some of a request, or of several."""
        if self in self._all:
            self._received += data
            self._next()

    def _next(self) -> None:
        """Answer what there is to answer, one request a turn of the reactor."""
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
            # Reading goes on while the answer is awaited: that is how a client that goes is noticed.
            if self._isFull or not self._isCalm or len(self._received) > LONGEST:
                self._wire.pauseProducing()
            else:
                self._wire.resumeProducing()
            self._expect(self._isFull or (bool(self._received) and not self._isAsking))

    def _calm(self) -> None:
        """Let others have their turn before the next request."""
        self._isCalm = False

        def go() -> None:
            self._isCalm = True
            self._next()

        eventual(self._clock, go)

    async def _converse(self, line: bytes) -> None:
        hungUp = self._hungUp = defer.Deferred()
        said = await self._answer(line, hungUp)
        self._hungUp = None
        self._isAsking = False
        if self in self._all:
            self._wire.write(said + b"\n")
            if self._isCalm:
                self._next()

    def _expect(self, isDue: bool) -> None:
        """Whether it is for the client to do something now, which has its time."""
        if not isDue:
            self._deadline.stop()
        elif not self._deadline.isSet:
            self._deadline.set(self._clock, PATIENCE)

    def _tooLate(self) -> None:
        self._all.pop(self, None)
        self._wire.abortConnection()

    def pauseProducing(self) -> None:
        """The client reads more slowly than it asks."""
        self._isFull = True
        self._next()

    def resumeProducing(self) -> None:
        """It has read."""
        self._isFull = False
        self._next()

    def stopProducing(self) -> None:
        """It is gone."""

    def giveUp(self, reason: str) -> None:
        """Give the client this last answer and hang up."""
        if self in self._all:
            del self._all[self]
            self._wire.unregisterProducer()
        self._wire.write(_toJSON(error=reason) + b"\n")
        self._wire.loseConnection()
        self._expect(False)
        self._expect(True)  # it is to read that
