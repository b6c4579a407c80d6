"""Reading the store without its master."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from buildbot.store.files import FILE, JOURNAL
from buildbot.store.imported import Present
from buildbot.store.peek import peekBuild
from tests.stores import SqliteCase, logged


class PeekTests(SqliteCase):
    """H9: the record of a build without its master."""

    def test_build(self) -> None:
        """H9: the record of a build is found while the store is closed, and while it is open."""
        self.opened()
        build = logged(self.start(), "full/0-log")
        self.finish(build)
        for _ in range(2):
            found = peekBuild(self.directory, "full", 0)
            assert found is not None
            self.assertEqual((found.number, found.logFilenames()), (0, ("full/0-log",)))
            self.closed(self.store)

    def test_none(self) -> None:
        """H9: without such a build, without a store, or in another file, nothing is found."""
        self.opened()
        self.get(self.store.close())
        self.assertIsNone(peekBuild(self.directory, "full", 0))
        self.assertIsNone(peekBuild(self.directory, "full", 10**30))
        self.assertIsNone(peekBuild(self.quick(), "full", 0))
        Path(self.file).write_text("nonsense" * 1000)
        self.assertIsNone(peekBuild(self.directory, "full", 0))
        os.unlink(self.file)
        os.mkfifo(self.file)
        self.assertIsNone(peekBuild(self.directory, "full", 0))

    def test_oddBeside(self) -> None:
        """H10: a FIFO beside the store does not block."""
        self.opened()
        self.finish(logged(self.start(), "full/0-log"))
        self.get(self.store.close())
        for end in ("-wal", "-shm", "-journal"):
            os.mkfifo(self.file + end)
            self.assertIsNone(peekBuild(self.directory, "full", 0))
            os.unlink(self.file + end)
        self.assertIsNotNone(peekBuild(self.directory, "full", 0))

    def test_journal(self) -> None:
        """After a kill in the middle of a write, everything written before is found, and nothing else."""
        self.opened()
        self.finish(logged(self.start(), "full/0-log"))
        self.get(self.store.close())
        killed = self.mktemp()
        os.mkdir(killed)
        with closing(sqlite3.connect(self.file, isolation_level=None)) as writer:
            for statement in ("journal_mode = DELETE", "cache_size = 1"):
                writer.execute(f"PRAGMA {statement}").fetchall()
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE builds SET builder = 'unfinished'")
            writer.execute("CREATE TABLE large AS SELECT zeroblob(500000)")
            for end in ("", JOURNAL):
                shutil.copy(self.file + end, os.path.join(killed, FILE + end))
        present = Present.of(killed)
        self.addCleanup(present.close)
        self.assertEqual(present.builders(), ["full"])
        self.assertIsNotNone(peekBuild(killed, "full", 0))
