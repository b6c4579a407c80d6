"""Whom C{stop} signals. That it stops anything is shown by tests.integration.test_process."""

from __future__ import annotations

import os
import signal
from types import FrameType

from twisted.trial import unittest

from buildbot.daemon import lock
from buildbot.scripts import stop
from tests.commandline import Spoken, command


class StopTests(unittest.TestCase):
    """Nobody but the holder of the lock."""

    def setUp(self) -> None:
        self.here = os.path.realpath(self.mktemp())
        os.mkdir(self.here)
        with open(os.path.join(self.here, "buildbot.tac"), "w") as stream:
            stream.write("application = service.Application('buildmaster')")
        self.signalled: list[int] = []
        self.addCleanup(signal.signal, signal.SIGUSR2, signal.signal(signal.SIGUSR2, self.hear))

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Remember a signal to this process; it ends what it holds, as a master does."""
        self.signalled.append(number)
        lock.release(self.here)

    def test_notRunning(self) -> None:
        """There is nothing to do, and that is no error; the pid file may say what it likes (O4)."""
        with open(os.path.join(self.here, "twistd.pid"), "w") as stream:
            stream.write(str(os.getpid()))
        self.assertEqual(
            command("stop", self.here), Spoken(0, f"no buildmaster is running in {self.here}\n", "")
        )

    def test_signal(self) -> None:
        """The holder is signalled, and waited for."""
        lock.hold(self.here)
        self.assertEqual(stop.stop({"basedir": self.here, "quiet": 1}, signame="USR2"), 0)
        self.assertEqual(self.signalled, [signal.SIGUSR2])

    def test_noLongerHeld(self) -> None:
        """A process that has given up the lock since it was looked at is not signalled (O4)."""
        stop.send(self.here, lock.Holder(os.getpid(), 1.0), signal.SIGUSR2)
        self.assertEqual(self.signalled, [])

    def test_gone(self) -> None:
        """A process that has ended meanwhile is no error."""
        child = os.posix_spawn("/bin/true", ["true"], {})
        os.waitpid(child, 0)
        stop.send(self.here, lock.Holder(child, 1.0), signal.SIGUSR2)

    def test_notWaiting(self) -> None:
        """A caller of 0.7.5's function may not wait."""
        lock.hold(self.here)
        self.assertEqual(stop.stop({"basedir": self.here, "quiet": 1}, "USR2", wait=False), 0)

    def test_whenGone(self) -> None:
        """Another process in the same place is not the one that was to go."""
        lock.hold(self.here)
        self.addCleanup(lock.release, self.here)
        self.assertTrue(stop.whenGone(self.here, lock.Holder(1, 1.0), 0))
        found = lock.holder(self.here)
        assert found is not None
        self.assertFalse(stop.whenGone(self.here, found, 0))
