# -*- test-case-name: tests.daemons.test_postgres -*-
"""The tables of a store in PostgreSQL: made, upgraded and checked; and the settings that can lose data.

The tables are those of L{buildbot.store.schema}, and two more:

  - C{store} has one row: the version of the tables, an identity of the store that never changes, and the
    number of times that it was opened. This number is the epoch of whoever opened it last.
  - C{commits} has a row for each late group that wrote: its epoch and its number within. So a master that got
    no answer to its COMMIT can ask. Only the last row of a master matters; older ones are deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from uuid import uuid4

from buildbot.store.interface import SchemaTooNew, StoreFailed
from buildbot.store.marks import MOVING, mustBeWhole
from buildbot.store.schema import Schema
from buildbot.store.seams import Connection, Cursor, Value

#: The oldest PostgreSQL whose settings are known here.
OLDEST = 120000
#: The tables of Buildbot 0.8 and later that hold the version of their schema.
_OF_LATER = ("migrate_version", "alembic_version")

_OWN = (
    "CREATE TABLE store (version INTEGER NOT NULL, identity TEXT NOT NULL, opened INTEGER NOT NULL)",
    "CREATE TABLE commits (epoch INTEGER, n INTEGER, kept BOOLEAN NOT NULL, PRIMARY KEY (epoch, n))",
)


def inPostgres(statement: str) -> str:
    """A statement that makes a table, for PostgreSQL: numbers of 64 bits, and text ordered by its bytes."""
    wide = re.sub(r"\bINTEGER\b", "BIGINT", statement)
    return re.sub(r"\bTEXT\b", 'TEXT COLLATE "C"', wide)


class _Translating:
    """I am the connection while tables are made: I translate the statements of a L{Schema}."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Value] = (), /) -> Cursor:
        """See L{Connection}."""
        if statement.startswith(("CREATE TABLE", "ALTER TABLE")):
            statement = inPostgres(statement)
        return self._connection.execute(statement, values)

    def executemany(self, statement: str, values: Iterable[Sequence[Value]], /) -> Cursor:
        """See L{Connection}."""
        return self._connection.executemany(statement, values)


def prepare(connection: Connection, schema: Schema, where: str) -> int:
    """Make or upgrade the tables in the current schema. The caller begins and ends the transaction.

    @param where: the name of the database, for errors.
    @return: the epoch of this opening.
    @raise SchemaTooNew: a later release wrote the tables.
    @raise StoreFailed: the schema cannot hold a store.
    """
    (name,) = connection.execute("SELECT current_schema()").fetchone()
    if name is None:
        raise StoreFailed(f"{where}: no schema of the search_path exists: make one with CREATE SCHEMA")
    tables = {
        each
        for (each,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = ?", (name,))
    }
    if "store" not in tables:
        _mustBeFree(f"{where}, schema {name}", tables, schema)
        for each in _OWN:
            connection.execute(inPostgres(each))
        connection.execute("INSERT INTO store VALUES (0, ?, 0)", (str(uuid4()),))
    (version,) = connection.execute("SELECT version FROM store").fetchone()
    if version > schema.version:
        raise SchemaTooNew(
            f"{where} was written by a later release (its schema is {version}, this release knows up to"
            f" {schema.version}): run that release"
        )
    if MOVING in tables:
        mustBeWhole(connection, where)
    if version < schema.version:
        schema.upgrade(_Translating(connection), version)
        # A build is saved several times: room on its page keeps its indexes as they are.
        connection.execute("ALTER TABLE builds SET (fillfactor = 70)")
    opened = connection.execute(
        "UPDATE store SET version = ?, opened = opened + 1 RETURNING opened", (schema.version,)
    )
    (epoch,) = opened.fetchone()
    connection.execute("DELETE FROM commits WHERE epoch < ?", (epoch,))
    return int(epoch)


def _mustBeFree(where: str, tables: set[str], schema: Schema) -> None:
    """Raise StoreFailed if the schema has tables of somebody else."""
    if tables.intersection(_OF_LATER):
        raise StoreFailed(
            f"{where} is the database of a Buildbot of 0.8 or later: leave it as it is, and give this master"
            " a database or a schema of its own"
        )
    taken = sorted(tables.intersection((*schema.tables(), "commits")))
    if taken:
        raise StoreFailed(
            f"{where} has tables of another program ({', '.join(taken)}): give this master a database or a"
            " schema of its own"
        )


def mustFit(connection: Connection, where: str) -> None:
    """Raise StoreFailed if this server or database cannot hold a store."""
    (number, encoding) = connection.execute(
        "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')"
    ).fetchone()
    if number < OLDEST:
        raise StoreFailed(
            f"{where}: PostgreSQL {OLDEST // 10000} or newer is needed, this is {number // 10000}"
        )
    if encoding != "UTF8":
        raise StoreFailed(f"{where}: its encoding is {encoding}: make the database with ENCODING 'UTF8'")


def risksOf(connection: Connection) -> tuple[str, ...]:
    """The settings of the database that can lose what a master has acknowledged, one sentence each."""
    values = connection.execute(f"SELECT {_ASKED}")
    found = dict(zip(_SETTINGS, values.fetchone(), strict=True))
    risks = [words for name, safe, words in _RISKS if found.get(name, safe) != safe]
    if found.get("synchronous_commit") in ("local", "remote_write") and found["synchronous_standby_names"]:
        risks.append(
            f"synchronous_commit is {found['synchronous_commit']}: a failover to the standby can lose what"
            " was acknowledged"
        )
    (standbys,) = connection.execute("SELECT COUNT(*) FROM pg_stat_replication").fetchone()
    if standbys and not found["synchronous_standby_names"]:
        risks.append(
            "synchronous_standby_names is empty: a failover to a standby can lose what was acknowledged"
        )
    return tuple(risks)


#: The settings that must have a value, the value, and what happens with another one.
_RISKS = (
    ("fsync", "on", "fsync is off: a crash of the database's machine can destroy the database"),
    (
        "full_page_writes",
        "on",
        "full_page_writes is off: a crash of the database's machine can destroy the database, unless its file"
        " system writes pages whole",
    ),
)
_SETTINGS = ("fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names")
_ASKED = ", ".join(f"current_setting('{each}')" for each in _SETTINGS)
