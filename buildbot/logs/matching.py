# -*- test-case-name: tests.unit.logs.test_search -*-
"""Find the lines of a log that match, in pieces of its data.

This module reads no files. A regular expression can take forever: L{buildbot.logs.searchchild} runs it in a
process of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

#: The most hits of one search.
MOST_HITS = 1000
#: The most letters of a query.
LONGEST_QUERY = 500
#: Longer lines are searched in pieces, and a match in two of them is not found.
_LONGEST_LINE = 1 << 20
_OVERLAP = 1 << 12
#: The most bytes of a matching line that are told, and those before the match.
_SHOWN, _BEFORE = 400, 100


class BadPattern(ValueError):
    """The text is not a regular expression, or not a possible query."""


class Query(NamedTuple):
    """A search: its text and its options.

    @ivar text: must not be empty.
    @ivar isRegex: True if it is a regular expression of Python, for the bytes of one line.
    @ivar isFolded: True if capital and small letters are the same.
    """

    text: str
    isRegex: bool = False
    isFolded: bool = True

    def check(self) -> None:
        """Raise L{BadPattern} if the query is empty, too long, or of two lines."""
        if not self.text:
            raise BadPattern("the query is empty: give a text to search")
        if len(self.text) > LONGEST_QUERY:
            raise BadPattern(f"the query has {len(self.text)} letters: give at most {LONGEST_QUERY}")
        if "\n" in self.text:
            raise BadPattern("the query has two lines: only single lines are searched")


class Hit(NamedTuple):
    """One line that matches.

    @ivar line: its number.
    @ivar text: the part of the line around the first match. Invalid UTF-8 is U+FFFD.
    @ivar at: the place of the match in C{text}.
    """

    line: int
    text: str
    at: int


#: Finds the first match in bytes from a place on: its place; -1 if there is none.
Finder = Callable[[bytes, int], int]


def finderOf(query: Query) -> Finder:
    """Make the finder for a query.

    @raise BadPattern: the text is not a regular expression.
    """
    if query.isRegex:
        try:
            pattern = re.compile(
                query.text.encode("utf-8", "surrogateescape"),
                re.MULTILINE | (re.IGNORECASE if query.isFolded else 0),
            )
        except (re.error, OverflowError, RecursionError) as error:
            raise BadPattern(f"the regular expression is wrong: {error}") from None
        return lambda data, start: _first(pattern, data, start)
    text = query.text.encode("utf-8", "surrogateescape")
    return lambda data, start: data.find(text, start)


def _first(pattern: re.Pattern[bytes], data: bytes, start: int) -> int:
    """The first match that is within one line."""
    while True:
        found = pattern.search(data, start)
        if found is None:
            return -1
        begin, end = _lineAround(data, found.start())
        if found.end() <= end:
            return found.start()
        alone = pattern.search(data[begin:end])
        if alone is not None:
            return begin + alone.start()
        start = end + 1
        if start > len(data):
            return -1


def _lineAround(data: bytes, place: int) -> tuple[int, int]:
    end = data.find(b"\n", place)
    return data.rfind(b"\n", 0, place) + 1, len(data) if end < 0 else end


class Search:
    """I find matching lines in the data of a log, which is fed to me in pieces.

    @ivar line: the number of the line in which the next piece begins. All lines before it are searched.
    @ivar isFull: True when there are C{most} hits.
    """

    def __init__(self, query: Query, line: int = 1, first: int = 1, most: int = MOST_HITS) -> None:
        """@param line: the number of the line in which the first piece begins.
        @param first: lines with lower numbers are left out.
        @raise BadPattern: the query is not possible.
        """
        query.check()
        self._isFolded = query.isFolded and not query.isRegex
        # The bytes of ASCII letters have simple partners. Others are compared as text.
        self._isText = self._isFolded and not query.text.isascii()
        if self._isFolded:
            query = query._replace(text=query.text.casefold() if self._isText else query.text.lower())
        self._find = finderOf(query)
        self.line = line
        self._first = first
        self._last = 0  # the last line with a hit
        self._most = most
        self._count = 0
        self._rest = b""

    @property
    def isFull(self) -> bool:
        """True if no more hits are wanted."""
        return self._count >= self._most

    def feed(self, data: bytes) -> list[Hit]:
        """Search the lines that are complete now."""
        end = data.rfind(b"\n") + 1
        if not end:
            self._rest += data
            if len(self._rest) < _LONGEST_LINE:
                return []
            whole, self._rest = self._rest, self._rest[-_OVERLAP:]
            return self._search(whole)
        whole, self._rest = self._rest + data[:end], data[end:]
        return self._search(whole)

    def finish(self) -> list[Hit]:
        """Search the last line, if it is incomplete."""
        whole, self._rest = self._rest, b""
        return self._search(whole) if whole else []

    def _search(self, data: bytes) -> list[Hit]:
        """Search whole lines, and count them."""
        sought = data
        if self._isText:
            sought = data.decode("utf-8", "replace").casefold().encode()
        elif self._isFolded:
            sought = data.lower()
        hits: list[Hit] = []
        at = done = 0
        here = self.line
        while not self.isFull and at < len(sought):
            found = self._find(sought, at)
            if found < 0 or (found == len(sought) and sought.endswith(b"\n")):
                break
            here += sought.count(b"\n", done, found)
            done = found
            begin, end = _lineAround(sought, found)
            at = end + 1
            if here >= self._first and here != self._last:
                place = begin
                if self._isText:  # the folded text may be longer
                    place = _startOf(data, here - self.line)
                    end = _lineAround(data, place)[1]
                hits.append(_hit(here, data, place, end, found - begin))
                self._last = here
                self._count += 1
        if self.isFull:
            self.line = self._last + 1
        else:
            self.line += data.count(b"\n")
        return hits


def _startOf(data: bytes, lines: int) -> int:
    """The place after so many lines."""
    at = 0
    for _ in range(lines):
        at = data.find(b"\n", at) + 1
    return at


def _hit(line: int, data: bytes, begin: int, end: int, at: int) -> Hit:
    """Make a hit of a line and the place of the match in it, without most of a long line."""
    cut = max(0, at - _BEFORE) if end - begin > _SHOWN else 0
    shown = data[begin + cut : min(end, begin + cut + _SHOWN)]
    before = shown[: at - cut].decode("utf-8", "replace")
    return Hit(line, shown.decode("utf-8", "replace"), len(before))
