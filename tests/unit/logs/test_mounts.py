"""A directory of logs with a second place."""

from __future__ import annotations

import io
import os
from typing import IO

from twisted.trial.unittest import SynchronousTestCase

from buildbot.logs import mounts


class Second:
    """I am a second place, with one text for all."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def open(self, path: str) -> IO[bytes]:
        return io.BytesIO(b"elsewhere")

    def sizeOf(self, path: str) -> int:
        return 9

    def bring(self, path: str) -> None:
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

    def test_otherDirectories(self) -> None:
        """The second place is that of one directory."""
        mounts.mount(self.top, self.second)
        other = os.path.join(os.path.dirname(self.top), "other", "full", "1-log-say-stdio")
        self.assertIsNone(mounts.elsewhereOf(other))
        self.assertRaises(FileNotFoundError, mounts.openLog, other)
        mounts.unmount(self.top)
        mounts.unmount(self.top)
        self.assertRaises(FileNotFoundError, self.text)
