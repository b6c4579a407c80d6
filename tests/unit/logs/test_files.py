"""Log files: written in blocks, readable while they grow, limited, and with a note about lost output."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.interfaces import LOG_CHANNEL_HEADER, LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT
from buildbot.logs.files import (
    BACKLOG,
    BLOCK,
    DELAY,
    POLL,
    LogLimits,
    LogReader,
    LogWriter,
    OutputFile,
    logFilename,
    openForWriting,
    removeLogs,
)
from buildbot.logs.format import Chunk, encode
from tests.examples import examples

OUT, ERR, HEADER = LOG_CHANNEL_STDOUT, LOG_CHANNEL_STDERR, LOG_CHANNEL_HEADER
UNLIMITED = LogLimits(None)


class Disk:
    """I open files that take only C{room} more bytes (None: any number), and then fail with C{error}."""

    def __init__(self, room: int | None = None, error: int = errno.ENOSPC) -> None:
        self.room = room
        self.error = error
        self.writes = 0
        self.failOpen = False
        self.failClose = False

    def open(self, path: str) -> OutputFile:
        if self.failOpen:
            raise OSError(errno.EMFILE, "Too many open files")
        return _File(self, openForWriting(path))


class _File:
    def __init__(self, disk: Disk, file: OutputFile) -> None:
        self._disk = disk
        self._file = file

    def write(self, data: bytes) -> int:
        self._disk.writes += 1
        if self._disk.room is None:
            return self._file.write(data) or 0
        if not self._disk.room:
            raise OSError(self._disk.error, os.strerror(self._disk.error))
        written = self._file.write(data[: self._disk.room]) or 0
        self._disk.room -= written
        return written

    def close(self) -> None:
        self._file.close()
        if self._disk.failClose:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


class LogCase(unittest.SynchronousTestCase):
    """I have a clock, and a path for a log."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.path = os.path.join(self.mktemp(), "full", "0-log-compile-stdio")

    def tearDown(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def writer(self, limits: LogLimits = UNLIMITED, disk: Disk | None = None) -> LogWriter:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)  # that of the last writer
        return LogWriter(self.path, self.clock, limits, (disk or Disk()).open)

    def written(self, *channels: int) -> bytes:
        """The content of some channels in the file; by default those of the output."""
        return b"".join(data for _, data in LogReader(self.path).chunks(channels=channels or (OUT, ERR)))


class WriterTests(LogCase):
    """Writing output to the file."""

    def test_private(self) -> None:
        """The file and its directory are created at once, private to the master's user."""
        writer = self.writer()
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(self.path)).st_mode), 0o700)
        self.assertEqual(writer.finish(), 0)

    def test_soonThere(self) -> None:
        """Output is in the file a moment after it came; many pieces make one chunk and one write."""
        disk = Disk()
        writer = self.writer(disk=disk)
        before = disk.writes
        for piece in (b"a", b"b", b"c"):
            writer.append(OUT, piece)
        self.assertEqual(os.path.getsize(self.path), 0)
        self.clock.advance(DELAY)
        self.assertEqual(Path(self.path).read_bytes(), b"4:0abc,")
        self.assertEqual((disk.writes - before, writer.length, writer.size), (1, 3, 7))
        writer.finish()

    def test_block(self) -> None:
        """Much output is written at once, without waiting for the clock."""
        writer = self.writer()
        writer.append(OUT, b"x" * BLOCK)
        self.assertEqual(self.written(), b"x" * BLOCK)
        writer.append(OUT, b"y")
        writer.flush()
        self.assertEqual(self.written(), b"x" * BLOCK + b"y")
        writer.finish()

    def test_crumbsOnDisk(self) -> None:
        """H3: single bytes on alternating channels do not make the file many times as large as its limit."""
        writer = self.writer(LogLimits(100_000, 1000))
        for number in range(120_000):
            writer.append(number % 2, b"x")
        self.assertLess(writer.finish(), 300_000)
        self.assertTrue(self.written(HEADER))

    def test_crumbs(self) -> None:
        """H3: empty pieces are dropped, and small ones on alternating channels are not kept in memory."""
        writer = self.writer()
        tracemalloc.start()
        try:
            for number in range(40_000):
                writer.append(number % 2, b"" if number % 4 < 2 else b"x")
            kept = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        self.assertLess(kept, 4 * BLOCK)
        writer.finish()
        self.assertEqual(self.written(), b"x" * 20_000)

    def test_order(self) -> None:
        """Output keeps its channel and its order."""
        writer = self.writer()
        chunks = [(HEADER, b"make"), (OUT, b"1"), (ERR, b"2"), (OUT, b"3")]
        for chunk in chunks:
            writer.append(*chunk)
        writer.finish()
        self.assertEqual(list(LogReader(self.path).chunks()), chunks)

    def test_finished(self) -> None:
        """After the end, append raises; a second finish does nothing."""
        writer = self.writer()
        writer.append(OUT, b"a")
        self.assertEqual([writer.finish(), writer.finish()], [5, 5])
        self.assertRaises(ValueError, writer.append, OUT, b"b")
        self.assertEqual(self.written(), b"a")

    @given(
        st.lists(st.tuples(st.sampled_from((OUT, ERR, HEADER)), st.binary(max_size=40)), max_size=30),
        st.lists(st.integers(0, 30)),
    )
    @settings(max_examples=examples(60))
    def test_storedIsSent(self, chunks: list[Chunk], flushes: list[int]) -> None:
        """G5: the file has exactly the bytes that were added, in any pieces."""
        writer = self.writer()
        for number, chunk in enumerate(chunks):
            writer.append(*chunk)
            if number in flushes:
                writer.flush()
        writer.finish()
        for channel in (OUT, ERR, HEADER):
            self.assertEqual(self.written(channel), b"".join(data for c, data in chunks if c == channel))
        self.assertEqual(writer.size, os.path.getsize(self.path))

    def test_hugePiece(self) -> None:
        """One piece of any size is stored, in chunks that a reader can hold."""
        writer = self.writer()
        writer.append(OUT, b"z" * (3 * BLOCK + 1))
        writer.finish()
        self.assertEqual([len(data) for _, data in LogReader(self.path).chunks()], [BLOCK] * 3 + [1])

    def test_neverOverwritten(self) -> None:
        """H9: an existing file with the name of a new log is not changed; the log reports that it is lost."""
        os.makedirs(os.path.dirname(self.path))
        Path(self.path).write_bytes(b"old")
        writer = LogWriter(self.path, self.clock, UNLIMITED)
        writer.append(OUT, b"new")
        self.assertEqual(writer.finish(), 0)
        self.assertEqual(writer.trouble, "not written: File exists")
        self.assertEqual(Path(self.path).read_bytes(), b"old")

    def test_whatIsLost(self) -> None:
        """F5: a log knows its lost output, and reports that it cannot be written."""
        told: list[tuple[str, str | None]] = []
        disk = Disk(room=0)
        writer = LogWriter(self.path, self.clock, UNLIMITED, disk.open, lambda *words: told.append(words))
        writer.append(OUT, b"x" * BACKLOG)
        writer.append(OUT, b"y" * 1000)
        writer.flush()
        full = os.strerror(errno.ENOSPC)
        self.assertEqual((told, writer.trouble), ([(self.path, full)], ""))
        disk.room = None
        writer.finish()
        self.assertEqual(told, [(self.path, full), (self.path, None)])
        self.assertRegex(writer.trouble, f"^[0-9]+ bytes lost: {full}$")

    def test_endIsLost(self) -> None:
        """F5: a log whose end could not be written, or whose file was deleted, reports it."""
        writer = self.writer(disk=Disk(room=4))
        writer.append(OUT, b"0123456789")
        writer.finish()
        self.assertEqual(writer.trouble, f"its end was not written: {os.strerror(errno.ENOSPC)}")
        writer = self.writer()
        os.unlink(self.path)
        writer.finish()
        self.assertEqual(writer.trouble, "its file was deleted while it was written")

    def test_checksum(self) -> None:
        """H9: the log's checksum is that of its file, whatever the writes."""
        for disk in (Disk(), Disk(room=7)):
            writer = self.writer(disk=disk)
            writer.append(OUT, b"one\n" * 100)
            writer.flush()
            disk.room = None
            writer.append(ERR, b"two\n")
            writer.finish()
            self.assertEqual(writer.crc, zlib.crc32(Path(self.path).read_bytes()))


class LimitsTests(LogCase):
    """G1, row 18: long logs."""

    def test_headAndTail(self) -> None:
        """A long log keeps its beginning and its end, with the number of missing bytes between them."""
        writer = self.writer(LogLimits(1000, 500))
        for number in range(1000):
            writer.append(OUT, b"line %05d\n" % number)
            if not number % 7:
                writer.flush()
        writer.finish()
        text = self.written(OUT)
        kept = len(text) - 1000
        self.assertTrue(500 <= kept <= 500 + 77, kept)
        whole = b"".join(b"line %05d\n" % number for number in range(1000))
        self.assertEqual(text, whole[:1000] + whole[-kept:])
        notices = self.written(HEADER)
        self.assertIn(b"[this log is too long", notices)
        self.assertIn(b"[%d bytes left out here]" % (len(whole) - len(text)), notices)
        self.assertEqual(writer.length, len(whole))

    def test_justFits(self) -> None:
        """A log of just the allowed size is complete and has no note; one with one byte more has a note."""
        for size, isLong in ((1000, False), (1001, True)):
            writer = self.writer(LogLimits(1000, 10))
            writer.append(OUT, b"x" * size)
            writer.finish()
            self.assertEqual(self.written(), b"x" * size)
            self.assertEqual(b"too long" in self.written(HEADER), isLong)
            self.assertNotIn(b"left out", self.written(HEADER))

    def test_saidWhileItGrows(self) -> None:
        """A reader of a growing long log gets a note that only the end follows."""
        writer = self.writer(LogLimits(10, 10))
        writer.append(OUT, b"x" * 50)
        writer.flush()
        self.assertEqual(self.written(OUT), b"x" * 10)
        self.assertIn(b"only its end is kept", self.written(HEADER))
        writer.finish()

    def test_bounded(self) -> None:
        """Beyond the limits, neither the file nor the memory grows, for pieces of any size."""
        for piece in (b"a", b"b" * 1000, b"c" * 100000):
            writer = self.writer(LogLimits(1 << 17, 1 << 16))
            for channel in range(2000):
                writer.append(channel % 2, piece)
            writer.finish()
            self.assertLess(writer.size, (1 << 17) + (1 << 16) + BLOCK * 4 + len(piece))

    def test_nothingOfIt(self) -> None:
        """A limit of zero keeps only the note."""
        writer = self.writer(LogLimits(0, 0))
        writer.append(OUT, b"abc")
        writer.finish()
        self.assertEqual(self.written(), b"")
        self.assertIn(b"3 bytes left out", self.written(HEADER))


class FaultsTests(LogCase):
    """P4, row 11: failing disks."""

    def test_eachRoom(self) -> None:
        """A disk that is full after any number of bytes, and then has room: no output is missing."""
        wanted = b"".join(encode(OUT, b"line %d\n" % number) for number in range(5))
        for room in range(len(wanted)):
            disk = Disk(room)
            writer = self.writer(disk=disk)
            for number in range(5):
                writer.append(OUT, b"line %d\n" % number)
                writer.flush()
            self.assertEqual(writer.error, "No space left on device")
            disk.room = None
            self.clock.advance(DELAY)
            self.assertIs(writer.error, None)
            self.assertEqual(writer.finish(), len(wanted))
            self.assertEqual(Path(self.path).read_bytes(), wanted)

    def test_lost(self) -> None:
        """Output lost on a full disk is noted in its place, and the log goes on after it."""
        disk = Disk(20)
        writer = self.writer(disk=disk)
        for number in range(60):
            writer.append(OUT, b"%02d" % number + b"x" * (BLOCK - 2))
        self.assertEqual(writer.error, "No space left on device")
        disk.room = None
        writer.append(OUT, b"after")
        writer.flush()
        writer.append(OUT, b"all")
        writer.finish()
        chunks = list(LogReader(self.path).chunks())
        kept = [data for channel, data in chunks if channel == OUT]
        lost = sum(60 * [BLOCK]) + len(b"afterall") - sum(map(len, kept))
        (notice,) = [data for channel, data in chunks if channel == HEADER]
        self.assertEqual(notice, b"\n[%d bytes lost here: No space left on device]\n" % lost)
        self.assertGreater(lost, 60 * BLOCK - BACKLOG - 2 * BLOCK)
        self.assertEqual(kept[-1], b"all")

    def test_memory(self) -> None:
        """A disk that stays full does not fill the memory."""
        writer = self.writer(disk=Disk(0))
        tracemalloc.start()
        try:
            for number in range(100):
                writer.append(OUT, bytes([number]) * BLOCK)
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(kept, BACKLOG + 2 * BLOCK)
        writer.finish()
        self.assertEqual(writer.error, "No space left on device")

    def test_cannotOpen(self) -> None:
        """A file that cannot be opened is retried until it can; then no output is missing."""
        disk = Disk()
        disk.failOpen = True
        writer = self.writer(disk=disk)
        self.assertEqual(writer.error, "Too many open files")
        writer.append(OUT, b"abc")
        self.clock.advance(DELAY)
        disk.failOpen = False
        self.clock.advance(DELAY)
        self.assertEqual(self.written(), b"abc")
        writer.finish()

    def test_cannotClose(self) -> None:
        """An error at closing the file is reported."""
        disk = Disk()
        disk.failClose = True
        writer = self.writer(disk=disk)
        writer.append(OUT, b"abc")
        writer.finish()
        self.assertEqual(writer.error, "Input/output error")

    def test_noDirectory(self) -> None:
        """An impossible path raises nothing."""
        blocker = self.mktemp()
        Path(blocker).write_bytes(b"")
        writer = LogWriter(os.path.join(blocker, "log"), self.clock, UNLIMITED)
        writer.append(OUT, b"abc")
        writer.finish()
        self.assertEqual(writer.error, "Not a directory")


class ReaderTests(LogCase):
    """Reading logs."""

    def hold(self, text: bytes) -> LogReader:
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        Path(self.path).write_bytes(text)
        return LogReader(self.path)

    def test_steps(self) -> None:
        """A long log is read in steps; each step returns the offset of the next."""
        text = b"".join(encode(OUT, b"%03d" % number) for number in range(100))
        reader = self.hold(text)
        found: list[Chunk] = []
        offset, steps = 0, 0
        while True:
            chunks, offset = reader.read(offset, 50)
            if not chunks:
                break
            steps += 1
            found += chunks
        self.assertEqual([int(data) for _, data in found], list(range(100)))
        self.assertGreater(steps, 10)
        self.assertEqual(offset, len(text))

    def test_longerThanStep(self) -> None:
        """A chunk longer than a step is returned whole."""
        self.assertEqual(self.hold(encode(OUT, b"x" * 1000)).read(0, 10), ([(OUT, b"x" * 1000)], 1007))

    def test_fromOffset(self) -> None:
        """Reading can start at any chunk, and be limited to some channels."""
        reader = self.hold(encode(OUT, b"a") + encode(ERR, b"b") + encode(OUT, b"c"))
        self.assertEqual(list(reader.chunks(5)), [(ERR, b"b"), (OUT, b"c")])
        self.assertEqual(list(reader.chunks(channels=(OUT,))), [(OUT, b"a"), (OUT, b"c")])

    def test_text(self) -> None:
        """Text is decoded: a character split between chunks is whole, invalid UTF-8 becomes U+FFFD."""
        pieces = [encode(OUT, each) for each in (b"a\xe2\x82", b"\xac", b"\xff.\xe2")]
        reader = self.hold(encode(ERR, b"\xc3").join(pieces))
        self.assertEqual(reader.text(channels=(OUT,)), "a€�.�")

    def test_torn(self) -> None:
        """Row 10: after a crash in the middle of a write, all complete chunks are read, and nothing
        raises.
        """
        text = encode(OUT, b"abc") + encode(ERR, b"d" * 20)
        for length in range(len(text)):
            found = list(self.hold(text[:length]).chunks())
            self.assertEqual(found, [(OUT, b"abc")] if length >= 7 else [])

    def test_damaged(self) -> None:
        """A damaged log has a note at the damage, and everything before it can be read."""
        reader = self.hold(encode(OUT, b"abc") + b"\0" * 50)
        (good, (channel, notice)) = reader.chunks()
        self.assertEqual((good, channel), ((OUT, b"abc"), HEADER))
        self.assertIn(b"damaged from byte 7 on", notice)

    def test_gone(self) -> None:
        """Reading a deleted log raises an error."""
        self.assertRaises(FileNotFoundError, LogReader(self.path).text)

    def test_follow(self) -> None:
        """Following a log yields the present output, new output, and then the end."""
        writer = self.writer()
        writer.append(OUT, b"one")
        writer.flush()
        seen: list[bytes] = []
        over: list[bool] = []

        async def follow() -> str:
            async for chunks in LogReader(self.path).follow(self.clock, lambda: bool(over)):
                seen.extend(data for _, data in chunks)
            return "end"

        following: Deferred[Any] = ensureDeferred(follow())
        self.assertEqual(seen, [b"one"])
        writer.append(ERR, b"two")
        writer.flush()
        self.clock.advance(POLL)
        self.assertEqual(seen, [b"one", b"two"])
        self.assertNoResult(following)
        writer.append(OUT, b"three")
        writer.finish()
        over.append(True)
        self.clock.advance(POLL)
        self.assertEqual(seen, [b"one", b"two", b"three"])
        self.assertEqual(self.successResultOf(following), "end")


class NamesTests(unittest.SynchronousTestCase):
    """Row 17: file names for any names of logs, steps and builders."""

    def test_plain(self) -> None:
        """Common names give the same file names as in 0.7.5."""
        self.assertEqual(logFilename("full", 12, "compile", "stdio"), "full/12-log-compile-stdio")
        self.assertEqual(logFilename("linux py3", 0, "run tests", "a.log"), "linux py3/0-log-run tests-a.log")

    @given(*[st.text(max_size=400)] * 3)
    def test_inside(self, builder: str, step: str, log: str) -> None:
        """No name leads out of the directory, or is too long for a file system."""
        name = logFilename(builder, 5, step, log)
        directory, _, file = name.partition("/")
        for part in (directory, file):
            self.assertRegex(part, r"^[A-Za-z0-9%_~+,=@-][A-Za-z0-9%_.~+,=@ -]{0,199}$")

    def test_wicked(self) -> None:
        """Dots, slashes, NULs and invalid UTF-8 are quoted."""
        self.assertEqual(logFilename("..", 1, "../x", "a\0\udcff/é"), "%2E./1-log-..%2Fx-a%00%FF%2F%C3%A9")
        self.assertEqual(logFilename("", 1, "", ""), "%/1-log--")

    def test_ownDirectories(self) -> None:
        """Two builders never share a directory."""
        names = ["a/b", "a%2Fb", "a_b", "a b", ".a", "%2Ea", "", "%", "x" * 200, "x" * 201, "é", "e"]
        directories = {logFilename(name, 1, "s", "l").split("/")[0] for name in names}
        self.assertEqual(len(directories), len(names))

    def test_taken(self) -> None:
        """Two logs of one build never share a file."""
        taken: set[str] = set()
        for step, log in [("a-b", "c"), ("a", "b-c"), ("a", "b-c")]:
            taken.add(logFilename("full", 1, step, log, taken))
        stem = "full/1-log-a-b-c"
        self.assertEqual(taken, {stem, f"{stem}_2", f"{stem}_3"})


class RemoveTests(unittest.SynchronousTestCase):
    """P8: removing old logs."""

    def test_remove(self) -> None:
        """The files are deleted; missing ones are ignored."""
        top = self.mktemp()
        os.makedirs(os.path.join(top, "full"))
        for name in ("a", "b"):
            Path(top, "full", name).write_bytes(b"x")
        self.assertEqual(removeLogs(top, ["full/a", "full/gone", "quick/gone"]), 1)
        self.assertEqual(os.listdir(os.path.join(top, "full")), ["b"])

    def test_neverOutside(self) -> None:
        """No name can delete a file elsewhere."""
        top = os.path.abspath(self.mktemp())
        os.makedirs(os.path.join(top, "full"))
        outside = Path(f"{top}-outside")
        outside.mkdir()
        victims = [outside / "victim", Path(top, "master.cfg")]
        for victim in victims:
            victim.write_bytes(b"x")
        os.symlink(outside, os.path.join(top, "link"))
        names = [
            f"../{outside.name}/victim",
            str(victims[0]),
            "link/victim",
            "master.cfg",
            "full/../master.cfg",
            "\0",
            "",
        ]
        self.assertEqual(removeLogs(top, names), 0)
        self.assertEqual([victim.exists() for victim in victims], [True, True])
