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
    """The number of this process's descriptors for this file."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.path.samefile(f"/proc/self/fd/{name}", path)
        except OSError:
            continue  # a pipe, a socket, or the directory listing itself
    return count


class SparingFileTests(unittest.SynchronousTestCase):
    """H6: a build with many logs cannot lock the administrator out."""

    def setUp(self) -> None:
        os.mkdir(self.mktemp())
        self.path = os.path.abspath(self.mktemp())
        Path(self.path).write_bytes(b"before")

    def open(self, canWrite: bool, isScarce: bool = True) -> io.RawIOBase:
        """Open my file, with few or many descriptors left."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND if canWrite else os.O_RDONLY)
        return sparing(descriptor, self.path, canWrite, lambda number: isScarce)

    def test_enough(self) -> None:
        """With enough descriptors, a file stays open."""
        with self.open(canWrite=True, isScarce=False) as file:
            self.assertIsInstance(file, io.FileIO)
            self.assertEqual(openFiles(self.path), 1)

    def test_write(self) -> None:
        """H6: a file that would take a reserved descriptor is closed between two writes."""
        file = self.open(canWrite=True)
        self.assertEqual(openFiles(self.path), 0)
        self.assertEqual((file.write(b" a"), file.write(b" bc")), (2, 3))
        self.assertEqual(openFiles(self.path), 0)
        file.close()
        self.assertEqual(Path(self.path).read_bytes(), b"before a bc")
        self.assertRaises(ValueError, io.BufferedWriter(file).write, b"x")

    def test_read(self) -> None:
        """H6: such a file is closed between two reads, and reading continues at the same place."""
        file = io.BufferedReader(self.open(canWrite=False), buffer_size=2)
        self.assertEqual([file.read(4), file.read(4), file.read(4)], [b"befo", b"re", b""])
        self.assertEqual(openFiles(self.path), 0)
        file.close()

    def test_replaced(self) -> None:
        """Another file that took its place meanwhile is not written."""
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
        """A symbolic link that took its place is not followed."""
        file = self.open(canWrite=True)
        os.rename(self.path, self.path + ".moved")
        os.symlink(self.path + ".moved", self.path)
        self.assertRaises(OSError, file.write, b"x")
        file.close()


class ScarceTests(unittest.SynchronousTestCase):
    """H6: builds while only reserved descriptors are left."""

    def setUp(self) -> None:
        self.patch(reserve, "_limitOfThisProcess", lambda: 24)  # all of them are reserved
        self.directory = os.path.abspath(self.mktemp())
        self.path = os.path.join(self.directory, "file")

    def test_log(self) -> None:
        """H6: a log is written completely, and no descriptor is in use between two writes."""
        clock = Clock()
        writer = LogWriter(self.path, clock)
        for piece in (b"one", b"two"):
            writer.append(LOG_CHANNEL_STDOUT, piece)
            clock.advance(files.DELAY)
            self.assertEqual(openFiles(self.path), 0)
        writer.finish()
        self.assertEqual((writer.trouble, LogReader(self.path).text()), ("", "onetwo"))

    def test_deletedLog(self) -> None:
        """A log whose file is deleted meanwhile reports it, and is not created again."""
        clock = Clock()
        writer = LogWriter(self.path, clock)
        os.unlink(self.path)
        writer.append(LOG_CHANNEL_STDOUT, b"one")
        writer.finish()
        self.assertTrue(writer.trouble)
        self.assertFalse(os.path.lexists(self.path))

    def test_upload(self) -> None:
        """H6: an upload uses no descriptor between two pieces."""
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
        """H6: a download uses no descriptor between two pieces."""
        os.mkdir(self.directory)
        content = os.urandom(100_000)
        Path(self.path).write_bytes(content)
        reader = FileReader(self.path)
        read = [reader.remote_read(transfer.LARGEST_BLOCK) for _ in range(8)]
        self.assertEqual(openFiles(self.path), 0)
        self.assertEqual((b"".join(read), reader.error), (content, None))
        reader.discard()
