"""The settings of docs/howto/logrotate, used by the real logrotate on the log of a real daemon."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

from twisted.python import procutils
from twisted.trial import unittest

from tests.integration.directories import LIMIT, ProcessCase
from tests.integration.processes import ROOT

PAGE = os.path.join(ROOT, "docs", "howto", "logrotate.rst")

#: A daemon that logs a numbered line every 10 ms, and does not rotate its log itself.
COUNTING = """
rotateLength = None
from itertools import count
from twisted.internet import reactor, task
from twisted.logger import Logger
log, numbers = Logger("count"), count()
line = task.LoopingCall(lambda: log.info(f"line {next(numbers)}."))
reactor.callWhenRunning(line.start, 0.01)
"""


def setting(name: str) -> str:
    """The example of that name on the page."""
    with open(PAGE, encoding="utf-8") as stream:
        _, found, rest = stream.read().partition(f"   :name: {name}\n\n")
    assert found, f"{PAGE} has no example {name}"
    lines = rest.split("\n\n", 1)[0].splitlines()
    return "".join(f"{line[3:]}\n" for line in lines)


class LogrotateTests(ProcessCase):
    """A log that another program rotates is complete (F13)."""

    def setUp(self) -> None:
        super().setUp()
        self.program = next(iter(procutils.which("logrotate")), "/usr/sbin/logrotate")
        if not os.access(self.program, os.X_OK):
            raise unittest.SkipTest("logrotate is not installed")
        self.make(before=COUNTING)
        self.ok("start", self.here)

    def rotate(self, example: str) -> None:
        """Rotate the log now, with the settings of that example."""
        text = setting(example).replace("/var/lib/buildmaster", self.here)
        text = text.replace("    su buildmaster buildmaster\n", "")
        self.write("rotation", text)
        os.chmod(self.path("rotation"), 0o600)
        said = subprocess.run(
            [self.program, "--force", "--state", self.path("state"), self.path("rotation")],
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        self.assertEqual((said.returncode, said.stderr), (0, ""))

    def numbers(self, name: str = "twistd.log") -> list[int]:
        """The numbers in a log; all other content must be text."""
        text = self.read(name)
        self.assertNotIn("\0", text)
        return [int(number) for number in re.findall(r"line (\d+)\.$", text, re.MULTILINE)]

    def grow(self) -> None:
        """Wait until some more lines are in the current log."""
        size = self.size()
        end = time.monotonic() + LIMIT
        while self.size() < size + 1000:
            self.assertLess(time.monotonic(), end, "nothing is logged any more")
            time.sleep(0.05)

    def size(self) -> int:
        """The size of the current log in bytes; 0 without one."""
        path = self.path("twistd.log")
        return os.path.getsize(path) if os.path.exists(path) else 0

    def test_move(self) -> None:
        """After the log was moved, all later lines are in the new one, and no line is missing (F13)."""
        self.grow()
        self.rotate("logrotate-move")
        old = self.numbers("twistd.log.1")
        self.grow()
        self.ok("stop", self.here)
        both = self.numbers("twistd.log.1") + self.numbers()
        self.assertEqual(both, list(range(len(both))))
        self.assertLessEqual(len(self.numbers("twistd.log.1")), len(old) + 5)

    def test_moveWithoutSignal(self) -> None:
        """A log that was moved by hand, without a signal, is complete as well (F13)."""
        self.grow()
        os.rename(self.path("twistd.log"), self.path("twistd.log.1"))
        self.grow()
        self.ok("stop", self.here)
        both = self.numbers("twistd.log.1") + self.numbers()
        self.assertEqual(both, list(range(len(both))))

    def test_copy(self) -> None:
        """A log that was copied and truncated goes on at its beginning, without a hole (F13)."""
        self.grow()
        self.rotate("logrotate-copy")
        self.grow()
        self.ok("stop", self.here)
        new = self.numbers()
        self.assertGreater(new[0], 0)
        self.assertEqual(new, list(range(new[0], new[-1] + 1)))

    def test_signalInTheForeground(self) -> None:
        """SIGUSR1 does not end a master whose log is standard output (F13)."""
        self.ok("stop", self.here)
        with open(self.path("out"), "w") as out:
            daemon = subprocess.Popen(
                [sys.executable, "-m", "buildbot", "start", "--nodaemon", self.here],
                env=self.environ,
                stdout=out,
            )
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        end = time.monotonic() + LIMIT
        while "line 3." not in self.read("out"):
            self.assertLess(time.monotonic(), end, "it does not start")
            time.sleep(0.05)
        daemon.send_signal(signal.SIGUSR1)
        while "SIGUSR1 ignored" not in self.read("out"):
            self.assertLess(time.monotonic(), end, "the signal leaves no line")
            time.sleep(0.05)
        self.ok("stop", self.here)
        self.assertEqual(daemon.wait(LIMIT), 0)
