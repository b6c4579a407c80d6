# -*- test-case-name: tests.unit.store.test_lists -*-
"""Lists and searches of builds and changes in memory, as a simple model of those in SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS, WARNINGS
from buildbot.model.rows import BuildFilter, BuildRow, ChangeFilter, ChangeRow, Standing


class MemoryLists:
    """I am the L{ListCore<buildbot.store.lists.ListCore>} of the store in memory.

    @param builds: returns the rows of all builds.
    @param changes: returns the rows of all changes.
    """

    def __init__(self, builds: Callable[[], list[BuildRow]], changes: Callable[[], list[ChangeRow]]) -> None:
        self._builds = builds
        self._changes = changes

    def getBuildRows(self, filter: BuildFilter, count: int, after: Sequence[Any] | None) -> list[BuildRow]:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        rows = [row for row in self._builds() if filter.accepts(row)]
        newest = sorted(rows, key=lambda row: row.place(filter.byEnd), reverse=True)
        return [row for row in newest if after is None or row.place(filter.byEnd) < tuple(after)][:count]

    def getLastRows(self, builder: str, count: int) -> list[BuildRow]:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        return self._of(builder)[:count]

    def getStanding(self, builder: str) -> Standing:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        rows = self._of(builder)
        last = next((row for row in rows if row.finished is not None), None)
        good = next((row for row in rows if row.results in (SUCCESS, WARNINGS)), None)
        since = -1 if good is None else good.number
        red = [row for row in rows if row.number > since and row.results in (FAILURE, EXCEPTION)]
        return Standing(last, good, red[-1] if red else None)

    def getRowsOfChanges(self, numbers: Sequence[int], count: int) -> list[BuildRow]:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        return [row for row in self._newest() if set(numbers) & set(row.changes)][:count]

    def getNumbers(self, builder: str, numbers: Sequence[int]) -> set[int]:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        return {row.number for row in self._of(builder)} & set(numbers)

    def countBuilds(self) -> dict[str, int]:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        names = sorted(row.builder for row in self._builds())
        return {name: names.count(name) for name in names}

    def getChangeRows(self, filter: ChangeFilter, count: int, before: int | None) -> list[ChangeRow]:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        rows = [row for row in self._changes() if before is None or row.number < before]
        newest = sorted(rows, key=lambda row: row.number, reverse=True)
        return [row for row in newest if filter.accepts(row)][:count]

    def _newest(self) -> list[BuildRow]:
        return sorted(self._builds(), key=BuildRow.place, reverse=True)

    def _of(self, builder: str) -> list[BuildRow]:
        """The builds of a builder, the highest number first."""
        rows = [row for row in self._builds() if row.builder == builder]
        return sorted(rows, key=lambda row: row.number, reverse=True)
