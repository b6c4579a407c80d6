# -*- test-case-name: tests.unit.logs.test_view -*-
"""Cut the chunks of a log into lines.

A line is what stands between two newlines in the output of all channels together, as it arrived.
This module reads no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from buildbot.logs.notices import missing

#: Only this many bytes at the beginning of a longer line are shown.
LONGEST = 1 << 14


class Line(NamedTuple):
    """One line.

    @ivar number: from 1 on. None at the end of a log that is too long, while the log grows.
    @ivar offset: of its first byte, in bytes of output. A note of the master has that of the next output.
    @ivar pieces: channel and text of each part. Invalid UTF-8 is U+FFFD; the newline is left out.
    @ivar cut: the bytes of the line that are left out at its end.
    @ivar when: the time at which its block arrived, in seconds since the epoch; None if unknown.
    @ivar isWhole: False if the newline is still missing.
    @ivar isGap: True if the line is a note about output that is lost or left out here.
    """

    number: int | None
    offset: int
    pieces: tuple[tuple[int, str], ...]
    cut: int = 0
    when: float | None = None
    isWhole: bool = True
    isGap: bool = False

    @property
    def text(self) -> str:
        """The text of all channels."""
        return "".join([text for _, text in self.pieces])


class LineCutter:
    """I cut chunks into lines.

    @ivar number: the number of the line at which I am.
    @ivar output: the bytes of output before the next chunk.
    """

    def __init__(
        self,
        number: int | None = 1,
        output: int = 0,
        first: int = 0,
        longest: int = LONGEST,
        isInLine: bool = False,
    ) -> None:
        """@param number: of the line in which the next chunk begins; None if it is unknown.
        @param output: the bytes of output before the next chunk.
        @param first: lines with lower numbers are not returned.
        @param isInLine: True if that line began earlier.
        """
        self.number = number
        self.output = output
        self._first = first
        self._longest = longest
        self._begun = output  # the offset of the present line
        self._when: float | None = None
        self._parts: list[tuple[int, bytes]] = []
        self._kept = 0
        self._cut = 0
        self._isGap = False
        self._isOpen = isInLine

    @property
    def isFull(self) -> bool:
        """True if more of the present line will not be shown."""
        return self._cut > 0

    def feed(self, channel: int, data: bytes, when: float | None = None) -> list[Line]:
        """Add a chunk and return the lines that are complete now."""
        return list(self.each(channel, data, when))

    def each(self, channel: int, data: bytes, when: float | None = None) -> Iterator[Line]:
        """Add a chunk, and yield the lines that are complete now.

        Take all of them before the next chunk.
        """
        lacking = missing(channel, data)
        yield from self._feed(channel, data, when, lacking is not None)
        if lacking is not None:
            self.output += lacking
            if not self._isOpen:
                self._begun = self.output

    def skip(self, size: int, output: int) -> None:
        """Pass over a part of the present line that will not be shown.

        @param size: of this part, in bytes of data.
        @param output: the bytes of output before the next chunk.
        """
        self._cut += size
        self.output = output

    def rest(self) -> Line | None:
        """The last line, if it is incomplete."""
        isShown = self.number is None or self.number >= self._first
        return self._line(False) if self._isOpen and isShown else None

    def _feed(self, channel: int, data: bytes, when: float | None, isNote: bool) -> Iterator[Line]:
        data = self._passOver(data, isNote)
        if not data:
            return
        *ends, rest = data.split(b"\n")
        for part in ends:
            self._add(channel, part, when, isNote)
            line = self._line(True)
            if not isNote:
                self.output += len(part) + 1
            self._next()
            yield line
        if rest:
            self._add(channel, rest, when, isNote)
            if not isNote:
                self.output += len(rest)

    def _passOver(self, data: bytes, isNote: bool) -> bytes:
        """Pass over the lines before the first. Return the data after them."""
        wanted = self._first - self.number if self.number is not None else 0
        if wanted <= 0:
            return data
        assert self.number is not None
        found = data.count(b"\n")
        rest = data.split(b"\n", wanted)[wanted] if found >= wanted else b""
        passed = len(data) - len(rest)
        if not isNote:
            self.output += passed
        self.number += min(found, wanted)
        self._isOpen = found < wanted and data[passed - 1 : passed] != b"\n"
        self._begun = self.output
        return rest

    def _add(self, channel: int, part: bytes, when: float | None, isNote: bool) -> None:
        if not self._isOpen:
            self._isOpen = True
            self._begun = self.output
            self._when = when
        elif self._when is None:
            self._when = when
        room = self._longest - self._kept
        if len(part) > room:
            self._cut += len(part) - room
            part = part[:room]
        self._kept += len(part)
        self._isGap = self._isGap or (isNote and bool(part))
        if part:
            if self._parts and self._parts[-1][0] == channel:
                part = self._parts.pop()[1] + part
            self._parts.append((channel, part))

    def _line(self, isWhole: bool) -> Line:
        pieces = [(channel, part.decode("utf-8", "replace")) for channel, part in self._parts]
        if self._cut and pieces and pieces[-1][1].endswith("\N{REPLACEMENT CHARACTER}"):
            channel, text = pieces.pop()  # the cut has split a character
            pieces.append((channel, text[:-1]))
        return Line(self.number, self._begun, tuple(pieces), self._cut, self._when, isWhole, self._isGap)

    def _next(self) -> None:
        if self.number is not None:
            self.number += 1
        self._begun = self.output
        self._parts = []
        self._kept = self._cut = 0
        self._isGap = self._isOpen = False
        self._when = None
