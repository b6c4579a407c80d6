# -*- test-case-name: tests.unit.events.test_turns -*-
"""Limit how much work runs at the same time. The rest waits in the order of arrival.

Twisted's DeferredLock and DeferredSemaphore call the next waiter inside of C{release}. If the work of each
waiter ends at once, the calls are nested. With some hundreds of waiters, Python's recursion limit is reached,
and the rest waits for ever. This module calls each waiter after the call of the previous one has returned.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred

_Value = TypeVar("_Value")


class Turns:
    """I give out turns. Use me as C{async with turns:}, or call L{acquire} and L{release}.

    @ivar taken: the number of turns that have begun and not ended.
    """

    def __init__(self, most: int = 1) -> None:
        """@param most: the most turns at a time."""
        self._most = most
        self.taken = 0
        self._queue: deque[Deferred[None]] = deque()
        self._isCalling = False

    @property
    def waiting(self) -> int:
        """The number of waiters for a turn."""
        return len(self._queue)

    @property
    def isFree(self) -> bool:
        """True if nobody has a turn, and nobody waits."""
        return not self.taken and not self._queue

    def acquire(self) -> Deferred[None]:
        """Get a turn.

        @return: a Deferred that fires when the turn begins. Cancelling it leaves the queue.
        """
        turn: Deferred[None] = Deferred(self._queue.remove)
        self._queue.append(turn)
        self._call()
        return turn

    def release(self) -> None:
        """End a turn. The next one may begin before this returns."""
        self.taken -= 1
        self._call()

    async def whole(self, start: Callable[[], Deferred[_Value]]) -> _Value:
        """Do work that cannot be stopped, such as that of a thread. The turn lasts as long as the work.

        If the caller is cancelled while the work waits, it is not done. If it has begun, it goes on, and
        keeps its turn: else people who give up and ask again would begin more and more of it.

        @param start: begins the work; its Deferred fires at the end.
        """
        await self.acquire()
        done: Deferred[_Value] = Deferred()

        def ended(result: Any) -> None:
            self.release()
            done.callback(result)  # ignored if the caller was cancelled

        maybeDeferred(start).addBoth(ended)
        return await done

    def _call(self) -> None:
        if self._isCalling:
            return
        self._isCalling = True
        while self._queue and self.taken < self._most:
            self.taken += 1
            self._queue.popleft().callback(None)
        self._isCalling = False

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        self.release()
