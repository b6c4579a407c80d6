# -*- test-case-name: tests.unit.store.test_waiting -*-
"""The requests that wait, in memory, as a simple model of those in SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from buildbot.model.likeness import likenessOf
from buildbot.model.records import RequestRecord
from buildbot.store.waiting import Waiting, WaitingPage, isOf


class MemoryWaiting:
    """I am the L{WaitingCore<buildbot.store.waiting.WaitingCore>} of the store in memory.

    @param pending: returns all waiting requests, oldest first.
    """

    def __init__(self, pending: Callable[[], list[RequestRecord]]) -> None:
        self._pending = pending

    def countWaiting(self) -> dict[str, Waiting]:
        """See L{IWaiting<buildbot.store.waiting.IWaiting>}."""
        pending = self._pending()
        counts = Counter(each.builder for each in pending)
        last = {each.builder: each.id for each in pending}
        return {builder: Waiting(count, last[builder]) for builder, count in counts.items()}

    def getWaiting(self, builder: str, after: int, count: int, likeness: int | None) -> WaitingPage:
        """See L{IWaiting<buildbot.store.waiting.IWaiting>}."""
        found = [
            each
            for each in self._pending()
            if each.builder == builder and each.id > after and likeness in (None, likenessOf(each))
        ][:count]
        return WaitingPage(found, [], found[-1].id if len(found) == count else None)

    def findWaiting(self, ids: Sequence[int]) -> list[RequestRecord]:
        """See L{IWaiting<buildbot.store.waiting.IWaiting>}."""
        return [each for each in self._pending() if each.id in ids]

    def getWaitingOf(self, change: int) -> list[RequestRecord]:
        """See L{IWaiting<buildbot.store.waiting.IWaiting>}."""
        return [each for each in self._pending() if isOf(each, change)]
