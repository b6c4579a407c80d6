"""Ctrl-C at the moments of a start in which the command and its child could lose each other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from buildbot.daemon import lock
from buildbot.daemon.outcome import Outcome
from buildbot.scripts import startup
from buildbot.scripts.interrupts import heldBack
from tests.commandline import Spoken, command, directory

#: A child that never becomes ready, and one that is ready at once.
_NEVER = "import time; time.sleep(1000)"
_READY = "import os, sys; os.write(int(sys.argv[1]), {said!r})"


class StartTests(SynchronousTestCase):
    """The command C{start}; its child is no master."""

    def setUp(self) -> None:
        self.here = directory(self.mktemp())
        self.children: list[subprocess.Popen[bytes]] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
            signal.signal(number, signal.default_int_handler)

    def start(self, program: str, within: tuple[int, ...] = ()) -> Spoken:
        """Run the command.

        @param within: the signals that come just before the command knows its child.
        """

        def popen(*words: Any, **more: Any) -> subprocess.Popen[bytes]:
            child = popenItself(*words, **more)
            self.children.append(child)
            self.addCleanup(self.kill, child.pid)
            for number in within:
                signal.raise_signal(number)
            return child

        popenItself = subprocess.Popen
        self.patch(subprocess, "Popen", popen)
        self.patch(
            startup, "daemonCommand", lambda here, fd, verbose: [sys.executable, "-c", program, str(fd)]
        )
        return command("start", self.here)

    def kill(self, pid: int) -> None:
        """Kill a child that is still there."""
        if any(child.pid == pid and child.returncode is None for child in self.children):
            os.kill(pid, signal.SIGKILL)

    def test_early(self) -> None:
        """Ctrl-C or SIGTERM, once or twice, right after the child was made ends the child."""
        for signals in ((signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGTERM)):
            said = self.start(_NEVER, signals)
            self.assertEqual((said.status, said.err), (130, "interrupted\n"))
            self.assertIsNotNone(self.children[-1].returncode, "the child still runs")

    def test_late(self) -> None:
        """Ctrl-C after the daemon has become ready changes nothing: the start has succeeded."""

        def holder(here: str) -> None:
            if self.children:
                signal.raise_signal(signal.SIGINT)

        self.patch(lock, "holder", holder)
        said = self.start(_READY.format(said=Outcome(True, ("slaves: none",)).toBytes()))
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertEqual(said.out, "slaves: none\nBuildmaster started.\n")
        self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler)

    def test_ignored(self) -> None:
        """A start in the background of a shell, where Ctrl-C is ignored, ignores it at all times."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        said = self.start(_READY.format(said=Outcome(True, ()).toBytes()), (signal.SIGINT,))
        self.assertEqual((said.status, said.out), (0, "Buildmaster started.\n"))
        self.assertIs(signal.getsignal(signal.SIGINT), signal.SIG_IGN)


class HeldBackTests(SynchronousTestCase):
    """See L{heldBack}."""

    def setUp(self) -> None:
        self.addCleanup(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def test_heard(self) -> None:
        """A signal is heard where it may be: one that came before, at once, and only once."""
        with heldBack() as interrupts:
            signal.raise_signal(signal.SIGINT)
            with self.assertRaises(KeyboardInterrupt), interrupts.heard():
                self.fail("it went on")
            with interrupts.heard():
                self.assertRaises(KeyboardInterrupt, signal.raise_signal, signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        self.assertRaises(KeyboardInterrupt, signal.raise_signal, signal.SIGINT)
