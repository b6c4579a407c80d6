# -*- test-case-name: tests.unit.store.test_damage -*-
"""Recover a damaged SQLite file: set it aside and copy its readable rows to a new file.

This module does not decide whether a file is damaged. All functions block.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from glob import escape, glob
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from buildbot.daemon.symptoms import Symptom
from buildbot.store.columns import BUILD_COLUMNS, CHANGE_COLUMNS
from buildbot.store.files import JOURNAL, SHM, WAL
from buildbot.store.leaves import PAGE, rowsOnLeaves
from buildbot.store.schema import LARGEST, Schema
from buildbot.text.plural import counted

#: Tables whose rows look like those of another table. Their contents can be derived from elsewhere.
_ALIKE = frozenset(("counters", "removals"))
#: The largest file in bytes whose leaf pages are searched.
_LARGEST_IMAGE = 1 << 30
#: How often to resume behind damaged pages: in one table, and in one gap.
_ATTEMPTS, _SPLITS = 500, 8

#: Columns with a value that can be replaced if it is unreadable: counts of attempts begin anew. A value for
#: searches is lost for them alone, because the record has it too.
_REPLACED: Mapping[tuple[str, str], int | None] = {
    **{("requests", name): 0 for name in ("attempts", "interruptions")},
    **{("builds", name): None for name in BUILD_COLUMNS},
    **{("changes", name): None for name in CHANGE_COLUMNS},
}

# Numbers are never reused, even if their counter is lost: it is derived from the rows.
_COUNTED = (
    "SELECT 'change', MAX(number) FROM changes",
    "SELECT 'buildset', MAX(id) FROM buildsets",
    "SELECT 'request', MAX(id) FROM requests",
    "SELECT 'build ' || builder, MAX(number) FROM builds GROUP BY builder",
    "SELECT 'build ' || builder, MAX(build) FROM requests GROUP BY builder",
)


def setAside(path: str) -> str:
    """Rename the file and its logs for recovery to NAME.damaged-N. Returns that name. Raises OSError."""
    count = 1
    while any(os.path.lexists(f"{path}.damaged-{count}{end}") for end in ("", WAL, JOURNAL)):
        count += 1
    aside = f"{path}.damaged-{count}"
    for end in (WAL, JOURNAL):  # before the file: SQLite would apply them to a new file
        with suppress(FileNotFoundError):
            os.rename(path + end, aside + end)
    with suppress(FileNotFoundError):
        os.unlink(path + SHM)
    os.rename(path, aside)
    return aside


@dataclass
class Carried:
    """I am the result of a recovery.

    @ivar rows: the number of copied rows.
    @ivar mismatches: the number of rows left behind because a value has the wrong type.
    @ivar mended: the number of rows copied without an unusable value.
    @ivar isWhole: True if every table was readable from beginning to end.
    """

    rows: int = 0
    mismatches: int = 0
    mended: int = 0
    isWhole: bool = True

    def __str__(self) -> str:
        parts = [f"{counted(self.rows, 'record')} copied into a new store"]
        if self.mismatches:
            parts.append(f"{counted(self.mismatches, 'record')} had wrong values and were left behind")
        if self.mended:
            parts.append(f"{counted(self.mended, 'record')} lost a wrong value")
        if not self.isWhole:
            parts.append("the data in the damaged pages is lost")
        return ", ".join(parts)


def setAsides(path: str) -> Symptom | None:
    """The warning for admins while damaged files lie beside C{path}, or None."""
    names = sorted(
        os.path.basename(each)
        for each in glob(f"{escape(path)}.damaged-*")
        if not each.endswith((WAL, SHM, JOURNAL))
    )
    if not names:
        return None
    return Symptom(
        "the store was damaged: its readable data was copied into a new one",
        f"the damaged file is kept as {', '.join(names)}",
        "look for missing builds in twistd.log and `buildbot builds`, then move that file away",
    )


def recoverRows(aside: str, target: sqlite3.Connection, schema: Schema) -> Carried:
    """Copy the readable rows of the file C{aside} into the empty tables of C{target}.

    @param target: a connection within a transaction.
    """
    if not os.path.getsize(aside):
        return Carried(isWhole=False)
    version = _version(aside, schema)
    if version < schema.version:
        for table in schema.tables():
            target.execute(f"DROP TABLE {table}")
        schema.upgrade(target, 0, version)
    carried = _carry(aside, target, schema.tables(version))
    if not carried.isWhole:
        # The first page holds the tables and their positions. A new file with our schema has the same.
        with _mended(aside, schema, version) as mended:
            again = _carry(mended, target, schema.tables(version))
        again.rows += carried.rows
        carried = again
    if not carried.isWhole:
        carried.rows += _fromLeaves(aside, target, schema.tables(version))
    schema.upgrade(target, version)
    target.execute("DELETE FROM requests WHERE buildset NOT IN (SELECT id FROM buildsets)")
    target.execute("DELETE FROM buildsets WHERE id NOT IN (SELECT buildset FROM requests)")
    raiseCounters(target)
    return carried


def raiseCounters(connection: sqlite3.Connection) -> None:
    """Raise every counter above the highest number among the rows."""
    for statement in _COUNTED:
        connection.executemany(
            "INSERT INTO counters (name, value) VALUES (?, ? + 1)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value < excluded.value",
            [row for row in connection.execute(statement) if row[1] is not None],
        )


def _carry(path: str, target: sqlite3.Connection, tables: Iterable[str]) -> Carried:
    """Add the readable rows of these tables in a file to those of C{target}."""
    carried = Carried()
    # Open the file as immutable, unless a write-ahead log belongs to it.
    mode = "mode=ro" if os.path.exists(path + WAL) else "immutable=1"
    with closing(sqlite3.connect(f"file:{quote(path)}?{mode}", uri=True, isolation_level=None)) as source:
        source.text_factory = partial(str, encoding="utf-8", errors="replace")
        # SQLite opens a file without its end only if it is told not to trust the schema.
        with suppress(sqlite3.DatabaseError):
            source.execute("PRAGMA writable_schema = ON")
        for table in tables:
            _copy(source, target, table, carried)
    with suppress(FileNotFoundError):
        os.unlink(path + SHM)
    return carried


def _fromLeaves(path: str, target: sqlite3.Connection, tables: Iterable[str]) -> int:
    """Add the rows on leaf pages that C{target} does not have yet. Returns their number.

    This works without the index pages: the values of a row tell its table.
    """
    if os.path.getsize(path) > _LARGEST_IMAGE:
        return 0
    layouts = [_Layout(target, table) for table in tables if table not in _ALIKE]
    before = target.total_changes
    with open(path, "rb") as file:
        image = file.read()
    for rowid, values in rowsOnLeaves(image):
        for layout in layouts:
            row = layout.row(rowid, values)
            if row is not None:
                target.execute(layout.insert, row)
                break
    return int(target.total_changes - before)


class _Layout:
    """I recognize rows of one table by their values."""

    def __init__(self, target: sqlite3.Connection, table: str) -> None:
        columns = list(_columns(target, table))
        self._kinds = [(kind, bool(must)) for _, _, kind, must, *_ in columns]
        self._optional = [default for *_, default, _ in columns if default is not None]
        keys = [(name, kind) for _, name, kind, _, _, key in columns if key]
        self._isNumbered = [kind for _, kind in keys] == ["INTEGER"]
        names = ", ".join(name for _, name, *_ in columns)
        marks = ", ".join("?" for _ in columns)
        self.insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"

    def row(self, rowid: int, values: Sequence[Any]) -> Sequence[Any] | None:
        """The row as one of my table, or None if it does not fit. Newer columns get their default."""
        lacking = len(self._kinds) - len(values)
        if not 0 <= lacking <= len(self._optional):
            return None
        first = [rowid] if self._isNumbered and values[:1] == [None] else list(values[:1])
        row = [*first, *values[1:], *map(int, self._optional[len(self._optional) - lacking :])]
        fits = (_fits(value, *kind) for value, kind in zip(row, self._kinds, strict=True))
        return row if all(fits) else None


@contextmanager
def _mended(aside: str, schema: Schema, version: int) -> Iterator[str]:
    """A context with the path of a copy whose first page is that of a fresh file of this version."""
    copy = f"{aside}.mending"
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    try:
        with closing(fresh):
            schema.upgrade(fresh, 0, version)
            size = os.path.getsize(aside) // PAGE
            page = bytearray(_image(fresh)[:PAGE])
        page[18:20] = b"\x02\x02"  # the file uses a write-ahead log
        page[28:32] = size.to_bytes(4, "big")
        page[32:40] = bytes(8)  # no free pages
        with suppress(FileNotFoundError):
            os.unlink(copy)
        shutil.copyfile(aside, copy)
        with suppress(FileNotFoundError):
            shutil.copyfile(aside + WAL, copy + WAL)
        with open(copy, "r+b") as file:
            file.write(page)
        yield copy
    finally:
        for end in ("", WAL, SHM):
            with suppress(FileNotFoundError):
                os.unlink(copy + end)


def _image(connection: sqlite3.Connection) -> bytes:
    """The bytes of a database as a file. (C{serialize} exists from Python 3.11 on.)"""
    with TemporaryDirectory() as directory:
        path = os.path.join(directory, "image")
        with closing(sqlite3.connect(path)) as copy:
            connection.backup(copy)
        with open(path, "rb") as file:
            return file.read()


def _version(path: str, schema: Schema) -> int:
    """The version of the tables in the file. The latest version if it is unreadable."""
    with open(path, "rb") as file:
        version = int.from_bytes(file.read(64)[60:], "big")
    return version if 0 < version < schema.version else schema.version


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, table: str, carried: Carried) -> None:
    columns = [(name, kind, bool(must)) for _, name, kind, must, *_ in _columns(target, table)]
    names = ", ".join(name for name, _, _ in columns)
    marks = ", ".join("?" for _ in columns)
    before = target.total_changes
    mismatches = set()
    reading = _Reading(source, f"SELECT rowid, {names} FROM {table} NOT INDEXED WHERE rowid")
    mended = set()
    for rowid, *row in reading.rows():
        for place, (name, kind, must) in enumerate(columns):
            if not _fits(row[place], kind, must):
                if (table, name) not in _REPLACED:
                    mismatches.add(rowid)
                    break
                row[place] = _REPLACED[table, name]
                mended.add(rowid)
        else:
            target.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", row)
    carried.rows += target.total_changes - before
    carried.mismatches += len(mismatches)
    carried.mended += len(mended)
    carried.isWhole = carried.isWhole and reading.isWhole


class _Reading:
    """I read all readable rows of a table. A row may appear twice.

    @ivar isWhole: True if no row was skipped.
    """

    def __init__(self, source: sqlite3.Connection, query: str) -> None:
        self._source = source
        self._query = query
        self._attempts = _ATTEMPTS
        self.isWhole = True

    def rows(self) -> Iterator[Any]:
        """Yield the rows, each with its rowid as first value."""
        gaps = [(-LARGEST, LARGEST, _SPLITS)]
        while gaps and self._attempts > 0:
            low, high, splits = gaps.pop()
            before = low, high
            for direction in ("ASC", "DESC"):
                self._attempts -= 1
                try:
                    for row in self._select(low, high, direction):
                        low, high = (row[0], high) if direction == "ASC" else (low, row[0])
                        yield row
                except sqlite3.DatabaseError:
                    self.isWhole = False
                else:
                    break
            else:
                # A page between these two is unreadable; continue behind it.
                middle = (low + high) // 2
                isStuck = splits == _SPLITS and (low, high) == before
                if not isStuck and splits and low < middle:
                    gaps += [(low, middle + 1, splits - 1), (middle, high, splits - 1)]

    def _select(self, low: int, high: int, direction: str) -> sqlite3.Cursor:
        return self._source.execute(f"{self._query} > {low} AND rowid < {high} ORDER BY rowid {direction}")


def _fits(value: object, kind: str, must: bool) -> bool:
    """True if a value has the type of its column."""
    if value is None:
        return not must
    if kind == "INTEGER":
        return isinstance(value, int) and -LARGEST < value < LARGEST
    return isinstance(value, str if kind == "TEXT" else (int, float))


def wrongHeader(path: str) -> str:
    """The fault in a file's header in words, or empty text if it is sound or the file is empty.

    SQLite takes some faults for a later file format and opens the file read-only.
    """
    with open(path, "rb") as file:
        header = file.read(100)
    if not header:
        return ""
    if header[:16] != b"SQLite format 3\0":
        return "file is not a database"
    version, fractions, rest = header[18:20], header[20:24], header[44:48]
    isGood = version in (b"\1\1", b"\2\2") and fractions == b"\0@  " and rest in (b"\0\0\0\4", bytes(4))
    return "" if isGood else "its header is damaged"


def shape(connection: sqlite3.Connection) -> frozenset[tuple[Any, ...]]:
    """The tables and indexes of a file, each with its SQL."""
    return frozenset(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))


def typeMismatch(connection: sqlite3.Connection, table: str) -> str | None:
    """Name a row of a table with a value of the wrong type, in words. None if all types are right."""
    columns = [(name, kind, bool(must)) for _, name, kind, must, *_ in _columns(connection, table)]
    fits = " AND ".join(f"({_fitting(*column)})" for column in columns)
    row = connection.execute(f"SELECT rowid FROM {table} WHERE NOT ({fits}) LIMIT 1").fetchone()
    return None if row is None else f"row {row[0]} of its table {table} holds a value of the wrong kind"


def _fitting(name: str, kind: str, must: bool) -> str:
    """The SQL condition for L{_fits}."""
    good = {
        "TEXT": f"typeof({name}) = 'text'",
        "INTEGER": f"typeof({name}) = 'integer' AND {name} BETWEEN {1 - LARGEST} AND {LARGEST - 1}",
    }.get(kind, f"typeof({name}) IN ('integer', 'real')")
    return good if must else f"{name} IS NULL OR ({good})"


def _columns(connection: sqlite3.Connection, table: str) -> sqlite3.Cursor:
    return connection.execute(f"PRAGMA table_info({table})")
