"""Reading the store without its master."""

from __future__ import annotations

import os
from pathlib import Path

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
