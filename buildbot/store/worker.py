# -*- test-case-name: tests.unit.store.test_sqlite -*-
"""The one thread that a store's database belongs to: takes what is asked for, does it in groups.

A group is one transaction, so that a hundred things asked for at once wait for the disk once. What is asked
for in one turn of the reactor is handed to the thread after it: the thread is woken once, and does not wait
for Python's lock in between. What the work is, nobody here knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.events.eventual import eventual
from buildbot.store.database import Database, isDamage, isDiskFault
from buildbot.store.interface import StoreConflict, StoreFailed
from buildbot.store.sql import SqlCore

_log = Logger()

#: So much is handed over at once, and once there is so much, no more is done in one group: all of it is
#: answered in one turn of the reactor.
MAX_GROUP = 500


class Reactor(Protocol):
    """What a L{Worker} needs of a reactor."""

    def callLater(self, delay: float, callable: Callable[..., object], /, *args: object) -> object: ...
    def callFromThread(self, callable: Callable[..., object], /, *args: object) -> object: ...


@dataclass(eq=False)
class Work:
    """One thing to do.

    @ivar key: what it writes as a whole, so that an earlier piece that only does the same may be left out.
    @ivar isSpare: whether it may be left out like that.
    """

    do: Callable[[Any], Any]
    isWriting: bool = True
    key: object = None
    isSpare: bool = False
    result: Any = None
    done: Deferred[Any] = field(default_factory=Deferred)


class Worker:
    """I am the thread, from C{start} to C{stop}.

    @param open: makes the database; called in the thread.
    @param pace: so many seconds pass at least from the beginning of one group that writes to the next.
    @param tell: called in the reactor's thread with the reason when things cannot be kept, and with None
        when they can be again.
    @param damaged: called there with the reason when some of what is kept cannot be read.
    """

    def __init__(
        self,
        reactor: Reactor,
        open: Callable[[], Database],
        pace: float,
        tell: Callable[[str | None], object] = lambda reason: None,
        damaged: Callable[[str], object] = lambda reason: None,
    ) -> None:
        self._reactor = reactor
        self._open = open
        self._pace = pace
        self._turn: list[Work] = []  # what was asked for in this turn of the reactor
        self._queue: SimpleQueue[list[Work] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="store", daemon=True)
        self._started: Deferred[None] = Deferred()
        self._stopped: Deferred[None] | None = None
        self._next = 0.0  # when the next group that writes may begin
        self._trouble: str | None = None
        self._tell = tell
        self._damaged = damaged

    def start(self) -> Deferred[None]:
        """Fires when the database is open; fails as C{open} does, and then there is no thread any more."""
        self._thread.start()
        return self._started

    def submit(self, work: Work) -> Deferred[Any]:
        """Fires with the result once it is on disk, in the order of these calls."""
        if self._stopped is not None:
            return fail(StoreFailed("the store is closed"))
        if not self._turn:
            eventual(self._reactor, self._handOver)
        self._turn.append(work)
        return work.done

    def _handOver(self) -> None:
        """Give the thread what was asked for in this turn."""
        turn, self._turn = self._turn, []
        for start in range(0, len(turn), MAX_GROUP):
            self._queue.put(turn[start : start + MAX_GROUP])

    def stop(self) -> Deferred[None]:
        """Fires when all that was submitted is done, and the thread at its end. To be called once."""
        self._stopped = Deferred()
        self._handOver()
        self._queue.put(None)
        return self._stopped

    def _run(self) -> None:
        try:
            database = self._open()
        except BaseException:
            self._reactor.callFromThread(self._started.errback, Failure())
            return
        self._reactor.callFromThread(self._started.callback, None)
        isOver = False
        while not isOver:
            group, isOver = self._take()
            if group:
                self._tryGroup(database, group)
                self._reactor.callFromThread(_answer, group)
        database.close()
        assert self._stopped is not None
        self._reactor.callFromThread(self._stopped.callback, None)

    def _take(self) -> tuple[list[Work], bool]:
        """Wait for work; returns all there is after the pause that is due, and whether that is the end."""
        group: list[Work] = []
        turn = self._queue.get()
        if turn is not None:
            time.sleep(max(0.0, self._next - time.monotonic()))
        with suppress(Empty):
            while turn is not None:
                group += turn
                if len(group) >= MAX_GROUP:
                    break
                turn = self._queue.get_nowait()
        if any(each.isWriting for each in group):
            self._next = time.monotonic() + self._pace
        return group, turn is None

    def _tryGroup(self, database: Database, group: Sequence[Work]) -> None:
        """L{_doGroup}; whatever happens there, the thread goes on, and nobody waits in vain."""
        try:
            self._doGroup(database, group)
        except Exception:
            _log.failure("the store failed by a fault of its own")
            for work in group:
                work.result = Failure(StoreFailed("internal error, see the log"))

    def _doGroup(self, database: Database, group: Sequence[Work]) -> None:
        """Give each its result, or its failure."""
        replaced = _replaced(group)
        todo = [work for work in group if work not in replaced]
        try:
            while (culprit := _attempt(database, todo)) is not None:
                todo.remove(culprit)
                failed = culprit.result.value if isinstance(culprit.result, Failure) else None
                if isinstance(failed, StoreFailed):
                    self._reactor.callFromThread(self._damaged, failed.reason)
        except StoreFailed as error:
            for work in todo:
                work.result = Failure(StoreFailed(error.reason))
            self._is(error.reason)
        else:
            if any(work.isWriting for work in todo):
                self._is(None)
        for work, successor in replaced.items():
            work.result = successor.result if isinstance(successor.result, Failure) else None

    def _is(self, trouble: str | None) -> None:
        """Why nothing can be kept now; None: things are kept."""
        if (trouble is None) != (self._trouble is None):
            if trouble is None:
                _log.info("the store can be written again")
            else:
                _log.error("the store cannot be written: {reason}", reason=trouble)
        if trouble != self._trouble:
            self._reactor.callFromThread(self._tell, trouble)
        self._trouble = trouble


def _attempt(database: Database, todo: Sequence[Work]) -> Work | None:
    """Do all of it in one transaction; or, if one of them cannot be done at all, nothing, and return that."""
    try:
        with database.transaction(any(work.isWriting for work in todo)) as connection:
            core = SqlCore(connection)
            for work in todo:
                try:
                    work.result = work.do(core)
                except StoreConflict:
                    work.result = Failure()
                except Exception as error:
                    if isDiskFault(error) and not isDamage(error):
                        raise
                    work.result = Failure(StoreFailed(f"damaged: {error}")) if isDamage(error) else Failure()
                    raise _Culprit from error
    except _Culprit:
        return work
    return None


class _Culprit(Exception):
    """The work at hand has failed half way, and takes the whole transaction with it."""


def _replaced(group: Sequence[Work]) -> dict[Work, Work]:
    """What may be left out, each with the work that comes after it and does the same and more."""
    successors: dict[object, Work] = {}
    replaced = {}
    for work in reversed(group):
        if not work.isWriting:
            successors.clear()  # a reader must find what was there in its time
        elif work.isSpare and work.key in successors:
            replaced[work] = successors[work.key]
        elif work.key is not None:
            successors[work.key] = work
    return replaced


def _answer(group: Sequence[Work]) -> None:
    for work in group:
        if isinstance(work.result, Failure):
            work.done.errback(work.result)
        else:
            work.done.callback(work.result)
