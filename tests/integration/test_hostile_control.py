"""H10: a real master whose control socket is misused, or whose directory has odd files or loses files."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from buildbot.control.client import ask
from buildbot.files.partial import PARTIALS, Partials, partialPath
from tests.benchmarks import servers
from tests.benchmarks.hostile_control import nonsense, unread


class ControlTests(SynchronousTestCase):
    """Clients of the control socket."""

    def test_unread(self) -> None:
        """H10: clients that never read cost a few MiB, and delay others only for a moment."""
        for _ in range(4):
            with servers.master(300) as server:
                came = unread(server, 3.0)
                log = server.log()
            self.assertLess(came.peak, 64 * 1024)
            self.assertNotIn("Traceback", log)
            if came.slowest < 2.0:
                break  # a busy machine may delay others once, but not each time
        self.assertLess(came.slowest, 2.0)

    def test_nonsense(self) -> None:
        """H10: every request is answered, none by an internal error, and none causes a traceback."""
        with servers.master(2) as server:
            came = nonsense(server, 1000)
            log = server.log()
        self.assertEqual((came.answered, came.internal), (came.asked, 0))
        self.assertNotIn("Traceback", log)


class DirectoryTests(SynchronousTestCase):
    """A master's directory."""

    def setUp(self) -> None:
        self.here = tempfile.mkdtemp(prefix="odd-")
        self.addCleanup(shutil.rmtree, self.here, ignore_errors=True)
        servers.writeMaster(self.here, 1)

    def path(self, name: str) -> str:
        """A file of the directory."""
        return os.path.join(self.here, name)

    def status(self) -> tuple[int, str]:
        """The exit status of C{buildbot status}, and its output."""
        done = servers.buildbot("status", self.here)
        return done.returncode, done.stdout

    def untilGone(self, pid: int) -> None:
        """Wait for the end of a process that was killed."""
        deadline = time.monotonic() + 180
        while os.path.exists(f"/proc/{pid}"):
            self.assertLess(time.monotonic(), deadline, "it does not end")
            time.sleep(0.05)

    def start(self) -> int:
        """Start the master; it is stopped when the test ends."""
        pid = servers.start(self.here)
        self.addCleanup(servers.stop, self.here, pid)
        return pid

    def test_odd(self) -> None:
        """H10: with a FIFO or a directory in place of a file a start ends at once, and names it."""
        makers: tuple[Callable[[str], object], ...] = (os.mkfifo, os.mkdir)
        for name in ("buildbot.lock", "master.cfg", "buildbot.tac", "state.sqlite", "twistd.log"):
            for make, words in zip(makers, ("it is a FIFO", "it is a directory"), strict=True):
                path = self.path(name)
                aside = f"{path}.aside"
                if os.path.exists(path):
                    os.rename(path, aside)
                make(path)
                began = time.monotonic()
                done = servers.buildbot("start", self.here, timeout=180)
                self.assertEqual(done.returncode, 1, (name, done.stdout))
                self.assertIn(words, done.stdout, name)
                self.assertLess(time.monotonic() - began, 100)  # a start may take 120 s
                (os.rmdir if make is os.mkdir else os.unlink)(path)
                if os.path.exists(aside):
                    os.rename(aside, path)

    def test_oddBesideStore(self) -> None:
        """H10: a FIFO or a directory beside the store of a master that ran before is reported at once."""
        servers.stop(self.here, servers.start(self.here))
        for end in ("-wal", "-shm", "-journal"):
            for make, remove, words in (
                (os.mkfifo, os.unlink, "it is a FIFO"),
                (os.mkdir, os.rmdir, "it is a directory"),
            ):
                path = self.path(f"state.sqlite{end}")
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                make(path)
                done = servers.buildbot("start", self.here, timeout=180)
                self.assertEqual(done.returncode, 1, (end, done.stdout))
                self.assertIn(words, done.stdout, end)
                self.assertNotIn("has room", done.stdout)
                remove(path)
        self.start()

    def test_harmless(self) -> None:
        """H10: a FIFO in place of the pid file, or a socket in place of the socket, does no harm."""
        os.mkfifo(self.path("twistd.pid"))
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(self.path("control.sock"))
        self.start()
        self.assertEqual(self.status()[0], 0)

    def test_linkedLock(self) -> None:
        """H10: a lock that is a link is refused, and its target does not change."""
        Path(self.path("precious")).write_text("text")
        os.symlink("precious", self.path("buildbot.lock"))
        done = servers.buildbot("start", self.here, timeout=180)
        self.assertEqual(done.returncode, 1)
        self.assertIn("it is a symbolic link", done.stdout)
        self.assertEqual(Path(self.path("precious")).read_text(), "text")

    def test_troubles(self) -> None:
        """F5: files that are removed while the master runs are reported by status, and by its exit status."""
        pid = self.start()
        self.assertEqual(self.status()[0], 0)
        os.unlink(self.path("twistd.pid"))
        os.unlink(self.path("twistd.log"))
        os.mkdir(self.path("twistd.log"))
        Path(self.path("logs")).write_text("no directory")
        code, said = self.status()
        self.assertEqual(code, 3, said)
        for words in ("pid file", "the log goes into a file without a name", "logs is not a directory"):
            self.assertIn(words, said)
        answer: Any = ask(self.here, "status", 10)
        subjects = {each["subject"] for each in answer["master"]["troubles"]}
        self.assertEqual(subjects, {"twistd.pid", "twistd.log", "logs"})
        Path(self.path("twistd.pid")).write_text(f"{pid}\n")
        os.rmdir(self.path("twistd.log"))
        os.unlink(self.path("logs"))
        ask(self.here, "reconfig", 60)  # which is logged
        code, said = self.status()
        self.assertEqual(code, 0, said)

    def test_killed(self) -> None:
        """H9: incomplete uploads of a killed master are removed by the next start."""
        pid = servers.start(self.here)
        part = partialPath(self.path("report.txt"))
        Partials(self.path(PARTIALS)).note(part)
        Path(part).write_text("half")
        os.kill(pid, signal.SIGKILL)
        self.untilGone(pid)
        self.start()
        self.assertFalse(os.path.exists(part))
        self.assertEqual(os.listdir(self.path(PARTIALS)), [])

    def test_backup(self) -> None:
        """H10: a master can be started from a backup of a running one, with its waiting requests."""
        self.start()
        for number in range(3):
            ask(self.here, "pause", 10, slave=servers.PATTERN % 0, who=f"ann {number}")
        target = f"{self.here}-copy"
        self.addCleanup(shutil.rmtree, target, ignore_errors=True)
        done = servers.buildbot("backup", self.here, target)
        self.assertEqual(done.returncode, 0, done.stdout)
        servers.stop(self.here, int(Path(self.path("twistd.pid")).read_text()))
        tac = Path(target, "buildbot.tac")
        tac.write_text(tac.read_text().replace(self.here, target))
        pid = servers.start(target)
        self.addCleanup(servers.stop, target, pid)
        answer: Any = ask(target, "status", 10)
        self.assertEqual(answer["slaves"][0]["paused"]["who"], "ann 2")
        self.assertEqual(answer["master"]["troubles"], [])
