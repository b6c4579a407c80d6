# -*- test-case-name: tests.unit.logs.test_view -*-
"""Read a log by lines or by bytes, at any place, without reading what stands before it.

All methods of L{LogView} block: L{buildbot.logs.reading} calls them in a thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from buildbot.interfaces import LOG_CHANNEL_HEADER
from buildbot.logs.format import BadLog, Chunk, ChunkParser
from buildbot.logs.index import LogIndex
from buildbot.logs.lines import LONGEST, Line, LineCutter
from buildbot.logs.mounts import openLog
from buildbot.logs.notices import damaged, missing, outputOf
from buildbot.logs.tail import Tail

#: The most lines in one answer.
MOST_LINES = 5000
#: Makes a blank of each byte but a newline.
_BLANKS = bytes(byte if byte == 10 else 32 for byte in range(256))
#: The most bytes of the lines in an answer, with their numbers and times. With longer lines it has fewer.
MOST_BYTES = 900_000
_OF_LINE = 128


@dataclass(frozen=True)
class Lines:
    """Some consecutive lines of a log.

    @ivar lines: in their order.
    @ivar total: all lines of the log at this time.
    @ivar output: all bytes of output at this time.
    @ivar unnumbered: the last lines of a log that is too long and still grows. They have no numbers yet.
        A gap is between them and the other lines.
    @ivar dropped: the bytes of output in that gap.
    """

    lines: tuple[Line, ...]
    total: int
    output: int
    unnumbered: tuple[Line, ...] = ()
    dropped: int = 0


@dataclass(frozen=True)
class Cursor:
    """The place in a log up to which somebody has read.

    @ivar output: the bytes of output before it.
    @ivar line: the number of the next line: the present one, if that is incomplete. None if it must be found.
    """

    output: int
    line: int | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """New lines of a log. Lines with a number are known by it, and others by their offset.

    An incomplete line comes again, with all of its beginning, when it has grown.

    @ivar start: the first byte of output that is new.
    @ivar end: the bytes of output that are known after this frame.
    @ivar skipped: the bytes of output that are left out: the first, and the one after the last.
        L{LogView.linesAt} can read them, unless they are in the gap of a log that is too long.
    """

    lines: tuple[Line, ...]
    start: int
    end: int
    skipped: tuple[int, int] | None = None

    def since(self, output: int) -> Frame:
        """The part of this frame that is new to somebody who knows so many bytes of output."""
        if output <= self.start:
            return self
        ends = [*(line.offset for line in self.lines[1:]), self.end]
        lines = tuple(line for line, end in zip(self.lines, ends, strict=True) if end > output)
        skipped = self.skipped if self.skipped and self.skipped[1] > output else None
        return Frame(lines, output, max(output, self.end), skipped)


class LogView:
    """I am one log at one moment: what is written later is not in me.

    The end of a log that is too long and still grows is not in its file, but in memory: see C{tail}.
    """

    def __init__(
        self,
        path: str,
        index: LogIndex,
        isFinished: bool = True,
        tail: Tail | None = None,
        longest: int = LONGEST,
        isPart: bool = False,
    ) -> None:
        """@param index: the index of the file's present contents. It must not change any more.
        @param isFinished: False if the log grows.
        @param tail: from L{buildbot.logs.files.LogWriter.tail}.
        @param longest: longer lines are cut after this many bytes.
        @param isPart: True if the index has only the beginning or the end of the log: see
            L{buildbot.logs.firstscreen}.
        """
        self.path = path
        self.index = index
        self.isFinished = isFinished
        self.isPart = isPart
        self._before = tail.before if tail is not None else index.end.output
        self._tail = tail.chunks() if tail is not None else []
        self._longest = longest

    @property
    def total(self) -> int:
        """The number of lines, with the last one if it is incomplete."""
        return self.index.lines

    @property
    def output(self) -> int:
        """The bytes of output so far. Lost and omitted output counts."""
        return self._before + sum(len(data) for _, data in self._tail)

    def textSize(self, headers: bool = False) -> int:
        """The bytes of standard output and standard error in the file.

        @param headers: True to count the header channel also.
        """
        return self.index.end.data if headers else self.index.end.text

    # lines

    def lines(self, first: int, count: int) -> Lines:
        """Read lines by number.

        @param first: from 1 on.
        @param count: at most L{MOST_LINES}. The answer may have fewer lines, if they are long.
        @raise OSError: the file is gone, or the disk is broken.
        """
        first = max(1, first)
        found: list[Line] = []
        if count > 0 and first <= self.total:
            found = self._lines(first, min(count, MOST_LINES), MOST_BYTES, _OF_LINE)
        return Lines(tuple(found), self.total, self.output)

    def linesAt(self, offset: int, count: int) -> Lines:
        """Read lines, from the one with this byte of output on."""
        return self.lines(self.lineAt(offset), count)

    def last(self, count: int) -> Lines:
        """Read the last lines, also those without a number yet. If the lines are long, there are fewer."""
        count = min(count, MOST_LINES)
        end = self._tailLines()[-count:] if count > 0 else []
        left = count - len(end)
        numbered = (
            self._lines(max(1, self.total - left + 1), left, MOST_BYTES, _OF_LINE, isEnd=True)
            if left > 0
            else []
        )
        dropped = max(0, self._before - self.index.end.output)
        return Lines(tuple(numbered), self.total, self.output, tuple(end), dropped)

    def following(self, cursor: Cursor, most: int, maySkip: bool = False) -> tuple[Frame, Cursor]:
        """Read the lines after a cursor. Returns them, and the place after them.

        @param most: about the most bytes in the frame.
        @param maySkip: True if older lines are left out when there are more than C{most} bytes.
        """
        start, skipped = cursor.output, None
        if maySkip and self.output - start > most:
            resume = self.output - most // 2
            if self._before > self.index.end.output:
                resume = max(resume, self._before)
            else:
                resume = self._lineStart(resume)
            if resume > start:
                cursor, skipped = Cursor(resume), (start, resume)
        lines, after = self._inFile(cursor, most)
        if not lines and after.output >= self.index.end.output and self._tail:
            if skipped is None and after.output < self._before:
                skipped = (after.output, self._before)
            lines, after = self._inTail(max(after.output, self._before), most)
        return Frame(tuple(lines), start, after.output, skipped), after

    def _lineStart(self, output: int) -> int:
        """The offset of the line with this byte of output."""
        found = self._lines(self.lineAt(output), 1, 1)
        return found[0].offset if found else output

    def _inFile(self, cursor: Cursor, most: int) -> tuple[list[Line], Cursor]:
        end = self.index.end
        last = Cursor(max(cursor.output, end.output), end.lines + 1)
        line = cursor.line
        if line is None:
            line = self.lineAt(cursor.output) if cursor.output < end.output else end.lines + 1
        isKnown = cursor.output >= end.output and line == end.lines + 1
        if isKnown or line > self.total:
            return [], last
        lines = self._lines(line, MOST_LINES, most)
        if len(lines) > 1 and lines[-1].number != self.total:
            rest = lines.pop()
            return lines, Cursor(max(cursor.output, rest.offset), rest.number)
        return lines, last

    def _inTail(self, output: int, most: int) -> tuple[list[Line], Cursor]:
        lines = self._tailLines()
        whole = Frame(tuple(lines), self._before, self.output).since(output)
        kept: list[Line] = []
        size = 0
        for line in whole.lines:
            if size >= most:
                return kept, Cursor(line.offset)
            kept.append(line)
            size += len(line.text)
        return kept, Cursor(self.output)

    def lineAt(self, offset: int) -> int:
        """The number of the line with this byte of output; the last line's if there is no such byte."""
        if offset >= self.index.end.output:
            return max(1, self.total)
        place = self.index.ofOutput(offset)
        block = self.index.block(place)
        number, after = block.lines + 1, block.output
        with openLog(self.path) as file:
            for channel, data in self._chunks(file, place):
                at, after = after, after + outputOf(channel, data)
                if offset < after:
                    isNote = missing(channel, data) is not None
                    return number + (1 if isNote else data.count(b"\n", 0, offset - at))
                number += data.count(b"\n")
        return max(1, self.total)

    def _lines(self, first: int, count: int, most: int, ofLine: int = 0, isEnd: bool = False) -> list[Line]:
        """Read lines, as far as they have few enough bytes.

        @param ofLine: more bytes for each line.
        @param isEnd: True to leave out the first ones, not the last.
        """
        place = self.index.ofLineEnd(first - 1)
        block = self.index.block(place)
        cutter = LineCutter(block.lines + 1, block.output, first, self._longest, block.isInLine)
        found: deque[Line] = deque()
        size = seen = 0
        with openLog(self.path) as file:
            while place < len(self.index):
                block = self.index.block(place)
                for channel, data in self._chunks(file, place):
                    for line in cutter.each(channel, data, block.when):
                        found.append(line)
                        seen += 1
                        size += ofLine + _sizeOf(line)
                        while isEnd and size > most and len(found) > 1:
                            size -= ofLine + _sizeOf(found.popleft())
                        if seen >= count or (size >= most and not isEnd):
                            return list(found)
                place = self._next(place, cutter)
        rest = cutter.rest()
        return [*found, rest] if rest is not None else list(found)

    def _next(self, place: int, cutter: LineCutter) -> int:
        """The next block to read. Those in the middle of a very long line are passed over."""
        place += 1
        if cutter.isFull and cutter.number is not None and place < len(self.index):
            isLast = cutter.number > self.index.end.lines
            end = len(self.index) if isLast else self.index.ofLineEnd(cutter.number)
            if end > place:
                start, stop = self.index.block(place), self.index.block(end)
                cutter.skip(stop.data - start.data, stop.output)
                return end
        return place

    def _tailLines(self) -> list[Line]:
        cutter = LineCutter(None, self._before, longest=self._longest)
        found = [line for channel, data in self._tail for line in cutter.feed(channel, data)]
        rest = cutter.rest()
        return [*found, rest] if rest is not None else found

    # bytes

    def chunks(self, offset: int = 0, end: int | None = None) -> Iterator[tuple[int, Chunk]]:
        """Yield the place and the chunk, from a byte of output on. The first and the last chunk may be cut.

        Notes of the master are at the place of the next output.

        @param offset: in bytes of output.
        @param end: stop there; None for the end.
        @raise OSError: the file is gone, or the disk is broken.
        """
        begin = self.index.ofOutput(offset)
        after = self.index.block(begin).output
        with openLog(self.path) as file:
            for place in range(begin, len(self.index)):
                for channel, data in self._chunks(file, place):
                    at, after = after, after + outputOf(channel, data)
                    if end is not None and at >= end:
                        return
                    if missing(channel, data) is not None:
                        if at >= offset or after > offset:
                            yield at, (channel, data)
                    elif after > offset:
                        start = max(0, offset - at)
                        yield at + start, (channel, data[start : None if end is None else end - at])

    def before(self, line: int, size: int = 1 << 16) -> list[Chunk]:
        """The chunks before a line: at least C{size} bytes, or all.

        A colour may be set in an earlier line. The colour at the beginning of a line follows from these
        chunks, unless it was set before them.
        """
        end = self.index.ofLineEnd(line - 1)
        start = self.index.ofData(max(0, self.index.block(end).data - size))
        number = self.index.block(start).lines + 1
        found: list[Chunk] = []
        with openLog(self.path) as file:
            for place in range(start, min(end + 1, len(self.index))):
                for channel, data in self._chunks(file, place):
                    here = data.count(b"\n")
                    if number + here >= line:
                        rest = data.split(b"\n", line - number)[-1] if line > number else data
                        found.append((channel, data[: len(data) - len(rest)]))
                        return found
                    number += here
                    found.append((channel, data))
        return found

    def text(self, start: int = 0, end: int | None = None, headers: bool = False) -> Iterator[bytes]:
        """Yield the unconverted bytes of standard output and standard error, in pieces of a block.

        @param start: the first byte, of L{textSize} bytes.
        @param end: the byte after the last; None for all.
        @param headers: True to yield the header channel also.
        @raise OSError: the file is gone, or the disk is broken.
        """
        size = self.textSize(headers)
        end = size if end is None else min(end, size)
        if start >= end:
            return
        place = self.index.ofData(start) if headers else self.index.ofText(start)
        block = self.index.block(place)
        at = block.data if headers else block.text
        with openLog(self.path) as file:
            while at < end and place < len(self.index):
                chunks = self._chunks(file, place)
                piece = b"".join(
                    [data for channel, data in chunks if headers or channel != LOG_CHANNEL_HEADER]
                )
                if piece:
                    after = at + len(piece)
                    if at < start or after > end:
                        piece = piece[max(0, start - at) : end - at]
                    at = after
                    yield piece
                place += 1

    @contextmanager
    def reading(self, headers: bool = True) -> Iterator[Callable[[int, int], bytes]]:
        """Open the file. Gives a function that reads the data of the blocks from one on, up to another.

        @param headers: False to replace the header channel by blanks: lines and bytes keep their places.
        """
        with openLog(self.path) as file:

            def read(place: int, end: int) -> bytes:
                return b"".join(
                    [
                        data if headers or channel != LOG_CHANNEL_HEADER else data.translate(_BLANKS)
                        for channel, data in self._chunks(file, place, end)
                    ]
                )

            yield read

    def _chunks(self, file: IO[bytes], place: int, after: int | None = None) -> list[Chunk]:
        """The chunks of one block, or of the blocks up to another."""
        after = place + 1 if after is None else after
        start, end = self.index.block(place).offset, self.index.block(after).offset
        file.seek(start)
        data = file.read(end - start)
        damage = self.index.damage if after == len(self.index) else None
        chunks: list[Chunk] = []
        try:
            chunks = ChunkParser(start).feed(data)
        except BadLog as bad:
            damage = bad.offset
        return chunks if damage is None else [*chunks, damaged(BadLog(damage))]


def _sizeOf(line: Line) -> int:
    return sum(len(text) for _, text in line.pieces)
