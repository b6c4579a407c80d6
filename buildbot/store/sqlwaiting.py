# -*- test-case-name: tests.unit.store.test_waiting -*-
"""The requests that wait, in SQL. Each statement reads them in the order of an index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from buildbot.model.records import RequestRecord
from buildbot.store.reading import Requests, readable
from buildbot.store.seams import Cursor, Value
from buildbot.store.waiting import Unreadable, Waiting, WaitingPage, isOf

_COLUMNS = "r.id, r.builder, r.attempts, r.interruptions, s.id, s.complete, s.results, s.record"
#: The requests, each with its buildset or NULLs.
_ALL = (
    f"SELECT {_COLUMNS} FROM requests r LEFT JOIN buildsets s ON s.id = r.buildset WHERE r.state = 'pending'"
)
#: The requests of incomplete sets. The words CROSS JOIN tell SQLite to begin with the sets.
_OF_SETS = (
    f"SELECT {_COLUMNS} FROM buildsets s CROSS JOIN requests r"
    " WHERE s.complete IS NULL AND r.buildset = s.id AND r.state = 'pending'"
)
#: Sets have the order of their requests. The first set with a request above a number:
_FIRST = "(SELECT buildset FROM requests WHERE id > ? ORDER BY id LIMIT 1)"


class SqlWaiting:
    """I am the L{WaitingCore<buildbot.store.waiting.WaitingCore>} of stores that have a database.

    @param execute: runs one statement in the current transaction.
    """

    def __init__(self, execute: Callable[[str, Sequence[Value]], Cursor]) -> None:
        self._execute = execute

    def pendingRequests(self) -> list[RequestRecord]:
        """See L{Core<buildbot.store.requests.Core>}."""
        return self._requests(f"{_ALL} ORDER BY r.id")

    def countWaiting(self) -> dict[str, Waiting]:
        """See L{IWaiting<buildbot.store.waiting.IWaiting>}."""
        rows = self._execute(
            "SELECT builder, COUNT(*), MAX(id) FROM requests WHERE state = 'pending' GROUP BY builder", ()
        )
        return {builder: Waiting(count, last) for builder, count, last in rows}

    def getWaiting(self, builder: str, after: int, count: int, likeness: int | None) -> WaitingPage:
        """See L{IWaiting<buildbot.store.waiting.IWaiting>}."""
        if likeness is None:
            rows = self._execute(
                f"{_ALL} AND r.builder = ? AND r.id > ? ORDER BY r.id LIMIT ?", (builder, after, count)
            )
        else:
            rows = self._execute(
                f"{_OF_SETS} AND s.likeness = ? AND s.id >= {_FIRST} AND r.builder = ? AND r.id > ?"
                " ORDER BY s.id, r.id LIMIT ?",
                (likeness, after, builder, after, count),
            )
        return _page(list(rows), count)

    def findWaiting(self, ids: Sequence[int]) -> list[RequestRecord]:
        """See L{IWaiting<buildbot.store.waiting.IWaiting>}."""
        return [each for id in ids for each in self._requests(f"{_ALL} AND r.id = ?", id)]

    def getWaitingOf(self, change: int) -> list[RequestRecord]:
        """See L{IWaiting<buildbot.store.waiting.IWaiting>}."""
        found = self._requests(f"{_OF_SETS} AND s.latest >= ? AND s.first <= ? ORDER BY r.id", change, change)
        return [each for each in found if isOf(each, change)]

    def _requests(self, statement: str, *values: Value) -> list[RequestRecord]:
        return list(readable(Requests().read, "request", self._execute(statement, values)))


def _page(rows: Sequence[Any], count: int) -> WaitingPage:
    read, found, unreadable = Requests().read, [], []
    for row in rows:
        try:
            found.append(read(row))
        except Exception as error:  # a record may be of any shape
            unreadable.append(Unreadable(row[0], row[1], str(error)))
    return WaitingPage(found, unreadable, rows[-1][0] if len(rows) == count else None)
