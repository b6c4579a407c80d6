# -*- test-case-name: tests.unit.store.test_sqlite -*-
"""The tables of the store, their version, and the upgrades from earlier versions.

The SQL works with PostgreSQL too. Records are JSON text. The other columns hold values for searches and
values that change more often than the record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from buildbot.store.columns import fillBuilds, fillChanges, fillCodebases, fillSets
from buildbot.store.seams import Connection
from buildbot.store.sqlactions import moveAudit

#: An upper limit for all numbers in the store. A larger number is damage.
LARGEST = 10**15

#: One step of an upgrade: SQL, or a function that moves rows within the transaction of the upgrade.
Step: TypeAlias = str | Callable[[Connection], None]


@dataclass(frozen=True, eq=False)
class Schema:
    """I am one version of the tables. Each object is equal only to itself.

    Each version is built from the one before, so that the code can still create every earlier version.

    @ivar version: counts from 1.
    @ivar statements: the SQL that creates the tables and indexes of version 1.
    @ivar upgrades: by version, the steps that upgrade it to the next.
    """

    version: int
    statements: Sequence[str]
    upgrades: Mapping[int, Sequence[Step]] = field(default_factory=dict)

    def between(self, old: int, new: int | None = None) -> list[Step]:
        """The steps that upgrade tables from version C{old} (0: no tables) to C{new}; default: mine."""
        steps: Mapping[int, Sequence[Step]] = {0: self.statements, **self.upgrades}
        return [each for step in range(old, self.version if new is None else new) for each in steps[step]]

    def upgrade(self, connection: Connection, old: int, new: int | None = None) -> None:
        """Run the steps from L{between}. The caller begins and ends the transaction."""
        for step in self.between(old, new):
            if isinstance(step, str):
                connection.execute(step)
            else:
                step(connection)

    def tables(self, version: int | None = None) -> list[str]:
        """The names of the tables of a version, or of mine."""
        return list(_tablesOf(self, version))


@lru_cache(maxsize=16)
def _tablesOf(schema: Schema, version: int | None) -> tuple[str, ...]:
    names: list[str] = []
    for each in schema.between(0, version):
        if isinstance(each, str):
            names += re.findall(r"^CREATE TABLE (\w+)", each)
            names = [name for name in names if name not in re.findall(r"^DROP TABLE (\w+)", each)]
    return tuple(dict.fromkeys(names))


CURRENT = Schema(
    6,
    (
        # The next number of each counter; "build NAME" counts the builds of a builder.
        "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
        """CREATE TABLE changes (number INTEGER PRIMARY KEY, made DOUBLE PRECISION NOT NULL,
            record TEXT NOT NULL)""",
        """CREATE TABLE buildsets (id INTEGER PRIMARY KEY, complete DOUBLE PRECISION, results INTEGER,
            record TEXT NOT NULL)""",
        # "build" is the number of the last build that was started for the request.
        """CREATE TABLE requests (id INTEGER PRIMARY KEY, buildset INTEGER NOT NULL, builder TEXT NOT NULL,
            attempts INTEGER NOT NULL, state TEXT NOT NULL, results INTEGER, build INTEGER)""",
        "CREATE INDEX requests_by_state ON requests (state)",
        "CREATE INDEX requests_by_buildset ON requests (buildset)",
        """CREATE TABLE builds (builder TEXT NOT NULL, number INTEGER NOT NULL,
            started DOUBLE PRECISION NOT NULL, finished DOUBLE PRECISION, record TEXT NOT NULL,
            PRIMARY KEY (builder, number))""",
        "CREATE INDEX builds_by_start ON builds (started, builder, number)",
        "CREATE INDEX builds_running ON builds (builder, number) WHERE finished IS NULL",
        "CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        # Log files of deleted builds, until their deletion is confirmed.
        "CREATE TABLE removals (filename TEXT PRIMARY KEY)",
    ),
    {
        # The number of the request's builds that ran when the master ended without a stop.
        1: ("ALTER TABLE requests ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0",),
        # Columns for searches and lists. They stand before the record, so that a list does not read it.
        2: (
            "DROP INDEX builds_by_start",
            "DROP INDEX builds_running",
            "ALTER TABLE builds RENAME TO old_builds",
            """CREATE TABLE builds (builder TEXT NOT NULL, number INTEGER NOT NULL,
            started DOUBLE PRECISION NOT NULL, finished DOUBLE PRECISION, results INTEGER, slave TEXT,
            branch TEXT, revision TEXT, project TEXT, repository TEXT, text TEXT, reason TEXT, who TEXT,
            changes TEXT, first INTEGER, latest INTEGER, record TEXT NOT NULL,
            PRIMARY KEY (builder, number))""",
            fillBuilds,
            "DROP TABLE old_builds",
            "CREATE INDEX builds_by_start ON builds (started, builder, number)",
            "CREATE INDEX builds_running ON builds (builder, number) WHERE finished IS NULL",
            "CREATE INDEX builds_by_time ON builds (builder, started, number)",
            "CREATE INDEX builds_by_slave ON builds (slave, started, builder, number)",
            "CREATE INDEX builds_by_branch ON builds (branch, started, builder, number)",
            "CREATE INDEX builds_by_revision ON builds (revision, started) WHERE revision IS NOT NULL",
            "CREATE INDEX builds_by_results ON builds (builder, results, number) WHERE results IS NOT NULL",
            "CREATE INDEX builds_by_outcome ON builds (results, started, builder, number)"
            " WHERE results IS NOT NULL",
            "CREATE INDEX builds_by_end ON builds (finished, builder, number) WHERE finished IS NOT NULL",
            # "first" and "latest" are the lowest and the highest number in "changes".
            "CREATE INDEX builds_by_change ON builds (latest, first) WHERE latest IS NOT NULL",
            "ALTER TABLE changes RENAME TO old_changes",
            """CREATE TABLE changes (number INTEGER PRIMARY KEY, made DOUBLE PRECISION NOT NULL, who TEXT,
            branch TEXT, revision TEXT, project TEXT, repository TEXT, category TEXT, summary TEXT,
            files INTEGER, record TEXT NOT NULL)""",
            fillChanges,
            "DROP TABLE old_changes",
            "CREATE INDEX changes_by_who ON changes (who)",
            "CREATE INDEX changes_by_branch ON changes (branch)",
            "CREATE INDEX changes_by_revision ON changes (revision) WHERE revision IS NOT NULL",
            "CREATE INDEX changes_by_project ON changes (project) WHERE project <> ''",
            "CREATE INDEX changes_by_repository ON changes (repository) WHERE repository <> ''",
        ),
        # The record of actions, and the answers to actions that a client may send again.
        3: (
            """CREATE TABLE audit (number INTEGER PRIMARY KEY, made DOUBLE PRECISION NOT NULL,
            who TEXT NOT NULL, how TEXT NOT NULL, address TEXT NOT NULL, action TEXT NOT NULL,
            subject TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL)""",
            "CREATE INDEX audit_by_subject ON audit (subject, number)",
            "CREATE INDEX audit_by_who ON audit (who, number)",
            moveAudit,
            """CREATE TABLE answers (name TEXT PRIMARY KEY, until DOUBLE PRECISION NOT NULL,
            asked TEXT NOT NULL, record TEXT NOT NULL)""",
            "CREATE INDEX answers_by_until ON answers (until)",
        ),
        # Indexes for those that wait, so that a start reads no others. "closer" is who ended a build.
        4: (
            "ALTER TABLE buildsets ADD COLUMN scheduler TEXT",
            "ALTER TABLE buildsets ADD COLUMN likeness INTEGER",
            "ALTER TABLE buildsets ADD COLUMN first INTEGER",
            "ALTER TABLE buildsets ADD COLUMN latest INTEGER",
            fillSets,
            "CREATE INDEX buildsets_by_scheduler ON buildsets (scheduler, id) WHERE scheduler IS NOT NULL",
            "CREATE INDEX buildsets_alike ON buildsets (likeness, id)"
            " WHERE complete IS NULL AND likeness IS NOT NULL",
            "CREATE INDEX buildsets_by_change ON buildsets (latest, first)"
            " WHERE complete IS NULL AND latest IS NOT NULL",
            "DROP INDEX requests_by_state",
            "CREATE INDEX requests_waiting ON requests (builder, id) WHERE state = 'pending'",
            "CREATE INDEX requests_running ON requests (id) WHERE state NOT IN ('pending', 'done')",
            "CREATE INDEX requests_interrupted ON requests (id) WHERE interruptions > 0",
            "ALTER TABLE builds ADD COLUMN closer TEXT",
        ),
        # The codebase of a change in a list.
        5: ("ALTER TABLE changes ADD COLUMN codebase TEXT", fillCodebases),
    },
)
