# -*- test-case-name: tests.unit.store.test_moving -*-
"""Copy all rows of one store into another, and compare them. All functions block.

A move can be killed at any moment: the next one continues behind the last row that is there. At the end the
rows of both stores are read and compared; only then the new store can be used.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from buildbot.store.direct import Transacts
from buildbot.store.interface import StoreFailed
from buildbot.store.marks import COMPLETE, COPYING, CREATE, MOVING
from buildbot.store.schema import CURRENT, Schema
from buildbot.store.seams import Connection

#: The most rows that are read and written at a time.
PAGE = 500
#: Tables that every start of a master changes: whether the source is as it was is seen by them.
_CHANGED = ("counters", "audit")


@dataclass(frozen=True)
class Layout:
    """I am one table: its name, its columns, and those of its key."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """The places of the key's columns."""
        return tuple(self.columns.index(each) for each in self.key)


@dataclass
class Tally:
    """I tell how far a move is.

    @ivar total: the rows of the source.
    @ivar copied: the rows of the source that are in the target.
    @ivar compared: the rows of the target that were compared.
    @ivar counts: table -> its rows, for the tables that are done.
    @ivar mended: the texts whose NUL characters were replaced, because PostgreSQL cannot have them.
    """

    total: int = 0
    copied: int = 0
    compared: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    mended: int = 0


def layouts(schema: Schema = CURRENT) -> list[Layout]:
    """All tables of a schema."""
    with closing(sqlite3.connect(":memory:")) as memory:
        schema.upgrade(memory, 0)
        found = []
        for name in schema.tables():
            columns = memory.execute(f"PRAGMA table_info({name})").fetchall()
            key = sorted((place, column) for _, column, _, _, _, place in columns if place)
            found.append(
                Layout(name, tuple(column[1] for column in columns), tuple(column for _, column in key))
            )
        return found


def isEmpty(connection: Connection) -> bool:
    """True if no table of a store has a row."""
    return not any(
        connection.execute(f"SELECT 1 FROM {each.name} LIMIT 1").fetchone() is not None for each in layouts()
    )


class Move:
    """I move one store.

    @param shown: the place of the source, for people; it names the move.
    """

    def __init__(self, source: Transacts, target: Transacts, shown: str, tally: Tally) -> None:
        self._source, self._target = source, target
        self._shown = shown
        self._tally = tally
        self._layouts = layouts()
        self._isNew = True

    def begin(self, isMarked: bool) -> None:
        """Mark the target, or find the mark of an earlier move from this source.

        @param isMarked: True if the target has the table of the mark.
        @raise StoreFailed: it has other data.
        """
        likeness = self._likeness()
        with self._target.transaction(True) as target:
            row = None
            if isMarked:
                row = target.execute(f"SELECT source, likeness FROM {MOVING}").fetchone()
                if row is not None and row[0] != self._shown:
                    raise StoreFailed(f"it has a part of another store, {row[0]}")
            elif not isEmpty(target):
                raise StoreFailed("it has a store already")
            else:
                target.execute(CREATE)
            self._isNew = row is None or row[1] != likeness
            if self._isNew:  # perhaps a master has used the source since then
                for each in self._layouts:
                    target.execute(f"DELETE FROM {each.name}")
                target.execute(f"DELETE FROM {MOVING}")
                target.execute(
                    f"INSERT INTO {MOVING} (source, likeness, state) VALUES (?, ?, ?)",
                    (self._shown, likeness, COPYING),
                )

    @property
    def isContinued(self) -> bool:
        """True if an earlier move had begun."""
        return not self._isNew

    def run(self) -> None:
        """Copy what is missing, and compare everything. Raises L{StoreFailed} if anything differs."""
        with self._source.transaction(False) as source:
            for each in self._layouts:
                self._tally.total += source.execute(f"SELECT COUNT(*) FROM {each.name}").fetchone()[0]
            for each in self._layouts:
                wanted = self._copied(source, each)
                if self._read(each) != wanted:
                    if self._isNew:
                        raise StoreFailed(f"the table {each.name} of the copy differs from the original")
                    self._again(source, each)
        with self._target.transaction(True) as target:
            target.execute(f"UPDATE {MOVING} SET state = ?", (COMPLETE,))

    def end(self) -> None:
        """Remove the mark, when the new store is in force. Else the next start of a master does it."""
        with self._target.transaction(True) as target:
            target.execute(f"DROP TABLE {MOVING}")

    def _again(self, source: Connection, layout: Layout) -> None:
        """Copy a whole table: what an earlier move has left does not fit."""
        with self._target.transaction(True) as target:
            target.execute(f"DELETE FROM {layout.name}")
        copied, compared = self._tally.copied, self._tally.compared
        before = self._tally.counts.pop(layout.name)
        self._tally.copied, self._tally.compared = copied - before, max(0, compared - before)
        if self._copied(source, layout) != self._read(layout):
            raise StoreFailed(f"the table {layout.name} of the copy differs from the original")

    def _copied(self, source: Connection, layout: Layout) -> tuple[int, str]:
        """Copy the rows that are missing. Returns the number of all rows of the source, and their digest."""
        marks = ", ".join("?" for _ in layout.columns)
        insert = f"INSERT INTO {layout.name} ({', '.join(layout.columns)}) VALUES ({marks})"
        with self._target.transaction(False) as target:
            last = _last(target, layout)
        summing = _Summing()
        for page in _pages(source, layout):
            rows = [self._fitting(row) for row in page]
            summing.add(rows)
            missing = [row for row in rows if last is None or _keyOf(row, layout) > last]
            if missing:
                with self._target.transaction(True) as target:
                    target.executemany(insert, missing)
            self._tally.copied += len(rows)
        self._tally.counts[layout.name] = summing.count
        return summing.result()

    def _read(self, layout: Layout) -> tuple[int, str]:
        """The number of the target's rows, and their digest."""
        summing = _Summing()
        with self._target.transaction(False) as target:
            for page in _pages(target, layout):
                summing.add([tuple(row) for row in page])
                self._tally.compared += len(page)
        return summing.result()

    def _fitting(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """The row as every kind of store can have it."""
        if any(type(value) is str and "\0" in value for value in row):
            self._tally.mended += 1
            return tuple(value.replace("\0", "\ufffd") if type(value) is str else value for value in row)
        return tuple(row)

    def _likeness(self) -> str:
        """A digest of what each start of a master changes in the source."""
        summing = _Summing()
        with self._source.transaction(False) as source:
            for each in self._layouts:
                if each.name in _CHANGED:
                    for page in _pages(source, each):
                        summing.add([tuple(row) for row in page])
        return summing.result()[1]


class _Summing:
    """I count rows, and make a digest of them."""

    def __init__(self) -> None:
        self.count = 0
        self._digest = hashlib.sha256()

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows in the order of their keys."""
        self.count += len(rows)
        for row in rows:
            self._digest.update(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")

    def result(self) -> tuple[int, str]:
        """The number of rows, and their digest."""
        return self.count, self._digest.hexdigest()


def _pages(connection: Connection, layout: Layout) -> Iterator[list[Sequence[Any]]]:
    """All rows of a table in the order of their keys, some at a time."""
    names, key = ", ".join(layout.columns), ", ".join(layout.key)
    marks = ", ".join("?" for _ in layout.key)
    select, order = f"SELECT {names} FROM {layout.name}", f"ORDER BY {key} LIMIT {PAGE}"
    page: list[Sequence[Any]] = list(connection.execute(f"{select} {order}"))
    while page:
        yield page
        last = tuple(page[-1][place] for place in layout.places)
        page = list(connection.execute(f"{select} WHERE ({key}) > ({marks}) {order}", last))


def _last(connection: Connection, layout: Layout) -> tuple[Any, ...] | None:
    """The highest key of a table, in a form to compare; None if it has no rows."""
    order = ", ".join(f"{each} DESC" for each in layout.key)
    row = connection.execute(
        f"SELECT {', '.join(layout.key)} FROM {layout.name} ORDER BY {order} LIMIT 1"
    ).fetchone()
    return None if row is None else _sortable(row)


def _keyOf(row: Sequence[Any], layout: Layout) -> tuple[Any, ...]:
    return _sortable([row[place] for place in layout.places])


def _sortable(key: Sequence[Any]) -> tuple[Any, ...]:
    """A key whose texts are ordered by their bytes in UTF-8, as both databases do."""
    return tuple(each.encode("utf-8", "surrogatepass") if type(each) is str else each for each in key)
