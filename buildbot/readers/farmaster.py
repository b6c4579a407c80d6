# -*- test-case-name: tests.unit.readers.test_farlogs -*-
"""The logs of the active master on another machine: for threads that read, and for those who follow a log."""

from __future__ import annotations

import errno
import queue
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from buildbot.control.client import ControlError, NotRunning
from buildbot.logs import mounts
from buildbot.readers.followedlogs import MOST
from buildbot.readers.linkedlogs import LinkedLogs, Piece

#: The most seconds until a part of a log is there, and until a question for the next part is answered.
PATIENCE, WAIT = 20.0, 10.0

#: See L{buildbot.readers.link.Link.ask}.
Ask = Callable[[str, Mapping[str, object], float], Awaitable[Any]]


class Threads(Protocol):
    """The part of the reactor that I use."""

    def callFromThread(self, call: Callable[[], object], /) -> object: ...


class FarMaster:
    """I read the logs of the active master through its link, while I am mounted."""

    def __init__(self, directory: str, ask: Ask, reactor: Threads) -> None:
        """@param directory: the directory of logs on this disk."""
        self._directory = directory
        self._ask = ask
        self._reactor = reactor
        self.logs = LinkedLogs(directory, self.fetch)

    def mount(self) -> None:
        """Let logs that are not on this disk be read from there."""
        mounts.mount(self._directory, self.logs)

    def unmount(self) -> None:
        """Read only what is on this disk."""
        self.logs.forget()
        mounts.unmount(self._directory)

    async def next(self, name: str, offset: int, output: int) -> Piece:
        """See L{buildbot.readers.followedlogs.Far}."""
        asked = {"name": name, "offset": offset, "most": MOST, "output": output, "wait": WAIT}
        piece = _pieceOf(await self._ask("log", asked, WAIT + PATIENCE))
        self.logs.told(name, offset, piece)
        return piece

    def grows(self, name: str) -> None:
        """See L{buildbot.readers.followedlogs.Far}."""
        self.logs.grows(name)

    def ended(self, name: str, size: int | None) -> None:
        """See L{buildbot.readers.followedlogs.Far}."""
        self.logs.ended(name, size)

    def fetch(self, name: str, offset: int, most: int) -> Piece:
        """A part of a log, at once. Blocks: call it in a thread. Raises OSError."""
        answers: queue.SimpleQueue[Piece | Failure] = queue.SimpleQueue()

        def ask() -> None:
            asking = Deferred.fromCoroutine(self._fetched(name, offset, most))
            asking.addBoth(answers.put)

        self._reactor.callFromThread(ask)
        try:
            found = answers.get(timeout=PATIENCE + 5)
        except queue.Empty:
            raise OSError(errno.ETIMEDOUT, "the master did not answer in time") from None
        if isinstance(found, Failure):
            found.trap(OSError)
            found.raiseException()
            raise AssertionError
        return found

    async def _fetched(self, name: str, offset: int, most: int) -> Piece:
        try:
            return _pieceOf(await self._ask("log", {"name": name, "offset": offset, "most": most}, PATIENCE))
        except (ControlError, NotRunning) as why:
            raise OSError(errno.EHOSTUNREACH, f"the master does not give it: {why}") from None


def _pieceOf(said: Mapping[str, Any]) -> Piece:
    """The part of a log in an answer. Raises FileNotFoundError."""
    if said["size"] is None:
        raise FileNotFoundError(errno.ENOENT, "the master does not have it")
    return Piece(b64decode(said["data"]), said["size"], said["output"])
