"""Lines and bytes of a log at any place are those of the whole log, split once."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.interfaces import LOG_CHANNEL_HEADER, LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT
from buildbot.logs.files import LogLimits, LogWriter
from buildbot.logs.format import Chunk, encode
from buildbot.logs.lines import Line
from buildbot.logs.reading import LogViews, Place
from buildbot.logs.view import MOST_BYTES, MOST_LINES, LogView
from tests.examples import examples

OUT, ERR, HEADER = LOG_CHANNEL_STDOUT, LOG_CHANNEL_STDERR, LOG_CHANNEL_HEADER
UNLIMITED = LogLimits(None)
#: Small blocks, so that short logs have many.
BLOCK = 16

WORDS = st.sampled_from(
    [b"\n", b"a", b"line one\n", b"\xc3\xa9", b"\n\n", b"x" * 40, b"no end", b"y" * 7 + b"\n"]
)
DATA = st.lists(WORDS, min_size=1, max_size=6).map(b"".join)
WRITES = st.lists(st.tuples(st.sampled_from([OUT, OUT, ERR, HEADER]), DATA), max_size=40)


def expected(chunks: list[Chunk]) -> list[tuple[str, bool]]:
    """The text of each line of all chunks, and whether it is complete."""
    *whole, rest = b"".join(data for _, data in chunks).split(b"\n")
    lines = [(line.decode("utf-8", "replace"), True) for line in whole]
    return [*lines, (rest.decode("utf-8", "replace"), False)] if rest else lines


def shown(lines: tuple[Line, ...]) -> list[tuple[str, bool]]:
    """The same of lines that were read."""
    return [("".join(text for _, text in line.pieces), line.isWhole) for line in lines]


class ViewTestCase(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.directory = tempfile.mkdtemp(dir=".")
        self.count = 0

    def path(self) -> str:
        self.count += 1
        return os.path.abspath(os.path.join(self.directory, str(self.count)))

    def log(self, *chunks: Chunk, limits: LogLimits = UNLIMITED, **options: Any) -> LogView:
        """A view of a finished log with these chunks."""
        return self.views(**options).open(self.finished(*chunks, limits=limits))

    def finished(self, *chunks: Chunk, limits: LogLimits = UNLIMITED) -> Place:
        writer = LogWriter(self.path(), self.clock, limits)
        for channel, data in chunks:
            writer.append(channel, data)
            writer.flush()
        writer.finish()
        return Place(writer.path, True, writer.crc, writer.marks)

    def views(self, block: int = BLOCK, **options: Any) -> LogViews:
        def inThread(function: Any, *arguments: Any) -> Deferred[Any]:
            return execute(function, *arguments)

        return LogViews(inThread, block, **options)


class PropertyTests(ViewTestCase):
    def check(self, view: LogView, chunks: list[Chunk]) -> None:
        lines = expected(chunks)
        whole = b"".join(data for _, data in chunks)
        self.assertEqual(view.total, len(lines))
        self.assertEqual(view.output, len(whole))
        every = view.lines(1, MOST_LINES).lines
        self.assertEqual(shown(every), lines)
        for first in range(1, len(lines) + 2):
            got = view.lines(first, 3).lines
            self.assertEqual(got, every[first - 1 : first + 2])
        self.assertEqual(view.last(4).lines, every[-4:])
        starts = [line.offset for line in every]
        for offset in range(0, len(whole), 3):
            number = view.lineAt(offset)
            self.assertEqual(number, sum(start <= offset for start in starts))
            found = b"".join(data for _, (_, data) in view.chunks(offset, offset + 20))
            self.assertEqual(found, whole[offset : offset + 20])
        for first in range(1, len(lines) + 1):
            before = b"".join(data for _, data in view.before(first, 1 << 20))
            self.assertEqual(before, whole[: starts[first - 1]])
        for headers in (False, True):
            text = b"".join(data for channel, data in chunks if headers or channel != HEADER)
            self.assertEqual(view.textSize(headers), len(text))
            self.assertEqual(b"".join(view.text(headers=headers)), text)
            self.assertEqual(b"".join(view.text(5, 30, headers)), text[5:30])

    @settings(deadline=None, max_examples=examples(60))
    @given(WRITES)
    def test_finished(self, writes: list[Chunk]) -> None:
        """Any lines, and any bytes, of a finished log are those of the whole log."""
        self.check(self.log(*writes), writes)

    @settings(deadline=None, max_examples=examples(40))
    @given(WRITES, st.integers(1, 7))
    def test_growing(self, writes: list[Chunk], every: int) -> None:
        """A view of a growing log has all output of that moment. The finished log has the same lines."""
        writer = LogWriter(self.path(), self.clock, LogLimits(None))
        views = self.views()
        early: list[tuple[LogView, int]] = []
        for number, (channel, data) in enumerate(writes):
            writer.append(channel, data)
            if number % every == 0:
                writer.flush()
                early.append((views.open(Place(writer.path, False, None, writer.marks)), number + 1))
        writer.finish()
        for view, count in early:
            self.check(view, writes[:count])
        place = Place(writer.path, True, writer.crc, writer.marks)
        for each in (views, self.views()):
            self.check(each.open(place), writes)

    @settings(deadline=None, max_examples=examples(60))
    @given(WRITES, st.integers(0, 200), st.integers(0, 100))
    def test_tooLong(self, writes: list[Chunk], head: int, tail: int) -> None:
        """A line keeps its number when a log that is too long is finished. Offsets count omitted output."""
        limits = LogLimits(head, tail)
        writer = LogWriter(self.path(), self.clock, limits)
        for channel, data in writes:
            writer.append(channel, data)
            writer.flush()
        whole = b"".join(data for _, data in writes)
        views = self.views()
        growing = views.open(Place(writer.path, False, None, writer.marks, writer.tail()))
        self.assertEqual(growing.output, len(whole))
        early = growing.lines(1, MOST_LINES).lines
        writer.finish()
        view = views.open(Place(writer.path, True, writer.crc, writer.marks))
        self.assertEqual(view.output, len(whole))
        lines = view.lines(1, MOST_LINES).lines
        self.assertEqual([line.number for line in lines], list(range(1, view.total + 1)))
        complete = [line for line in early if line.isWhole]
        self.assertEqual(lines[: len(complete)], tuple(complete))
        for place, (_, data) in view.chunks():
            if not data.startswith(b"\n["):
                self.assertEqual(data, whole[place : place + len(data)])


class LineTests(ViewTestCase):
    def test_channels(self) -> None:
        """A line of two channels has a piece for each."""
        view = self.log((OUT, b"out "), (ERR, b"err\nmore"))
        first, second = view.lines(1, 9).lines
        self.assertEqual(first.pieces, ((OUT, "out "), (ERR, "err")))
        self.assertEqual((second.number, second.offset, second.isWhole), (2, 8, False))

    def test_splitCharacter(self) -> None:
        """A character in two chunks of one channel is one character."""
        view = self.log((OUT, b"caf\xc3"), (OUT, b"\xa9\n"))
        self.assertEqual(view.lines(1, 1).lines[0].text, "caf\N{LATIN SMALL LETTER E WITH ACUTE}")

    def test_longLine(self) -> None:
        """Of a very long line only the beginning is read, and the line tells how much is left out."""
        long = [(OUT, b"z" * 50) for _ in range(100)]
        view = self.log((OUT, b"a\n"), *long, (OUT, b"\nb\n"), longest=30)
        lines = view.lines(1, 9).lines
        self.assertEqual(
            [(line.number, line.offset, line.cut) for line in lines], [(1, 0, 0), (2, 2, 4970), (3, 5003, 0)]
        )
        self.assertEqual(lines[1].text, "z" * 30)
        self.assertEqual(view.lines(3, 1).lines, lines[2:])

    def test_longLineWithoutEnd(self) -> None:
        """A very long last line without a newline is shown like others."""
        view = self.log(*[(OUT, b"z" * 50) for _ in range(100)], longest=30)
        (line,) = view.lines(1, 9).lines
        self.assertEqual((line.cut, line.isWhole), (4970, False))

    def test_cutInCharacter(self) -> None:
        """A long line is not cut inside a character."""
        view = self.log((OUT, b"caf\xc3\xa9\n"), longest=4)
        self.assertEqual(view.lines(1, 1).lines[0].text, "caf")

    def test_gap(self) -> None:
        """The gap of a log that is too long is a line, marked as such; offsets after it count all output."""
        view = self.log(*[(OUT, b"%05d\n" % n) for n in range(100)], limits=LogLimits(60, 60))
        lines = view.lines(1, 99).lines
        self.assertEqual([line.text for line in lines if line.isGap][1], "[504 bytes left out here]")
        self.assertEqual((lines[-1].text, lines[-1].offset), ("00099", 594))
        self.assertEqual(view.lineAt(594), view.total)
        self.assertTrue(view.linesAt(300, 1).lines[0].isGap)

    def test_longLines(self) -> None:
        """An answer has fewer lines if they are very long, but always the first or the last, as asked for."""
        data = b"".join(b"%05d" % n + b"x" * 50_000 + b"\n" for n in range(120))
        view = self.views().open(self.finished((OUT, data)))
        for found, wanted in ((view.lines(1, 110), 1), (view.lines(11, 110), 11)):
            self.assertEqual(found.lines[0].number, wanted)
            self.assertLess(found.lines[-1].number or 0, wanted + 100)
        for count in (1, 40, 120, MOST_LINES):
            numbers = [line.number or 0 for line in view.last(count).lines]
            self.assertEqual(numbers, list(range(numbers[0], 121)))
            self.assertEqual(len(numbers), min(count, len(numbers)))
            self.assertLess(sum(len(line.text) for line in view.last(count).lines), MOST_BYTES)
        short = self.views().open(self.finished((OUT, b"one\n" * 6000)))
        self.assertEqual([line.number for line in short.last(3).lines], [5998, 5999, 6000])
        self.assertEqual(len(short.last(MOST_LINES).lines), MOST_LINES)

    def test_endInMemory(self) -> None:
        """The end of a log that is too long is readable while it grows, without numbers."""
        writer = LogWriter(self.path(), self.clock, LogLimits(60, 60))
        for n in range(100):
            writer.append(OUT, b"%05d\n" % n)
            writer.flush()
        view = self.views().open(Place(writer.path, False, None, writer.marks, writer.tail()))
        last = view.last(5)
        self.assertEqual([line.text for line in last.unnumbered], [f"{n:05d}" for n in range(95, 100)])
        self.assertEqual({line.number for line in last.unnumbered}, {None})
        self.assertEqual((last.unnumbered[0].offset, last.output, last.lines), (570, 600, ()))
        self.assertGreater(last.dropped, 300)
        writer.finish()

    def test_times(self) -> None:
        """Each line has the time at which its block was written."""
        writer = LogWriter(self.path(), self.clock, LogLimits(None))
        for n in range(10):
            self.clock.advance(100)
            writer.append(OUT, (b"%d" % n) * 65535 + b"\n")
        writer.finish()
        view = self.views(1 << 16).open(Place(writer.path, True, writer.crc, writer.marks))
        lines = view.lines(1, 10).lines
        self.assertEqual([line.when for line in lines], [100.0 * (n + 1) for n in range(10)])

    def test_damaged(self) -> None:
        """The damage of a file is the last line."""
        path = self.path()
        Path(path).write_bytes(encode(OUT, b"one\n") * 20 + b"rubbish" * 30)
        view = self.views().open(Place(path))
        self.assertEqual(view.total, 22)
        last = view.last(1).lines[0]
        self.assertEqual((last.text, last.isGap), ("[the log is damaged from byte 160 on]", True))

    def test_tornChunk(self) -> None:
        """An incomplete last chunk, of a killed master, is left out."""
        path = self.path()
        Path(path).write_bytes(encode(OUT, b"one\n") + b"900:0two")
        self.assertEqual(shown(self.views().open(Place(path)).lines(1, 9).lines), [("one", True)])

    def test_empty(self) -> None:
        """An empty log has no lines."""
        view = self.log()
        self.assertEqual(
            (view.total, view.lines(1, 5).lines, view.last(5).lines, view.lineAt(0)), (0, (), (), 1)
        )
