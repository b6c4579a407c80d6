"""The parent's side of a start. tests.daemons.test_process starts real processes."""

from __future__ import annotations

import os
import sys

from twisted.trial import unittest

from buildbot.daemon import lock, otherdaemon
from buildbot.daemon.directory import PAGES
from buildbot.scripts import output, startup
from tests.commandline import command, directory


class StartupTests(unittest.TestCase):
    """Checks before the child is started."""

    def test_alreadyRunning(self) -> None:
        """A second start prints one line with the pid and the time (O4)."""
        here = directory(self.mktemp())
        lock.hold(here)
        self.addCleanup(lock.release, here)
        said = command("start", here)
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertRegex(
            said.err, rf"^the buildmaster in {here} is already running, pid {os.getpid()} since [-0-9: ]+\n$"
        )

    def test_ownAtTheSameTime(self) -> None:
        """One of our daemons that has just taken or is about to release the lock is not reported as
        foreign.
        """
        here = directory(self.mktemp())
        named: list[int | None] = [7, 7]
        self.patch(otherdaemon, "daemonIn", lambda here: named.pop(0))
        lock.hold(here)
        output.refuseStranger(here)
        lock.release(here)
        named[:] = [7, None]
        output.refuseStranger(here)
        named[:] = [7, 7]
        self.assertRaises(output.CommandFailed, output.refuseStranger, here)

    def test_pages(self) -> None:
        """A process with pages has a lock of its own: it is refused only if it runs itself."""
        here = directory(self.mktemp())
        home = os.path.join(here, PAGES)
        os.mkdir(home)
        lock.hold(home)
        self.addCleanup(lock.release, home)
        said = command("start", "--pages-only", here)
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertIn(f"the process with the pages in {here} is already running, pid {os.getpid()}", said.err)

    def test_pagesOfSlave(self) -> None:
        """A slave has no pages."""
        here = directory(self.mktemp())
        with open(os.path.join(here, "buildbot.tac"), "w") as tac:
            tac.write("application = service.Application('buildslave')\n")
        for verb in ("start", "stop", "restart"):
            said = command(verb, "--pages-only", here)
            self.assertEqual((said.status, said.out), (1, ""))
            self.assertIn("a slave, which has no pages", said.err)

    def test_wrongPort(self) -> None:
        """A port of pages belongs to such a process, and must be one."""
        here = directory(self.mktemp())
        self.assertIn(
            "--http-port belongs to --pages-only", command("start", "--http-port", "8011", here).err
        )
        self.assertIn("--http-port: ", command("start", "--pages-only", "--http-port", "99999", here).err)

    def test_command(self) -> None:
        """The child has the same Python, and no directory is taken for an option."""
        self.assertEqual(
            startup.daemonCommand("/m", 5, []),
            [sys.executable, "-m", "buildbot.daemon.run", "--ready-fd", "5", "--", "/m"],
        )
        self.assertIn("--verbose", startup.daemonCommand("/m", 5, ["--verbose"]))

    def test_environment(self) -> None:
        """The child has the user's additions to the import path."""
        path = os.pathsep.join(["lib", "/opt/lib", ""])
        self.assertEqual(
            startup.daemonEnvironment({"A": "b", "PYTHONPATH": path}),
            {"A": "b", "PYTHONPATH": os.pathsep.join([os.path.abspath("lib"), "/opt/lib"])},
        )
        self.assertEqual(startup.daemonEnvironment({"A": "b"}), {"A": "b"})

    def test_importsTheSame(self) -> None:
        """The child imports the same package as the command, whatever is in the current directory."""
        self.assertEqual(startup.daemonCwd("/v/lib/python3/site-packages/buildbot/__init__.py"), "/")
        self.assertEqual(startup.daemonCwd("/usr/lib/python3/dist-packages/buildbot/__init__.py"), "/")
        self.assertEqual(startup.daemonCwd("/home/me/checkout/buildbot/__init__.py"), "/home/me/checkout")
