# -*- test-case-name: tests.unit.scripts.test_progress -*-
"""The line at the end of a terminal that tells how far a command is. Pipes and files never get it.

It is written to standard error, after a moment, and rarely enough for a slow terminal.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType

from buildbot.scripts.tables import duration
from buildbot.text.printable import plainLine, width

#: The seconds before the first line, and between two lines.
MOMENT, PAUSE = 2.0, 0.2
#: The least share of the work from which the time left can be told.
_LEAST_SHARE = 0.02
#: To the beginning of the line, and erase it.
_ERASE = "\r\x1b[K"


#: The options of a command.
Config = Mapping[str, object]
#: Held while something is written: the line may be drawn in a thread.
_writing = threading.RLock()
#: The line that is shown now.
_shown: list[Progress] = []


@contextmanager
def aside() -> Iterator[None]:
    """A context in which other output can be written: the line is erased, and not drawn meanwhile."""
    with _writing:
        for line in list(_shown):
            line.clear()
        yield


def mayErase(config: Config) -> bool:
    """True if standard error is a terminal that can erase a line, and the user wants progress."""
    return not config.get("quiet") and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class Progress:
    """I am the line. Use me as a context: at its end the line is erased.

    @ivar isOn: True if anything is ever shown.
    """

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
        self.isOn = mayErase(config)
        self._what = what
        self._now = now
        self._begun = now()
        self._next = self._begun + moment

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

    def show(self, text: str, unless: Callable[[], bool] = lambda: False) -> None:
        """Show this text.

        @param unless: nothing is shown if this returns True when the line can be written.
        """
        if self._isDue():
            with _writing:
                if not unless():
                    self._write(f"{self._what}: {text}" if self._what else text)

    def clear(self) -> None:
        """Erase the line, so that other output can begin there. The next text is shown at once."""
        with _writing:
            if self in _shown:
                _shown.remove(self)
                self._next = self._now()
                _put(_ERASE)

    def _left(self, share: float) -> str:
        passed = self._now() - self._begun
        if not _LEAST_SHARE <= share < 1:
            return ""
        return f", about {duration(passed / share - passed)} to go"

    def _isDue(self) -> bool:
        return self.isOn and self._now() >= self._next

    def _write(self, text: str) -> None:
        with _writing:
            self._next = self._now() + PAUSE
            if self not in _shown:
                _shown.append(self)
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
