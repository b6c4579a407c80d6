# -*- test-case-name: tests.unit.store.test_outbox -*-
"""
Work for the store that is tried again until the store does it: the one place where that is done.

What the work is, and what a failure is called in the log, is the business of those who hold an outbox.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from buildbot.events.alarm import Alarm
from buildbot.events.eventual import eventual
from buildbot.store.interface import StoreFailed

#: Seconds after which something that the store refused is tried again (P4).
RETRY_AFTER = 10.0

T = TypeVar("T")
R = TypeVar("R")


class NotYet(Exception):
    """The work cannot be done now, for a reason other than the store. C{seconds}: when to try again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


async def untilKept(
    write: Callable[[], Awaitable[R]],
    sleep: Callable[[float], Deferred[None]],
    failed: Callable[[StoreFailed], object],
    isOver: Callable[[], bool],
) -> R | None:
    """
    Repeat one piece of work until the store does it.

    @param sleep: fires after so many seconds.
    @param failed: is told of each failed attempt.
    @param isOver: is asked after each failed attempt whether to give up.
    @return: the answer of the store; None if I gave up.
    """
    while True:
        try:
            return await write()
        except StoreFailed as why:
            failed(why)
            if isOver():
                return None
            await sleep(RETRY_AFTER)


@dataclass(eq=False)
class _Entry(Generic[T, R]):
    place: int
    work: T
    done: Deferred[R] = field(default_factory=Deferred)
    attempt: Deferred[None] | None = None

    def __lt__(self, other: _Entry[T, R]) -> bool:
        return self.place < other.place


class Outbox(Generic[T, R]):
    """
    I have work done by the store in its order, and try again what the store refused.

    While the store works, everything is sent at once, or as much as C{atOnce} allows. After a failure the
    oldest waits for RETRY_AFTER seconds and is tried alone; the rest follows as soon as that succeeds.

    @ivar isFailing: whether the last attempt failed, so that everything waits.
    @ivar isFinishing: whether each piece of work is tried only once, since L{finish} or L{stop} was called.
    @ivar refused: how many pieces of work were lost because they could not be stored; for the owner to reset.
    """

    def __init__(
        self,
        clock: IReactorTime,
        keep: Callable[[T], Deferred[R]],
        atOnce: int | None = None,
        failed: Callable[[StoreFailed], object] = lambda why: None,
        works: Callable[[], object] = lambda: None,
    ) -> None:
        """
        @param keep: has one piece of work done. Its Deferred may fail with StoreFailed or L{NotYet}: then it
            is called again later. Any other failure is final, and concerns this piece alone.
        @param atOnce: how many may be on their way to the store; None: any number.
        @param failed: is told of each attempt that the store refused, before C{isFailing} is set.
        @param works: is called when the store works again, before the rest is sent.
        """
        self._clock = clock
        self._keep = keep
        self._atOnce = atOnce
        self._failed = failed
        self._works = works
        self._count = 0
        self._waiting: list[_Entry[T, R]] = []
        self._sent: dict[_Entry[T, R], None] = {}
        self._alarm = Alarm(self._tryOldest)
        self.isFailing = self.isFinishing = self._isSending = False
        self.refused = 0

    def __len__(self) -> int:
        """How many pieces of work are not done."""
        return len(self._waiting) + len(self._sent)

    @property
    def waiting(self) -> int:
        """How many of them are not on their way to the store."""
        return len(self._waiting)

    def add(self, work: T) -> Deferred[R]:
        """
        Have one more piece of work done.

        @return: fires with what the store answered. After L{finish} there is one attempt alone, and it fails
            with StoreFailed if the store refuses; nobody has to look at that.
        """
        self._count += 1
        entry: _Entry[T, R] = _Entry(self._count, work)
        self._waiting.append(entry)
        if self.isFailing and not self.isFinishing:
            self._arm(RETRY_AFTER)
        else:
            self._sendAll()
        return entry.done

    def refuse(self, why: StoreFailed) -> Deferred[R]:
        """Lose a piece of work, as there is no room for it: the Deferred fails in a later turn."""
        refused: Deferred[R] = Deferred()
        eventual(self._clock, self._lose, refused, Failure(why))
        return refused

    def reopen(self) -> None:
        """Try again from now on, also after L{finish}."""
        self.isFinishing = self.isFailing = False

    def finish(self) -> Deferred[object]:
        """
        Try everything for the last time.

        @return: fires when every attempt has succeeded or failed.
        """
        self.isFinishing = True
        self._alarm.stop()
        self._sendAll()
        attempts = [entry.attempt for entry in self._sent if entry.attempt is not None]
        return DeferredList(attempts).addCallback(lambda results: None)

    def stop(self) -> None:
        """Forget all that is not done: the Deferreds never fire, and attempts on their way end unheard."""
        self.isFinishing = True
        self._alarm.stop()
        self._waiting, self._sent = [], {}

    # attempts

    def _hasRoom(self) -> bool:
        return self._atOnce is None or len(self._sent) < self._atOnce

    def _sendAll(self) -> None:
        """Send all that may be sent, the oldest first."""
        if self._isSending:  # an attempt that ended at once calls back: the loop below goes on
            return
        self._isSending = True
        try:
            while self._waiting and self._hasRoom() and (self.isFinishing or not self.isFailing):
                self._sendOldest()
        finally:
            self._isSending = False

    def _tryOldest(self) -> None:
        """Send one alone: while the store fails, no other may overtake it."""
        if self._waiting and self._hasRoom():
            self._sendOldest()

    def _sendOldest(self) -> None:
        entry = self._waiting.pop(0)
        self._sent[entry] = None
        attempt = self._keep(entry.work)
        entry.attempt = attempt.addCallbacks(self._done, self._notDone, (entry,), {}, (entry,))

    def _done(self, answer: R, entry: _Entry[T, R]) -> None:
        if not self._end(entry):
            return
        entry.done.callback(answer)
        if self.isFailing and not self.isFinishing:
            self._works()
            self.isFailing = False
            self._alarm.stop()
        self._sendAll()

    def _notDone(self, why: Failure, entry: _Entry[T, R]) -> None:
        if not self._end(entry):
            return
        error = why.value
        if not isinstance(error, (StoreFailed, NotYet)):
            entry.done.errback(why)
            if not self.isFailing:
                self._sendAll()
            elif self._waiting:
                self._arm(RETRY_AFTER)
        elif self.isFinishing:
            self._lose(entry.done, why)
        else:
            if isinstance(error, StoreFailed):
                self._failed(error)
            self.isFailing = True
            insort(self._waiting, entry)
            self._arm(RETRY_AFTER if isinstance(error, StoreFailed) else error.seconds)

    def _end(self, entry: _Entry[T, R]) -> bool:
        """Whether an attempt that has ended still matters: I was not stopped meanwhile."""
        if entry not in self._sent:
            return False
        del self._sent[entry]
        return True

    def _arm(self, seconds: float) -> None:
        if not self._alarm.isSet and self._hasRoom():
            self._alarm.set(self._clock, seconds)

    def _lose(self, done: Deferred[R], why: Failure) -> None:
        self.refused += 1
        done.errback(why)
        done.addErrback(lambda failure: failure.trap(StoreFailed, NotYet))
