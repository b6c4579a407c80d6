"""Only plain files are opened, and opening never blocks."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from twisted.trial import unittest

from buildbot.files.plain import NotPlain, mustBePlain, openPlain, readPlain


class PlainTests(unittest.SynchronousTestCase):
    """H10: other kinds of files are refused at once, with their kind."""

    def setUp(self) -> None:
        self.here = self.mktemp()
        os.mkdir(self.here)
        self.file = self.path("file")
        Path(self.file).write_bytes(b"text")

    def path(self, name: str) -> str:
        """A path in a directory of this test."""
        return os.path.join(self.here, name)

    def odd(self) -> dict[str, str]:
        """Paths that are not plain files, with their kinds."""
        os.mkfifo(self.path("fifo"))
        os.mkdir(self.path("directory"))
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.path("socket"))
        return {
            self.path("fifo"): "a FIFO",
            self.path("directory"): "a directory",
            self.path("socket"): "a socket",
            os.devnull: "a device",
        }

    def test_plain(self) -> None:
        """H10: a plain file is read, also through a link."""
        os.symlink("file", self.path("link"))
        for name in ("file", "link"):
            with readPlain(self.path(name)) as stream:
                self.assertEqual(stream.read(), b"text")
            mustBePlain(self.path(name))
        mustBePlain(self.path("nothing"))

    def test_odd(self) -> None:
        """H10: a FIFO, a directory, a socket and a device are refused, for reading and writing, with the
        reason.
        """
        for path, words in self.odd().items():
            for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREAT):
                with self.assertRaises(NotPlain) as caught:
                    openPlain(path, flags)
                self.assertEqual(caught.exception.strerror, f"it is {words}, not a plain file: move it away")
                self.assertEqual((caught.exception.filename, caught.exception.kind), (path, words))
            self.assertRaises(NotPlain, mustBePlain, path)

    def test_link(self) -> None:
        """H10: where links are not allowed, a link is refused, and its target does not change."""
        os.symlink("file", self.path("link"))
        with self.assertRaises(NotPlain) as caught:
            openPlain(self.path("link"), os.O_RDWR | os.O_CREAT | os.O_TRUNC, follow=False)
        self.assertIn("it is a symbolic link", str(caught.exception))
        self.assertRaises(NotPlain, mustBePlain, self.path("link"), False)
        self.assertEqual(Path(self.file).read_bytes(), b"text")

    def test_missing(self) -> None:
        """H10: a missing file raises the usual error."""
        self.assertRaises(FileNotFoundError, readPlain, self.path("nothing"))
