# -*- test-case-name: tests.unit.store.test_outbox -*-
"""Retry work for the store until it succeeds.

The owner of an outbox defines the work, and logs the failures.
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

#: Seconds before failed work is tried again (P4).
RETRY_AFTER = 10.0

T = TypeVar("T")
R = TypeVar("R")


class NotYet(Exception):
    """The work cannot be done now, though the store works. C{seconds}: the time until the next attempt."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


async def untilKept(
    write: Callable[[], Awaitable[R]],
    sleep: Callable[[float], Deferred[None]],
    failed: Callable[[StoreFailed], object],
    isOver: Callable[[], bool],
) -> R | None:
    """Repeat one piece of work until it succeeds.

    @param sleep: returns a Deferred that fires after some seconds.
    @param failed: called with the error of each failed attempt.
    @param isOver: called after each failed attempt; True means to give up.
    @return: the answer of the store; None after giving up.
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
    lost: Failure | None = None

    def __lt__(self, other: _Entry[T, R]) -> bool:
        return self.place < other.place


class Outbox(Generic[T, R]):
    """I pass work to the store in order, and retry failed work.

    While the store works, all work is sent at once, up to the limit C{atOnce}. After a failure, the oldest
    piece is retried alone after RETRY_AFTER seconds; the rest follows as soon as that succeeds.

    @ivar isFailing: True if the last attempt failed, so that all work waits.
    @ivar isFinishing: True after L{finish} or L{stop}: each piece of work is tried only once.
    @ivar refused: the number of pieces lost because they could not be stored; the owner may reset it.
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
        @param keep: does one piece of work. If its Deferred fails with StoreFailed or L{NotYet}, it is called
            again later. Any other failure is final, and only for this piece.
        @param atOnce: the most pieces in progress; None: no limit.
        @param failed: called with the error of each failed attempt, before C{isFailing} is set.
        @param works: called when the store works again, before the rest is sent.
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
        """The number of unfinished pieces of work."""
        return len(self._waiting) + len(self._sent)

    @property
    def waiting(self) -> int:
        """The number of pieces that are not in progress."""
        return len(self._waiting)

    def add(self, work: T) -> Deferred[R]:
        """Add a piece of work.

        @return: fires with the answer of the store. After L{finish}, there is only one attempt; on an error,
            the Deferred fails with StoreFailed, which the caller may ignore.
        """
        self._count += 1
        entry: _Entry[T, R] = _Entry(self._count, work)
        self._waiting.append(entry)
        if self.isFailing and not self.isFinishing:
            self._arm(RETRY_AFTER)
        else:
            self._sendAll()
        return entry.done if entry.lost is None else self._toldLater(entry.lost)

    def refuse(self, why: StoreFailed) -> Deferred[R]:
        """Refuse a piece of work for lack of room. The returned Deferred fails in a later turn."""
        refused: Deferred[R] = Deferred()
        eventual(self._clock, self._lose, refused, Failure(why))
        return refused

    def reopen(self) -> None:
        """Retry failed work again, also after L{finish}."""
        self.isFinishing = self.isFailing = False

    def finish(self) -> Deferred[object]:
        """Try all work for the last time.

        @return: fires with None when every attempt has succeeded or failed.
        """
        self.isFinishing = True
        self._alarm.stop()
        self._sendAll()
        attempts = [entry.attempt for entry in self._sent if entry.attempt is not None]
        return DeferredList(attempts).addCallback(lambda results: None)

    def stop(self) -> None:
        """Forget all unfinished work. Its Deferreds never fire, and the results of attempts are ignored."""
        self.isFinishing = True
        self._alarm.stop()
        self._waiting, self._sent = [], {}

    # attempts

    def _hasRoom(self) -> bool:
        return self._atOnce is None or len(self._sent) < self._atOnce

    def _sendAll(self) -> None:
        """Send as much work as the limit allows, oldest first."""
        if self._isSending:  # called by an attempt that ended at once; the outer loop continues
            return
        self._isSending = True
        try:
            while self._waiting and self._hasRoom() and (self.isFinishing or not self.isFailing):
                self._sendOldest()
        finally:
            self._isSending = False

    def _tryOldest(self) -> None:
        """Retry the oldest piece alone, so that none overtakes it while the store fails."""
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
            entry.lost = why
            self._lose(entry.done, why)
        else:
            if isinstance(error, StoreFailed):
                self._failed(error)
            self.isFailing = True
            insort(self._waiting, entry)
            self._arm(RETRY_AFTER if isinstance(error, StoreFailed) else error.seconds)

    def _end(self, entry: _Entry[T, R]) -> bool:
        """Remove an ended attempt. Returns False if I was stopped, so that its result does not count."""
        if entry not in self._sent:
            return False
        del self._sent[entry]
        return True

    def _arm(self, seconds: float) -> None:
        if not self._alarm.isSet and self._hasRoom():
            self._alarm.set(self._clock, seconds)

    def _lose(self, done: Deferred[R], why: Failure) -> None:
        self.refused += 1
        _tell(done, why)

    def _toldLater(self, why: Failure) -> Deferred[R]:
        """Tell a caller whose work was lost at once: a Deferred that has failed before tells nothing."""
        told: Deferred[R] = Deferred()
        eventual(self._clock, _tell, told, why)
        return told


def _tell(done: Deferred[R], why: Failure) -> None:
    """Let a Deferred fail; its owner may ignore that."""
    done.errback(why)
    done.addErrback(lambda failure: failure.trap(StoreFailed, NotYet))
