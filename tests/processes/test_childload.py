"""A master.cfg that is first run in a child process, with any kind of harm.

These tests use real processes; each runs the file once, for as long as the file itself takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.python.failure import Failure
from twisted.trial import unittest

from buildbot.config.load import load
from buildbot.config.model import ConfigErrors
from buildbot.reconfig import childload
from buildbot.reconfig.childload import LoadReport, checkInChild, loadInChild
from tests.brokenconfigs import BROKEN, GOOD
from tests.examples import sample
from tests.integration.processes import moments

#: A valid file that imports nothing, so that its child starts fast.
TEXT = "\n".join(
    (
        "c = BuildmasterConfig = {}",
        "c['bots'] = [('b1', 'pw1'), ('b2', 'pw2')]",
        "c['slavePortnum'] = 9989",
        "c['builders'] = []",
        "",
    )
)
#: The number of the first line after it.
NEXT = TEXT.count("\n") + 1
#: A valid file with builders.
WHOLE = "\n".join(GOOD) + "\n"
#: The time limit of a valid file in seconds; far more than it needs, on any machine.
PLENTY = 300.0
#: The time limit of a file that never ends; it begins when the child has started. On a busy machine, too, the
#: file reaches the line where it stays.
LITTLE = 2.0
#: The time in which a child is ended that does not even stop by itself.
NONE = 0.5


class Contract(unittest.TestCase):
    """The contract of both ways to load a file in a child; each subclass uses one of them."""

    def setUp(self) -> None:
        self.basedir = Path(self.mktemp()).resolve()
        self.basedir.mkdir()

    def ask(self, timeout: float = PLENTY, path: str = "master.cfg") -> Awaitable[LoadReport]:
        """Load the file."""
        raise NotImplementedError

    def write(self, more: str = "", text: str = TEXT) -> None:
        """Write a master.cfg: the valid one, and more lines."""
        (self.basedir / "master.cfg").write_text(text + more, encoding="utf-8")

    async def refused(self, more: str, timeout: float = PLENTY) -> list[str]:
        """The errors of the valid file with more lines."""
        self.write(more)
        report = await self.ask(timeout)
        self.assertFalse(report.ok)
        return [str(error) for error in report.errors]

    async def only(self, more: str, place: str, *words: str) -> None:
        """Check that the valid file with more lines has one error, there, with this text."""
        errors = await self.refused(more)
        self.assertEqual(len(errors), 1, errors)
        self.assertTrue(errors[0].startswith(f"master.cfg{place}: "), errors[0])
        for word in words:
            self.assertIn(word, errors[0])

    async def test_good(self) -> None:
        """A valid file is accepted, and its output, on both streams, is reported."""
        self.write("import sys\nprint('hé')\nprint('ho', file=sys.stderr)\nc['titel'] = 1\n", WHOLE)
        report = await self.ask()
        self.assertEqual((report.ok, report.errors), (True, ()))
        self.assertEqual([warning.line for warning in report.warnings], [len(GOOD) + 4])
        self.assertEqual(report.output, "hé\nho\n")

    async def test_sameAsHere(self) -> None:
        """The file sees the same environment, libraries and directory as in the master."""
        os.environ["BUILDBOT_CANARY"] = "tweet"
        self.addCleanup(os.environ.pop, "BUILDBOT_CANARY")
        self.patch(sys, "path", [*sys.path, "/some/library"])
        more = (
            "import os, sys, buildbot\nprint(os.environ['BUILDBOT_CANARY'], os.getcwd(), buildbot.__file__)\n"
        )
        self.write(more + "print(sys.path)\n")
        report = await self.ask()
        here = str(Path(__file__).parents[2] / "buildbot" / "__init__.py")
        self.assertEqual(
            report.output.splitlines(),
            [f"tweet {self.basedir} {here}", repr([os.path.abspath(place) for place in sys.path])],
        )

    async def test_raises(self) -> None:
        """A file that raises is refused with the line."""
        await self.only("raise ValueError('x')\n", f":{NEXT}", "ValueError: x")

    async def test_exits(self) -> None:
        """A file that exits, in any way, is refused, and only the child exits."""
        await self.only("import sys\nsys.exit(3)\n", f":{NEXT + 1}", "sys.exit(3)")
        await self.only("raise KeyboardInterrupt\n", f":{NEXT}", "KeyboardInterrupt")
        await self.only("import os\nos._exit(3)\n", "", "status 3", "os._exit")
        await self.only("import os\nos.execv('/bin/true', ['true'])\n", "", "status 0")

    async def test_killed(self) -> None:
        """A file that crashes the interpreter is refused with the signal's name."""
        await self.only("import os\nos.kill(os.getpid(), 11)\n", "", "killed by signal 11 (SIGSEGV)")

    async def test_neverEnds(self) -> None:
        """A file that never ends, busy or asleep, is ended, and the error has its current line."""
        self.patch(childload, "GRACE", PLENTY)  # a busy machine takes seconds to start a child
        for more in ("while True:\n    pass\n", "import time\ntime.sleep(1000)\n"):
            [error] = await self.refused(more, LITTLE)
            place, _, message = error.partition(": ")
            line = place.partition(":")[2]
            self.assertIn(place, (f"master.cfg:{NEXT}", f"master.cfg:{NEXT + 1}"))
            self.assertEqual(message, f"it did not finish in 2 s (it was at line {line})")

    async def test_neverEndsElsewhere(self) -> None:
        """If that line is in a module beside the file, the error has the module's line; in any directory."""
        self.patch(childload, "GRACE", PLENTY)
        self.basedir = self.basedir / "dîr ✓"
        self.basedir.mkdir()
        (self.basedir / "helpers.py").write_text("import time\ndef f():\n    time.sleep(1000)\n")
        [error] = await self.refused("import helpers\nhelpers.f()\n", LITTLE)
        self.assertTrue(error.startswith("helpers.py:3: it did not finish"), error)

    async def test_forks(self) -> None:
        """A file that forks is refused with the line, whatever the copies do."""
        line = f":{NEXT + 1}"
        await self.only("import os\nos.fork()\n", line, "calls os.fork")
        await self.only("import os\nif not os.fork():\n    while True: pass\n", line, "calls os.fork")
        await self.only("import os\nif not os.fork():\n    1 / 0\n", line, "calls os.fork")
        await self.only("import os\nif os.fork():\n    os._exit(0)\n", "", "status 0")

    async def test_runsPrograms(self) -> None:
        """A file may run other programs; those still running are ended with the child."""
        more = (
            "import os, subprocess\n"
            "print(subprocess.check_output(['echo', 'hi'], preexec_fn=os.setsid).decode())\n"
            "print(subprocess.Popen(['sleep', '1000']).pid)\n"
        )
        self.write(more)
        report = await self.ask()
        hi, pid = report.output.split()
        self.assertEqual((report.errors, hi), ((), "hi"))
        with self.assertRaises(ProcessLookupError):
            while True:  # until init, or its replacement, has reaped it
                os.kill(int(pid), 0)
                await moments(0.01)

    async def test_changesProcess(self) -> None:
        """A file that changes state of the whole process is refused for each such change."""
        await self.only("import os\nos.chdir('/')\n", "", "working directory")
        await self.only("import os\nos.umask(0)\n", "", "umask")
        await self.only("import signal\nsignal.signal(signal.SIGTERM, print)\n", "", "SIGTERM")
        more = "import os, signal\nos.chdir('/')\nos.umask(0)\nsignal.signal(1, print)\n1 / 0\n"
        self.assertEqual(len(await self.refused(more)), 4)

    async def test_threads(self) -> None:
        """A file that leaves a thread running is refused; one whose threads end is not."""
        start = (
            "import threading, time\nthreading.Thread(name='ticker', target=lambda: time.sleep(%s)).start()\n"
        )
        await self.only(start % 1000, "", "thread running (ticker)")
        self.write(start % 0)
        self.assertTrue((await self.ask()).ok)

    async def test_memory(self) -> None:
        """A file may use 100 MB; one that needs more memory than there is, is refused."""
        self.write("x = [0] * (100 * 1000 * 1000 // 8)\n")
        self.assertTrue((await self.ask()).ok)
        await self.only("x = [0] * 10 ** 16\n", f":{NEXT}", "MemoryError")

    async def test_printsMuch(self) -> None:
        """If a file prints without end, only the beginning is kept."""
        self.write("print('x' * 1000000)\n")
        report = await self.ask()
        kept = childload.MOST_OUTPUT
        self.assertEqual(report.output, "x" * kept + f"\n[{1000001 - kept} more bytes]\n")

    async def test_reactor(self) -> None:
        """A file may import Twisted's reactor, like those of 0.7."""
        self.write("from twisted.internet import reactor, threads\n")
        self.assertEqual((await self.ask()).errors, ())

    async def test_closesReport(self) -> None:
        """A file that closes foreign descriptors is refused, without a long wait."""
        [error] = await self.refused("import os\nos.closerange(3, 256)\n")
        self.assertIn("ended the process", error)

    async def test_unreadable(self) -> None:
        """A missing file is an error like any other, and so is a missing directory."""
        report = await self.ask()
        self.assertEqual(
            [str(error) for error in report.errors], ["master.cfg: cannot read it: No such file or directory"]
        )
        self.basedir = self.basedir / "gone"
        report = await self.ask()
        self.assertFalse(report.ok)
        self.assertEqual(len(report.errors), 1)

    async def test_notStarted(self) -> None:
        """A child that cannot be started is reported as such, not as an error of the file."""
        self.patch(sys, "executable", "/bin/false")
        [error] = await self.refused("")
        self.assertIn("the process that should load it failed", error)

    async def test_stopped(self) -> None:
        """A child that does not react to its own clock is ended from outside."""
        self.patch(childload, "GRACE", NONE)
        [error] = await self.refused("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n", NONE)
        self.assertEqual(error, "master.cfg: it did not finish in 0.5 s")


class CheckInChildTests(Contract):
    """The way of the command line, which waits."""

    def ask(self, timeout: float = PLENTY, path: str = "master.cfg") -> Awaitable[LoadReport]:
        return succeed(checkInChild(path, str(self.basedir), timeout))

    def test_corpus(self) -> None:
        """Broken files give the same errors here as in the master's own load (R12).

        L{tests.integration.test_brokenfiles} has all of them.
        """
        for name, broken in sample(list(BROKEN.items())[::6], 6):
            self.write(text=broken.text)
            with self.assertRaises(ConfigErrors) as caught:
                load(broken.text, "master.cfg", str(self.basedir))
            report = checkInChild("master.cfg", str(self.basedir), PLENTY)
            self.assertEqual((report.ok, report.errors), (False, caught.exception.errors), name)

    def test_secondTime(self) -> None:
        """A module that can be imported only once fails in the second load; each child is a first load."""
        (self.basedir / "once.py").write_text(
            "import sys\nassert not hasattr(sys, 'loadedOnce')\nsys.loadedOnce = 1\n"
        )
        self.write("import once\n")
        self.addCleanup(delattr, sys, "loadedOnce")
        for _ in range(2):
            self.assertTrue(checkInChild("master.cfg", str(self.basedir), PLENTY).ok)
        text = TEXT + "import once\n"
        load(text, "master.cfg", str(self.basedir))
        with self.assertRaises(ConfigErrors) as caught:
            load(text, "master.cfg", str(self.basedir))
        self.assertEqual(str(caught.exception), "once.py:2: AssertionError")

    def test_interrupted(self) -> None:
        """Ctrl-C during the wait also ends the child."""
        self.write("import os\nprint(os.getpid())\nwhile True: pass\n")
        pids: list[int] = []

        def interrupt(child: childload._Child, data: bytes) -> None:
            pids.append(int(data))
            raise KeyboardInterrupt

        self.patch(childload._Child, "printed", interrupt)
        self.assertRaises(KeyboardInterrupt, checkInChild, "master.cfg", str(self.basedir), PLENTY)
        self.assertRaises(ProcessLookupError, os.kill, pids[0], 0)

    def test_noProcess(self) -> None:
        """If the system has no room for another process, that is reported."""

        def fail(*args: object, **kwargs: object) -> None:
            raise BlockingIOError(11, "Resource temporarily unavailable")

        self.patch(subprocess, "Popen", fail)
        self.write()
        [error] = checkInChild("master.cfg", str(self.basedir), PLENTY).errors
        self.assertIn("Resource temporarily unavailable", error.message)

    def test_twistedNotNeeded(self) -> None:
        """The child starts fast, because it needs only the standard library, and little of that."""
        look = "import sys\nprint([n for n in sys.modules if n.startswith(('twisted', 'zope', 'asyncio'))])\n"
        self.write(text=look + WHOLE)
        self.assertEqual(checkInChild("master.cfg", str(self.basedir), PLENTY).output, "[]\n")

    def test_masterNotNeeded(self) -> None:
        """A file with build steps loads neither the store nor the slave port: the child stays small."""
        look = (
            "import sys\nfrom buildbot.process import factory\n"
            "print([n for n in sys.modules if n.startswith(('buildbot.store', 'buildbot.wire.broker'))])\n"
        )
        self.write(text=look + WHOLE)
        self.assertEqual(checkInChild("master.cfg", str(self.basedir), PLENTY).output, "[]\n")


class LoadInChildTests(Contract):
    """The way of the master, which serves others meanwhile."""

    def ask(self, timeout: float = PLENTY, path: str = "master.cfg") -> Awaitable[LoadReport]:
        return loadInChild(path, str(self.basedir), timeout, reactor)

    async def test_cancelled(self) -> None:
        """A master that stops does not wait for a file that hangs: it cancels, and the child ends."""
        self.write("import os\nprint(os.getpid())\nwhile True: pass\n")
        running: Deferred[bytes] = Deferred()
        ended: Deferred[object] = Deferred()
        end = childload._Waiting.processEnded

        def processEnded(waiting: childload._Waiting, reason: Failure) -> None:
            end(waiting, reason)
            ended.callback(None)

        printed = b""

        def take(child: childload._Child, data: bytes) -> None:
            nonlocal printed
            printed += data  # the number may come in several pieces
            if printed.endswith(b"\n") and not running.called:
                running.callback(printed)

        self.patch(childload._Child, "printed", take)
        self.patch(childload._Waiting, "processEnded", processEnded)
        waiting = loadInChild("master.cfg", str(self.basedir), PLENTY, reactor)
        pid = int(await running)
        waiting.cancel()
        with self.assertRaises(CancelledError):
            await waiting
        await ended
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    async def test_twoAtOnce(self) -> None:
        """Two simultaneous loads are independent."""
        self.write("print('a')\n")
        (self.basedir / "other.cfg").write_text(TEXT + "print('b')\n1 / 0\n")
        first, second = self.ask(), self.ask(path="other.cfg")
        self.assertEqual((await first).output, "a\n")
        report = await second
        self.assertEqual((report.output, report.errors[0].filename), ("b\n", "other.cfg"))


del Contract  # trial would run it by itself
