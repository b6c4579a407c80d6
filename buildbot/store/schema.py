# -*- test-case-name: tests.unit.store.test_sqlite -*-
"""The tables of the store, their version, and the upgrades from earlier versions.

The SQL works with PostgreSQL too. Records are JSON text. The other columns hold values for searches and
values that change more often than the record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: An upper limit for all numbers in the store. A larger number is damage.
LARGEST = 10**15


@dataclass(frozen=True)
class Schema:
    """I am one version of the tables.

    Each version is built from the one before, so that the code can still create every earlier version.

    @ivar version: counts from 1.
    @ivar statements: the SQL that creates the tables and indexes of version 1.
    @ivar upgrades: by version, the SQL that upgrades it to the next.
    """

    version: int
    statements: Sequence[str]
    upgrades: Mapping[int, Sequence[str]] = field(default_factory=dict)

    def between(self, old: int, new: int | None = None) -> list[str]:
        """The SQL that upgrades tables from version C{old} (0: no tables) to C{new}; default: mine."""
        steps = {0: self.statements, **self.upgrades}
        return [each for step in range(old, self.version if new is None else new) for each in steps[step]]

    def tables(self, version: int | None = None) -> list[str]:
        """The names of the tables of a version, or of mine."""
        names: list[str] = []
        for each in self.between(0, version):
            names += re.findall(r"^CREATE TABLE (\w+)", each)
            names = [name for name in names if name not in re.findall(r"^DROP TABLE (\w+)", each)]
        return names


CURRENT = Schema(
    2,
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
    },
)
