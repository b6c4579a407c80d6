"""The line of progress at the end of a terminal."""

from __future__ import annotations

import io
import os
import sys

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.scripts.output import complain
from buildbot.scripts.progress import Progress, aside, cut

ERASE = "\r\x1b[K"


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


class ProgressTests(unittest.TestCase):
    """L{Progress}."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.out: io.StringIO = Terminal()
        self.patch(sys, "stderr", self.out)
        self.patch(os, "environ", {**os.environ, "TERM": "xterm", "COLUMNS": "40"})

    def written(self) -> str:
        """What is written since the last call."""
        text = self.out.getvalue()
        self.out.seek(0)
        self.out.truncate()
        return text

    def make(self, **config: object) -> Progress:
        """A line of progress."""
        progress = Progress(config, "search", now=self.clock.seconds)
        self.addCleanup(progress.clear)
        return progress

    def test_numbers(self) -> None:
        """After two seconds, it shows the share that is done and the time left."""
        progress = self.make()
        progress.at(10, 100)
        self.assertEqual(self.written(), "")
        self.clock.advance(2)
        progress.at(20, 100, "3 logs")
        self.assertEqual(self.written(), f"{ERASE}search: 20%, 3 logs, about 8 s to go")
        progress.at(21, 100)
        self.assertEqual(self.written(), "")  # too soon
        self.clock.advance(0.2)
        progress.at(0, 0)
        self.assertEqual(self.written(), f"{ERASE}search: 0%")

    def test_erased(self) -> None:
        """At the end the line is erased; if nothing was shown, nothing is written."""
        with self.make() as progress:
            progress.show("one")
        self.assertEqual(self.written(), "")
        with self.make() as progress:
            self.clock.advance(3)
            progress.show("one")
        self.assertEqual(self.written(), f"{ERASE}search: one{ERASE}")

    def test_aside(self) -> None:
        """Other output begins on a clean line, and the line of progress comes back after it."""
        progress = self.make()
        self.clock.advance(2)
        progress.show("one")
        complain("a trouble")
        progress.show("two")
        with aside():
            self.out.write("more\n")
        wanted = f"{ERASE}search: one{ERASE}a trouble\n{ERASE}search: two{ERASE}more\n"
        self.assertEqual(self.written(), wanted)

    def test_over(self) -> None:
        """A line that comes too late, because the work is done, is not shown."""
        progress = self.make()
        self.clock.advance(2)
        progress.show("one", unless=lambda: True)
        self.assertEqual(self.written(), "")

    def test_narrow(self) -> None:
        """It fits the terminal, and cannot control it."""
        self.clock.advance(0)
        progress = self.make()
        self.clock.advance(2)
        progress.show("\x1b[2J" + "x" * 60)
        (line,) = self.written().split(ERASE)[1:]
        self.assertEqual((len(line), line[-1]), (39, "…"))
        self.assertNotIn("\x1b", line)

    def test_wide(self) -> None:
        """Wide characters count twice."""
        self.assertEqual(cut("ab", 2), "ab")
        self.assertEqual(cut("漢字漢字", 5), "漢字…")
        self.assertEqual(cut("漢字", 0), "…")

    def test_nowhere(self) -> None:
        """A pipe, a dumb terminal and --quiet get nothing."""
        places = [(io.StringIO(), "xterm", False), (Terminal(), "dumb", False), (Terminal(), "xterm", True)]
        for terminal, term, quiet in places:
            self.patch(sys, "stderr", terminal)
            os.environ["TERM"] = term
            progress = self.make(quiet=quiet)
            self.clock.advance(5)
            progress.show("one")
            progress.clear()
            self.assertEqual(terminal.getvalue(), "")

    def test_closed(self) -> None:
        """A terminal that is gone does not end the work."""
        progress = self.make()
        self.clock.advance(5)
        self.out.close()
        progress.show("one")
