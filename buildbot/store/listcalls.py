# -*- test-case-name: tests.unit.store.test_lists -*-
"""The common half of the lists of all stores: it checks the arguments of L{ILists}."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import TypeVar

from twisted.internet import defer
from twisted.internet.defer import Deferred

from buildbot.model.rows import (
    BuildFilter,
    BuildRow,
    ChangeFilter,
    ChangeRow,
    Page,
    Standing,
    checkCount,
    fromBuildCursor,
    fromCursor,
    pageOf,
)
from buildbot.store.lists import ANY_BUILD, ANY_CHANGE, ListCore

_T = TypeVar("_T")


class Lists:
    """I am the front of L{ILists<buildbot.store.lists.ILists>}: I check arguments."""

    _lists: ListCore

    @abstractmethod
    def _read(self, work: Callable[[], _T]) -> Deferred[_T]:
        """Run work of my core that only reads, after all earlier calls."""

    def getBuildRows(
        self, filter: BuildFilter = ANY_BUILD, count: int = 50, cursor: str = ""
    ) -> Deferred[Page[BuildRow]]:
        """See L{ILists<buildbot.store.lists.ILists>}."""
        try:
            filter.check()
            more, after = checkCount(count) + 1, fromBuildCursor(cursor)
        except ValueError:
            return defer.fail()

        def place(row: BuildRow) -> tuple[float, str, int]:
            return row.place(filter.byEnd)

        return self._read(lambda: pageOf(self._lists.getBuildRows(filter, more, after), count, place))

    def getLastRows(self, builders: Iterable[str], count: int = 20) -> Deferred[dict[str, list[BuildRow]]]:
        """See L{ILists<buildbot.store.lists.ILists>}."""
        try:
            names, most = tuple(builders), checkCount(count)
        except ValueError:
            return defer.fail()
        return self._read(lambda: {each: self._lists.getLastRows(each, most) for each in names})

    def getStandings(self, builders: Iterable[str]) -> Deferred[dict[str, Standing]]:
        """See L{ILists<buildbot.store.lists.ILists>}."""
        names = tuple(builders)
        return self._read(lambda: {each: self._lists.getStanding(each) for each in names})

    def getRowsOfChanges(self, numbers: Iterable[int], count: int = 1000) -> Deferred[list[BuildRow]]:
        """See L{ILists<buildbot.store.lists.ILists>}."""
        try:
            wanted, most = sorted(set(numbers)), checkCount(count)
            if not wanted:
                return defer.succeed([])
            checkCount(len(wanted))
        except ValueError:
            return defer.fail()
        return self._read(lambda: self._lists.getRowsOfChanges(wanted, most))

    def getNumbers(self, builder: str, numbers: Iterable[int]) -> Deferred[set[int]]:
        """See L{ILists<buildbot.store.lists.ILists>}."""
        try:
            wanted = sorted(set(numbers))
            if not wanted:
                return defer.succeed(set())
            checkCount(len(wanted))
        except ValueError:
            return defer.fail()
        return self._read(lambda: self._lists.getNumbers(builder, wanted))

    def countBuilds(self) -> Deferred[dict[str, int]]:
        """See L{ILists<buildbot.store.lists.ILists>}."""
        return self._read(lambda: self._lists.countBuilds())

    def getChangeRows(
        self, filter: ChangeFilter = ANY_CHANGE, count: int = 50, cursor: str = ""
    ) -> Deferred[Page[ChangeRow]]:
        """See L{ILists<buildbot.store.lists.ILists>}."""
        try:
            filter.check()
            more, after = checkCount(count) + 1, fromCursor(cursor, int)
        except ValueError:
            return defer.fail()
        before = None if after is None else after[0]
        return self._read(
            lambda: pageOf(self._lists.getChangeRows(filter, more, before), count, ChangeRow.place)
        )

    def findChanges(self, prefix: str, count: int = 50) -> Deferred[list[ChangeRow]]:
        """See L{ILists<buildbot.store.lists.ILists>}."""
        found = self.getChangeRows(ChangeFilter(prefix=prefix), count)
        return found.addCallback(lambda page: list(page.rows))
