# -*- test-case-name: tests.daemons.test_pages_only -*-
"""Ask the master of a directory through its control socket, without blocking."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, cast

from twisted.internet import error, interfaces, protocol
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.python.failure import Failure

from buildbot.control.client import LONGEST, ControlError, NoAnswer, NotRunning, socketPath
from buildbot.events.alarm import Alarm
from buildbot.events.turns import Turns

#: The most questions at once: the control socket serves commands, too.
MOST = 20
#: The most bytes of an answer.
LARGEST = 1 << 25


class Link:
    """I ask the master of one directory."""

    def __init__(self, basedir: str, reactor: Any) -> None:
        self._basedir = basedir
        self._reactor = reactor
        self._turns = Turns(MOST)

    async def ask(self, command: str, params: Mapping[str, object], patience: float) -> Any:
        """The answer to one command.

        @param patience: the most seconds to wait.
        @raise NotRunning: no master listens there.
        @raise ControlError: the master refused the command, or went away; L{NoAnswer}: it took too long.
        """
        question = json.dumps({**params, "command": command}).encode("ascii")
        if len(question) > LONGEST:
            raise ControlError(f"the request has {len(question)} bytes; a master accepts at most {LONGEST}")
        async with self._turns:
            return await self._asked(question, patience)

    async def _asked(self, question: bytes, patience: float) -> Any:
        answer: Deferred[bytes] = Deferred()
        with ExitStack() as stack:
            try:
                path = stack.enter_context(socketPath(self._basedir))
                endpoint = UNIXClientEndpoint(self._reactor, path, timeout=max(1, int(patience)))
                factory = protocol.Factory.forProtocol(lambda: _Question(question, answer))
                factory.noisy = False
                asking = await endpoint.connect(factory)
            except (error.ConnectError, OSError):
                raise NotRunning(self._basedir) from None
        late = Alarm(answer.cancel)
        late.set(cast(interfaces.IReactorTime, self._reactor), patience)
        try:
            said = json.loads(await answer)
        except CancelledError:
            raise NoAnswer(f"the master did not answer within {patience:g} s") from None
        except ValueError:
            raise ControlError("the master ended the connection before it answered") from None
        finally:
            late.stop()
            if asking.transport is not None:
                asking.transport.abortConnection()
        if "error" in said:
            raise ControlError(str(said["error"]))
        return said["ok"]

    def isThere(self) -> bool:
        """True if the control socket of a master exists. The master may have been killed."""
        with socketPath(self._basedir) as path:
            return os.path.exists(path)


class _Question(protocol.Protocol):
    """I am the connection of one question. The answer is one line."""

    def __init__(self, question: bytes, answer: Deferred[bytes]) -> None:
        self._question = question
        self._answer = answer
        self._parts: list[bytes] = []
        self._size = 0

    def connectionMade(self) -> None:
        """Ask."""
        transport: Any = self.transport
        transport.write(self._question + b"\n")

    def dataReceived(self, data: bytes) -> None:
        """Take a part of the answer."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > LARGEST:
            self._parts = []
            self._end(b"")
        elif data.endswith(b"\n"):
            self._end(b"".join(self._parts))

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        """The master has gone before its answer was complete."""
        self._end(b"")

    def _end(self, line: bytes) -> None:
        if not self._answer.called:
            self._answer.callback(line)
