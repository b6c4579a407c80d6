# -*- test-case-name: tests.unit.store.test_flips -*-
"""The database's file, the files that SQLite keeps beside it, and a check of their kind."""

from __future__ import annotations

import sqlite3
from urllib.parse import quote

from buildbot.files.plain import mustBePlain

#: The database in the master's directory.
FILE = "state.sqlite"
#: The ends of the names of the others: the write-ahead log, its index, and the rollback journal.
WAL, SHM, JOURNAL = "-wal", "-shm", "-journal"


def mustBePlainStore(path: str) -> None:
    """Check the database C{path} and the files beside it, before SQLite opens them.

    SQLite would wait forever for a FIFO. Missing files are fine.

    @raise buildbot.files.plain.NotPlain: one of them is no plain file. The database may be a symbolic link to
        one.
    """
    for end in ("", WAL, SHM, JOURNAL):
        mustBePlain(path + end, follow=not end)


def openToRead(path: str, timeout: float) -> sqlite3.Connection:
    """A connection to the database C{path} that changes no row. The master may run.

    A kill can leave a journal. It must be rolled back before anything can be read, and SQLite does not do
    that for a file that it opened only to read.

    @param timeout: seconds to wait for another connection.
    """
    connection = sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, timeout=timeout)
    connection.execute("PRAGMA query_only = ON")
    return connection


def isUnborn(connection: sqlite3.Connection) -> bool:
    """True if the file has no tables yet: a kill ended the first start of its master, or it starts now."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return not version and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
