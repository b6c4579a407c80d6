# -*- test-case-name: tests.test_daemon_control -*-
"""The master's side of its control socket: DIR/control.sock, one JSON line in, one out.

What the commands are and do is for the handlers to know. Whoever may open the socket may say
everything; its mode (0600) and that of its directory are all the protection there is.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack

from twisted.application import service
from twisted.internet import defer, interfaces, protocol
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from buildbot.daemon.asking import ControlError, NotRunning, ask, request, socketPath

__all__ = ["ControlError", "ControlServer", "NotRunning", "ask", "request"]

Handler = Callable[..., object]
_Answer = Callable[[bytes], Coroutine[defer.Deferred[object], object, bytes]]


class ControlServer(service.Service):
    """I answer the commands that come through the control socket of one directory, as long as I run.

    The lock of the directory must be ours: a socket that is there already is taken for stale.
    """

    log = Logger()

    def __init__(
        self, basedir: str, handlers: Mapping[str, Handler], reactor: interfaces.IReactorUNIX
    ) -> None:
        """
        @param handlers: by command; called with the request's parameters as keywords. Each gives a
            JSON-able value, a Deferred or a coroutine of one, or raises L{ControlError}.
        """
        self.basedir = os.path.abspath(basedir)
        self._handlers = handlers
        self._reactor = reactor
        self._open: set[_Conversation] = set()
        self._port: interfaces.IListeningPort | None = None
        self._path = ExitStack()

    def startService(self) -> None:
        """Listen. Raises L{twisted.internet.error.CannotListenError} or OSError if that cannot be."""
        service.Service.startService(self)
        path = self._path.enter_context(socketPath(self.basedir))
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        factory = _Conversations(self.answer, self._open)
        # umask as well as mode: between its making and its chmod nobody else shall reach it either.
        umask = os.umask(0o177)
        try:
            self._port = self._reactor.listenUNIX(path, factory, mode=0o600)
        finally:
            os.umask(umask)

    async def _stop(self) -> None:
        port, self._port = self._port, None
        for conversation in list(self._open):
            conversation.giveUp("the master is stopping")
        try:
            if port is not None:
                await defer.maybeDeferred(port.stopListening)
        except FileNotFoundError:
            self.log.warn("the control socket of {basedir} had been removed", basedir=self.basedir)
        finally:
            self._path.close()

    def stopService(self) -> defer.Deferred[None]:
        """Answer whoever still waits that the master stops. Fires when the socket is gone."""
        service.Service.stopService(self)
        return defer.Deferred.fromCoroutine(self._stop())

    async def answer(self, line: bytes) -> bytes:
        """The answer to one request, {"ok": value} or {"error": message} as JSON; never raises."""
        command: object = None
        try:
            command, handler, params = self._understand(line)
            value = handler(**params)
            if inspect.iscoroutine(value):
                value = await value
            elif isinstance(value, defer.Deferred):
                value = await value
            return _toJSON(ok=value)
        except ControlError as why:
            return _toJSON(error=str(why))
        except Exception:
            self.log.failure("control command {command} failed", command=command)
            return _toJSON(error="internal error, see twistd.log")

    def _understand(self, line: bytes) -> tuple[str, Handler, dict[str, object]]:
        try:
            params = json.loads(line)
            command = params.pop("command")
        except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
            raise ControlError("not a control request") from None
        handler = self._handlers.get(command) if isinstance(command, str) else None
        if handler is None:
            raise ControlError(f"this master knows no command {command!r}")
        try:
            inspect.signature(handler).bind(**params)
        except TypeError as why:
            raise ControlError(f"{command}: {why}") from None
        return command, handler, params


def _toJSON(**answer: object) -> bytes:
    return json.dumps(answer).encode("ascii")


class _Conversations(protocol.Factory):
    """I make a L{_Conversation} for each client."""

    noisy = False

    def __init__(self, answer: _Answer, all: set[_Conversation]) -> None:
        self._answer = answer
        self._all = all

    def logPrefix(self) -> str:
        return "control socket"

    def buildProtocol(self, addr: interfaces.IAddress | None) -> _Conversation:
        return _Conversation(self._answer, self._all)


class _Conversation(LineOnlyReceiver):
    """I am one client: I ask for the answer to each of its lines, and it gets them in that order."""

    delimiter = b"\n"
    MAX_LENGTH = 65536

    def __init__(self, answer: _Answer, all: set[_Conversation]) -> None:
        self._answer = answer
        self._all = all
        self._turn: defer.Deferred[None] = defer.succeed(None)

    def connectionMade(self) -> None:
        self._all.add(self)

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        self._all.discard(self)

    def lineReceived(self, line: bytes) -> None:
        self._turn.addCallback(lambda ignored: defer.Deferred.fromCoroutine(self._converse(line)))

    async def _converse(self, line: bytes) -> None:
        said = await self._answer(line)
        if self in self._all:
            self.sendLine(said)

    def giveUp(self, reason: str) -> None:
        """Give the client this last answer and hang up."""
        self._all.discard(self)
        self.sendLine(_toJSON(error=reason))
        assert self.transport is not None
        self.transport.loseConnection()
