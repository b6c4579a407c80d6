"""The lock of a directory."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from typing import Any

from twisted.trial import unittest

from buildbot.daemon import lock
from buildbot.daemon.directory import LOCK, Kind
from buildbot.files.plain import NotPlain


class LockTests(unittest.TestCase):
    """One process per directory."""

    def setUp(self) -> None:
        self.here = os.path.realpath(self.mktemp())
        os.mkdir(self.here)
        self.path = os.path.join(self.here, LOCK)
        self.addCleanup(lock.release, self.here, entirely=True)

    def written(self) -> dict[str, Any]:
        """The content of the lock file while this process holds the lock."""
        lock.hold(self.here, Kind.MASTER)
        with open(self.path) as stream:
            text: dict[str, Any] = json.load(stream)
        lock.release(self.here)
        return text

    def lockedBy(self, text: str) -> None:
        """Lock the file like another process, with this content."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, descriptor)
        os.write(descriptor, text.encode())
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def test_held(self) -> None:
        """The holder of a lock is known by its pid, its start and its kind."""
        lock.hold(self.here, Kind.SLAVE)
        found = lock.holder(self.here)
        assert found is not None
        self.assertEqual((found.pid, found.kind), (os.getpid(), Kind.SLAVE))
        self.assertRegex(str(found), r"^pid \d+ since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")

    def test_private(self) -> None:
        """The lock file is private to its owner."""
        lock.hold(self.here)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_released(self) -> None:
        """A released lock leaves no file."""
        lock.hold(self.here)
        lock.release(self.here)
        self.assertEqual((lock.holder(self.here), os.listdir(self.here)), (None, []))

    def test_counted(self) -> None:
        """A lock that was taken twice is free after the second release."""
        lock.hold(self.here)
        lock.hold(os.path.join(self.here, "..", os.path.basename(self.here)))
        lock.release(self.here)
        self.assertIsNotNone(lock.holder(self.here))
        lock.release(self.here)
        self.assertIsNone(lock.holder(self.here))

    def test_releasedEntirely(self) -> None:
        """At its end a process frees the lock, however often it was taken."""
        lock.hold(self.here)
        lock.hold(self.here)
        lock.release(self.here, entirely=True)
        self.assertIsNone(lock.holder(self.here))

    def test_alreadyRunning(self) -> None:
        """A second process is refused, with the pid and the start of the holder."""
        self.lockedBy(json.dumps(self.written()))
        refused = self.assertRaises(lock.AlreadyRunning, lock.hold, self.here)
        self.assertEqual(refused.pid, os.getpid())
        self.assertRegex(str(refused), rf"^already running, pid {os.getpid()} since \d{{4}}-")
        self.assertEqual(lock.holder(self.here), lock.Holder(refused.pid, refused.since, Kind.MASTER))

    def test_staleFile(self) -> None:
        """The lock file of a killed process blocks nobody, even if its pid is in use again (O4)."""
        with open(self.path, "w") as stream:
            json.dump({"pid": os.getppid(), "since": 1.0, "kind": "buildmaster", "born": 1}, stream)
        self.assertIsNone(lock.holder(self.here))
        lock.hold(self.here)
        found = lock.holder(self.here)
        self.assertEqual(found and found.pid, os.getpid())

    def test_reusedPid(self) -> None:
        """A process with the holder's pid but a later start is not taken for the holder (O4)."""
        said = self.written()
        said["born"] += 1
        self.lockedBy(json.dumps(said))
        for ask in (lock.holder, lock.hold):
            self.assertIn("cannot be seen", str(self.assertRaises(OSError, ask, self.here, patience=0)))

    def test_nonsense(self) -> None:
        """A held lock with invalid content has no known holder, so no process is signalled (O4)."""
        for text in ("", "17", "{}", "[]", '{"pid": "x"}', '{"pid": 1, "since": 1, "kind": "?", "born": 1}'):
            self.here = os.path.realpath(self.mktemp())
            os.mkdir(self.here)
            self.path = os.path.join(self.here, LOCK)
            self.lockedBy(text)
            self.assertRaises(OSError, lock.holder, self.here, patience=0)

    def test_deletedUnderUs(self) -> None:
        """F5: a deleted or replaced lock file is a trouble: other processes cannot see the lock."""
        self.assertIsNone(lock.trouble(self.here))
        lock.hold(self.here)
        self.assertIsNone(lock.trouble(self.here))
        os.unlink(os.path.join(self.here, "buildbot.lock"))
        self.assertIn("was deleted or replaced", str(lock.trouble(self.here)))

    def test_odd(self) -> None:
        """H10: a lock that is a FIFO, a directory or a link is refused at once; a link's target does not
        change.
        """
        path, target = os.path.join(self.here, "buildbot.lock"), os.path.join(self.here, "precious")
        with open(target, "w") as stream:
            stream.write("text")
        for make in (os.mkfifo, os.mkdir, lambda path: os.symlink(target, path)):
            make(path)
            self.assertRaises(NotPlain, lock.hold, self.here)
            self.assertRaises(NotPlain, lock.holder, self.here)
            (os.rmdir if make is os.mkdir else os.unlink)(path)
        with open(target) as stream:
            self.assertEqual(stream.read(), "text")

    def test_copied(self) -> None:
        """H10: if a directory was copied while a process ran there, this is detected when the copy is
        locked.
        """
        lock.hold(self.here)
        self.assertEqual(lock.copiedFrom(self.here), "")
        copy = f"{self.here}-copy"
        os.mkdir(copy)
        with open(self.path, "rb") as original, open(os.path.join(copy, "buildbot.lock"), "wb") as file:
            file.write(original.read())
        self.addCleanup(lock.release, copy, entirely=True)
        lock.hold(copy)
        self.assertEqual(lock.copiedFrom(copy), self.here)
        lock.release(copy)
        lock.hold(copy)
        self.assertEqual(lock.copiedFrom(copy), "")

    def test_moved(self) -> None:
        """H10: a directory that was renamed after its process was killed is not a copy."""
        lock.hold(self.here)
        with open(self.path, "rb") as original:
            text = original.read()
        lock.release(self.here)
        with open(self.path, "wb") as file:
            file.write(text)
        moved = f"{self.here}-moved"
        os.rename(self.here, moved)
        self.addCleanup(lock.release, moved, entirely=True)
        lock.hold(moved)
        self.assertEqual(lock.copiedFrom(moved), "")

    def test_missingDirectory(self) -> None:
        """A missing directory has no holder, and cannot be locked."""
        self.assertIsNone(lock.holder(f"{self.here}/none"))
        self.assertRaises(FileNotFoundError, lock.hold, f"{self.here}/none")

    def test_notOurs(self) -> None:
        """Releasing a lock that is not held does nothing."""
        self.lockedBy(json.dumps(self.written()))
        lock.release(self.here)
        self.assertIsNotNone(lock.holder(self.here))
