# -*- test-case-name: tests.unit.logs.test_search -*-
"""Search logs: in a thread, or for regular expressions in a child process, and never for long."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.defer import Deferred

import buildbot
from buildbot.events.reactors import ProcessReactor
from buildbot.events.turns import Turns
from buildbot.logs.format import BadLog, ChunkParser
from buildbot.logs.index import LogIndex
from buildbot.logs.matching import MOST_HITS, BadPattern, Hit, Query, Search
from buildbot.logs.mounts import lengthOf, openLog
from buildbot.logs.naps import Naps
from buildbot.logs.reading import LogViews, Place
from buildbot.logs.searchchild import PIECE, Task
from buildbot.logs.view import LogView
from buildbot.programs.running import Program, ProgramFailed

#: The seconds of one search.
LITERAL, REGEX = 2.0, 10.0
#: The searches that run at once, and the most that wait.
AT_ONCE, WAITING = 2, 20
#: The blocks of a log that are searched at once.
_BLOCKS = 16
#: The most bytes that the child process may print.
_PRINTED = 8 << 20


class TooManySearches(Exception):
    """Too many other searches wait. Try it again later."""


@dataclass(frozen=True)
class Found:
    """The result of a search.

    @ivar hits: by line.
    @ivar searched: the bytes of the log that are searched now, from its beginning.
    @ivar total: the bytes of the log.
    @ivar next: the line from which to go on; None if all is searched.
    @ivar isLate: True if the time was over.
    @ivar view: the part that is searched, if the index of the log is not made yet.
    """

    hits: tuple[Hit, ...]
    searched: int
    total: int
    next: int | None
    isLate: bool = False
    view: LogView | None = None


class LogSearches:
    """I run all searches of one master, a few at once."""

    def __init__(
        self, reactor: ProcessReactor, views: LogViews, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._reactor = reactor
        self._views = views
        self._now = now
        self._slots = Turns(AT_ONCE)

    async def search(self, place: Place, query: Query, first: int = 1, most: int = MOST_HITS) -> Found:
        """Search a log. A search from its first line on does not wait for its index.

        @param first: the line from which to search: C{next} of an earlier search, to go on.
        @param most: at most L{MOST_HITS}.
        @raise BadPattern: the query is not possible.
        @raise TooManySearches: try it again later.
        @raise OSError: the log's file is gone, or the disk is broken.
        @raise ProgramFailed: the child process ended with an error.
        """
        query.check()
        most = max(1, min(most, MOST_HITS))
        if self._slots.waiting >= WAITING:
            raise TooManySearches(f"{WAITING} other searches wait: try it again in some seconds")
        if query.isRegex:
            async with self._slots:
                return await self._searchRegex(place, query, first, most)

        def near(view: LogView) -> Found:
            return searchLiteral(view, query, first, most, LITERAL, self._now)

        def far(index: LogIndex) -> Found:
            return searchFirst(place.path, index, query, most, LITERAL, self._now)

        def start() -> Deferred[Found]:
            if first > 1:
                return Deferred.fromCoroutine(self._views.call(place, near, True))
            return Deferred.fromCoroutine(self._views.either(place, near, far))

        found = await self._slots.whole(start)
        if found.view is not None:
            self._views.prepare(place)
        return found

    async def _searchRegex(self, place: Place, query: Query, first: int, most: int) -> Found:
        path, isCopy = await self._views.lend(place)
        try:
            return await self._searchFile(os.path.abspath(path), place, query, first, most)
        finally:
            if isCopy:
                os.unlink(path)

    async def _searchFile(self, path: str, place: Place, query: Query, first: int, most: int) -> Found:
        """Search a file with the contents of a log."""
        begin, line = 0, 1
        if first == 1 and await self._views.isFar(place):
            self._views.prepare(place)  # the index is made while the child process searches
            end = os.path.getsize(path)
        else:
            index = (await self._views.view(place)).index
            block = index.block(index.ofLineEnd(first - 1))
            begin, line, end = block.offset, block.lines + 1, index.end.offset
        task = Task(path, begin, end, line, first, most, query.text, query.isFolded)
        top = os.path.dirname(os.path.dirname(os.path.abspath(buildbot.__file__)))
        running = Program(self._reactor, REGEX, _PRINTED)
        isLate = False
        try:
            output = await running.start(
                [sys.executable, "-m", "buildbot.logs.searchchild"],
                env={"PYTHONPATH": os.pathsep.join([top, *sys.path[1:]])},
                stdin=json.dumps(task._asdict()).encode(),
            )
        except ProgramFailed as late:
            if late.status is not None:
                raise
            output, isLate = late.output, True
        return _found(output, await self._views.view(place), task, isLate)


def _found(output: bytes, view: LogView, task: Task, isLate: bool) -> Found:
    """The result in the words that L{buildbot.logs.searchchild} has printed, perhaps not to the end."""
    hits: list[Hit] = []
    line, isOver = task.first, False
    for each in output.split(b"\n")[:-1]:
        kind, *words = json.loads(each)
        if kind == "error":
            raise BadPattern(words[0])
        if kind == "hit":
            hits.append(Hit(*words))
        elif kind == "at":
            line = words[0]
        else:
            isOver = True
    index = view.index
    if len(hits) < task.most and isOver:
        return Found(tuple(hits), index.end.data, index.end.data, None, isLate)
    line = max([line, task.first, *(hit.line + 1 for hit in hits[-1:])])
    searched = index.block(index.ofLineEnd(line - 1)).data
    return Found(tuple(hits), searched, index.end.data, line if line <= view.total else None, isLate)


def searchLiteral(
    view: LogView,
    query: Query,
    first: int = 1,
    most: int = MOST_HITS,
    seconds: float = LITERAL,
    now: Callable[[], float] = time.monotonic,
) -> Found:
    """Search a log for a text. Blocks: call it in a thread. See L{LogSearches.search}."""
    index = view.index
    place = index.ofLineEnd(first - 1)
    searching = Search(query, index.block(place).lines + 1, first, most)
    hits: list[Hit] = []
    end = now() + seconds
    total = index.end.data
    naps = Naps()
    with view.reading() as read:
        while place < len(index) and not searching.isFull:
            naps.mayNap()
            if now() >= end:
                return Found(tuple(hits), index.block(place).data, total, max(first, searching.line), True)
            stop = min(len(index), place + _BLOCKS)
            hits += searching.feed(read(place, stop))
            place = stop
        if not searching.isFull:
            hits += searching.finish()
    if searching.isFull and searching.line <= view.total:
        return Found(
            tuple(hits), index.block(index.ofLineEnd(searching.line - 1)).data, total, searching.line
        )
    return Found(tuple(hits), total, total, None)


def searchFirst(
    path: str,
    index: LogIndex,
    query: Query,
    most: int = MOST_HITS,
    seconds: float = LITERAL,
    now: Callable[[], float] = time.monotonic,
) -> Found:
    """Search a log without an index for a text, from its beginning. Blocks: call it in a thread.

    @param index: is empty. Afterwards it has the part that is searched.
    @raise OSError: the log's file is gone, or the disk is broken.
    """
    searching = Search(query, most=most)
    hits: list[Hit] = []
    end = now() + seconds
    isLate = False
    parser = ChunkParser()
    naps = Naps()
    with openLog(path) as file:
        total = lengthOf(file)
        while not searching.isFull and not isLate:
            piece = file.read(PIECE)
            try:
                chunks = parser.feed(piece) if piece else []
            except BadLog:
                piece = b""
            if not piece:
                hits += searching.finish()
                break
            index.add(chunks, parser.offset, None)
            hits += searching.feed(b"".join([data for _, data in chunks]))
            isLate = now() >= end
            naps.mayNap()
    view = LogView(path, index, False, isPart=True)
    searched = index.end.data
    if isLate or searching.isFull:
        return Found(tuple(hits), searched, max(searched, total), searching.line, isLate, view)
    return Found(tuple(hits), searched, searched, None, False, view)
