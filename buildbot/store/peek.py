# -*- test-case-name: tests.unit.store.test_peek -*-
"""Read the store of a stopped master, for commands that cannot ask a running one.

Nothing is changed, and damage is not reported: the start of a master does that.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, TypeVar

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, BuildsetRecord, RequestRecord
from buildbot.store.files import FILE, isUnborn, mustBePlainStore, openToRead
from buildbot.store.interface import SchemaTooNew, StoreFailed
from buildbot.store.names import valuesOf
from buildbot.store.schema import CURRENT
from buildbot.store.sqlactions import SqlActions
from buildbot.store.sqllists import SqlLists

_T = TypeVar("_T")
#: The most seconds to wait for another connection, such as a backup.
_PATIENCE = 1.0
#: The most waiting requests of one answer.
MOST_WAITING = 10_000
#: The errors of a record that is damaged.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)


def hasStore(basedir: str) -> bool:
    """True if a master has run in this directory. A store without tables was left by a start that was cut."""
    path = os.path.join(basedir, FILE)
    if not os.path.exists(path):
        return False
    try:
        mustBePlainStore(path)
        with closing(openToRead(path, timeout=_PATIENCE)) as store:
            return not isUnborn(store)
    except (OSError, sqlite3.Error):
        return True  # whoever reads it tells what is wrong with it


class Peek:
    """I read one store.

    @ivar basedir: the directory of the master.
    @ivar lists: lists of builds and changes; see L{buildbot.store.lists.ListCore}.
    @ivar actions: the record of actions; see L{buildbot.store.actions.ActionCore}.
    """

    def __init__(self, basedir: str, connection: sqlite3.Connection) -> None:
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
    path = os.path.join(basedir, FILE)
    try:
        mustBePlainStore(path)
        with closing(openToRead(path, timeout=_PATIENCE)) as store:
            (version,) = store.execute("PRAGMA user_version").fetchone()
            if version > CURRENT.version:
                raise SchemaTooNew(f"{path} was written by a later release")
            if version < CURRENT.version:
                raise StoreFailed(f"{path} is of an earlier release: a start of the master upgrades it")
            store.execute("BEGIN")
            yield Peek(basedir, store)
    except (OSError, sqlite3.Error) as why:
        raise StoreFailed(f"cannot read {path}: {why}") from None


def peekBuild(basedir: str, builder: str, number: int) -> BuildRecord | None:
    """The record of a build in a store of any release. None if it does not exist or is unreadable."""
    path = os.path.join(basedir, FILE)
    try:
        mustBePlainStore(path)
        with closing(openToRead(path, timeout=_PATIENCE)) as store:
            return Peek(basedir, store).build(builder, number)
    except (OSError, sqlite3.Error, OverflowError):
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
