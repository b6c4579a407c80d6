"""The pid file and the socket of a running process."""

from __future__ import annotations

import errno
import fcntl
import json
import os

from twisted.trial import unittest

from buildbot.daemon import lock, pidfile
from buildbot.files.plain import NotPlain


class FakeReader:
    """I fail to read a file, as configured."""

    def __init__(self, error: OSError) -> None:
        self._error = error

    def __call__(self, path: str) -> None:
        raise self._error


class TracesTests(unittest.TestCase):
    """The pid file and the socket."""

    def setUp(self) -> None:
        self.here = os.path.realpath(self.mktemp())
        os.mkdir(self.here)
        self.addCleanup(lock.release, self.here, entirely=True)
        for name in ("control.sock", "master.cfg"):
            with open(os.path.join(self.here, name), "w"):
                pass

    def test_writePid(self) -> None:
        """twistd.pid has the number of this process, whatever was there before (O4)."""
        path = os.path.join(self.here, "twistd.pid")
        os.symlink("/nowhere/else", path)
        pidfile.writePid(self.here)
        with open(path) as stream:
            self.assertEqual((stream.read(), os.path.islink(path)), (f"{os.getpid()}\n", False))

    def test_pidTrouble(self) -> None:
        """F5: a pid file that was deleted or altered while the process runs is reported."""
        self.assertIsNone(pidfile.pidTrouble(self.here))
        pidfile.writePid(self.here)
        self.assertIsNone(pidfile.pidTrouble(self.here))
        path = os.path.join(self.here, "twistd.pid")
        for text in ("1\n", ""):
            with open(path, "w") as stream:
                stream.write(text)
            found = pidfile.pidTrouble(self.here)
            assert found is not None
            self.assertIn(text.strip() or "it is empty", found.why)
        os.unlink(path)
        os.mkfifo(path)
        self.assertIn("it is a FIFO", str(pidfile.pidTrouble(self.here)))
        os.unlink(path)
        self.assertIn("No such file", str(pidfile.pidTrouble(self.here)))
        pidfile.writePid(self.here)
        self.assertIsNone(pidfile.pidTrouble(self.here))

    def test_pidTroubleWithoutFiles(self) -> None:
        """F5: a pid file that cannot be read because too many files are open is not reported."""
        pidfile.writePid(self.here)
        error = OSError(errno.EMFILE, "Too many open files")
        self.patch(pidfile, "readPlain", FakeReader(error))
        self.assertIsNone(pidfile.pidTrouble(self.here))

    def test_writePidOdd(self) -> None:
        """H10: a pid file that is a FIFO is replaced at once; one that is a directory is refused."""
        path = os.path.join(self.here, "twistd.pid")
        os.mkfifo(path)
        pidfile.writePid(self.here)
        os.unlink(path)
        os.mkdir(path)
        with self.assertRaisesRegex(NotPlain, "twistd.pid: it is a directory, not a plain file"):
            pidfile.writePid(self.here)

    def test_remove(self) -> None:
        """When a process ends, its files are removed, and no others."""
        lock.hold(self.here)
        pidfile.writePid(self.here)
        pidfile.remove(self.here)
        self.assertEqual(os.listdir(self.here), ["master.cfg"])

    def test_sweep(self) -> None:
        """The files of a killed process are removed."""
        pidfile.writePid(self.here)
        pidfile.sweep(self.here)
        self.assertEqual(os.listdir(self.here), ["master.cfg"])

    def test_sweepSparesTheLiving(self) -> None:
        """The files of a running process are not removed."""
        lock.hold(self.here)
        path = os.path.join(self.here, "buildbot.lock")
        with open(path) as stream:
            said = stream.read()
        lock.release(self.here)
        with open(path, "w") as other:
            other.write(json.dumps(json.loads(said)))
            other.flush()
            fcntl.flock(other, fcntl.LOCK_EX)
            pidfile.sweep(self.here)
        self.assertEqual(sorted(os.listdir(self.here)), ["buildbot.lock", "control.sock", "master.cfg"])

    def test_sweepNothing(self) -> None:
        """A missing directory is ignored."""
        pidfile.sweep(f"{self.here}/none")
