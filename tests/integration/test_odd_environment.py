"""The command under odd conditions: closed and full files, other users, signals, and busy masters."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

from twisted.trial.unittest import SkipTest

from buildbot.scripts.demo import withPort, withWebPort
from tests.integration.directories import ProcessCase, hearCtrlC
from tests.ports import freePort

#: Every command for a directory, with its further arguments.
ABOUT_A_DIRECTORY = (
    *(("start",), ("stop",), ("restart",), ("reconfig",), ("checkconfig",), ("status",), ("builds",)),
    *(("disconnect", "x"), ("pause", "x"), ("drain", "x"), ("unpause", "x"), ("force", "x")),
    *(("stopbuild", "x"), ("log", "x/0/y"), ("create-master",), ("create-slave", "h:1", "n", "p")),
)
#: Python text that runs the command as another user, without access to root's directories.
NOBODY = (
    "import os, sys\n"
    "import buildbot.__main__, buildbot.scripts.runner, importlib\n"
    "for name in ('create', 'startup', 'stop', 'reconfig', 'checkconfig', 'status', 'disconnect', 'pause',"
    " 'builds', 'log', 'force'):\n"
    "    importlib.import_module('buildbot.scripts.' + name)\n"
    "os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
    "buildbot.__main__.run()\n"
)
#: Python text that runs the command, and makes a file when the command starts to load. Python handles signals
#: before that.
MARKED = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "buildbot.scripts.runner":
            open({mark!r}, "w").close()
sys.meta_path.insert(0, Finder())
from buildbot.__main__ import run
run()
"""


class MasterCase(ProcessCase):
    """A real master, without a slave."""

    def makeMaster(self) -> str:
        """Make a master; return the text of its configuration."""
        self.ok("create-master", "--quiet", self.here)
        path = self.path("master.cfg")
        with open(path) as stream:
            text = withWebPort(withPort(stream.read(), freePort()), 0)
        self.configure(text)
        return text

    def configure(self, text: str) -> None:
        """Write another configuration."""
        with open(self.path("master.cfg"), "w") as stream:
            stream.write(text)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start a command, and do not wait for its end."""
        return self.beginPython("-m", "buildbot", *words)

    def beginPython(self, *words: str) -> subprocess.Popen[str]:
        """Start C{python WORDS}, and do not wait for its end."""
        child = subprocess.Popen(
            [sys.executable, *words],
            cwd=self.home,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=hearCtrlC,
        )
        self.addCleanup(child.kill)
        return child


class ReconfigTests(MasterCase):
    """A long reconfig, and later ones."""

    def test_interrupted(self) -> None:
        """F12: after Ctrl-C in a reconfig whose master.cfg hangs, the next one works at once, and reports
        it.
        """
        good = self.makeMaster()
        self.ok("start", self.here)
        self.configure(f"import time; time.sleep(1000)\n{good}")
        first = self.begin("reconfig", self.here)
        assert first.stderr is not None
        self.assertRegex(first.stderr.readline(), r"waiting: master\.cfg is running \(\d+ s\)")
        first.send_signal(signal.SIGINT)
        _, said = first.communicate(timeout=180)
        self.assertEqual((first.returncode, said), (130, "interrupted\n"))
        self.configure(good)
        second = self.ok("reconfig", self.here)
        self.assertLess(second.took, 60)  # the first would take 1000 s
        self.assertRegex(
            second.out.splitlines()[0],
            r"^note: an earlier reconfig of \S+, which was interrupted, was given up, and changed nothing$",
        )
        self.assertEqual(len(self.ok("reconfig", self.here).out.splitlines()), 2)

    def test_waits(self) -> None:
        """F12: a command that waits for another user's reconfig prints that, and since when it runs."""
        good = self.makeMaster()
        self.ok("start", self.here)
        ending = self.path("ending")
        self.configure(f"import os, time\nwhile not os.path.exists({ending!r}): time.sleep(0.1)\n{good}")
        first = self.begin("reconfig", self.here)
        assert first.stderr is not None
        self.assertIn("waiting: master.cfg is running", first.stderr.readline())
        second = self.begin("reconfig", self.here)
        assert second.stderr is not None
        self.assertRegex(
            second.stderr.readline(),
            r"^waiting for the reconfig of \S+ that runs already \(\d+ s\): master.cfg",
        )
        with open(ending, "w"):
            pass
        for child in (first, second):
            self.assertEqual((child.communicate(timeout=180)[0] or "")[-9:], "in force\n")


class UserTests(MasterCase):
    """Missing permissions and impossible directories."""

    def test_otherUser(self) -> None:
        """F12: every command reports the owner of a directory to another user, without a traceback."""
        if os.getuid():
            raise SkipTest("only root can become another user")
        self.makeMaster()
        os.chmod(self.home, 0o755)
        for verb, *more in ABOUT_A_DIRECTORY:
            done = subprocess.run(
                [sys.executable, "-c", NOBODY, verb, self.here, *more],
                cwd="/",
                env=self.environ,
                capture_output=True,
                text=True,
                timeout=180,
            )
            self.assertEqual((done.returncode, done.stdout), (1, ""), (verb, done.stderr))
            self.assertIn("ermission denied", done.stderr, verb)
            self.assertIn("root", done.stderr, verb)
            self.assertNotIn("Traceback", done.stderr, verb)

    def test_oddDirectories(self) -> None:
        """F12: for a loop of links, a name that is too long, or a file, every command prints one line."""
        loop, file = self.path("loop"), self.path("file")
        os.makedirs(self.here)
        os.symlink("loop", loop)
        with open(file, "w"):
            pass
        for odd in (loop, file, os.path.join(file, "x"), self.path("x" * 300)):
            for verb, *more in random.sample(ABOUT_A_DIRECTORY, 4):
                if (verb, odd) == ("checkconfig", file):
                    continue  # an empty configuration has other errors
                said = self.fails(verb, odd, *more)
                self.assertEqual(len(said.err.splitlines()), 1, (verb, said.err))
                self.assertNotIn("[Errno", said.err)

    def test_longReason(self) -> None:
        """F12: a reason of 100,000 characters is refused with its size, and the master keeps running."""
        self.makeMaster()
        self.ok("start", self.here)
        said = self.fails("force", "-m", "r" * 100_000, self.here, "first")
        self.assertRegex(
            said.err, r"^the request has 100\d{3} bytes; a master accepts at most 65536: .*reason"
        )
        self.ok("status", self.here)


class SignalTests(MasterCase):
    """Signals at any time."""

    def test_anyTime(self) -> None:
        """F12: SIGINT and SIGTERM at any time end a command with a word at the most, and no process is
        left.
        """
        self.makeMaster()
        for verb in ("start", "checkconfig", "restart", "start"):
            mark = os.path.join(self.home, "mark")
            child = self.beginPython("-c", MARKED.format(mark=mark), verb, self.here)
            self.until(lambda mark=mark: os.path.exists(mark), "the command begins")  # type: ignore[misc]
            os.unlink(mark)
            time.sleep(random.uniform(0.0, 0.7))
            child.send_signal(random.choice((signal.SIGINT, signal.SIGTERM)))
            out, err = child.communicate(timeout=180)
            self.assertNotIn("Traceback", out + err, verb)
            self.assertNotIn("Exception ignored", err, verb)
            self.assertIn(child.returncode, (0, 130, -signal.SIGTERM, -signal.SIGINT), verb)
            if child.returncode == 130:
                self.untilGone()
            else:  # it had succeeded; the status is negative if the signal came in the last moments
                self.ok("stop", "--quiet", self.here)
        self.untilGone()
