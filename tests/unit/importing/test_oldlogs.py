"""The logs of an old master are copied: plain and compressed ones, whole and damaged ones."""

from __future__ import annotations

import bz2
import gzip
import os
import tracemalloc
import zlib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from buildbot.importing.oldlogs import PARTIAL, NoLog, copyLog, writeHTML
from buildbot.logs.directory import logTrouble
from buildbot.logs.files import LogReader
from buildbot.logs.format import encode
from buildbot.logs.names import indexPath
from buildbot.model.records import LogRecord

_TEXT = encode(2, b"header\n") + encode(0, b"out\n") + encode(1, b"err\n")
_CHUNKS = [(2, b"header\n"), (0, b"out\n"), (1, b"err\n")]


class CopyTests(SynchronousTestCase):
    """One log."""

    def setUp(self) -> None:
        self.old = Path(self.mktemp())
        self.old.mkdir()
        self.new = os.path.abspath(self.mktemp() + "/full/1-log-a-stdio")

    def copy(self, filename: str = "1-log-a-stdio") -> LogRecord:
        record = LogRecord("stdio", "full/1-log-a-stdio")
        return copyLog(str(self.old), filename, self.new, record, 1_200_000_000.0)

    def test_kinds(self) -> None:
        """The same log comes out of a plain file, and of one compressed in either way."""
        for name, data in (("", _TEXT), (".bz2", bz2.compress(_TEXT)), (".gz", gzip.compress(_TEXT))):
            path = self.old / ("1-log-a-stdio" + name)
            path.write_bytes(data)
            record = self.copy()
            self.assertEqual(list(LogReader(self.new).chunks()), _CHUNKS)
            self.assertEqual((record.length, record.crc), (len(_TEXT), zlib.crc32(_TEXT)))
            self.assertEqual(
                (list(logTrouble(self.new, record)), os.listdir(os.path.dirname(self.new))),
                ([], ["1-log-a-stdio"]),
            )
            self.assertEqual(
                (os.stat(self.new).st_mtime, os.stat(self.new).st_mode & 0o777), (1_200_000_000, 0o600)
            )
            path.unlink()

    def test_cutShort(self) -> None:
        """The whole chunks of a log are kept whose master was killed, and the record tells the rest."""
        (self.old / "1-log-a-stdio").write_bytes(_TEXT[:-3])
        self.assertIn("its end is missing", self.copy().trouble)
        self.assertEqual(list(LogReader(self.new).chunks()), _CHUNKS[:2])

    def test_damaged(self) -> None:
        """A damaged log is kept up to the damage, with a note there."""
        for name, data in (
            ("", _TEXT + b"no chunk"),
            (".bz2", bz2.compress(_TEXT)[:-9]),
            (".gz", gzip.compress(_TEXT)[:-5]),
        ):
            path = self.old / ("1-log-a-stdio" + name)
            path.write_bytes(data)
            record = self.copy()
            self.assertTrue(record.trouble)
            self.assertIn(b"damaged", list(LogReader(self.new).chunks())[-1][1])
            path.unlink()

    def test_missing(self) -> None:
        """A missing log, a link, and a name that leads elsewhere are not copied."""
        os.symlink("/etc/passwd", self.old / "link")
        os.mkfifo(self.old / "pipe")
        for name, words in (
            ("none", "is gone"),
            ("link", "symbolic link"),
            ("pipe", "FIFO"),
            ("../x", "impossible"),
            ("a\0b", "impossible"),
            ("", "impossible"),
        ):
            self.assertIn(words, str(self.assertRaises(NoLog, self.copy, name)))
        self.assertFalse(os.path.lexists(self.new))

    def test_replaced(self) -> None:
        """What a killed import has left is replaced."""
        (self.old / "1-log-a-stdio").write_bytes(_TEXT)
        os.makedirs(os.path.dirname(self.new))
        for path in (self.new, self.new + PARTIAL):
            Path(path).write_bytes(b"left")
        self.copy()
        self.assertEqual(list(LogReader(self.new).chunks()), _CHUNKS)
        self.assertFalse(os.path.exists(self.new + PARTIAL))

    def test_memory(self) -> None:
        """The memory does not grow with the log."""
        chunk = encode(0, b"x" * 10_000)
        with bz2.open(self.old / "1-log-a-stdio.bz2", "wb") as stream:
            for _ in range(1_200):
                stream.write(chunk)
        tracemalloc.start()
        try:
            record = self.copy()
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertEqual(record.length, 1_200 * len(chunk))
        self.assertLess(most, 8_000_000)

    def test_html(self) -> None:
        """A log that was in the pickle becomes a file."""
        record = writeHTML("<b>é</b>", self.new, LogRecord("page", "x", html=True), 5.0)
        self.assertEqual(list(LogReader(self.new).chunks()), [(0, "<b>é</b>".encode())])
        self.assertEqual((record.html, record.length), (True, os.path.getsize(self.new)))

    def test_fullDisk(self) -> None:
        """A copy that cannot be written leaves nothing behind, whether it is of a file or of a text."""
        (self.old / "1-log-a-stdio").write_bytes(_TEXT)

        def replace(source: str, target: str) -> None:
            raise OSError(28, "No space left on device")

        self.patch(os, "replace", replace)
        self.assertRaises(OSError, self.copy)
        self.assertRaises(OSError, writeHTML, "<b>", self.new, LogRecord("page", "x", html=True), 5.0)
        self.assertEqual(os.listdir(os.path.dirname(self.new)), [])

    def test_interrupted(self) -> None:
        """Ctrl-C just after the log got its name ends the copy as Ctrl-C, not as an error of the file."""
        (self.old / "1-log-a-stdio").write_bytes(_TEXT)
        rename = os.replace

        def replace(*paths: str) -> None:
            rename(*paths)
            raise KeyboardInterrupt

        self.patch(os, "replace", replace)
        self.assertRaises(KeyboardInterrupt, self.copy)
        self.assertEqual(list(LogReader(self.new).chunks()), _CHUNKS)

    def test_index(self) -> None:
        """The index of an earlier copy goes with it: it would not fit."""
        (self.old / "1-log-a-stdio").write_bytes(_TEXT)
        self.copy()
        Path(indexPath(self.new)).write_bytes(b"old")
        self.copy()
        self.assertFalse(os.path.exists(indexPath(self.new)))
