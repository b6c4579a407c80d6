# -*- test-case-name: tests.unit.logs.test_reading -*-
"""Views of the logs of one master, made in threads. The reactor never waits for a file."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from buildbot.events.turns import Turns
from buildbot.logs import firstscreen, indexing, mounts
from buildbot.logs.firstscreen import Enough
from buildbot.logs.index import BLOCK, LogIndex
from buildbot.logs.lines import LONGEST
from buildbot.logs.marks import Marks
from buildbot.logs.tail import Tail
from buildbot.logs.view import Lines, LogView

_log = Logger()

#: A reader waits for the index of a log up to this many bytes.
NEAR = 48 << 20
#: The most bytes of indexes in memory: those of 16 GB of logs.
MEMORY = 12 << 20
#: The threads that read at once, and those that read far into a log without an index.
AT_ONCE = 2
FAR_AT_ONCE = 2
#: The threads that wait for another place of the logs than this disk.
ELSEWHERE_AT_ONCE = 4
#: The most indexes in memory.
MOST = 1000

_Result = TypeVar("_Result")


class _Far(Exception):
    """Much of the index of a log is missing."""


@dataclass(frozen=True)
class Place:
    """One log at one moment.

    @ivar path: of its file.
    @ivar isFinished: False if it grows.
    @ivar crc: the CRC-32 of the finished file; None if unknown.
    @ivar marks: the times of its parts, if they are in memory.
    @ivar tail: see L{buildbot.logs.files.LogWriter.tail}; None if the log is not too long, or finished.
    """

    path: str
    isFinished: bool = True
    crc: int | None = None
    marks: Marks | None = None
    tail: Tail | None = None


class LogViews:
    """I make views of logs, and remember the indexes of those that were read last."""

    def __init__(
        self,
        inThread: Callable[..., Deferred[Any]] = deferToThread,
        block: int = BLOCK,
        longest: int = LONGEST,
    ) -> None:
        """@param inThread: runs a function in a thread.
        @param block: the bytes of data in a block of an index.
        @param longest: longer lines are cut after so many bytes.
        """
        self._inThread = inThread
        self._block = block
        self._longest = longest
        self._slots = Turns(AT_ONCE)
        self._far = Turns(FAR_AT_ONCE)
        self._elsewhere = Turns(ELSEWHERE_AT_ONCE)
        self._lock = Lock()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._wanted: dict[str, Place] = {}  # the logs whose indexes are made
        self._turn = Turns()

    def __len__(self) -> int:
        """The number of indexes in memory."""
        return len(self._known)

    async def view(self, place: Place) -> LogView:
        """A view of a log.

        @raise OSError: the log's file is gone, or the disk is broken.
        """
        return await self.call(place, lambda view: view)

    async def lines(self, place: Place, first: int, count: int) -> Lines:
        """See L{LogView.lines}."""
        return await self.call(place, lambda view: view.lines(first, count))

    async def linesAt(self, place: Place, offset: int, count: int) -> Lines:
        """See L{LogView.linesAt}."""
        return await self.call(place, lambda view: view.linesAt(offset, count))

    async def last(self, place: Place, count: int) -> Lines:
        """See L{LogView.last}."""
        return await self.call(place, lambda view: view.last(count))

    async def call(self, place: Place, read: Callable[[LogView], _Result], isLong: bool = False) -> _Result:
        """Call a function with a view, in a thread, and return its result.

        If much of the index of a long log is missing, it is made before. Readers of other logs do not wait
        for that.

        @param isLong: True if the function may take long. The caller limits the number of such functions. At
            most L{AT_ONCE} of the others run at once, so that the reactor gets its turns.
        @raise OSError: the log's file is gone, or the disk is broken.
        """

        def opened() -> _Result:
            return read(self.open(place))

        def openedNear() -> _Result:
            if self._isFar(place):
                raise _Far
            return opened()

        if isLong:
            result: _Result = await self._inThread(opened)
            return result
        try:
            return await self._inTurn(self._slotsOf(place.path), openedNear)
        except _Far:
            await self._inTurn(self._turn, lambda: self.open(place))
            return await self._inTurn(self._slotsOf(place.path), opened)

    async def soon(
        self,
        place: Place,
        read: Callable[[LogView], _Result],
        isEnd: bool,
        isEnough: Enough | None = None,
        part: tuple[float, int] | None = None,
    ) -> _Result:
        """Call a function with a view, like L{call}, and never wait for the index of a long log.

        If much of the index is missing, the view has only the end of the log, or its beginning, or the lines
        at a share of it: see L{LogView.isPart}. Call L{prepare} then.

        @param isEnd: True if the end is wanted.
        @param isEnough: tells how much of the beginning is wanted: see L{firstscreen.beginningOf}.
        @param part: the share and the number of lines: see L{firstscreen.middleOf}.
        """

        def opened() -> _Result:
            if part is not None and self._isFar(place):
                return read(firstscreen.middleOf(place.path, *part, self._longest))
            return read(self._openSoon(place, isEnd))

        def openedNear() -> _Result:
            if self._isFar(place):
                raise _Far
            return read(self.open(place))

        def openedFar() -> _Result:
            return read(firstscreen.beginningOf(place.path, self._longest, isEnough))

        if isEnough is None:
            return await self._inTurn(self._slotsOf(place.path), opened)
        try:
            return await self._inTurn(self._slotsOf(place.path), openedNear)
        except _Far:
            return await self._inTurn(self._far, openedFar)

    async def isFar(self, place: Place) -> bool:
        """True if a reader of all of a log would wait for its index.

        @raise OSError: the log's file is gone.
        """
        return await self._inTurn(self._slotsOf(place.path), lambda: self._isFar(place))

    async def either(
        self, place: Place, near: Callable[[LogView], _Result], far: Callable[[LogIndex], _Result]
    ) -> _Result:
        """Call a function in a thread, without waiting for the index of a long log.

        The caller limits the number of such calls.

        @param near: is called with a view, if little of its index is missing.
        @param far: is called with an empty index otherwise.
        @raise OSError: the log's file is gone, or the disk is broken.
        """

        def call() -> _Result:
            return far(LogIndex(self._block)) if self._isFar(place) else near(self.open(place))

        result: _Result = await self._inThread(call)
        return result

    async def again(self, view: LogView, read: Callable[[LogView], _Result]) -> _Result:
        """Call a function with a view that was opened before, in a thread, in its turn.

        @raise OSError: the log's file is gone, or the disk is broken.
        """
        return await self._inTurn(self._slotsOf(view.path), lambda: read(view))

    async def bring(self, place: Place) -> None:
        """Make sure that all of a log is on this disk, for a program that reads it there.

        @raise OSError: the log's file is gone, or a disk is broken.
        """
        if mounts.isElsewhere(place.path):
            await self._inTurn(self._elsewhere, lambda: mounts.bring(place.path))

    async def lend(self, place: Place) -> tuple[str, bool]:
        """See L{mounts.lend}."""
        if not mounts.isElsewhere(place.path):
            return place.path, False
        return await self._inTurn(self._elsewhere, lambda: mounts.lend(place.path))

    def _slotsOf(self, path: str) -> Turns:
        """The turns of the readers of a log. Those that wait for another place hold no others up."""
        return self._elsewhere if mounts.isElsewhere(path) else self._slots

    async def _inTurn(self, turns: Turns, call: Callable[[], _Result]) -> _Result:
        """Call a function in a thread. A browser that gives up leaves its thread at work, in its turn."""
        return await turns.whole(partial(self._inThread, call))

    def prepare(self, place: Place) -> None:
        """Bring the index of a long log up to date in a thread, and keep it in memory and on the disk."""
        isBusy = place.path in self._wanted
        self._wanted[place.path] = place
        if not isBusy:
            working = ensureDeferred(self._prepare(place.path))
            working.addErrback(lambda why: _log.failure("cannot make the index of a log", why))

    async def _prepare(self, path: str) -> None:
        try:
            async with self._turn:
                done = None
                while done is not self._wanted[path]:
                    done = self._wanted[path]
                    await self._inThread(self._keep, done)
        except OSError as error:  # the next reader of the log causes another try
            _log.warn("cannot make the index of log {path}: {error}", path=path, error=error)
        finally:
            del self._wanted[path]

    def _keep(self, place: Place) -> None:
        """Make the index of a log, and keep it on the disk."""
        wasKnown = place.path in self._known
        view = self.open(place)
        if wasKnown or not place.isFinished:
            indexing.keep(view.index, place.path, place.crc, place.isFinished)

    def _openSoon(self, place: Place, isEnd: bool) -> LogView:
        if self._isFar(place):
            if not isEnd:
                return firstscreen.beginningOf(place.path, self._longest)
            if place.tail is not None:
                return LogView(place.path, LogIndex(), False, place.tail, self._longest, isPart=True)
            found = firstscreen.endOf(place.path, self._longest)
            if found is not None:
                return found
        return self.open(place)

    def _isFar(self, place: Place) -> bool:
        """True if a reader would wait for the index."""
        size = mounts.sizeOf(place.path)
        return size > NEAR and size - self._indexedTo(place) > NEAR

    def _indexedTo(self, place: Place) -> int:
        """The number of bytes of a log's file that its index covers already.

        The index of a damaged file ends at the damage for ever, so it covers all of the file.
        """
        with self._lock:
            known = self._known.get(place.path)
            index = known.index if known is not None else None
        if index is None:
            index = indexing.load(place.path, place.crc)
        if index is not None and index.damage is not None:
            return mounts.sizeOf(place.path)
        return 0 if index is None else index.end.offset

    def open(self, place: Place) -> LogView:
        """A view of a log. Blocks: call it in a thread.

        @raise OSError: the log's file is gone, or the disk is broken.
        """
        identity, size = mounts.lookAt(place.path)
        with self._lock:
            known = self._known.pop(place.path, None)
            hasMoved = known is not None and mounts.ELSEWHERE in (known.identity[0], identity[0])
            if known is not None and hasMoved and known.isOf == place.crc is not None:
                known.identity = identity
            elif known is None or known.identity != identity or known.isOf != place.crc:
                grew = known is not None and known.identity == identity and known.isOf is None
                known = _Known(identity, place.crc, known.index if known is not None and grew else None)
            self._known[place.path] = known
        with known.lock:
            index = self._indexed(place, known, size)
        with self._lock:
            self._forget()
        return LogView(place.path, index, place.isFinished, place.tail, self._longest)

    def _indexed(self, place: Place, known: _Known, size: int) -> LogIndex:
        """The index of the present file, not changed any more."""
        index = known.index
        if index is None and place.isFinished:
            index = indexing.find(place.path, place.crc, place.marks, self._block)
        elif index is None or (index.end.offset < size and index.damage is None):
            # Views of earlier moments keep their own index.
            index = index.copy() if index is not None else LogIndex(self._block)
            indexing.extend(index, place.path, place.marks or indexing.timesOf(place.path, place.crc))
        known.index = index
        return index

    def _forget(self) -> None:
        total = sum(known.memory() for known in self._known.values())
        while len(self._known) > 1 and (total > MEMORY or len(self._known) > MOST):
            _, known = self._known.popitem(last=False)
            total -= known.memory()


class _Known:
    """I am one index in memory.

    @ivar identity: the device and the inode of the log's file.
    @ivar isOf: the CRC-32 of the log's file; None while it grows, or if unknown.
    """

    def __init__(self, identity: tuple[int, int], isOf: int | None, index: LogIndex | None) -> None:
        self.identity = identity
        self.index = index
        self.isOf = isOf
        self.lock = Lock()

    def memory(self) -> int:
        """The bytes of the index."""
        return self.index.memory() if self.index is not None else 0
