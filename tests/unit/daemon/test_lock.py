"""The lock that says whether a process runs in a directory."""

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
    """One process a directory."""

    def setUp(self) -> None:
        self.here = os.path.realpath(self.mktemp())
        os.mkdir(self.here)
        self.path = os.path.join(self.here, LOCK)
        self.addCleanup(lock.release, self.here, entirely=True)

    def written(self) -> dict[str, Any]:
        """What the lock file says about this process, which takes and gives up the lock for it."""
        lock.hold(self.here, Kind.MASTER)
        with open(self.path) as stream:
            text: dict[str, Any] = json.load(stream)
        lock.release(self.here)
        return text

    def lockedBy(self, text: str) -> None:
        """Somebody else has the lock, and the file says this."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, descriptor)
        os.write(descriptor, text.encode())
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def test_held(self) -> None:
        """Whoever asks is told the pid, the time and the kind of what runs."""
        lock.hold(self.here, Kind.SLAVE)
        found = lock.holder(self.here)
        assert found is not None
        self.assertEqual((found.pid, found.kind), (os.getpid(), Kind.SLAVE))
        self.assertRegex(str(found), r"^pid \d+ since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")

    def test_private(self) -> None:
        """The lock file is its owner's alone."""
        lock.hold(self.here)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_released(self) -> None:
        """Nothing is left of a lock that was given up."""
        lock.hold(self.here)
        lock.release(self.here)
        self.assertEqual((lock.holder(self.here), os.listdir(self.here)), (None, []))

    def test_counted(self) -> None:
        """What one process took twice it has until it gave it up twice."""
        lock.hold(self.here)
        lock.hold(os.path.join(self.here, "..", os.path.basename(self.here)))
        lock.release(self.here)
        self.assertIsNotNone(lock.holder(self.here))
        lock.release(self.here)
        self.assertIsNone(lock.holder(self.here))

    def test_releasedEntirely(self) -> None:
        """At its end a process gives a lock up, however often it took it."""
        lock.hold(self.here)
        lock.hold(self.here)
        lock.release(self.here, entirely=True)
        self.assertIsNone(lock.holder(self.here))

    def test_alreadyRunning(self) -> None:
        """A second process is refused, and told who is there and since when."""
        self.lockedBy(json.dumps(self.written()))
        refused = self.assertRaises(lock.AlreadyRunning, lock.hold, self.here)
        self.assertEqual(refused.pid, os.getpid())
        self.assertRegex(str(refused), rf"^already running, pid {os.getpid()} since \d{{4}}-")
        self.assertEqual(lock.holder(self.here), lock.Holder(refused.pid, refused.since, Kind.MASTER))

    def test_staleFile(self) -> None:
        """A file that a killed process left stops nobody, though its pid may be a stranger's now (O4)."""
        with open(self.path, "w") as stream:
            json.dump({"pid": os.getppid(), "since": 1.0, "kind": "buildmaster", "born": 1}, stream)
        self.assertIsNone(lock.holder(self.here))
        lock.hold(self.here)
        found = lock.holder(self.here)
        self.assertEqual(found and found.pid, os.getpid())

    def test_reusedPid(self) -> None:
        """A process that was born later than the holder is not taken for it, even if the number is (O4)."""
        said = self.written()
        said["born"] += 1
        self.lockedBy(json.dumps(said))
        for ask in (lock.holder, lock.hold):
            self.assertIn("cannot be seen", str(self.assertRaises(OSError, ask, self.here, patience=0)))

    def test_nonsense(self) -> None:
        """A lock whose file says nothing sensible is held by nobody who could be signalled (O4)."""
        for text in ("", "17", "{}", "[]", '{"pid": "x"}', '{"pid": 1, "since": 1, "kind": "?", "born": 1}'):
            self.here = os.path.realpath(self.mktemp())
            os.mkdir(self.here)
            self.path = os.path.join(self.here, LOCK)
            self.lockedBy(text)
            self.assertRaises(OSError, lock.holder, self.here, patience=0)

    def test_deletedUnderUs(self) -> None:
        """F5: a lock whose file was deleted or replaced is a trouble, for nobody else sees that we run."""
        self.assertIsNone(lock.trouble(self.here))
        lock.hold(self.here)
        self.assertIsNone(lock.trouble(self.here))
        os.unlink(os.path.join(self.here, "buildbot.lock"))
        self.assertIn("was deleted or replaced", str(lock.trouble(self.here)))

    def test_odd(self) -> None:
        """H10: a lock that is a FIFO, a directory or a link is refused at once; a link's target is left."""
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
        """H10: who takes the lock of a directory that was copied while a process ran there learns of it."""
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
        """H10: a directory that was renamed after its process was killed is no copy."""
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
        """Nobody runs in a directory that is not there, and nobody can."""
        self.assertIsNone(lock.holder(f"{self.here}/none"))
        self.assertRaises(FileNotFoundError, lock.hold, f"{self.here}/none")

    def test_notOurs(self) -> None:
        """To give up what one has not is nothing."""
        self.lockedBy(json.dumps(self.written()))
        lock.release(self.here)
        self.assertIsNotNone(lock.holder(self.here))
