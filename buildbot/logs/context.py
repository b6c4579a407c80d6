# -*- test-case-name: tests.unit.logs.test_context -*-
"""The lines around the lines that match, in pieces of a log's data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from buildbot.logs.matching import Hit

#: The most bytes of a line beside a hit.
_SHOWN = 400


class Line(NamedTuple):
    """One line to print.

    @ivar number: its number in the log.
    @ivar text: the part of a hit around the match; the beginning of another line.
    @ivar at: the place of the match in C{text}; None for a line beside a hit.
    """

    number: int
    text: str
    at: int | None


class Around:
    """I add lines before and after the hits. Each line comes once, in order."""

    def __init__(self, count: int) -> None:
        """@param count: how many lines before, and how many after each hit."""
        self._count = count
        self._tail: list[Line] = []  # the last lines before the next data
        self._told = 0  # the last line that was returned
        self._until = 0  # lines up to this one follow a hit

    def feed(self, data: bytes, first: int, hits: Sequence[Hit]) -> list[Line]:
        """The lines to print of some data.

        @param data: whole lines.
        @param first: the number of its first line.
        @param hits: those in this data, by line.
        """
        if not self._count:
            return [Line(*hit) for hit in hits]
        found = {hit.line: hit for hit in hits}
        wanted: set[int] = set(range(first, self._until + 1))
        for line in found:
            wanted.update(range(line - self._count, line + self._count + 1))
            self._until = max(self._until, line + self._count)
        lines = [each for each in self._tail if each.number in wanted and each.number > self._told]
        last, at, line = max(wanted, default=0), 0, first
        while at < len(data) and line <= last:
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            if line in wanted and line > self._told:
                lines.append(
                    Line(*found[line]) if line in found else _line(line, data[at : min(end, at + _SHOWN)])
                )
            at, line = end + 1, line + 1
        self._told = max([self._told, *(each.number for each in lines)])
        self._keep(data, first)
        return lines

    def _keep(self, data: bytes, first: int) -> None:
        """Remember the last lines of some data."""
        end = len(data) - data.endswith(b"\n")
        number = first + data.count(b"\n", 0, end)
        kept: list[Line] = []
        while end >= 0 and len(kept) < self._count and number >= first:
            begin = data.rfind(b"\n", 0, end) + 1
            kept.append(_line(number, data[begin : min(end, begin + _SHOWN)]))
            end, number = begin - 1, number - 1
        self._tail = [*self._tail, *reversed(kept)][-self._count :]


def _line(number: int, data: bytes) -> Line:
    return Line(number, data.decode("utf-8", "replace"), None)
