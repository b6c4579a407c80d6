# -*- test-case-name: tests.unit.store.test_moving -*-
"""The mark of a store that is being moved: while it has only a part of the data, no master uses it.

L{buildbot.store.moving} moves a store.
"""

from __future__ import annotations

from buildbot.store.interface import StoreFailed
from buildbot.store.seams import Connection

#: The table that is there from the beginning of a move to its end. It has one row.
MOVING = "moving"
#: The states of a move: rows are being copied; all of them are there and equal.
COPYING, COMPLETE = "copying", "complete"

CREATE = f"CREATE TABLE {MOVING} (source TEXT NOT NULL, likeness TEXT NOT NULL, state TEXT NOT NULL)"


def mustBeWhole(connection: Connection, where: str) -> None:
    """Remove the mark of a complete move. The caller has found the table L{MOVING}, and is in a transaction.

    @raise StoreFailed: the move has not ended.
    """
    row = connection.execute(f"SELECT source, state FROM {MOVING}").fetchone()
    if row is not None and row[1] != COMPLETE:
        raise StoreFailed(
            f"{where} has only a part of the store {row[0]}: `buildbot move-store` was ended before its time;"
            " the same command again continues it"
        )
    connection.execute(f"DROP TABLE {MOVING}")
