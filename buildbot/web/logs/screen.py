# -*- test-case-name: tests.unit.web.logs.test_ansi -*-
"""One row of a terminal: later text may overwrite earlier text, as progress bars do.

A row has at most L{LONGEST} characters; the others are only counted.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import NamedTuple

from buildbot.web.logs.looks import PLAIN, Looks, after
from buildbot.web.logs.sequences import BODY, linkOf, moveOf

#: The most characters of a line that are shown.
LONGEST = 32768
#: The last column that a movement reaches, as if the terminal were that wide.
WIDTH = 512
_BLANK = (PLAIN, "")
_PART = re.compile(f"{BODY.pattern}|([\r\b\t])")


class Row(NamedTuple):
    """I am the (looks, link, text) pieces of a row, and the number of characters that were cut off."""

    pieces: list[tuple[Looks, str, str]]
    cut: int


class Screen:
    """I am a row with a cursor."""

    def __init__(self, looks: Looks) -> None:
        """@param looks: those of the first character"""
        self.looks = looks
        self._link = ""
        self._column = 0
        self._end = 0  # the columns in use, also those beyond the longest row
        self._characters: list[str] = []
        self._pens: list[tuple[Looks, str]] = []

    def write(self, text: str) -> None:
        """Obey text and sequences; none of them may be incomplete, unless the line ends there."""
        start = 0
        for match in _PART.finditer(text):
            if match.start() > start:
                self._put(text[start : match.start()])
            start = match.end()
            body = match[1]
            if body is None:
                self._control(match[2])
            elif body[0] == "[" and body[-1] == "m":
                self.looks = after(self.looks, body[1:-1])
            else:
                self._link = linkOf(body, self._link)
                self._move(body)
        if start < len(text):
            self._put(text[start:])

    def row(self) -> Row:
        """What the row shows."""
        pieces = []
        start = 0
        for (looks, link), run in groupby(self._pens):
            end = start + sum(1 for _ in run)
            pieces.append((looks, link, "".join(self._characters[start:end])))
            start = end
        return Row(pieces, max(0, self._end - LONGEST))

    def _put(self, text: str) -> None:
        """Write text without sequences at the cursor."""
        start, self._column = self._column, self._column + len(text)
        self._end = max(self._end, self._column)
        if start >= LONGEST:
            return
        self._fill(start)
        text = text[: LONGEST - start]
        self._characters[start : start + len(text)] = text
        self._pens[start : start + len(text)] = [(self.looks, self._link)] * len(text)

    def _fill(self, column: int) -> None:
        """Put blanks up to a column."""
        missing = column - len(self._characters)
        if missing > 0:
            self._characters += " " * missing
            self._pens += [_BLANK] * missing

    def _control(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\b":
            self._column = max(0, self._column - 1)
        elif self._column < min(self._end, LONGEST):
            self._column = (self._column // 8 + 1) * 8
        else:
            self._put("\t")

    def _move(self, body: str) -> None:
        """Move the cursor, or erase, if a sequence means that."""
        move = moveOf(body)
        if move is None:
            return
        letter, number = move
        if letter == "K":
            self._erase(number)
        elif letter == "D":
            self._column = max(0, self._column - max(1, number))
        elif letter == "C":
            self._column = max(self._column, min(self._column + max(1, number), WIDTH))
        else:
            self._column = min(max(1, number) - 1, max(WIDTH, self._column))

    def _erase(self, mode: int) -> None:
        """Erase to the end of the row (0), up to the cursor (1), or the whole row (2)."""
        if mode == 1:
            self._blank(min(self._column + 1, len(self._characters)))
        elif mode in (0, 2):
            keep = self._column if mode == 0 else 0
            del self._characters[keep:], self._pens[keep:]
            self._end = min(self._end, keep)

    def _blank(self, columns: int) -> None:
        self._characters[:columns] = " " * columns
        self._pens[:columns] = [_BLANK] * columns
