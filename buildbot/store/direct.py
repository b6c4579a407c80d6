# -*- test-case-name: tests.unit.store.test_direct -*-
"""Use the store of a directory without its master, wherever it is. All functions block.

Only L{made} makes, upgrades or repairs tables, as the start of a master does.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from buildbot.store.address import MISSING, BadAddress
from buildbot.store.database import Database
from buildbot.store.files import isUnborn, mustBePlainStore, openToRead
from buildbot.store.interface import SchemaTooNew, StoreFailed
from buildbot.store.place import Place, placeOf
from buildbot.store.schema import CURRENT
from buildbot.store.seams import Connection
from buildbot.text.plural import counted

if TYPE_CHECKING:
    from buildbot.store.pgopened import OpenedServer

#: The most seconds to wait for another connection, such as a backup.
PATIENCE = 1.0
#: The same for commands that do much work.
SLOW = 10.0


class Transacts(Protocol):
    """I am one open store."""

    def transaction(self, isWriting: bool, /) -> AbstractContextManager[Connection]:
        """A context with all data at one instant. It commits at its end, or rolls back on an exception.

        Raises L{StoreFailed} if the store cannot be used.
        """

    def close(self) -> None:
        """Close the store. Never raises."""


class Opened(Transacts, Protocol):
    """I am one open store that was there before.

    @ivar version: the version of its tables; 0 without tables.
    """

    @property
    def version(self) -> int: ...

    def tables(self) -> list[str]:
        """The names of all tables, whoever made them. Raises L{StoreFailed}."""

    def lock(self) -> None:
        """Let no master use the store until I am closed. Raises L{StoreFailed} if one does."""


def hasStore(basedir: str) -> bool:
    """True if a master has run in this directory. A store without tables was left by a start that was cut."""
    try:
        place = placeOf(basedir)
        if place.server is None and not os.path.exists(place.path):
            return False
        with opened(place) as store:
            return store.version != 0
    except (StoreFailed, BadAddress):
        return True  # whoever reads it tells what is wrong with it


@contextmanager
def opened(place: Place, toWrite: bool = False, patience: float = PATIENCE) -> Iterator[Opened]:
    """A context with an open store. Raises L{StoreFailed}.

    @param toWrite: False to change no row.
    @param patience: seconds to wait for another connection.
    """
    store = opening(place, toWrite, patience)
    try:
        yield store
    finally:
        store.close()


def opening(place: Place, toWrite: bool = False, patience: float = PATIENCE) -> Opened:
    """The open store; see L{opened}. The caller closes it."""
    if place.server is not None:
        return openedServer(place, toWrite, patience)
    return OpenedFile(place.path, toWrite, patience)


def made(place: Place) -> Transacts:
    """The open store, made, upgraded or repaired if need be, as a start of its master does it.

    @raise StoreFailed: it cannot be used.
    """
    if place.server is None:
        return Database(place.path, sqlite3.connect, CURRENT)
    try:
        from buildbot.store.pgdriver import PostgresDriver

        return PostgresDriver(place.conninfo(), CURRENT)
    except ImportError as why:
        raise StoreFailed(MISSING.format(error=why)) from None
    except BadAddress as why:
        raise StoreFailed(str(why)) from None


def held(place: Place) -> str:
    """What a server has for a store, in words that follow its address.

    @raise StoreFailed: it cannot be reached, or no store can be there.
    """
    store = openedServer(place, False, SLOW)
    try:
        version = store.version
        if version > CURRENT.version:
            raise SchemaTooNew(f"{place.shown} was written by a later release")
        if version < 1:
            refusal = store.refusal()
            if refusal:
                raise StoreFailed(f"{place.shown} {refusal}")
            return "is empty: the first start of the master makes its tables"
        with store.transaction(False) as connection:
            builds, changes = (
                connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
                for table in ("builds", "changes")
            )
        return f"has a store already, with {counted(builds, 'build')} and {counted(changes, 'change')}"
    finally:
        store.close()


def openedServer(place: Place, toWrite: bool, patience: float) -> OpenedServer:
    """The open store in a database; see L{opened}. The caller closes it."""
    try:
        from buildbot.store.pgopened import OpenedServer  # most masters do without psycopg

        return OpenedServer(place.shown, place.conninfo(), toWrite, patience)
    except ImportError as why:
        raise StoreFailed(MISSING.format(error=why)) from None
    except BadAddress as why:
        raise StoreFailed(str(why)) from None


@contextmanager
def reading(basedir: str, patience: float = PATIENCE) -> Iterator[Connection]:
    """A context with the store of a directory at one instant, only to read.

    @raise StoreFailed: it cannot be read, or another release has written it.
    """
    try:
        place = placeOf(basedir)
    except BadAddress as why:
        raise StoreFailed(str(why)) from None
    with opened(place, patience=patience) as store:
        if store.version > CURRENT.version:
            raise SchemaTooNew(f"{place.shown} was written by a later release")
        if store.version < CURRENT.version:
            raise StoreFailed(f"{place.shown} is of an earlier release: a start of the master upgrades it")
        with store.transaction(False) as connection:
            yield connection


class OpenedFile:
    """I am one open file; see L{Opened}."""

    def __init__(self, path: str, toWrite: bool, patience: float) -> None:
        """Open a file that exists. Raises L{StoreFailed}."""
        self._path = path
        self._verb = "use the store" if toWrite else "read"
        with self._translated():
            mustBePlainStore(path)
            if toWrite:
                self._connection = sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, timeout=patience)
            else:
                self._connection = openToRead(path, timeout=patience)
            self._connection.isolation_level = None

    @property
    def version(self) -> int:
        """See L{Opened}."""
        with self._translated():
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            # A file of something else has no version, but tables.
            return int(version) or (0 if isUnborn(self._connection) else -1)

    def tables(self) -> list[str]:
        """See L{Opened}."""
        with self._translated():
            found = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return [name for (name,) in found]

    def lock(self) -> None:
        """See L{Opened}. The lock of the directory is enough."""

    @contextmanager
    def transaction(self, isWriting: bool) -> Iterator[Connection]:
        """See L{Opened}."""
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE" if isWriting else "BEGIN")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    with suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """See L{Opened}."""
        with suppress(sqlite3.Error):
            self._connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as why:
            raise StoreFailed(f"cannot {self._verb} {self._path}: {why}") from None
