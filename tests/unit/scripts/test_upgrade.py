"""C{buildbot upgrade-master}."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from buildbot.daemon import lock
from buildbot.scripts import upgrade
from buildbot.store.schema import CURRENT
from tests.commandline import command, directory
from tests.stores import SqliteCase


class UpgradeTests(SqliteCase):
    """Stores of each release."""

    def setUp(self) -> None:
        super().setUp()
        self.here = directory(self.mktemp())
        self.path = os.path.join(self.here, "state.sqlite")

    def old(self, version: int) -> None:
        """Make a store of this version, with a state in it."""
        with closing(sqlite3.connect(self.path)) as file:
            CURRENT.upgrade(file, 0, version)
            file.execute("INSERT INTO state VALUES ('mine', '7')")
            file.execute(f"PRAGMA user_version = {version}")
            file.commit()

    def test_each(self) -> None:
        """P7: a store of any earlier release is copied and upgraded; the second time nothing happens."""
        for version in range(1, CURRENT.version):
            self.here = directory(self.mktemp())
            self.path = os.path.join(self.here, "state.sqlite")
            self.old(version)
            before = Path(self.path).read_bytes()
            asked = command("upgrade-master", "--check", self.here)
            self.assertEqual((asked.status, asked.err), (0, ""))
            self.assertIn(f"has the schema {version}", asked.out)
            self.assertEqual(Path(self.path).read_bytes(), before)
            said = command("upgrade-master", self.here)
            self.assertEqual((said.status, said.err), (0, ""))
            self.assertIn(f"was upgraded from schema {version} to {CURRENT.version}", said.out)
            self.assertTrue(os.path.exists(f"{self.path}.schema-{version}"))
            again = command("upgrade-master", self.here)
            self.assertEqual((again.status, again.err), (0, ""))
            self.assertIn("there was nothing to upgrade", again.out)
            store = self.opened(self.here)
            self.assertEqual(self.get(store.getState("mine")), 7)

    def test_none(self) -> None:
        """A new directory has nothing to upgrade."""
        said = command("upgrade-master", self.here)
        self.assertEqual(said.status, 0)
        self.assertIn("has no store yet", said.out)
        self.assertFalse(os.path.exists(self.path))

    def test_unborn(self) -> None:
        """A master that was killed in its first start has nothing to upgrade, either."""
        with closing(sqlite3.connect(self.path)) as cut:
            cut.execute("PRAGMA journal_mode = WAL")
        for _ in range(2):
            said = command("upgrade-master", self.here)
            self.assertEqual(said.status, 0)
            self.assertIn("has no store yet", said.out)

    def test_newer(self) -> None:
        """P7: a store of a later release is refused in plain words, and stays as it is."""
        self.old(CURRENT.version)
        with closing(sqlite3.connect(self.path)) as file:
            file.execute("CREATE TABLE moods (name TEXT)")
            file.execute(f"PRAGMA user_version = {CURRENT.version + 1}")
        before = Path(self.path).read_bytes()
        for words in (("--check",), ()):
            said = command("upgrade-master", *words, self.here)
            self.assertEqual(said.status, 1)
            self.assertIn("was written by a later release", said.err)
        self.assertEqual(Path(self.path).read_bytes(), before)

    def test_running(self) -> None:
        """A running master is not upgraded."""
        self.old(1)

        def running(*_: object) -> None:
            raise lock.AlreadyRunning(5, 1_700_000_000.0)

        self.patch(lock, "hold", running)
        said = command("upgrade-master", self.here)
        self.assertEqual(said.status, 1)
        self.assertIn("stop it first", said.err)

    def test_noRoom(self) -> None:
        """P4, P7: without room for the copies, nothing is changed."""
        self.old(1)
        before = Path(self.path).read_bytes()

        class Full:
            f_bavail, f_frsize = 1, 512

        self.patch(os, "statvfs", lambda path: Full)
        said = command("upgrade-master", self.here)
        self.assertEqual(said.status, 1)
        self.assertIn("make room on that disk; nothing was changed", said.err)
        self.assertEqual((Path(self.path).read_bytes(), len(os.listdir(self.here))), (before, 2))

    def test_old08(self) -> None:
        """The database of a master of 0.8 is not taken for a damaged store: the import reads it."""
        with closing(sqlite3.connect(self.path)) as file:
            file.execute("CREATE TABLE migrate_version (version INTEGER)")
        before = Path(self.path).read_bytes()
        said = command("upgrade-master", self.here)
        self.assertEqual(said.status, 1)
        self.assertIn("let `buildbot import` read this one", said.err)
        self.assertEqual(Path(self.path).read_bytes(), before)

    def test_damaged(self) -> None:
        """A damaged store is set aside, and that is told."""
        Path(self.path).write_bytes(b"text" * 2000)
        said = command("upgrade-master", self.here)
        self.assertEqual(said.status, 0)
        self.assertIn("was damaged: it is kept as", said.err)

    def test_interrupted(self) -> None:
        """Ctrl-C says that the same command upgrades it."""
        self.old(1)

        def stopping(*args: Any) -> Any:
            raise KeyboardInterrupt

        self.patch(upgrade, "Database", stopping)
        self.assertIn("the same command upgrades it", command("upgrade-master", self.here).err)
