"""Files of builds that leave the administrator's descriptors free."""

from __future__ import annotations

import io
import os
from functools import partial
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.files import reserve
from buildbot.files.sparing import sparing
from buildbot.interfaces import LOG_CHANNEL_STDOUT
from buildbot.logs import files
from buildbot.logs.files import LogReader, LogWriter
from buildbot.steps import transfer
from buildbot.steps.transfer import FileReader, FileWriter


def openFiles(path: str) -> int:
    """How many descriptors of this process are this file."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.path.samefile(f"/proc/self/fd/{name}", path)
        except OSError:
            continue  # a pipe, a socket, or the listing itself
    return count


class SparingFileTests(unittest.SynchronousTestCase):
    """H6: a build with many logs cannot lock the administrator out."""

    def setUp(self) -> None:
        os.mkdir(self.mktemp())
        self.path = os.path.abspath(self.mktemp())
        Path(self.path).write_bytes(b"before")

    def open(self, canWrite: bool, isScarce: bool = True) -> io.RawIOBase:
        """My file, opened when there are few descriptors left or many."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND if canWrite else os.O_RDONLY)
        return sparing(descriptor, self.path, canWrite, lambda number: isScarce)

    def test_enough(self) -> None:
        """While there are descriptors enough, a file stays open as any other."""
        with self.open(canWrite=True, isScarce=False) as file:
            self.assertIsInstance(file, io.FileIO)
            self.assertEqual(openFiles(self.path), 1)

    def test_write(self) -> None:
        """H6: a file that would take one of the administrator's descriptors is closed between two writes."""
        file = self.open(canWrite=True)
        self.assertEqual(openFiles(self.path), 0)
        self.assertEqual((file.write(b" a"), file.write(b" bc")), (2, 3))
        self.assertEqual(openFiles(self.path), 0)
        file.close()
        self.assertEqual(Path(self.path).read_bytes(), b"before a bc")
        self.assertRaises(ValueError, io.BufferedWriter(file).write, b"x")

    def test_read(self) -> None:
        """H6: a file that is read is closed between two reads, and read on from where the last one ended."""
        file = io.BufferedReader(self.open(canWrite=False), buffer_size=2)
        self.assertEqual([file.read(4), file.read(4), file.read(4)], [b"befo", b"re", b""])
        self.assertEqual(openFiles(self.path), 0)
        file.close()

    def test_replaced(self) -> None:
        """A file that somebody put in its place meanwhile is not touched."""
        for canWrite in (True, False):
            file = self.open(canWrite)
            other = self.path + ".other"
            Path(other).write_bytes(b"somebody's")
            os.replace(other, self.path)
            use = partial(file.write, b"x") if canWrite else file.readall
            error = self.assertRaises(OSError, use)
            self.assertIn("another file has taken its place", str(error))
            self.assertEqual(Path(self.path).read_bytes(), b"somebody's")
            file.close()

    def test_link(self) -> None:
        """Nothing is written through a symbolic link that somebody put in its place."""
        file = self.open(canWrite=True)
        os.rename(self.path, self.path + ".moved")
        os.symlink(self.path + ".moved", self.path)
        self.assertRaises(OSError, file.write, b"x")
        file.close()


class ScarceTests(unittest.SynchronousTestCase):
    """H6: what builds do while all descriptors but the administrator's are in use."""

    def setUp(self) -> None:
        self.patch(reserve, "_limitOfThisProcess", lambda: 24)  # all of them are kept
        self.directory = os.path.abspath(self.mktemp())
        self.path = os.path.join(self.directory, "file")

    def test_log(self) -> None:
        """H6: a log is written in full, and no descriptor is taken between two writes."""
        clock = Clock()
        writer = LogWriter(self.path, clock)
        for piece in (b"one", b"two"):
            writer.append(LOG_CHANNEL_STDOUT, piece)
            clock.advance(files.DELAY)
            self.assertEqual(openFiles(self.path), 0)
        writer.finish()
        self.assertEqual((writer.trouble, LogReader(self.path).text()), ("", "onetwo"))

    def test_deletedLog(self) -> None:
        """A log whose file is deleted meanwhile says so, and does not come into being again."""
        clock = Clock()
        writer = LogWriter(self.path, clock)
        os.unlink(self.path)
        writer.append(LOG_CHANNEL_STDOUT, b"one")
        writer.finish()
        self.assertTrue(writer.trouble)
        self.assertFalse(os.path.lexists(self.path))

    def test_upload(self) -> None:
        """H6: a file that a slave uploads takes no descriptor between two pieces."""
        writer = FileWriter(self.path)
        for _ in range(3):
            writer.remote_write(b"x" * 100_000)
            (temporary,) = os.listdir(self.directory)
            self.assertEqual(openFiles(os.path.join(self.directory, temporary)), 0)
        writer.remote_close()
        self.assertEqual(
            (writer.error, os.path.getsize(os.path.join(self.directory, temporary))), (None, 300_000)
        )
        writer.discard()

    def test_download(self) -> None:
        """H6: a file that a slave downloads takes no descriptor between two pieces."""
        os.mkdir(self.directory)
        content = os.urandom(100_000)
        Path(self.path).write_bytes(content)
        reader = FileReader(self.path)
        read = [reader.remote_read(transfer.LARGEST_BLOCK) for _ in range(8)]
        self.assertEqual(openFiles(self.path), 0)
        self.assertEqual((b"".join(read), reader.error), (content, None))
        reader.discard()
