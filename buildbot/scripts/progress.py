# -*- test-case-name: tests.unit.scripts.test_progress -*-
"""The line at the end of a terminal that tells how far a command is. Pipes and files never get it.

It is written to standard error, after a moment, and rarely enough for a slow terminal.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from buildbot.scripts.output import Config
from buildbot.scripts.tables import duration
from buildbot.text.printable import plainLine, width

#: The seconds before the first line, and between two lines.
MOMENT, PAUSE = 2.0, 0.2
#: The least share of the work from which the time left can be told.
_LEAST_SHARE = 0.02
#: To the beginning of the line, and erase it.
_ERASE = "\r\x1b[K"


def mayErase(config: Config) -> bool:
    """True if standard error is a terminal that can erase a line, and the user wants progress."""
    return not config.get("quiet") and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class Progress:
    """I am the line. Use me as a context: at its end the line is erased."""

    def __init__(
        self,
        config: Config,
        what: str = "",
        moment: float = MOMENT,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """@param what: what the command does, to stand before the numbers.
        @param moment: the seconds before the first line.
        """
        self._isOn = mayErase(config)
        self._what = what
        self._now = now
        self._begun = now()
        self._next = self._begun + moment
        self._isShown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def at(self, done: float, total: float, words: str = "") -> None:
        """Show how much is done, and the time left."""
        if self._isDue():
            share = done / total if total > 0 else 0.0
            self._write(f"{self._what}: {share:.0%}{f', {words}' if words else ''}{self._left(share)}")

    def show(self, text: str) -> None:
        """Show this text."""
        if self._isDue():
            self._write(f"{self._what}: {text}" if self._what else text)

    def clear(self) -> None:
        """Erase the line, so that other output can begin there. The next text is shown at once."""
        if self._isShown:
            self._isShown = False
            self._next = self._now()
            _put(_ERASE)

    def _left(self, share: float) -> str:
        passed = self._now() - self._begun
        if not _LEAST_SHARE <= share < 1:
            return ""
        return f", about {duration(passed / share - passed)} to go"

    def _isDue(self) -> bool:
        return self._isOn and self._now() >= self._next

    def _write(self, text: str) -> None:
        self._next = self._now() + PAUSE
        self._isShown = True
        _put(_ERASE + cut(plainLine(text), shutil.get_terminal_size().columns - 1))


def cut(line: str, room: int) -> str:
    """A line of at most C{room} columns: a longer one ends with an ellipsis."""
    if width(line) <= room:
        return line
    while line and width(line) > room - 1:
        line = line[:-1]
    return f"{line}…"


def _put(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
