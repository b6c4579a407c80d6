"""The index of a log: made from its file, kept beside it, and never believed if it does not fit."""

from __future__ import annotations

import os
import tempfile
import zlib
from pathlib import Path

from twisted.trial import unittest

from buildbot.interfaces import LOG_CHANNEL_HEADER, LOG_CHANNEL_STDOUT
from buildbot.logs.directory import numberOf
from buildbot.logs.files import removeLogs
from buildbot.logs.format import encode
from buildbot.logs.index import BadIndex, Block, fromBytes
from buildbot.logs.indexing import KEPT, find, keep, keepTimes, load, make, timesOf
from buildbot.logs.marks import Marks
from buildbot.logs.names import indexPath, logOf

OUT, HEADER = LOG_CHANNEL_STDOUT, LOG_CHANNEL_HEADER


class IndexTests(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = os.path.realpath(tempfile.mkdtemp(dir="."))
        self.path = os.path.join(self.directory, "b", "1-log-s-stdio")
        os.mkdir(os.path.dirname(self.path))

    def write(self, data: bytes) -> int:
        Path(self.path).write_bytes(data)
        return zlib.crc32(data)

    def test_rows(self) -> None:
        """A row tells where a block begins, and how much of each kind stands before it."""
        self.write(encode(HEADER, b"go\n") + encode(OUT, b"one\ntwo") + encode(OUT, b"\nthree\n"))
        marks = Marks(5.0, 1)
        marks.add(7, 8.5)
        index = make(self.path, marks, 10)
        self.assertEqual(
            [index.block(place) for place in range(3)],
            [
                Block(0, 0, 0, 0, 0, HEADER, False, 5.0),
                Block(18, 10, 10, 7, 2, OUT, True, 8.5),
                index.end,
            ],
        )
        self.assertEqual((index.end.offset, index.end.output, index.end.text, index.lines), (29, 17, 14, 4))

    def test_compact(self) -> None:
        """An index has 48 bytes for each 64 KiB of output."""
        self.write(encode(OUT, b"x" * 65536) * 10)
        index = make(self.path)
        self.assertEqual((len(index), index.memory()), (10, 480))

    def test_kept(self) -> None:
        """The index of a long log is written once, and read after that."""
        crc = self.write(encode(OUT, b"line\n" * 10000) * 10)
        made = find(self.path, crc)
        status = os.stat(indexPath(self.path))
        self.assertEqual(status.st_mode & 0o777, 0o600)
        again = load(self.path, crc)
        assert again is not None
        for place in range(len(made)):
            self.assertEqual(again.block(place), made.block(place))
        self.assertEqual((again.end[:5], again.lines), (made.end[:5], made.lines))
        find(self.path, crc)
        self.assertEqual(os.stat(indexPath(self.path)).st_mtime_ns, status.st_mtime_ns)

    def test_times(self) -> None:
        """The times of a log without an index are kept; the index that is made later has them."""
        crc = self.write(encode(OUT, b"line\n" * 10000) * 10)
        marks = Marks(5.0, 1)
        marks.add(200_000, 8.5)
        size = os.path.getsize(self.path)
        keepTimes(marks, self.path, size, crc)
        self.assertIsNone(timesOf(self.path, crc + 1))
        self.assertIsNone(timesOf(self.path, None))
        self.assertIsNone(load(self.path, crc))
        index = find(self.path, crc)
        self.assertEqual([index.block(place).when for place in (0, len(index) - 1)], [5.0, 8.5])
        self.assertIsNone(timesOf(self.path, crc))
        again = load(self.path, crc)
        assert again is not None
        self.assertEqual(again.block(len(again) - 1).when, 8.5)

    def test_damagedTimes(self) -> None:
        """Times that are damaged, cut short or in a strange file are not used, and do no harm."""
        crc = self.write(encode(OUT, b"line\n" * 10000) * 10)
        marks = Marks(5.0, 1)
        marks.add(200_000, 8.5)
        size = os.path.getsize(self.path)
        good = marks.toBytes(size, crc)
        for bad in (good[:-1], good[:10], b"", good[:-1] + b"\x01", b"x" * 5000, good + b"x"):
            Path(indexPath(self.path)).write_bytes(bad)
            self.assertIsNone(timesOf(self.path, crc))
        self.assertIsNone(find(self.path, crc).block(1).when)
        os.unlink(indexPath(self.path))
        os.mkdir(indexPath(self.path))
        keepTimes(marks, self.path, size, crc)
        self.assertIsNone(timesOf(self.path, crc))

    def test_shortLog(self) -> None:
        """A short log gets no index file."""
        crc = self.write(encode(OUT, b"x" * (KEPT // 2)))
        find(self.path, crc)
        self.assertFalse(os.path.exists(indexPath(self.path)))

    def test_otherLog(self) -> None:
        """An index that belongs to another log, or is damaged, is made again."""
        crc = self.write(encode(OUT, b"line\n" * 10000) * 10)
        find(self.path, crc)
        self.assertIsNone(load(self.path, crc + 1))
        file = Path(indexPath(self.path))
        data = file.read_bytes()
        for bad in (b"", data[:50], data[:-1], data[:-1] + b"!", b"X" + data[1:], data + b"!"):
            file.write_bytes(bad)
            self.assertIsNone(load(self.path, crc))
        self.assertRaises(BadIndex, fromBytes, data, 5, crc)
        self.assertEqual(find(self.path, crc).lines, 100000)
        self.assertEqual(file.read_bytes(), data)

    def test_cannotKeep(self) -> None:
        """A log is readable if its index cannot be written."""
        crc = self.write(encode(OUT, b"line\n" * 10000) * 10)
        os.mkdir(indexPath(self.path))
        self.assertEqual(find(self.path, crc).lines, 100000)

    def test_linkInItsPlace(self) -> None:
        """An index is never written through a symbolic link."""
        crc = self.write(encode(OUT, b"line\n" * 10000) * 10)
        os.symlink(self.path, indexPath(self.path))
        find(self.path, crc)
        self.assertEqual(zlib.crc32(Path(self.path).read_bytes()), crc)

    def test_logDeletedMeanwhile(self) -> None:
        """No index stays if its log is deleted while the index is made."""
        crc = self.write(encode(OUT, b"line\n" * 10))
        index = make(self.path)
        os.unlink(self.path)
        self.assertRaises(OSError, keep, index, self.path, crc)
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [])

    def test_removed(self) -> None:
        """An index is deleted with its log."""
        crc = self.write(encode(OUT, b"line\n" * 10000) * 10)
        find(self.path, crc)
        self.assertEqual(removeLogs(self.directory, ["b/1-log-s-stdio"]), 1)
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [])

    def test_name(self) -> None:
        """An index is not taken for a log, and its name tells whose it is."""
        name = os.path.basename(indexPath(self.path))
        self.assertIsNone(numberOf(name))
        self.assertEqual(logOf(name), "1-log-s-stdio")
        self.assertEqual(logOf("1-log-s-stdio"), "1-log-s-stdio")


class MarksTests(unittest.TestCase):
    def test_times(self) -> None:
        """A part of a file has the time at which it was written."""
        marks = Marks(1.0, 100)
        self.assertEqual((marks.timeOf(0), marks.next), (1.0, 100))
        marks.add(90, 2.0)
        marks.add(190, 3.0)
        self.assertEqual(
            [marks.timeOf(at) for at in (0, 89, 90, 189, 190, 999)], [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
        )
        self.assertEqual(marks.next, 290)
