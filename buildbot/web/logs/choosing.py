# -*- test-case-name: tests.unit.web.logs.test_choosing -*-
"""Which lines of a log a page shows, and which bytes of its text an answer has."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: The lines of a first screen.
SCREEN = 500
#: The most lines of one page.
MOST = 5000
#: The lines above a line that was asked for.
ABOVE = 20

_PLACE = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*(%?)\s*")
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.I)


@dataclass(frozen=True)
class Wanted:
    """Some consecutive lines.

    @ivar first: the number of the first one, from 1 on; None: the last lines of the log.
    @ivar line: the line that was asked for; 0: none.
    """

    first: int | None
    count: int
    line: int = 0


def around(line: int, total: int, count: int = SCREEN) -> Wanted:
    """The lines around a line; around the last line if the log has fewer lines."""
    line = max(1, min(line, total))
    return Wanted(max(1, line - ABOVE), count, line)


def lineOf(text: str, total: int) -> int | None:
    """The line that a reader means: "1234", or "50%" of all lines; None if the text is neither."""
    match = _PLACE.fullmatch(text)
    if match is None:
        return None
    number = float(match[1])
    if match[2]:
        number = total * min(number, 100) / 100
    return max(1, round(number))


def shareOf(text: str) -> float | None:
    """The share of a log that a reader means: 0.5 for "50%"; None if the text is no percentage."""
    match = _PLACE.fullmatch(text)
    return min(float(match[1]), 100) / 100 if match is not None and match[2] else None


class Unsatisfiable(ValueError):
    """The range begins behind the end."""


def rangeOf(header: str, size: int) -> tuple[int, int] | None:
    """The bytes that a C{Range} header asks for: the first, and the one after the last.

    @return: None for all bytes: the header is missing, wrong, or asks for several ranges.
    @raise Unsatisfiable: there are no such bytes.
    """
    match = _RANGE.fullmatch(header)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        if int(last) == 0 or size == 0:
            raise Unsatisfiable(header)
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable(header)
    return int(first), min(size, int(last) + 1) if last else size
