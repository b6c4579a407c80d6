# -*- test-case-name: tests.unit.store.test_lists -*-
"""The columns of builds, changes and sets that lists and searches use, and their values.

They are a copy of values in the records. So they can be made again from the records.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from twisted.logger import Logger

from buildbot.model.change import Change
from buildbot.model.likeness import likenessOf
from buildbot.model.records import BuildRecord, BuildsetRecord
from buildbot.model.rows import BuildRow, ChangeRow, packNumbers, unpackNumbers
from buildbot.model.sourcestamp import changesIn
from buildbot.store.seams import Connection, Value

_log = Logger()

#: The columns of the table of builds, apart from its key, times and record.
BUILD_COLUMNS = (
    *("results", "slave", "branch", "revision", "project", "repository"),
    *("text", "reason", "who", "changes", "first", "latest"),
)
#: The columns of the table of changes, apart from its number, time and record.
CHANGE_COLUMNS = (
    *("who", "branch", "revision", "project", "repository", "category", "summary", "files"),
    "codebase",  # the last one, as an upgrade adds it to a table with the others
)
#: The columns of the table of sets, apart from its number, end and record.
SET_COLUMNS = ("scheduler", "likeness", "first", "latest")
_SET_COLUMNS = f"UPDATE buildsets SET {', '.join(f'{name} = ?' for name in SET_COLUMNS)} WHERE id = ?"
#: Some changes after a number whose records may have a codebase.
_CHANGES_LIKE = """SELECT number, record FROM changes WHERE number > ?
    AND record LIKE ? AND record NOT LIKE ? AND record NOT LIKE ? ORDER BY number LIMIT ?"""
#: Records with a codebase are like the first text. Most have an empty one, and are like one of the others.
_WITH_CODEBASE = ('%"codebase":%', '%"codebase":""%', '%"codebase": ""%')
#: The columns that make a L{BuildRow}, for C{SELECT}; see L{buildRow}.
BUILD_ROW = ", ".join(
    f"COALESCE({name}, '')" if name in ("slave", *BUILD_COLUMNS[4:10]) else name for name in BuildRow._fields
)
#: The columns that make a L{ChangeRow}, for C{SELECT}; see L{changeRow}.
CHANGE_ROW = "number, made, who, branch, revision, project, repository, category, summary, files, codebase"

#: The number of rows between two messages about the progress of an upgrade.
_MANY = 20_000
#: The number of sets that an upgrade reads at a time.
_SOME = 1000


def buildValues(build: BuildRecord, number: int) -> tuple[Value, ...]:
    """The values of L{BUILD_COLUMNS} for a build."""
    row = BuildRow.of(build, number)
    changes = row.changes
    return (
        *(row.results, row.slave, row.branch, row.revision, row.project, row.repository),
        *(row.text, row.reason, row.who, packNumbers(changes)),
        *((changes[0], changes[-1]) if changes else (None, None)),
    )


def changeValues(change: Change) -> tuple[Value, ...]:
    """The values of L{CHANGE_COLUMNS} for a change."""
    row = ChangeRow.of(change, 0, 0.0)
    return (
        *(row.who, row.branch, row.revision, row.project, row.repository, row.category, row.summary),
        *(row.files, row.codebase),
    )


def setValues(buildset: BuildsetRecord) -> tuple[Value, ...]:
    """The values of L{SET_COLUMNS} for a set."""
    source = buildset.sourcestamp
    changes = changesIn(source) if "beside" in source else source.get("changes", ())
    found = [each.get("number") for each in changes]
    numbers = [each for each in found if isinstance(each, int)]
    return (
        *(buildset.scheduler, likenessOf(buildset)),
        *((min(numbers), max(numbers)) if numbers else (None, None)),
    )


def buildRow(values: Sequence[Any]) -> BuildRow:
    """The row of a build from values of L{BUILD_ROW}."""
    *others, changes = values
    return BuildRow._make((*others, unpackNumbers(changes) if changes else ()))


def changeRow(values: Sequence[Any]) -> ChangeRow:
    """The row of a change from values of L{CHANGE_ROW}. Columns of an unreadable record are empty."""
    number, made, who, branch, revision, project, repository, category, summary, files, codebase = values
    return ChangeRow(
        *(number, made, who or "", branch, revision, project or "", repository or "", category),
        *(summary or "", files or 0, codebase or ""),
    )


def fillBuilds(connection: Connection) -> None:
    """Move all builds from C{old_builds} to C{builds}, with the values of the columns."""
    _fill(connection, "builds", "builder, number, started, finished", BUILD_COLUMNS, _valuesOfBuild)


def fillChanges(connection: Connection) -> None:
    """Move all changes from C{old_changes} to C{changes}, with the values of all columns but the codebase."""
    _fill(connection, "changes", "number, made", CHANGE_COLUMNS[:-1], lambda text: _valuesOfChange(text)[:-1])


def fillCodebases(connection: Connection) -> None:
    """Set the codebase of all changes that have one. That of an unreadable record stays empty."""
    last = 0
    while True:
        rows = list(connection.execute(_CHANGES_LIKE, (last, *_WITH_CODEBASE, _SOME)))
        values = []
        for last, text in rows:
            try:
                values.append((_valuesOfChange(text)[-1], last))
            except Exception as error:  # a record may be of any shape
                _log.debug("the codebase of change {number} stays empty: {error}", number=last, error=error)
        connection.executemany("UPDATE changes SET codebase = ? WHERE number = ?", values)
        if len(rows) < _SOME:
            return


def fillSets(connection: Connection) -> None:
    """Set the columns of all sets. Those of an unreadable record stay empty."""
    last = 0
    while True:
        statement = "SELECT id, record FROM buildsets WHERE id > ? ORDER BY id LIMIT ?"
        rows = list(connection.execute(statement, (last, _SOME)))
        values = []
        for last, text in rows:
            try:
                values.append((*setValues(BuildsetRecord.fromRecord(json.loads(text))), last))
            except Exception as error:  # a record may be of any shape
                _log.debug("the columns of set {id} stay empty: {error}", id=last, error=error)
        connection.executemany(_SET_COLUMNS, values)
        if len(rows) < _SOME:
            return


def _fill(
    connection: Connection,
    table: str,
    kept: str,
    columns: Sequence[str],
    read: Callable[[str], Sequence[Value]],
) -> None:
    """Move all rows from the old table to the new one, and log the progress."""
    (total,) = connection.execute(f"SELECT COUNT(*) FROM old_{table}").fetchone()
    names = f"{kept}, {', '.join(columns)}, record"

    def rows() -> Iterator[Sequence[Value]]:
        old = connection.execute(f"SELECT {kept}, record FROM old_{table} ORDER BY 1, 2")
        for count, (*values, record) in enumerate(old, 1):
            try:
                found = read(record)
            except Exception:  # a record may be of any shape: its row stays as it is
                found = (None,) * len(columns)
            yield (*values, *found, record)
            if not count % _MANY:
                _log.info(
                    "upgrade of the store: {count} of {total} {table}", count=count, total=total, table=table
                )

    marks = ", ".join("?" for _ in names.split(","))
    connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows())


def _valuesOfBuild(text: str) -> Sequence[Value]:
    record = json.loads(text)
    record.pop("steps", None)  # most of the record, and no column needs them
    return buildValues(BuildRecord.fromRecord(record), 0)


def _valuesOfChange(text: str) -> Sequence[Value]:
    return changeValues(Change.fromRecord(json.loads(text)))
