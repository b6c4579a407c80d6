# -*- test-case-name: tests.unit.cluster.test_places -*-
"""The table of the masters of a store, in SQL: which one is active, and which ones wait.

The caller begins and ends transactions. The database lets only one row be active. Whoever takes the active
place locks its row first: so the takeover waits for the transactions of the old master that are under way,
and every later one finds that its place is gone (L{buildbot.cluster.fence}).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from buildbot.cluster.lease import Seen
from buildbot.store.interface import StoreFenced
from buildbot.store.seams import Connection, Value

#: The states of a row.
ACTIVE, STANDBY, ENDED = "active", "standby", "ended"

#: No other program has a table of this name. It has no version, so that masters of two releases can share it.
TABLES = (
    """CREATE TABLE IF NOT EXISTS store_masters (home TEXT PRIMARY KEY, name TEXT NOT NULL,
        incarnation TEXT NOT NULL, epoch BIGINT NOT NULL, state TEXT NOT NULL, beats BIGINT NOT NULL,
        lease DOUBLE PRECISION NOT NULL, release TEXT NOT NULL, address TEXT NOT NULL)""",
    "CREATE UNIQUE INDEX IF NOT EXISTS store_masters_active ON store_masters (state) WHERE state = 'active'",
)


@dataclass(frozen=True)
class Me:
    """I am what a master says about itself.

    @ivar home: its directory, unlike all others; C{name}: the same for people, such as C{host:/path}.
    @ivar incarnation: its process, unlike all others.
    @ivar lease: the seconds for which its beats are good.
    @ivar release: the version of Buildbot; C{address}: the address of its pages, "" without pages.
    """

    home: str
    name: str
    incarnation: str
    lease: float
    release: str = ""
    address: str = ""


@dataclass(frozen=True)
class Place:
    """I am one row: a master of the store."""

    home: str
    name: str
    incarnation: str
    epoch: int
    state: str
    beats: int
    lease: float
    release: str
    address: str


class Places:
    """I do the work on the table. A L{Worker<buildbot.store.worker.Worker>} calls me in its thread.

    @ivar me: what this master says about itself.
    """

    _connection: Connection

    def __init__(self, me: Me) -> None:
        self.me = me

    # for the worker

    def begin(self, connection: Connection, isPostponing: bool = True) -> None:
        """Work in a transaction of this connection from now on."""
        self._connection = connection

    def end(self) -> None:
        """The transaction ends now."""

    def undone(self) -> None:
        """The transaction was rolled back: I remember nothing."""

    # the work

    def create(self) -> None:
        """Create the table, unless it exists. Two masters that start at once do it one after the other."""
        self._connection.execute("SELECT pg_advisory_xact_lock(25186)")
        for statement in TABLES:
            self._connection.execute(statement)

    def look(self) -> tuple[Seen | None, list[Place]]:
        """The active place, and all rows. If another directory is active, my own row shows that I wait."""
        row = self._connection.execute(_SESSION).fetchone()
        rows = self._rows()
        active = next((each for each in rows if each.state == ACTIVE), None)
        if active is not None and active.home != self.me.home:
            self._write(STANDBY, epoch=0)
        return (None if active is None else _seen(active, str(row[0]))), rows

    def take(self, expected: Seen | None) -> int | None:
        """Take the active place from the master that was seen there; None: from nobody.

        @return: my epoch; None if the place has changed since it was seen.
        """
        me = self.me
        if expected is not None:
            self._connection.execute(_END_SESSIONS, (sessionName(expected.incarnation),))
        row = self._connection.execute(_ACTIVE).fetchone()
        found = None if row is None else _seen(Place(*row))
        isMine = found is not None and found.home == me.home
        if not isMine and _point(found) != _point(expected):
            return None
        if found is not None:
            self._connection.execute("UPDATE store_masters SET state = 'ended' WHERE home = ?", (found.home,))
        last = self._connection.execute("SELECT COALESCE(MAX(epoch), 0) FROM store_masters").fetchone()[0]
        epoch = int(last) + 1
        self._write(ACTIVE, epoch)
        self._connection.execute("DELETE FROM store_masters WHERE home <> ?", (me.home,))
        return epoch

    def beat(self, epoch: int) -> list[Place]:
        """Show that I am alive and active. Returns all rows.

        @raise StoreFenced: another master has taken my place.
        """
        done = self._connection.execute(
            "UPDATE store_masters SET beats = beats + 1"
            " WHERE incarnation = ? AND epoch = ? AND state = 'active'",
            (self.me.incarnation, epoch),
        )
        rows = self._rows()
        if not done.rowcount:
            raise fenced(rows)
        return rows

    def leave(self) -> None:
        """Give up my place, active or not. Another master can take it at once."""
        self._connection.execute(
            "UPDATE store_masters SET state = 'ended' WHERE incarnation = ?", (self.me.incarnation,)
        )

    def _rows(self) -> list[Place]:
        return rowsOf(self._connection)

    def _write(self, state: str, epoch: int) -> None:
        """Write my row, unless another process of my directory is active."""
        me = self.me
        values: Sequence[Value] = (me.home, me.name, me.incarnation, epoch, state, me.lease)
        self._connection.execute(_WRITE, (*values, me.release, me.address))


def rowsOf(connection: Connection) -> list[Place]:
    """All masters."""
    return [Place(*row) for row in connection.execute(f"{_ALL} ORDER BY name, home")]


def sessionName(incarnation: str) -> str:
    """The name that the database shows for the sessions of a process while they write."""
    return f"buildbot {incarnation}"


def fenced(rows: Sequence[Place]) -> StoreFenced:
    """The error for a master that is not active any more."""
    active = next((each.name for each in rows if each.state == ACTIVE), None)
    if active is None:
        return StoreFenced("this master is not the active one any more")
    return StoreFenced(f"this master is not the active one any more: {active} has taken over")


def _seen(place: Place, session: str = "") -> Seen:
    return Seen(place.home, place.incarnation, place.epoch, place.beats, place.lease, session)


def _point(seen: Seen | None) -> Any:
    """What must not have changed between a look and a takeover."""
    return None if seen is None else (seen.incarnation, seen.epoch, seen.beats)


_COLUMNS = "home, name, incarnation, epoch, state, beats, lease, release, address"
_ALL = f"SELECT {_COLUMNS} FROM store_masters"
_ACTIVE = f"{_ALL} WHERE state = 'active' FOR UPDATE"
#: Another connection, or another run of the database, gives another text.
_SESSION = "SELECT CAST(pg_backend_pid() AS TEXT) || ' ' || CAST(pg_postmaster_start_time() AS TEXT)"
#: A frozen process may hold its row in a transaction. Its sessions are known by the name that the fence sets.
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ?"
#: FOR KEY SHARE: beats go on meanwhile, and only a takeover waits.
FENCE = (
    "SELECT set_config('application_name', ?, true) FROM store_masters"
    " WHERE incarnation = ? AND epoch = ? AND state = 'active' FOR KEY SHARE"
)
_WRITE = (
    f"INSERT INTO store_masters ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)"
    " ON CONFLICT (home) DO UPDATE SET name = excluded.name, incarnation = excluded.incarnation,"
    " epoch = excluded.epoch, state = excluded.state, lease = excluded.lease, release = excluded.release,"
    " address = excluded.address, beats = store_masters.beats + 1 WHERE store_masters.state <> 'active'"
)
