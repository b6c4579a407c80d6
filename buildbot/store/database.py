# -*- test-case-name: tests.unit.store.test_faults -*-
"""One SQLite file: open, create or upgrade it, set it aside if it is damaged, and run transactions.

L{buildbot.store.sql} owns the contents. All functions block and run in one thread.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import lru_cache, partial
from typing import Any

from twisted.logger import Logger

from buildbot.store.files import WAL, mustBePlainStore
from buildbot.store.interface import FILE_GONE, SchemaTooNew, StoreFailed
from buildbot.store.marks import MOVING, mustBeWhole
from buildbot.store.recovery import raiseCounters, recoverRows, setAside, shape, typeMismatch, wrongHeader
from buildbot.store.schema import Schema

_log = Logger()

#: Opens a file, like L{sqlite3.connect}.
Connect = Callable[..., Any]

#: The longest wait in seconds for a lock of another process, such as a backup.
BUSY = 5.0

#: The tables of Buildbot 0.8 and later that hold the version of their schema.
_OF_LATER = {"migrate_version", "alembic_version"}
#: A schema number that is this much too high means a damaged file, not a newer release.
_FAR = 30


class Damaged(Exception):
    """The file is not a sound database of the master; str() gives the reason."""


class Database:
    """I am one open file with durable transactions.

    Every failure to read or write raises L{StoreFailed}. Any exception within a transaction undoes the
    whole transaction.
    """

    def __init__(self, path: str, connect: Connect, schema: Schema) -> None:
        """Open the file, or create it.

        @raise SchemaTooNew: a later release wrote the file. It was not changed.
        @raise StoreFailed: the disk is full or broken, or access is denied.
        """
        self._path = path
        self._aside = ""
        self._connect = connect
        with _translated(path):
            try:
                self.connection = self._opened(schema)
            except Damaged as damage:
                self.connection = self._replaced(schema, damage)
            self._inode = os.stat(path).st_ino

    @property
    def aside(self) -> str:
        """The path of the damaged file that was set aside when I was made; "" if there was none."""
        return self._aside

    def close(self) -> None:
        """Close the file. Never raises."""
        with suppress(sqlite3.Error):
            self.connection.close()

    @contextmanager
    def transaction(self, isWriting: bool) -> Iterator[Any]:
        """A context with a connection. It commits to disk at the end, or rolls back on an exception."""
        with _translated(self._path):
            lost = self.loss()
            if lost:
                raise StoreFailed(lost)
            if self.connection.in_transaction:  # the last rollback has failed too
                self.connection.close()
                self.connection = self._connected()
                _setUp(self.connection)
            with _transaction(self.connection, isWriting):
                yield self.connection

    def settle(self) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}. Never needed: the outcome of a file is known."""
        return False

    def loss(self) -> str:
        """The reason if the open file was deleted or replaced, so that writes would be lost; else "".

        Can be called in any thread.
        """
        with suppress(OSError):
            if os.stat(self._path).st_ino == self._inode:
                return ""
        return f"{self._path} {FILE_GONE}"

    def isOutage(self, error: Exception) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        return isOutage(error)

    def isDamage(self, error: Exception) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        return isDamage(error)

    def _connected(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = self._connect(self._path, timeout=BUSY, isolation_level=None)
        return connection

    def _opened(self, schema: Schema) -> sqlite3.Connection:
        """Open the file and check its contents and tables. Raises L{Damaged}."""
        mustBePlainStore(self._path)
        if not os.path.exists(self._path):
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        elif not os.path.getsize(self._path):
            if os.path.exists(self._path + WAL):
                raise Damaged("it is empty")
            _log.warn("{path} is empty: it is new, or its contents are lost", path=self._path)
        wrong = wrongHeader(self._path)
        if wrong:
            raise Damaged(wrong)
        connection = self._connected()
        try:
            _setUp(connection)
            _prepare(connection, self._path, schema)
        except BaseException as error:
            connection.close()
            # SQLite quotes the file in some error messages, so that they may not be valid text.
            if type(error) in (sqlite3.DatabaseError, UnicodeDecodeError):
                raise Damaged(str(error)) from error
            raise
        return connection

    def _replaced(self, schema: Schema, damage: Damaged) -> sqlite3.Connection:
        """Set the damaged file aside and open a new one with all rows that could be recovered."""
        self._aside = aside = setAside(self._path)
        connection = self._opened(schema)
        with _transaction(connection):
            carried = recoverRows(aside, connection, schema)
        _log.warn(
            "{path} is damaged ({why}): it is kept as {aside}; {carried}",
            path=self._path,
            why=str(damage),
            aside=os.path.basename(aside),
            carried=str(carried),
        )
        return connection


def _setUp(connection: sqlite3.Connection) -> None:
    """Configure the connection: every commit waits for the disk."""
    for pragma in ("synchronous = FULL", "journal_size_limit = 16000000", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    # Invalid text in one value must not make other values unreadable.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")


def _prepare(connection: sqlite3.Connection, path: str, schema: Schema) -> None:
    """Create, check or upgrade the tables. Raises L{Damaged} or an SQLite error."""
    tables = _tables(connection)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > schema.version:
        if shape(connection) == _shapeOf(schema):
            raise Damaged(f"it says that its schema is {version}, but it has that of {schema.version}")
        if version > schema.version + _FAR:
            _mustBeSound(connection)
        raise SchemaTooNew(
            f"{path} was written by a later release (its schema is {version}, this release knows up to"
            f" {schema.version}): run that release, or move the file away"
        )
    if not version and _OF_LATER & tables:
        raise StoreFailed(
            f"{path} is the database of a Buildbot of 0.8 or later: leave it as it is, make a new directory"
            " with `buildbot create-master`, and let `buildbot import` read this one"
        )
    if version < 0 or (tables and not version):
        raise Damaged("it is not the store of a buildmaster")
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreFailed(f"{path}: its file system cannot do what SQLite's write-ahead log needs")
    if version:
        _check(connection, schema, version)
    isUpgrade = 0 < version < schema.version
    if isUpgrade:
        _backUp(connection, f"{path}.schema-{version}")
        # SQLite copies each page of a deleted table. In memory, the copies can be as large as the store.
        connection.execute("PRAGMA temp_store = FILE")
    with _transaction(connection):
        if MOVING in tables:
            mustBeWhole(connection, path)
        schema.upgrade(connection, version)
        raiseCounters(connection)
        # Write the version even if it is unchanged: this creates the write-ahead log.
        connection.execute(f"PRAGMA user_version = {schema.version}")
    if isUpgrade:
        connection.execute("PRAGMA temp_store = MEMORY")
    _syncDirectory(path)


@lru_cache(maxsize=16)
def _shapeOf(schema: Schema, version: int | None = None) -> frozenset[tuple[Any, ...]]:
    """The L{shape} of a file with the tables of this version; default: the latest."""
    with closing(sqlite3.connect(":memory:")) as memory:
        schema.upgrade(memory, 0, version)
        return shape(memory)


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _check(connection: sqlite3.Connection, schema: Schema, version: int) -> None:
    """Raise L{Damaged} if the file is not sound, or a value has the wrong type for its column."""
    _mustBeSound(connection)
    lost = _shapeOf(schema, version) - shape(connection)
    if lost:
        raise Damaged(
            f"it has no {', '.join(sorted(f'{kind} {name}' for kind, name, _, sql in lost if sql))}"
        )
    for table in schema.tables(version):
        wrong = typeMismatch(connection, table)
        if wrong is not None:
            raise Damaged(wrong)


def _mustBeSound(connection: sqlite3.Connection) -> None:
    """Raise L{Damaged} if pages do not fit together.

    This checks indexes, too: with a bad index, a build cannot be found by its number.
    """
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise Damaged(" ".join(found.split()))


def _backUp(connection: sqlite3.Connection, path: str) -> None:
    """Copy the whole database to the file. The complete copy appears, or nothing."""
    new = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(new)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with closing(sqlite3.connect(new)) as copy:
            connection.backup(copy)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(new, path)
    _syncDirectory(path)
    _log.info("the store of the earlier release was copied to {path} before its upgrade", path=path)


def _syncDirectory(path: str) -> None:
    """Flush the directory of C{path} to disk, so that names of new files are kept."""
    descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _transaction(connection: sqlite3.Connection, isWriting: bool = True) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE" if isWriting else "BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself rolls back after some failures
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


@contextmanager
def _translated(path: str) -> Iterator[None]:
    """A context that turns disk errors into L{StoreFailed}."""
    try:
        yield
    except Exception as error:
        if not isDiskFault(error):
            raise
        where = getattr(error, "filename", None) or path
        raise StoreFailed(f"{where}: {getattr(error, 'strerror', None) or error}") from error


def isDiskFault(error: Exception) -> bool:
    """True for an error of the disk. Errors of a statement or value have classes of their own."""
    return isinstance(error, OSError) or type(error) in (sqlite3.DatabaseError, sqlite3.OperationalError)


def isOutage(error: Exception) -> bool:
    """True for an error of the disk that concerns all calls."""
    return isDiskFault(error) and not isDamage(error)


def isDamage(error: Exception) -> bool:
    """True if a page of the file cannot be read. Calls that do not need this page still work."""
    return type(error) is sqlite3.DatabaseError and "malformed" in str(error)
