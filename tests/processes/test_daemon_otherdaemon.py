"""Another program's daemon in one of our directories."""

from __future__ import annotations

import os
import signal
import subprocess

from twisted.trial import unittest

from buildbot.daemon import lock, otherdaemon, pidfile
from buildbot.scripts import stop
from tests.commandline import command, directory


class StrangerTests(unittest.TestCase):
    """The process of a pid file."""

    def setUp(self) -> None:
        self.here = os.path.realpath(self.mktemp())
        os.mkdir(self.here)
        self.addCleanup(lock.release, self.here, entirely=True)

    def process(self, cwd: str) -> int:
        """A process that works in a directory until the test ends."""
        child = subprocess.Popen(["cat"], cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.addCleanup(child.communicate)
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(b"there?")  # until it runs, the system does not know its command line
        child.stdout.read(6)
        return child.pid

    def named(self, text: object) -> str:
        """Write the pid file; return its path."""
        path = os.path.join(self.here, "twistd.pid")
        with open(path, "w") as stream:
            stream.write(f"{text}")
        return path

    def test_daemon(self) -> None:
        """A process that works in the directory, and that the pid file names, is a daemon."""
        pid = self.process(self.here)
        self.named(pid)
        self.assertEqual(otherdaemon.daemonIn(self.here), pid)

    def test_stale(self) -> None:
        """An old pid file, or one that names an unrelated process, is ignored."""
        dead = os.posix_spawn("/bin/true", ["true"], {})
        os.waitpid(dead, 0)
        for text in (dead, self.process("/"), os.getpid(), "", "no number", 0, -1):
            self.named(text)
            self.assertIsNone(otherdaemon.daemonIn(self.here), text)
        os.unlink(os.path.join(self.here, "twistd.pid"))
        self.assertIsNone(otherdaemon.daemonIn(self.here))

    def test_hidden(self) -> None:
        """The directory of another user's process is hidden: it counts if it has the name of a daemon."""

        def hidden(one: str, other: str) -> bool:
            raise PermissionError

        pid = self.process(self.here)
        self.named(pid)
        self.patch(os.path, "samefile", hidden)
        self.assertIsNone(otherdaemon.daemonIn(self.here))
        self.patch(otherdaemon, "_PROGRAMS", frozenset((b"cat",)))
        self.assertEqual(otherdaemon.daemonIn(self.here), pid)

    def test_pidFileStays(self) -> None:
        """When our process ends, or a start has failed, the pid file of another daemon stays."""
        path = self.named(self.process(self.here))
        lock.hold(self.here)
        pidfile.remove(self.here)
        pidfile.sweep(self.here)
        self.assertTrue(os.path.exists(path))


class CommandsTests(unittest.TestCase):
    """Commands and a process that is foreign, or has ended."""

    def setUp(self) -> None:
        self.here = directory(self.mktemp())

    def test_start(self) -> None:
        """If another program runs a slave, no slave is started, and its pid file stays."""
        here = directory(self.mktemp(), "buildslave")
        with subprocess.Popen(["cat"], cwd=here, stdin=subprocess.PIPE) as child:
            path = os.path.join(here, "twistd.pid")
            with open(path, "w") as stream:
                stream.write(f"{child.pid}\n")
            for arguments in (["start", here], ["start", "--nodaemon", here]):
                said = command(*arguments)
                self.assertEqual((said.status, said.out), (1, ""))
                self.assertEqual(
                    said.err,
                    f"process {child.pid}, named in {path}, runs in this directory and was not started by "
                    "this command: stop it with the program that started it\n",
                )
        with open(path) as stream:
            self.assertEqual(stream.read(), f"{child.pid}\n")

    def test_others(self) -> None:
        """A slave that another program runs is not reported as stopped, not signalled, and not restarted."""
        with subprocess.Popen(["cat"], cwd=self.here, stdin=subprocess.PIPE) as child:
            with open(os.path.join(self.here, "twistd.pid"), "w") as stream:
                stream.write(f"{child.pid}\n")
            for verb in ("stop", "restart", "reconfig"):
                said = command(verb, self.here)
                self.assertEqual((said.status, said.out), (1, ""))
                self.assertIn(f"process {child.pid}, named in {self.here}/twistd.pid, runs in", said.err)
            self.assertIsNone(child.poll())

    def test_gone(self) -> None:
        """A process that has ended meanwhile is gone, and cannot be signalled."""
        child = os.posix_spawn("/bin/true", ["true"], {})
        os.waitpid(child, 0)
        target = stop.Target(self.here, lock.Holder(child, 1.0))
        self.addCleanup(target.__exit__)
        target.send(signal.SIGUSR2)
        self.assertTrue(target.whenGone(0))
