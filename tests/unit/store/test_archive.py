"""Backups in a single file."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tarfile
from pathlib import Path
from typing import Any

from buildbot.store.archive import archive
from buildbot.store.backup import CannotBackUp, Made
from buildbot.store.restore import check, restore
from tests.unit.store.test_backup import BackupCase


class ArchiveCase(BackupCase):
    """A master's directory, and a place for its backup."""

    def setUp(self) -> None:
        super().setUp()
        self.target = f"{self.here}-backup/copy.tar.gz"
        os.mkdir(os.path.dirname(self.target))

    def beside(self) -> list[str]:
        """The names beside the backup."""
        return sorted(os.listdir(os.path.dirname(self.target)))


class ArchiveTests(ArchiveCase):
    """Backups that are made."""

    def test_whole(self) -> None:
        """H10: a restored master has the store of the running one, its logs, configuration and links."""
        before = self.fill(5)
        self.put("logs/full/0-log-compile-stdio", "5:0text,")
        self.put("odd \udcff\nname", "text")
        self.put("script", mode=0o755)
        os.symlink("/etc/hostname", os.path.join(self.here, "link"))
        made = archive(self.here, self.target)
        self.change()
        self.assertEqual(made.counts, {"builds": 5, "changes": 5, "requests": 10})
        self.assertEqual((made.logs, made.files), (1, 5))
        new = f"{self.here}-new"
        contents = restore(self.target, new)
        told = (contents.counts, contents.logs, contents.files, contents.links)
        self.assertEqual(told, (made.counts, made.logs, made.files, ["link -> /etc/hostname"]))
        found, original = self.below(new), self.below(self.here)
        for name in ("state.sqlite", "state.sqlite-wal", "state.sqlite-shm"):
            found.pop(name, None)
            original.pop(name, None)
        self.assertEqual(found, original)
        self.opened(new)
        self.assertEqual(self.contents(self.store), before)
        self.get(self.store.interrupted(99.0))
        self.assertEqual(self.start(builder="full").number, 5)

    def test_modes(self) -> None:
        """H10: a backup can be read by its owner alone; restored files have their modes."""
        self.put("script", mode=0o755)
        archive(self.here, self.target)
        self.assertEqual(stat.S_IMODE(os.stat(self.target).st_mode), 0o600)
        new = f"{self.here}-new"
        restore(self.target, new)
        names = (".", "script", "master.cfg")
        modes = {name: stat.S_IMODE(os.stat(f"{new}/{name}").st_mode) for name in names}
        self.assertEqual(modes, {".": 0o700, "script": 0o755, "master.cfg": 0o600})

    def test_plain(self) -> None:
        """A name that ends with .tar is an archive without compression; tar can list it."""
        self.fill(1)
        self.target = self.target.removesuffix(".gz")
        archive(self.here, self.target)
        with tarfile.open(self.target, "r:") as tar:
            names = tar.getnames()
            about = tar.extractfile(names[0])
            assert about is not None
            said = json.loads(about.read())
        self.assertEqual((names[0], names[1], names[-1]), ("backup.json", "files/state.sqlite", "SHA256SUMS"))
        self.assertEqual((said["format"], said["counts"]["builds"]), (1, 1))
        check(self.target)

    def test_growing(self) -> None:
        """H10: a file that grows while it is copied is cut; one that shrinks does not spoil the backup."""
        self.put("twistd.log", "x" * 100)
        self.put("access.log", "y" * 100)
        fstat, seen = os.fstat, list[str]()

        def asked(descriptor: int) -> os.stat_result:
            found = fstat(descriptor)
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            seen.append(path)
            if seen.count(path) != 2:  # the first time, only the kind of the file is asked
                return found
            if path.endswith("twistd.log"):
                Path(path).write_text("x" * 5000)
            elif path.endswith("access.log"):
                Path(path).write_text("y" * 10)
            return found

        patched = self.patch(os, "fstat", asked)
        archive(self.here, self.target)
        patched.restore()
        new = f"{self.here}-new"
        restore(self.target, new)
        self.assertEqual(Path(new, "twistd.log").read_text(), "x" * 100)
        self.assertEqual(Path(new, "access.log").read_text(), "y" * 10 + "\0" * 90)

    def test_linkedLogs(self) -> None:
        """Logs on another disk, behind a link, are in the backup."""
        elsewhere = f"{self.here}-logs"
        os.makedirs(f"{elsewhere}/full")
        Path(elsewhere, "full", "notes").write_text("text")
        os.symlink(elsewhere, os.path.join(self.here, "logs"))
        archive(self.here, self.target)
        new = f"{self.here}-new"
        restore(self.target, new)
        self.assertFalse(os.path.islink(f"{new}/logs"))
        self.assertEqual(Path(new, "logs", "full", "notes").read_text(), "text")

    def test_killed(self) -> None:
        """What a killed backup has left is removed by the next one; that of a running one stays."""
        left, running, young = (f".{name}.tar.gz.partial-7" for name in ("left", "running", "young"))
        top = os.path.dirname(self.target)
        for name in (left, f"{left}.store", running, young, "mine.partial-7"):
            Path(top, name).write_text("half")
            if name is not young:
                os.utime(os.path.join(top, name), (5, 5))
        with open(os.path.join(top, running)) as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            archive(self.here, self.target)
        self.assertEqual(self.beside(), sorted((running, young, "copy.tar.gz", "mine.partial-7")))

    def test_progress(self) -> None:
        """The expected size is known at the beginning, and is about the final one."""
        self.fill(5)
        made = Made()
        archive(self.here, self.target, made=made)
        self.assertGreater(made.expected, 0)
        self.assertLessEqual(abs(made.size - made.expected), made.size)


class RefusedTests(ArchiveCase):
    """Backups that are not made."""

    def refused(self, replace: bool = False) -> str:
        """The reason."""
        before = self.beside()
        with self.assertRaises(CannotBackUp) as caught:
            archive(self.here, self.target, replace)
        self.assertEqual(self.beside(), before)
        return str(caught.exception)

    def test_there(self) -> None:
        """H10: a backup replaces a file only when it is told to, and never a directory or a link."""
        archive(self.here, self.target)
        self.assertIn("replaces nothing without --force", self.refused())
        first = os.stat(self.target).st_ino
        archive(self.here, self.target, replace=True)
        self.assertNotEqual(os.stat(self.target).st_ino, first)
        os.unlink(self.target)
        os.symlink("nowhere", self.target)
        self.assertIn("is not a file", self.refused(replace=True))

    def test_inside(self) -> None:
        """H10: a backup in the directory itself is refused."""
        self.target = os.path.join(self.here, "copy.tar.gz")
        self.assertIn("name a directory outside of it", self.refused())

    def test_noRoom(self) -> None:
        """H10: a full disk leaves no file, and an earlier backup stays as it was."""
        self.fill(3)
        archive(self.here, self.target)
        before = Path(self.target).read_bytes()

        def full(*args: Any) -> Any:
            raise OSError(28, "No space left on device")

        self.patch(tarfile.TarFile, "addfile", full)
        self.assertIn("No space left on device: nothing was left in", self.refused(replace=True))
        self.assertEqual(Path(self.target).read_bytes(), before)

    def test_interrupted(self) -> None:
        """H10: Ctrl-C leaves no file, in each moment of the backup."""
        self.fill(3)
        steps, left = 0, 1000
        real = tarfile.TarFile.addfile

        def stopping(tar: Any, *args: Any) -> Any:
            nonlocal left, steps
            steps += 1
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            return real(tar, *args)

        self.patch(tarfile.TarFile, "addfile", stopping)
        archive(self.here, self.target)
        os.unlink(self.target)
        for number in range(steps):
            left = number
            with self.assertRaises(KeyboardInterrupt):
                archive(self.here, self.target)
            self.assertEqual(self.beside(), [])
