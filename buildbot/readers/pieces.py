# -*- test-case-name: tests.unit.readers.test_pieces -*-
"""Parts of the logs of a master, for processes with its pages on other machines: the command C{log}."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThread

from buildbot.control.client import ControlError
from buildbot.events.alarm import Alarm
from buildbot.logs.live import LogFile
from buildbot.logs.mounts import lengthOf, openLog
from buildbot.model.completion import atEnd

_T = TypeVar("_T")

#: The most bytes in an answer, and the most seconds until it, while a log does not grow.
MOST, WAIT = 1 << 20, 10.0
#: A log: a directory and a file, neither of them hidden.
_NAME = re.compile(r"[^/\0.][^/\0]*/[^/\0.][^/\0]*")


class Pieces:
    """I carry out the command C{log}."""

    def __init__(
        self,
        directory: Callable[[], str],
        growing: Callable[[], Iterable[LogFile]],
        clock: IReactorTime,
        inThread: Callable[[Callable[[], _T]], Deferred[_T]] = deferToThread,
    ) -> None:
        """@param directory: returns the directory of logs.
        @param growing: returns all logs that grow.
        @param inThread: runs a function in a thread.
        """
        self._directory = directory
        self._growing = growing
        self._clock = clock
        self._inThread: Callable[[Any], Deferred[Any]] = inThread

    async def log(
        self,
        name: str,
        offset: int = 0,
        most: int = MOST,
        output: int | None = None,
        wait: float = WAIT,
        hungUp: Deferred[None] | None = None,
    ) -> dict[str, Any]:
        """A part of the file of a log.

        @param name: the name of its file, relative to the directory of logs.
        @param output: the bytes of output that the client knows: if there are no more yet, and the log grows,
            the answer comes later; None: it comes at once.
        @param wait: the most seconds until then.
        @return: C{data}, its bytes in Base64; C{size} of the file, None if there is no such file; C{output},
            the bytes of output so far, None if the log does not grow.
        @raise ControlError: the file cannot be read.
        """
        if _NAME.fullmatch(name) is None:
            raise ControlError(f"there is no log {name!r}")
        log = self._find(name)
        if log is not None and output is not None and log.extent()[0] <= output:
            await self._more(log, min(wait, WAIT), hungUp)
        grows = log is not None and not log.isFinished()
        written = log.extent()[0] if log is not None and grows else None
        path = os.path.join(self._directory(), name)
        try:
            data, size = await self._inThread(lambda: _read(path, offset, min(most, MOST)))
        except FileNotFoundError:
            return {"data": "", "size": None, "output": written}
        except OSError as why:
            raise ControlError(f"cannot read the log {name}: {why.strerror or why}") from None
        return {"data": b64encode(data).decode("ascii"), "size": size, "output": written}

    def _find(self, name: str) -> LogFile | None:
        """A log that grows; None if there is none with this file."""
        return next((each for each in self._growing() if each.filename == name), None)

    async def _more(self, log: LogFile, seconds: float, hungUp: Deferred[None] | None) -> None:
        """Wait until a log has more output, or is finished; until the client goes, or for some seconds."""
        news: Deferred[None] = Deferred()

        def tell(result: object = None) -> None:
            if not news.called:
                news.callback(None)

        late = Alarm(tell)
        late.set(self._clock, seconds)
        watcher = _Watcher(tell)
        log.subscribeBytes(watcher)
        forget = atEnd(log, tell)
        if hungUp is not None:
            hungUp.addBoth(tell)
        try:
            await news
        finally:
            late.stop()
            log.unsubscribe(watcher)
            forget()


class _Watcher:
    """I hear that a log has grown."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell

    def logBytes(self, build: object, step: object, log: object, channel: int, data: bytes) -> None:
        """See L{LogFile.subscribeBytes}."""
        self._tell()


def _read(path: str, offset: int, most: int) -> tuple[bytes, int]:
    """Some bytes of a log, and the size of its file. Raises OSError."""
    with openLog(path, follow=False) as file:
        size = lengthOf(file)
        file.seek(offset)
        return file.read(most), size
