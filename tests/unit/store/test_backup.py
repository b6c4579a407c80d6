"""Backups of a master's directory: content and permissions."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

from buildbot.control.client import socketPath
from buildbot.logs.directory import nextNumber
from buildbot.logs.files import logFilename
from buildbot.logs.names import indexPath
from buildbot.store import backup
from buildbot.store.backup import CannotBackUp, backUp
from buildbot.store.files import FILE
from tests.commandline import command
from tests.stores import SqliteCase

TAC = "application = service.Application('buildmaster')"


class BackupCase(SqliteCase):
    """I have a master's directory with an open store, as with a running master."""

    def setUp(self) -> None:
        super().setUp()
        self.here = os.path.realpath(self.mktemp())
        os.mkdir(self.here, 0o755)
        self.opened(self.here)
        self.put("buildbot.tac", TAC)
        self.put("master.cfg", "password", 0o600)
        self.target = f"{self.here}-copy"

    def put(self, name: str, text: str = "text", mode: int = 0o644) -> None:
        """Write a file in the directory."""
        path = Path(self.here, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def below(self, directory: str) -> dict[str, str]:
        """Every file below a directory with its text; links with their targets."""
        found = {}
        for top, _, names in os.walk(directory):
            for name in names:
                path = os.path.join(top, name)
                text = "?"
                if os.path.islink(path):
                    text = f"-> {os.readlink(path)}"
                elif os.path.isfile(path):
                    text = Path(path).read_text("latin-1")
                found[os.path.relpath(path, directory)] = text
        return found


class BackupTests(BackupCase):
    """Successful backups."""

    def test_noParent(self) -> None:
        """A target below a missing directory is refused, and that directory is named."""
        with self.assertRaises(CannotBackUp) as caught:
            backUp(self.here, f"{self.target}/a/b")
        self.assertEqual(str(caught.exception), f"there is no directory {self.target}/a: make it first")
        self.assertFalse(os.path.exists(self.target))
        file = f"{self.here}-file"
        Path(file).touch()
        with self.assertRaises(CannotBackUp) as caught:
            backUp(self.here, f"{file}/a")
        self.assertEqual(str(caught.exception), f"{file} is not a directory: name another target")

    def test_store(self) -> None:
        """H10: a backup of a running master has everything, also the content of the -wal file."""
        before = self.fill(5)
        self.assertGreater(os.path.getsize(f"{self.file}-wal"), 0)
        made = backUp(self.here, self.target)
        self.assertEqual(made.counts, {"builds": 5, "changes": 5, "requests": 10})
        self.change()
        self.opened(self.target)
        self.assertEqual(self.contents(self.store), before)
        self.get(self.store.interrupted(99.0))
        self.assertEqual(self.start(builder="full").number, 5)

    def test_stopped(self) -> None:
        """H10: so has one of a stopped master, or of a killed one with a -wal file."""
        before = self.fill(3)
        killed = self.holding(Path(self.file).read_bytes(), Path(f"{self.file}-wal").read_bytes())
        self.get(self.store.close())
        for here in (self.here, killed):
            target = os.path.join(self.quick(), "copy")
            backUp(os.path.realpath(here), target)
            self.opened(target)
            self.assertEqual(self.contents(self.store), before)

    def test_killedInWrite(self) -> None:
        """P7, H10: so has one whose process was killed in the middle of a write, which left a journal."""
        before = self.fill(3)
        self.get(self.store.close())
        with closing(sqlite3.connect(self.file)) as file:
            file.execute("PRAGMA journal_mode = DELETE")
        with closing(sqlite3.connect(self.file, isolation_level=None)) as file:
            file.execute("PRAGMA cache_size = 1")  # pages are written before the end
            file.execute("BEGIN IMMEDIATE")
            file.execute("DELETE FROM builds")
            file.executemany("INSERT INTO state VALUES (?, ?)", ((f"x{n}", "y" * 3000) for n in range(100)))
            killed = self.quick()
            for name in os.listdir(self.here):
                Path(killed, name).write_bytes(Path(self.here, name).read_bytes())
        self.assertIn("state.sqlite-journal", os.listdir(killed))
        target = os.path.join(self.quick(), "copy")
        backUp(os.path.realpath(killed), target)
        self.opened(target)
        self.assertEqual(self.contents(self.store), before)

    def test_unborn(self) -> None:
        """The store of a master that was killed in its first start has no tables: its backup is made, too."""
        here, target = os.path.realpath(self.mktemp()), os.path.realpath(self.mktemp())
        os.mkdir(here)
        Path(here, "buildbot.tac").write_text(TAC)
        with closing(sqlite3.connect(os.path.join(here, FILE))) as cut:
            cut.execute("PRAGMA journal_mode = WAL")
        made = backUp(here, target)
        self.assertEqual((made.counts, made.schema, made.damage), ({}, 0, ""))
        self.assertTrue(os.path.exists(os.path.join(target, FILE)))

    def test_files(self) -> None:
        """H10: configuration, logs, links and other files are copied; files of the process are not."""
        self.put("public_html/index.html")
        self.put("mine.part", "a file of the user")
        self.put("public_html/.report.txt.0123456789ab.part", "half an upload")
        self.put("public_html/.docs.0123456789ab.part/index.html", "half a directory")
        self.put(".partial/note")
        for name in ("buildbot.lock", "twistd.pid"):
            self.put(name)
        os.symlink("/etc/hostname", os.path.join(self.here, "link"))
        os.mkfifo(os.path.join(self.here, "pipe"))
        with closing(socket.socket(socket.AF_UNIX)) as listener, socketPath(self.here) as path:
            listener.bind(path)
        made = backUp(self.here, self.target)
        found = self.below(self.target)
        del found["state.sqlite"]
        self.assertEqual(
            found,
            {
                "buildbot.tac": TAC,
                "master.cfg": "password",
                "public_html/index.html": "text",
                "mine.part": "a file of the user",
                "link": "-> /etc/hostname",
            },
        )
        self.assertEqual((made.files, made.skipped), (5, ["pipe"]))

    def test_private(self) -> None:
        """H10: a backup is private, and each file in it has the mode of the original."""
        self.addCleanup(os.umask, os.umask(0))
        self.put("script", mode=0o755)
        backUp(self.here, self.target)
        modes = {
            name: stat.S_IMODE(os.stat(os.path.join(self.target, name)).st_mode)
            for name in ("", "master.cfg", "script", "buildbot.tac", "state.sqlite")
        }
        self.assertEqual(
            modes,
            {"": 0o700, "master.cfg": 0o600, "script": 0o755, "buildbot.tac": 0o644, "state.sqlite": 0o600},
        )

    def test_laterLogs(self) -> None:
        """H10: logs of builds that started after the copy of the store are left out."""
        self.fill(3)
        for number in (0, 2, 3):
            path = f"logs/{logFilename('full', number, 'compile', 'stdio')}"
            self.put(path, "1:0,")
            self.put(indexPath(path), "index")
        self.put("logs/full/notes")
        made = backUp(self.here, self.target)
        self.assertEqual(made.logs, 3)
        self.assertEqual(nextNumber(os.path.join(self.target, "logs"), "full"), 3)
        copied = self.below(self.target)
        self.assertIn("logs/full/notes", copied)
        indexes = [os.path.basename(path) for path in sorted(copied) if "/index-" in path]
        self.assertEqual(indexes, ["index-0-log-compile-stdio", "index-2-log-compile-stdio"])

    def test_damaged(self) -> None:
        """H9, H10: a damaged store can be backed up, with a warning."""
        self.fill(60)
        self.get(self.store.close())
        data = bytearray(Path(self.file).read_bytes())
        at = data.index(b"full/30-xxx") // 4096 * 4096
        data[at : at + 4096] = b"\xff" * 4096
        Path(self.file).write_bytes(data)
        self.assertNotEqual(backUp(self.here, self.target).damage, "")


class RefusedTests(BackupCase):
    """Refused backups."""

    def refused(self, target: str) -> str:
        """The reason; checks that nothing has changed."""
        before = self.below(self.here)
        parent = sorted(os.listdir(os.path.dirname(self.here)))
        with self.assertRaises(CannotBackUp) as caught:
            backUp(self.here, target)
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.here))), parent)
        self.assertEqual(self.below(self.here).keys(), before.keys())
        return str(caught.exception)

    def test_there(self) -> None:
        """H10: a backup replaces nothing: no directory, no file, no dangling link."""
        os.mkdir(f"{self.here}-directory")
        os.symlink("nowhere", f"{self.here}-link")
        Path(f"{self.here}-file").write_text("precious")
        for end in ("directory", "link", "file"):
            self.assertIn("exists, and a backup replaces nothing", self.refused(f"{self.here}-{end}"))

    def test_inside(self) -> None:
        """H10: a backup inside of the directory itself is refused, also through a link."""
        os.symlink(self.here, f"{self.here}-link")
        for directory in (self.here, f"{self.here}-link"):
            self.assertIn("name a directory outside of it", self.refused(os.path.join(directory, "copy")))

    def test_odd(self) -> None:
        """H10: a store, or a file beside it, that is a FIFO does not block, and no backup is made."""
        self.get(self.store.close())
        for end in ("-wal", "-shm", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.file + end)
            os.mkfifo(self.file + end)
            self.assertIn("it is a FIFO", self.refused(self.target))
            os.unlink(self.file + end)
        os.unlink(self.file)
        os.mkfifo(self.file)
        self.assertIn("it is a FIFO", self.refused(self.target))

    def test_noRoom(self) -> None:
        """H10: a backup that cannot be written leaves no files."""

        def failing(*args: Any) -> Any:
            raise OSError(28, "No space left on device", "copy")

        self.patch(os, "fchmod", failing)
        self.assertIn("No space left on device", self.refused(self.target))

    def test_locked(self) -> None:
        """H10: a store that another program has locked is reported."""
        self.get(self.store.close())
        with closing(sqlite3.connect(self.file, isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            self.patch(backup, "BUSY", 0.0)
            self.patch(sqlite3, "connect", _hasty(sqlite3.connect))
            self.assertIn("locked", self.refused(self.target))


class CommandTests(BackupCase):
    """C{buildbot backup}."""

    def test_command(self) -> None:
        """H10: the command prints the content of the copy; a repetition, or a missing target, fails."""
        self.fill(1)
        said = command("backup", self.here, self.target)
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertRegex(
            said.out, "is a copy of .*: 1 build, 1 change, 2 requests, 0 logs, 2 other files, [0-9]+ bytes\n$"
        )
        said = command("backup", self.here, self.target)
        self.assertEqual(said.status, 1)
        self.assertIn("exists, and a backup replaces nothing", said.err)
        self.assertEqual(command("backup", self.here).status, 2)
        self.assertEqual(command("backup", f"{self.here}-none", self.target).status, 1)

    def test_slave(self) -> None:
        """H10: the directory of a slave has nothing to back up."""
        self.put("buildbot.tac", "application = service.Application('buildslave')")
        said = command("backup", self.here, self.target)
        self.assertEqual(said.status, 1)
        self.assertIn("is a buildslave's directory", said.err)


def _hasty(connect: Any) -> Any:
    """Open a store without waiting for locks."""
    return lambda *args, **options: connect(*args, **{**options, "timeout": 0.01})
