"""Directories of processes, and the command C{buildbot} run on them to its end.

The tests decide what they expect.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from twisted.trial import unittest

from buildbot.daemon import lock
from tests.commandline import withoutWaits
from tests.integration import fakeservice
from tests.integration.processes import ROOT, environment, untilNextLook

#: The most seconds of any command; after this it is killed, and its test fails.
LIMIT = 300
#: The command as the tests call it. Its messages show this name.
TYPED = f"{os.path.basename(sys.executable)} -m buildbot"


class Said:
    """The end of a command: its status, its output without the lines about a long wait, and its duration."""

    def __init__(self, words: Sequence[str], env: dict[str, str], cwd: str) -> None:
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "buildbot", *words],
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        self.took = time.monotonic() - begun
        self.status, self.out, self.err = done.returncode, done.stdout, withoutWaits(done.stderr)

    def __repr__(self) -> str:
        return f"status {self.status} after {self.took:.2f} s\n{self.out}\n{self.err}"


class ProcessCase(unittest.TestCase):
    """A directory for one test; no process survives the test."""

    name = "m"

    def setUp(self) -> None:
        self.home = os.path.realpath(self.mktemp())
        self.here = os.path.join(self.home, self.name)
        os.makedirs(self.home)
        self.environ = environment(self.home, PYTHONPATH=ROOT)
        self.addCleanup(self.killAll)

    def killAll(self) -> None:
        """Kill all processes in a directory of this test."""
        for pid in self.running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def running(self) -> list[int]:
        """The processes whose command line names a directory of this test."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as stream:
                if os.fsencode(self.home) in stream.read() and int(name) != os.getpid():
                    found.append(int(name))
        return found

    def run_(self, *words: str, cwd: str | None = None, **more: str) -> Said:
        """Run C{buildbot WORDS} to its end."""
        return Said(words, {**self.environ, **more}, cwd or self.home)

    def ok(self, *words: str, **more: str) -> Said:
        """Run a command that must succeed; it may print what it waits for."""
        said = self.run_(*words, **more)
        self.assertEqual((said.status, said.err), (0, ""), said)
        return said

    def fails(self, *words: str, **more: str) -> Said:
        """Run a command that must fail, with output only on standard error."""
        said = self.run_(*words, **more)
        self.assertEqual((said.status, said.out), (1, ""), said)
        self.assertNotIn("Traceback", said.err)
        return said

    def make(self, before: str = "", **options: object) -> None:
        """Make a directory with a service that has these options."""
        os.makedirs(self.here, 0o700, exist_ok=True)
        self.write("buildbot.tac", fakeservice.TAC.format(before=before, options=options))

    def path(self, name: str) -> str:
        """A file in the directory."""
        return os.path.join(self.here, name)

    def read(self, name: str = "twistd.log") -> str:
        """The text of a file in the directory."""
        with open(self.path(name), encoding="utf-8") as stream:
            return stream.read()

    def write(self, name: str, text: str) -> None:
        """Write a file in the directory."""
        with open(self.path(name), "w", encoding="utf-8") as stream:
            stream.write(text)

    def files(self) -> set[str]:
        """The files of the directory, except the logs and the state."""
        return {
            name
            for name in os.listdir(self.here)
            if not name.startswith(("twistd.log", "http.log", "__pycache__", "state.sqlite"))
        }

    def pid(self) -> int:
        """The process that holds the directory's lock."""
        found = lock.holder(self.here)
        assert found is not None, "nobody runs"
        return found.pid

    def startFails(self, *words: str, within: float = 100.0) -> str:
        """Run a start that must fail; return its output. Checks that no process is left, and its duration."""
        before = self.files() if os.path.isdir(self.here) else set()
        said = self.fails("start", *words, self.here)
        self.assertLess(said.took, within)
        self.assertEqual(self.files() if os.path.isdir(self.here) else set(), before)
        self.untilGone()
        self.assertIsNone(lock.holder(self.here))
        return said.err

    def untilGone(self) -> None:
        """Wait until no process is in a directory of this test: killed ones take a moment to end."""
        self.until(lambda: not self.running(), "nothing runs here")

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until C{condition()} is true; return its value. Fails after L{LIMIT} seconds."""
        begun = time.monotonic()
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > begun + LIMIT:
                self.fail(f"not within {LIMIT} s: {what}{self.told()}")
            time.sleep(untilNextLook(begun))

    def told(self) -> str:
        """Details for the error of a wait that fails."""
        return ""


def hearCtrlC() -> None:
    """For a child: restore the default of Ctrl-C, which is ignored (and inherited) in a shell's
    background.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
