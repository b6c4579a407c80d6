# -*- test-case-name: tests.unit.store.test_sqlite,tests.unit.store.test_worker -*-
"""The single thread that uses a store's database. It runs submitted work in groups.

A group is one transaction: a hundred calls wait for the disk once. All work of one reactor turn is handed
over together, so that the thread wakes once and does not compete for Python's global lock. The worker does
not know what the work does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Generic, Protocol, TypeVar, cast

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.events.eventual import eventual
from buildbot.store.batch import Unsure
from buildbot.store.interface import Commits, StoreConflict, StoreFailed, StoreFenced
from buildbot.store.seams import Connection, Driver, OutcomeUnknown

_log = Logger()
_T = TypeVar("_T")

#: The largest hand-over. A group takes hand-overs until it has so much work, so it has less than twice that:
#: all results of a group are delivered in one reactor turn.
MAX_GROUP = 500

#: The seconds between two questions for the outcome of a group whose COMMIT was not answered.
PAUSE = 0.25

#: The seconds for which later work waits for such an outcome. Then it fails, so that it does not pile up.
PATIENCE = 10.0


class Reactor(Protocol):
    """The part of the reactor that a L{Worker} uses."""

    def callLater(self, delay: float, callable: Callable[..., object], /, *args: object) -> object: ...
    def callFromThread(self, callable: Callable[..., object], /, *args: object) -> object: ...


class Transacts(Protocol):
    """The methods that a L{Worker} calls at the beginning and the end of transactions."""

    def begin(self, connection: Connection, isPostponing: bool, /) -> None: ...
    def end(self) -> None: ...
    def undone(self) -> None: ...


@dataclass(eq=False)
class Work(Generic[_T]):
    """I am one piece of work.

    @ivar key: the item that the work overwrites as a whole. Earlier spare work with this key can be skipped.
    @ivar isReplaceable: True if the work can be skipped like that.
    """

    do: Callable[[], _T]
    isWriting: bool = True
    key: object = None
    isReplaceable: bool = False
    result: _T | Failure | None = None
    done: Deferred[_T] = field(default_factory=Deferred)


class Worker:
    """I own the thread, from C{start} to C{stop}.

    @ivar commits: the counts of transactions that wrote. The thread replaces this value.

    @param open: opens the database; called in the thread.
    @param core: does the work; used in the thread.
    @param pace: the least seconds between the starts of two groups that write.
    @param tell: called in the reactor's thread, with the reason when writes begin to fail, and with None
        when they succeed again.
    @param damaged: called in the reactor's thread with the reason when stored data is unreadable.
    """

    def __init__(
        self,
        reactor: Reactor,
        open: Callable[[], Driver],
        core: Transacts,
        pace: float,
        tell: Callable[[str | None], object] = lambda reason: None,
        damaged: Callable[[str], object] = lambda reason: None,
    ) -> None:
        self._reactor = reactor
        self._clock = cast(IReactorTime, reactor)
        self._open = open
        self._core = core
        self._pace = pace
        self._turn: list[Work[Any]] = []  # work submitted in this reactor turn
        self._queue: SimpleQueue[list[Work[Any]] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="store", daemon=True)
        self.commits = Commits()
        self._started: Deferred[None] = Deferred()
        self._stopped: Deferred[None] | None = None
        self._next = 0.0  # earliest start of the next group that writes
        self._trouble: str | None = None
        self._tell = tell
        self._damaged = damaged
        self._database: Driver | None = None
        self._waiting: list[Work[Any]] = []  # work that was taken while an outcome was asked for
        self._isOver = False

    def start(self) -> Deferred[None]:
        """Start the thread. Fires when the database is open. Fails if C{open} fails; the thread ends."""
        self._thread.start()
        return self._started

    def loss(self) -> str:
        """See L{Driver.loss}; "" while no database is open."""
        return "" if self._database is None else self._database.loss()

    def submit(self, work: Work[_T]) -> Deferred[_T]:
        """Queue work. Fires with its result when it is on disk. Deferreds fire in call order."""
        if self._stopped is not None:
            return fail(StoreFailed("the store is closed"))
        if not self._turn:
            eventual(self._clock, self._handOver)
        self._turn.append(work)
        return work.done

    def _handOver(self) -> None:
        """Hand the work of this reactor turn to the thread."""
        turn, self._turn = self._turn, []
        for start in range(0, len(turn), MAX_GROUP):
            self._queue.put(turn[start : start + MAX_GROUP])

    def stop(self) -> Deferred[None]:
        """Stop. Fires when all work is done and the thread has ended. Call it once."""
        self._stopped = Deferred()
        self._handOver()
        self._queue.put(None)
        return self._stopped

    def _run(self) -> None:
        try:
            database = self._database = self._open()
        except BaseException:
            self._reactor.callFromThread(self._started.errback, Failure())
            return
        self._core.undone()  # its cached rows may be those of another file
        self._reactor.callFromThread(self._started.callback, None)
        while self._waiting or not self._isOver:
            group = self._take()
            if group:
                self._tryGroup(database, group)
                self._reactor.callFromThread(_answer, group)
        self._database = None
        database.close()
        assert self._stopped is not None
        self._reactor.callFromThread(self._stopped.callback, None)

    def _take(self) -> list[Work[Any]]:
        """Wait for work and the pace. Returns the work; after the last of it, the thread must end."""
        if self._waiting:
            group, self._waiting = self._waiting, []
            return group
        group = []
        turn = self._queue.get()
        if turn is not None:
            # The time of this thread, not the injected clock: the pace protects a real disk.
            time.sleep(max(0.0, self._next - time.monotonic()))
        with suppress(Empty):
            while turn is not None:
                group += turn
                if len(group) >= MAX_GROUP:
                    break
                turn = self._queue.get_nowait()
        if any(each.isWriting for each in group):
            self._next = time.monotonic() + self._pace
        self._isOver = turn is None
        return group

    def _tryGroup(self, database: Driver, group: Sequence[Work[Any]]) -> None:
        """Run L{_doGroup}. On an internal error, fail every waiting call and keep the thread alive."""
        try:
            self._doGroup(database, group)
        except Exception:
            _log.failure("internal error in the store")
            for work in group:
                work.result = Failure(StoreFailed("internal error, see the log"))

    def _doGroup(self, database: Driver, group: Sequence[Work[Any]]) -> None:
        """Run the work, and give each piece its result or failure."""
        replaced = _replaced(group)
        todo = [work for work in group if work not in replaced]
        began = time.monotonic()
        try:
            try:
                culprit = self._attempt(database, todo, isPostponing=True)
            except Unsure:
                culprit = self._attempt(database, todo, isPostponing=False)
            while culprit is not None:
                todo.remove(culprit)
                failed = culprit.result.value if isinstance(culprit.result, Failure) else None
                if isinstance(failed, StoreFailed):
                    self._reactor.callFromThread(self._damaged, failed.reason)
                culprit = self._attempt(database, todo, isPostponing=False)
        except StoreFailed as error:
            for work in todo:
                work.result = Failure(type(error)(error.reason))
            self._is(error.reason)
            self.commits = replace(self.commits, failures=self.commits.failures + 1)
        else:
            if any(work.isWriting for work in todo):
                self._is(None)
                self._count(time.monotonic() - began)
        for work, successor in replaced.items():
            work.result = successor.result if isinstance(successor.result, Failure) else None

    def _attempt(self, database: Driver, todo: Sequence[Work[Any]], isPostponing: bool) -> Work[Any] | None:
        """As L{_attempt}, until the outcome is known: a group that was not committed is done again."""
        while True:
            try:
                return _attempt(database, self._core, todo, isPostponing)
            except OutcomeUnknown as unknown:
                _log.warn("a commit of the store was not answered: {reason}", reason=str(unknown))
                if self._settled(database):
                    return None

    def _settled(self, database: Driver) -> bool:
        """Ask until the database says whether the last group was committed.

        @raise StoreFailed: the store is closed, or belongs to another master now, before that is known.
        """
        patience = time.monotonic() + PATIENCE
        while True:
            try:
                wasCommitted = database.settle()
            except StoreFailed as error:
                self._is(error.reason)
                if self._isOver or isinstance(error, StoreFenced):
                    raise type(error)(f"{error.reason}; it is not known whether this was kept") from error
            else:
                _log.info(
                    "the commit was {what}", what="made" if wasCommitted else "not made, and is repeated"
                )
                return wasCommitted
            with suppress(Empty):
                turn = self._queue.get(timeout=PAUSE)
                self._isOver = turn is None
                self._waiting += turn or ()
            if time.monotonic() >= patience:
                refused, self._waiting = self._waiting, []
                for work in refused:
                    work.result = Failure(StoreFailed(self._trouble or "the database does not answer"))
                if refused:
                    self._reactor.callFromThread(_answer, refused)

    def _count(self, seconds: float) -> None:
        """Count a transaction that wrote."""
        before = self.commits
        self.commits = Commits(before.number + 1, before.seconds + seconds, before.failures)

    def _is(self, trouble: str | None) -> None:
        """Record the reason why writes fail now, or None if they succeed; tell a change of it."""
        if trouble != self._trouble:
            self._reactor.callFromThread(self._tell, trouble)
        self._trouble = trouble


def _attempt(
    database: Driver, core: Transacts, todo: Sequence[Work[Any]], isPostponing: bool
) -> Work[Any] | None:
    """Run all work in one transaction. If a piece fails (except by a conflict), roll back and return it.

    @raise Unsure: nothing has changed, and the piece that fails is unknown; only with C{isPostponing}.
    """
    try:
        with database.transaction(any(work.isWriting for work in todo)) as connection:
            core.begin(connection, isPostponing)
            for work in todo:
                try:
                    work.result = work.do()
                except StoreConflict:
                    work.result = Failure()
                except Unsure:
                    raise
                except Exception as error:
                    if database.isOutage(error):
                        raise
                    isDamage = database.isDamage(error)
                    work.result = Failure(StoreFailed(f"damaged: {error}")) if isDamage else Failure()
                    raise _Culprit from error
            core.end()
    except _Culprit:
        core.undone()
        return work
    except BaseException:
        core.undone()
        raise
    return None


class _Culprit(Exception):
    """A piece of work failed and may have written: the transaction must roll back."""


def _replaced(group: Sequence[Work[Any]]) -> dict[Work[Any], Work[Any]]:
    """Map each piece of work that can be skipped to the later work that replaces it."""
    successors: dict[object, Work[Any]] = {}
    replaced = {}
    for work in reversed(group):
        if not work.isWriting:
            successors.clear()  # a reader must see the value of its own time
        elif work.isReplaceable and work.key in successors:
            replaced[work] = successors[work.key]
        elif work.key is not None:
            successors[work.key] = work
    return replaced


def _answer(group: Sequence[Work[Any]]) -> None:
    for work in group:
        if isinstance(work.result, Failure):
            work.done.errback(work.result)
        else:
            work.done.callback(work.result)
