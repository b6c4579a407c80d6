# -*- test-case-name: tests.unit.store.test_peek -*-
"""Read the store of a stopped master, for commands that cannot ask a running one.

Nothing is changed, and damage is not reported: the start of a master does that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, BuildsetRecord, PauseRecord, RequestRecord
from buildbot.store.address import BadAddress
from buildbot.store.direct import opened, reading
from buildbot.store.interface import StoreFailed
from buildbot.store.names import valuesOf
from buildbot.store.place import placeOf
from buildbot.store.seams import Connection
from buildbot.store.sqlactions import SqlActions
from buildbot.store.sqllists import SqlLists

_T = TypeVar("_T")
#: The most waiting requests of one answer.
MOST_WAITING = 10_000
#: The errors of a record that is damaged.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)


class Peek:
    """I read one store.

    @ivar basedir: the directory of the master.
    @ivar lists: lists of builds and changes; see L{buildbot.store.lists.ListCore}.
    @ivar actions: the record of actions; see L{buildbot.store.actions.ActionCore}.
    """

    def __init__(self, basedir: str, connection: Connection) -> None:
        self.basedir = basedir
        self._execute: Callable[[str, Sequence[Any]], Any] = connection.execute
        self.lists = SqlLists(connection.execute)
        self.actions = SqlActions(connection.execute)

    def change(self, number: int) -> Change | None:
        """A change, or None if it does not exist or is unreadable."""
        row = self._execute("SELECT record FROM changes WHERE number = ?", (number,)).fetchone()
        return None if row is None else _read(row, lambda found: Change.fromRecord(found).numbered(number))

    def build(self, builder: str, number: int) -> BuildRecord | None:
        """A build, or None if it does not exist or is unreadable."""
        row = self._execute(
            "SELECT record FROM builds WHERE builder = ? AND number = ?", (builder, number)
        ).fetchone()
        if row is None:
            return None
        return _read(row, lambda found: BuildRecord.fromRecord({**found, "number": number}))

    def request(self, builder: str, number: int) -> tuple[bool, int | None] | None:
        """If a request waits, and the number of its last build; None if there is no such request."""
        row = self._execute(
            "SELECT state, build FROM requests WHERE id = ? AND builder = ?", (number, builder)
        ).fetchone()
        return None if row is None else (row[0] == "pending", row[1])

    def waiting(self) -> list[RequestRecord]:
        """The waiting requests, the oldest first, at most L{MOST_WAITING}, without unreadable ones."""
        rows = self._execute(
            "SELECT buildsets.record, buildsets.id, requests.id, builder, attempts, interruptions"
            " FROM requests JOIN buildsets ON buildsets.id = buildset"
            " WHERE state = 'pending' ORDER BY requests.id LIMIT ?",
            (MOST_WAITING,),
        )
        found = (_read(row, partial(_request, row[1:])) for row in rows)
        return [each for each in found if each is not None]

    def pause(self, slave: str) -> dict[str, Any] | None:
        """The record of a slave's pause; None if it is not paused, or if the record is unreadable."""
        row = self._execute("SELECT value FROM state WHERE name = ?", (f"pause/{slave}",)).fetchone()
        return None if row is None else _read(row, lambda found: PauseRecord.fromRecord(found).toRecord())

    def builders(self) -> list[str]:
        """The names of all builders that have builds."""
        return valuesOf(self._execute, "builder")

    def slaves(self) -> list[str]:
        """The names of all slaves that have builds."""
        return valuesOf(self._execute, "slave")


@contextmanager
def peeking(basedir: str) -> Iterator[Peek]:
    """A context with the store of a directory, at one instant.

    @raise StoreFailed: it cannot be read, or another release has written it.
    """
    with reading(basedir) as connection:
        yield Peek(basedir, connection)


def peekBuild(basedir: str, builder: str, number: int) -> BuildRecord | None:
    """The record of a build in a store of any release. None if it does not exist or is unreadable."""
    try:
        with opened(placeOf(basedir)) as store, store.transaction(False) as connection:
            return Peek(basedir, connection).build(builder, number)
    except (StoreFailed, BadAddress, OverflowError):
        return None


def _request(values: Sequence[Any], found: dict[str, Any]) -> RequestRecord:
    """A waiting request, from its numbers and the record of its set."""
    buildset, number, builder, attempts, interruptions = values
    made = BuildsetRecord.fromRecord({**found, "id": buildset})
    request = RequestRecord.of(made, number, builder)
    return request.altered(attempts=attempts, interruptions=interruptions)


def _read(row: Sequence[Any], make: Callable[[dict[str, Any]], _T]) -> _T | None:
    """The value of a record, the only column of a row; None if it is damaged."""
    try:
        return make(json.loads(row[0]))
    except _UNREADABLE:
        return None
