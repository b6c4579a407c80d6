# -*- test-case-name: tests.test_store_damage -*-
"""A damaged SQLite file: put out of the way, and what can still be read of it carried over.

Whether a file is damaged is not decided here. Everything here blocks.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from typing import Any
from urllib.parse import quote

from buildbot.store.schema import Schema

#: The files that SQLite keeps beside a database.
WAL, SHM = "-wal", "-shm"

# A number that was given once is not given again, though its counter may be among what is lost.
_COUNTED = (
    "SELECT 'change', MAX(number) FROM changes",
    "SELECT 'buildset', MAX(id) FROM buildsets",
    "SELECT 'request', MAX(id) FROM requests",
    "SELECT 'build ' || builder, MAX(number) FROM builds GROUP BY builder",
    "SELECT 'build ' || builder, MAX(build) FROM requests GROUP BY builder",
)


def setAside(path: str) -> str:
    """Rename the file, and its write-ahead log, to NAME.damaged-N; returns that name. Raises OSError."""
    count = 1
    while os.path.lexists(f"{path}.damaged-{count}") or os.path.lexists(f"{path}.damaged-{count}{WAL}"):
        count += 1
    aside = f"{path}.damaged-{count}"
    with suppress(FileNotFoundError):
        os.rename(path + WAL, aside + WAL)  # first, for it would be taken for that of the next file
    with suppress(FileNotFoundError):
        os.unlink(path + SHM)
    os.rename(path, aside)
    return aside


def salvage(aside: str, target: Any, schema: Schema) -> int:
    """Copy the rows that can be read from the file C{aside} into the empty tables of C{target}.

    @param target: a connection within a transaction.
    @return: how many rows there were.
    """
    if not os.path.getsize(aside):
        return 0
    carried = 0
    # As it lies there, unless there is a log to be read along with it.
    mode = "mode=ro" if os.path.exists(aside + WAL) else "immutable=1"
    with closing(sqlite3.connect(f"file:{quote(aside)}?{mode}", uri=True, isolation_level=None)) as source:
        source.text_factory = partial(str, encoding="utf-8", errors="replace")
        version = _version(source, schema)
        if version < schema.version:
            for table in schema.tables():
                target.execute(f"DROP TABLE {table}")
            for statement in schema.between(0, version):
                target.execute(statement)
        for table in schema.tables(version):
            carried += _copy(source, target, table)
        for statement in schema.between(version):
            target.execute(statement)
    with suppress(FileNotFoundError):
        os.unlink(aside + SHM)
    target.execute("DELETE FROM requests WHERE buildset NOT IN (SELECT id FROM buildsets)")
    target.execute("DELETE FROM buildsets WHERE id NOT IN (SELECT buildset FROM requests)")
    for statement in _COUNTED:
        target.executemany(
            "INSERT INTO counters (name, value) VALUES (?, ? + 1)"
            " ON CONFLICT (name) DO UPDATE SET value = MAX(value, excluded.value)",
            [row for row in target.execute(statement) if row[1] is not None],
        )
    return carried


def _version(source: Any, schema: Schema) -> int:
    """Of which version the tables in the file are; if that cannot be told, it may well be the latest."""
    try:
        # A file that has lost its end is not even looked into, unless SQLite is told not to trust its schema.
        source.execute("PRAGMA writable_schema = ON")
        (version,) = source.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError:
        return schema.version
    return version if 0 < version < schema.version else schema.version


def _copy(source: Any, target: Any, table: str) -> int:
    columns = [
        (name, kind, bool(must)) for _, name, kind, must, *_ in target.execute(f"PRAGMA table_info({table})")
    ]
    names = ", ".join(name for name, _, _ in columns)
    marks = ", ".join("?" for _ in columns)
    before = target.total_changes
    for row in _rows(source, f"SELECT {names} FROM {table} NOT INDEXED ORDER BY rowid"):
        if all(_fits(value, kind, must) for value, (_, kind, must) in zip(row, columns, strict=True)):
            target.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", row)
    return int(target.total_changes - before)


def _rows(source: Any, query: str) -> Iterator[Any]:
    """What can be read from either end; a row may come twice."""
    for direction in ("ASC", "DESC"):
        try:
            yield from source.execute(f"{query} {direction}")
        except sqlite3.DatabaseError:
            continue
        return


def _fits(value: Any, kind: str, must: bool) -> bool:
    """Whether a value is what its column was made for."""
    if value is None:
        return not must
    return isinstance(value, {"TEXT": str, "INTEGER": int}.get(kind, (int, float)))
