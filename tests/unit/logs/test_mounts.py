"""A directory of logs with a second place."""

from __future__ import annotations

import errno
import io
import os
import shutil
import tempfile
from typing import IO

from twisted.trial.unittest import SynchronousTestCase

from buildbot.logs import mounts


class Second:
    """I am a second place, with one text for all."""

    isReadOnly = isAway = False

    def __init__(self) -> None:
        self.read: list[str] = []

    def open(self, path: str) -> IO[bytes]:
        return io.BytesIO(b"elsewhere")

    def sizeOf(self, path: str) -> int:
        return 9

    def bring(self, path: str) -> None:
        if self.isReadOnly:
            raise OSError(errno.EROFS, "no copies")
        if self.isAway:
            raise OSError(errno.EHOSTUNREACH, "away")
        with open(path, "w") as file:
            file.write("brought")

    def used(self, path: str) -> None:
        self.read.append(path)


class MountTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.top = os.path.abspath(self.mktemp())
        os.makedirs(os.path.join(self.top, "full"))
        self.path = os.path.join(self.top, "full", "1-log-say-stdio")
        self.second = Second()
        self.addCleanup(mounts.unmount, self.top)

    def text(self) -> bytes:
        with mounts.openLog(self.path) as file:
            return file.read()

    def test_localFirst(self) -> None:
        """A file on this disk is read there, and its use is noted; one that is not, elsewhere."""
        self.assertRaises(FileNotFoundError, self.text)
        mounts.mount(self.top, self.second)
        self.assertEqual((self.text(), mounts.sizeOf(self.path)), (b"elsewhere", 9))
        self.assertTrue(mounts.isElsewhere(self.path))
        mounts.bring(self.path)
        self.assertEqual((self.text(), mounts.sizeOf(self.path)), (b"brought", 7))
        self.assertEqual(self.second.read, [self.path])
        self.assertFalse(mounts.isElsewhere(self.path))

    def test_lend(self) -> None:
        """A program gets a log on this disk: the log itself, or a copy where none may stay."""
        mounts.mount(self.top, self.second)
        self.second.isReadOnly = True
        path, isCopy = mounts.lend(self.path)
        self.addCleanup(os.unlink, path)
        self.assertTrue(isCopy)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"elsewhere")
        self.assertFalse(os.path.exists(self.path))
        self.second.isReadOnly = False
        self.assertEqual(mounts.lend(self.path), (self.path, False))
        self.assertTrue(os.path.exists(self.path))

    def test_lendNot(self) -> None:
        """A log that is too long, or away, is not lent, and no part of a copy stays."""
        mounts.mount(self.top, self.second)
        self.second.isAway = True
        self.assertRaises(OSError, mounts.lend, self.path)
        self.second.isReadOnly = True
        self.patch(mounts, "LONGEST_COPY", 8)
        self.assertRaises(OSError, mounts.lend, self.path)
        self.patch(mounts, "LONGEST_COPY", 9)
        made: list[str] = []

        def make(prefix: str) -> tuple[int, str]:
            made.append(os.path.join(self.top, prefix))
            return os.open(made[-1], os.O_WRONLY | os.O_CREAT), made[-1]

        def fail(*args: object) -> None:
            raise OSError(errno.ENOSPC, "full")

        self.patch(tempfile, "mkstemp", make)
        self.patch(shutil, "copyfileobj", fail)
        self.assertRaises(OSError, mounts.lend, self.path)
        self.assertFalse(os.path.exists(made[0]))

    def test_otherDirectories(self) -> None:
        """The second place is that of one directory."""
        mounts.mount(self.top, self.second)
        other = os.path.join(os.path.dirname(self.top), "other", "full", "1-log-say-stdio")
        self.assertIsNone(mounts.elsewhereOf(other))
        self.assertRaises(FileNotFoundError, mounts.openLog, other)
        mounts.unmount(self.top)
        mounts.unmount(self.top)
        self.assertRaises(FileNotFoundError, self.text)
