# -*- test-case-name: tests.daemons.test_postgres -*-
"""One connection to PostgreSQL, made again when it is lost, with transactions whose outcome is known.

Each group that writes adds a token to the table C{commits} in the same message as its COMMIT. If no answer
comes, I connect again and insert the same token: what is there already says that the group was committed;
else it never will be, since a late twin meets mine. All functions block and run in one thread, but C{loss}
and C{cut}.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import count
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from twisted.logger import Logger

from buildbot.store.interface import StoreFailed, StoreFenced
from buildbot.store.pgtables import mustFit, prepare, risksOf
from buildbot.store.schema import Schema
from buildbot.store.seams import Connection, Cursor, OutcomeUnknown, Value

_log = Logger()

#: What libpq is told unless the user says otherwise. A vanished host is noticed within half a minute.
DEFAULTS: dict[str, Any] = {
    **{"connect_timeout": "10", "target_session_attrs": "read-write"},
    **{"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"},
    "tcp_user_timeout": "25000",
}
#: What the server is told. A master that vanished must not keep its locks, and no limit may end a COMMIT.
_SESSION = """
SELECT set_config(wanted.name, wanted.value, false) FROM (VALUES ('client_encoding', 'UTF8'),
    ('statement_timeout', '0'), ('lock_timeout', '0'), ('idle_session_timeout', '0'),
    ('transaction_timeout', '0'), ('idle_in_transaction_session_timeout', '20s'),
    ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'),
    ('default_transaction_isolation', 'read committed'), ('synchronous_commit', 'on')) AS wanted (name, value)
JOIN pg_settings ON pg_settings.name = wanted.name
WHERE wanted.name <> 'synchronous_commit' OR pg_settings.setting = 'off'
"""
#: The lock of a store, among the locks of its database: the number of its schema, and a mark.
LOCK = "(25186::bigint << 32) | (SELECT oid::bigint FROM pg_namespace WHERE nspname = current_schema())"
#: Who has it: the name, the address and the start of the session.
HOLDER = f"""
SELECT application_name, COALESCE(client_addr::text, 'the same machine'), backend_start::text
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND (classid::bigint << 32) | objid::bigint = ({LOCK})
"""
#: Inserts the token of a group whose outcome is unknown; or finds that it is there. In both cases it commits,
#: so that what it says is on the standby too. Nothing if another master has opened the store.
_SETTLE = """
INSERT INTO commits (epoch, n, kept) SELECT opened, $1, false FROM store WHERE opened = $2 FOR SHARE
ON CONFLICT (epoch, n) DO UPDATE SET kept = commits.kept RETURNING kept
"""
#: How acknowledged transactions can be gone.
_LAPSE = "a failover to a standby that was behind, or a backup that was put back"
#: Old tokens are deleted once in so many groups.
_EVERY = 1000
#: The seconds that an opening waits for the session of a master that was killed to end.
PATIENCE = 5.0
#: The shortest and the longest pause in seconds between two attempts to connect.
PAUSES = 0.25, 5.0


class PostgresDriver:
    """I am a L{Driver<buildbot.store.seams.Driver>}.

    @ivar risks: the settings of the database that can lose data, one sentence each.
    @ivar server: the release of the server, its host, and the name of the database, in words.

    @param fence: see L{PostgresStore<buildbot.store.postgres.PostgresStore>}.
    @param lapsed: called in my thread with the reason when what was acknowledged is gone.
    """

    def __init__(
        self,
        conninfo: str,
        schema: Schema,
        fence: Callable[[Connection], None] | None = None,
        lapsed: Callable[[str], object] = lambda reason: None,
    ) -> None:
        """Connect, and make or upgrade the tables.

        @raise SchemaTooNew: a later release wrote the tables. They were not changed.
        @raise StoreFailed: there is no such database, or another master uses the store.
        """
        self._fence = fence
        self._lapsed = lapsed
        self._options, self._where = optionsOf(conninfo)
        self._options.setdefault("application_name", f"buildbot {socket.gethostname()}:{os.getpid()}")
        self._session: psycopg.Connection[Any] | None = None
        self._newest: psycopg.Connection[Any] | None = None  # also while it is prepared
        self._n = self._kept = 0  # the last group, and the last one that was acknowledged
        self._pause, self._notBefore = 0.0, 0.0
        self._trouble = self._lost = ""
        self._epoch = 0
        session = self._connect(time.monotonic() + PATIENCE)
        with self._translated(session):
            self._epoch = self._prepared(session, schema)
            self.risks = risksOf(PgConnection(session))
        self._session = session

    def close(self) -> None:
        """Close the connection. Never raises."""
        self._drop()

    def cut(self) -> None:
        """Break the connection, so that what waits for it fails. Can be called in any thread. Never raises.

        The server is not asked to cancel anything: a COMMIT that waits for its standby goes on.
        """
        session = self._newest
        with suppress(psycopg.Error, OSError):
            if session is not None and not session.closed:
                # A copy of the descriptor: the thread may close its own in this moment.
                with socket.socket(fileno=os.dup(session.fileno())) as copy:
                    copy.shutdown(socket.SHUT_RDWR)

    def loss(self) -> str:
        """The reason if no write can succeed any more; else "". Can be called in any thread."""
        return self._lost

    @contextmanager
    def transaction(self, isWriting: bool, /) -> Iterator[Connection]:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        session = self._begun()
        try:
            connection = PgConnection(session)
            if isWriting and self._fence is not None:
                self._fence(connection)
            yield connection
            if isWriting:
                self._commit(session)
            else:
                session.execute("COMMIT", prepare=False)
        except OutcomeUnknown:
            raise
        except BaseException as error:
            self._undo(session, error)
            if isinstance(error, Exception) and self.isOutage(error):
                raise StoreFailed(self._words(error)) from error
            raise

    def settle(self) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        session = self._ready()
        with self._translated(session):
            found = session.execute(_SETTLE, (self._n, self._epoch), prepare=False).fetchone()
        if found is None:
            raise self._fenced()
        if found[0]:
            self._kept = self._n
        return bool(found[0])

    def isOutage(self, error: Exception, /) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return True
        state = getattr(error, "sqlstate", None) or ""
        # read only since a failover, no permission, an internal error of the server
        return state[:2] == "25" or state in ("42501", "XX000")

    def isDamage(self, error: Exception, /) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        return getattr(error, "sqlstate", None) in ("XX001", "XX002")

    def _commit(self, session: psycopg.Connection[Any]) -> None:
        """Commit with the next token. Raises L{OutcomeUnknown} if the connection is lost meanwhile."""
        self._n += 1
        old = f"DELETE FROM commits WHERE n < {self._n - _EVERY};" if not self._n % _EVERY else ""
        token = f"INSERT INTO commits VALUES ({self._epoch}, {self._n}, true)"
        try:
            session.execute(f"{old}{token};COMMIT".encode(), prepare=False)
        except psycopg.Error as error:
            if not isCut(session, error):
                raise
            self._drop()
            raise OutcomeUnknown(self._words(error)) from error
        self._kept = self._n

    def _begun(self) -> psycopg.Connection[Any]:
        """A session in a new transaction. A session that has ended since its last use is made anew."""
        wasConnected = self._session is not None
        session = self._ready()
        try:
            session.execute("BEGIN", prepare=False)
        except psycopg.Error as error:
            self._drop()
            if not wasConnected:
                raise StoreFailed(self._words(error)) from error
            session = self._ready()
            with self._translated(session):
                session.execute("BEGIN", prepare=False)
        return session

    def _ready(self) -> psycopg.Connection[Any]:
        """My session; made anew if it is lost, but not more often than L{PAUSES} says."""
        if self._lost:
            raise StoreFenced(self._lost)
        if self._session is None:
            if time.monotonic() < self._notBefore:
                raise StoreFailed(self._trouble)
            try:
                session = self._connect()
                with self._translated(session):
                    self._mustBeMine(session)
            except StoreFailed as error:
                self._trouble = error.reason
                shortest, longest = PAUSES
                self._pause = min(longest, max(shortest, self._pause * 2))
                self._notBefore = time.monotonic() + self._pause
                raise
            if not self._pause:  # else its trouble was told, and its end will be
                _log.info("{database}: connected again", database=self._where)
            self._session, self._pause = session, 0.0
        return self._session

    def _connect(self, until: float = 0.0) -> psycopg.Connection[Any]:
        """A new session that has the lock of the store, which masters with a fence share.

        @param until: the time until which the lock is waited for.
        """
        try:
            session: psycopg.Connection[Any] = psycopg.connect(
                **self._options, autocommit=True, cursor_factory=psycopg.RawCursor
            )
        except psycopg.Error as error:
            raise StoreFailed(self._words(error)) from error
        self._newest = session
        self._where = f"PostgreSQL database {session.info.dbname}"
        self.server = _server(session.info)
        with self._translated(session):
            session.execute(_SESSION)
            mustFit(PgConnection(session), self._where)
            kind = "" if self._fence is None else "_shared"
            while _one(session, f"SELECT pg_try_advisory_lock{kind}({LOCK})") is False:  # NULL: no schema
                if time.monotonic() >= until:
                    holder = session.execute(HOLDER).fetchone() or ("somebody", "somewhere", "now")
                    if self._epoch and holder[0] == self._options["application_name"]:
                        raise StoreFailed(
                            f"{self._where}: an earlier connection of this master has not ended in the server"
                            f" (since {holder[2]}); perhaps its COMMIT waits for a standby that is away"
                        )
                    raise StoreFailed(
                        f"{self._where}: another master has opened this store ({holder[0]}, from {holder[1]},"
                        f" since {holder[2]})"
                    )
                time.sleep(0.1)
        return session

    def _prepared(self, session: psycopg.Connection[Any], schema: Schema) -> int:
        """Make or upgrade the tables. Returns my epoch."""
        session.execute("BEGIN")
        if self._fence is not None:
            self._fence(PgConnection(session))
        session.execute(f"SELECT pg_advisory_xact_lock(1 + ({LOCK}))")
        epoch = prepare(PgConnection(session), schema, self._where)
        session.execute("COMMIT")
        return epoch

    def _mustBeMine(self, session: psycopg.Connection[Any]) -> None:
        """Check that the store is as I left it. Raises L{StoreFenced} if another master has opened it."""
        opened = _one(session, "SELECT opened FROM store") or 0
        if opened < self._epoch:  # the next opening would be given my epoch again
            reason = f"{self._where} has lost what it had acknowledged: {_LAPSE}"
            self._lost = f"{reason}; restart the master"
            self._lapsed(reason)
            raise StoreFenced(self._lost)
        if opened != self._epoch:
            raise self._fenced()
        isThere = f"SELECT COUNT(*) FROM commits WHERE epoch = {self._epoch} AND n = {self._kept}"
        if self._kept and not _one(session, isThere):
            self._kept = 0
            self._lapsed(f"{self._where} has lost what it had acknowledged: {_LAPSE}")

    def _fenced(self) -> StoreFenced:
        self._lost = f"{self._where}: another master has taken over this store"
        return StoreFenced(self._lost)

    def _undo(self, session: psycopg.Connection[Any], error: BaseException) -> None:
        """Roll back. A session that cannot is not used again, nor one that can only read."""
        try:
            session.execute("ROLLBACK", prepare=False)
            if (getattr(error, "sqlstate", None) or "")[:2] != "25":
                return
        except psycopg.Error:
            pass
        self._drop()

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(psycopg.Error):
                session.close()

    @contextmanager
    def _translated(self, session: psycopg.Connection[Any]) -> Iterator[None]:
        """A context that turns errors into L{StoreFailed}, and closes the session then."""
        try:
            yield
        except BaseException as error:
            self._drop()
            with suppress(psycopg.Error):
                session.close()
            if isinstance(error, psycopg.Error):
                raise StoreFailed(self._words(error)) from error
            raise

    def _words(self, error: BaseException) -> str:
        return f"{self._where}: {firstLine(error)}"


class PgConnection:
    """I am a L{Connection} of the store: I take its statements, with C{?} for a value."""

    def __init__(self, session: psycopg.Connection[Any]) -> None:
        self._session = session

    def execute(self, statement: str, values: Sequence[Value] = (), /) -> Cursor:
        """See L{Connection}."""
        return self._session.execute(_numbered(statement), values or None)

    def executemany(self, statement: str, values: Iterable[Sequence[Value]], /) -> Cursor:
        """See L{Connection}."""
        cursor = self._session.cursor()
        cursor.executemany(_numbered(statement), list(values))  # making them may need the session, too
        return cursor


@lru_cache(maxsize=1000)
def _numbered(statement: str) -> bytes:
    """The statement with C{$1}, C{$2} and so on for its question marks."""
    first, *others = statement.split("?")
    places = count(1)
    return "".join((first, *(f"${next(places)}{each}" for each in others))).encode()


def _one(session: psycopg.Connection[Any], statement: str) -> Any:
    found = session.execute(statement.encode(), prepare=False).fetchone()
    return None if found is None else found[0]


def _server(about: psycopg.ConnectionInfo) -> str:
    """A server in words. 150018 is the release 15.18."""
    release, part = divmod(about.server_version, 10000)
    host = about.host if about.host.startswith("/") else f"{about.host}:{about.port}"
    return f"PostgreSQL {release}.{part}, database {about.dbname} at {host}"


def isCut(session: psycopg.Connection[Any], error: psycopg.Error) -> bool:
    """True if the error is, or may be, the end of the session rather than the answer to a statement."""
    state = error.sqlstate or ""
    return session.closed or not state or state[:2] in ("08", "57")


def optionsOf(conninfo: str) -> tuple[dict[str, Any], str]:
    """What libpq is told, and the name of the database for people. Raises L{StoreFailed} for no address."""
    try:
        options: dict[str, Any] = {**DEFAULTS, **conninfo_to_dict(conninfo)}
    except psycopg.Error as error:
        raise StoreFailed(f"the address of the database is not valid: {firstLine(error)}") from None
    return options, f"PostgreSQL database {options.get('dbname') or 'of this user'}"


def firstLine(error: BaseException) -> str:
    """The first line of an error."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
