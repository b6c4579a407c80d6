# -*- test-case-name: tests.unit.web.logs.test_outline -*-
"""The outline of one log: its failing lines and its sections, found while its output is fed in pieces."""

from __future__ import annotations

from dataclasses import dataclass

from buildbot.web.logs.ansi import plain
from buildbot.web.logs.failures import KNOWN, Failures, Kind
from buildbot.web.logs.sections import Section, Sections

#: The most failing lines that are kept; later ones are only counted.
MOST_FAILING = 500
#: The most characters of such a line.
LONGEST = 200
#: A longer line is looked at in pieces.
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class FailingLine:
    """A line that tells of an error. C{text} is plain, and cut."""

    number: int
    text: str


@dataclass(frozen=True)
class Outlined:
    """The findings of an outline so far.

    @ivar failing: the first failing lines.
    @ivar count: of all failing lines.
    @ivar searched: the share of the log that is searched, 0 to 1.
    @ivar last: failing lines near the end of the log, if not all of it is searched.
    """

    failing: tuple[FailingLine, ...] = ()
    count: int = 0
    sections: tuple[Section, ...] = ()
    searched: float = 1.0
    last: tuple[FailingLine, ...] = ()


class Outline:
    """I find failing lines and sections.

    @ivar line: the number of the line in which the next piece begins.
    @ivar count: of failing lines.
    """

    def __init__(self, line: int = 1, failures: Failures | None = None) -> None:
        """@param line: the number of the first line."""
        self.line = line
        self.count = 0
        self.failing: list[FailingLine] = []
        self._failures = failures or KNOWN
        self._sections = Sections()
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take the next output. Notes of the master must be blanks."""
        end = data.rfind(b"\n") + 1
        if not end:
            self._rest += data
            if len(self._rest) > _LONGEST_LINE:
                self._rest = self._rest[:_LONGEST_LINE]  # its end tells nothing
            return
        whole, self._rest = self._rest + data[:end], data[end:]
        self._take(whole)

    def finish(self) -> None:
        """Take the last line, if it is incomplete."""
        if self._rest:
            whole, self._rest = self._rest + b"\n", b""
            self._take(whole)

    def sections(self, end: int | None = None) -> list[Section]:
        """The sections so far; see L{Sections.sections}."""
        return self._sections.sections([each.number for each in self.failing], end)

    def weight(self) -> int:
        """About the bytes of memory of me."""
        return 1000 + len(self._rest) + 400 * len(self.failing) + 300 * len(self._sections.sections())

    def _take(self, data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        lines = text.split("\n")
        for number, kind in self._failures.find(text, 0):
            if kind is Kind.ERROR:
                self.count += 1
                if len(self.failing) < MOST_FAILING:
                    shown = plain(lines[number][:LONGEST])
                    self.failing.append(FailingLine(self.line + number, shown))
        self._sections.feedAll(self.line, lines[:-1])
        self.line += len(lines) - 1
