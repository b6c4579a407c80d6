# -*- test-case-name: tests.unit.store.test_lists -*-
"""The contract for lists and searches of builds and changes.

The answers are rows, made without any record. L{buildbot.store.sqllists} and L{buildbot.store.memorylists}
find them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from zope.interface import Interface

from buildbot.model.rows import (
    BuildFilter,
    BuildRow,
    ChangeFilter,
    ChangeRow,
    Page,
    Standing,
)

if TYPE_CHECKING:  # only the type checker needs it
    from twisted.internet.defer import Deferred

#: Filters without any condition.
ANY_BUILD = BuildFilter()
ANY_CHANGE = ChangeFilter()


class ILists(Interface):
    """I list builds and changes without their records.

    Every method returns a Deferred. It fails with L{buildbot.store.interface.StoreFailed}, and with
    ValueError if a count, cursor or filter is not valid.
    """

    def getBuildRows(
        filter: BuildFilter = ANY_BUILD, count: int = 50, cursor: str = ""
    ) -> Deferred[Page[BuildRow]]:
        """Fires with the builds that C{filter} selects, those with the latest start first.

        @param count: the most builds, up to L{MOST_ROWS<buildbot.model.rows.MOST_ROWS>}.
        @param cursor: C{next} of the page before; empty for the first page.
        """

    def getLastRows(builders: Iterable[str], count: int = 20) -> Deferred[dict[str, list[BuildRow]]]:
        """Fires with the last C{count} builds of each builder, the highest number first.

        A builder without builds has an empty list.
        """

    def getStandings(builders: Iterable[str]) -> Deferred[dict[str, Standing]]:
        """Fires with how each builder stands: its last finished, last good and first red build."""

    def getRowsOfChanges(numbers: Iterable[int], count: int = 1000) -> Deferred[list[BuildRow]]:
        """Fires with the builds that include one of these changes, those with the latest start first.

        @param numbers: up to L{MOST_ROWS<buildbot.model.rows.MOST_ROWS>} numbers of changes.
        """

    def getNumbers(builder: str, numbers: Iterable[int]) -> Deferred[set[int]]:
        """Fires with those of these numbers that builds of the builder have, also unreadable ones.

        @param numbers: up to L{MOST_ROWS<buildbot.model.rows.MOST_ROWS>}.
        """

    def countBuilds() -> Deferred[dict[str, int]]:
        """Fires with the number of stored builds of each builder that has any."""

    def getChangeRows(
        filter: ChangeFilter = ANY_CHANGE, count: int = 50, cursor: str = ""
    ) -> Deferred[Page[ChangeRow]]:
        """Fires with the changes that C{filter} selects, the highest number first; see L{getBuildRows}."""

    def findChanges(prefix: str, count: int = 50) -> Deferred[list[ChangeRow]]:
        """Fires with the changes whose revision begins with C{prefix}, the highest number first."""


class ListCore(Protocol):
    """I do the work of L{ILists} synchronously.

    @cvar getBuildRows: its C{after} is the start, builder and number of the last row of the page before.
    """

    def getBuildRows(
        self, filter: BuildFilter, count: int, after: Sequence[Any] | None
    ) -> list[BuildRow]: ...
    def getLastRows(self, builder: str, count: int) -> list[BuildRow]: ...
    def getStanding(self, builder: str) -> Standing: ...
    def getRowsOfChanges(self, numbers: Sequence[int], count: int) -> list[BuildRow]: ...
    def getNumbers(self, builder: str, numbers: Sequence[int]) -> set[int]: ...
    def countBuilds(self) -> dict[str, int]: ...
    def getChangeRows(self, filter: ChangeFilter, count: int, before: int | None) -> list[ChangeRow]: ...
