"""Messages of a command while it waits."""

from __future__ import annotations

import io
import os
import sys
import threading
from types import SimpleNamespace
from typing import Any

from twisted.trial import unittest

from buildbot.scripts import output
from tests.commandline import spoken


class WaitingTests(unittest.TestCase):
    """F12: no command waits in silence."""

    def setUp(self) -> None:
        self.patch(output, "_MOMENT", 0.001)
        self.patch(output, "_AGAIN", 0.001)
        self.patch(output, "time", SimpleNamespace(monotonic=lambda: 7.0))  # however late the thread is
        self.lines: list[str] = []
        self.twice = threading.Event()
        self.patch(output, "complain", self.complain)

    def complain(self, line: str) -> None:
        self.lines.append(line)
        if len(self.lines) > 1:
            self.twice.set()

    def test_told(self) -> None:
        """A message says what the command waits for, and since when; it is repeated after a while."""
        with output.waiting({}, "the master to answer"):
            self.assertTrue(self.twice.wait(300))
        self.assertEqual(self.lines[:2], ["waiting for the master to answer (0 s) …"] * 2)

    def test_ownWords(self) -> None:
        """A command can give its own message."""
        with output.waiting({}, lambda passed: f"master.cfg is running ({passed:.0f} s)"):
            self.assertTrue(self.twice.wait(300))
        self.assertEqual(self.lines[0], "master.cfg is running (0 s)")

    def test_terminal(self) -> None:
        """A terminal has one line, which is drawn again, and erased in the end."""

        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        asked: list[float] = []

        def words(passed: float) -> str:
            asked.append(passed)
            if len(asked) > 1:
                self.twice.set()
            return "working …"

        self.patch(output, "_REDRAW", 0.001)
        self.patch(sys, "stderr", Terminal())
        self.patch(os, "environ", {**os.environ, "TERM": "xterm"})
        with output.waiting({}, words):
            self.assertTrue(self.twice.wait(300))
        out: Any = sys.stderr
        first, *_, last = out.getvalue().split("\r\x1b[K")[1:]
        self.assertEqual((first, last), ("working …", ""))
        self.assertEqual(self.lines, [])

    def test_quiet(self) -> None:
        """With --quiet nothing is printed."""
        before = threading.enumerate()
        with output.waiting({"quiet": 1}, "the master"):
            self.assertEqual([each for each in threading.enumerate() if each not in before], [])
        self.assertEqual(self.lines, [])

    def test_atOnce(self) -> None:
        """A short wait prints nothing."""
        self.patch(output, "_MOMENT", 1000.0)
        with output.waiting({}, "the master"):
            pass
        self.assertEqual(self.lines, [])

    def test_spoken(self) -> None:
        """If the message cannot be printed, the command goes on."""

        class Full:
            def write(self, text: str) -> int:
                raise OSError(28, "No space left on device")

        self.patch(sys, "stderr", Full())
        self.assertEqual(spoken(lambda: output.say({}, "x")).out, "x\n")
