"""The log of a step, for its writer, readers and observers."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.logs.files import LogWriter
from buildbot.logs.live import LogFile
from buildbot.process.logobserver import LogLineObserver, LogObserver


class Reader:
    """I remember the calls that I get."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, Any]] = []

    def logChunk(self, build: Any, step: Any, log: Any, channel: int, text: str) -> None:
        self.seen.append((channel, text))

    logBytes = logChunk


class LogFileTests(unittest.TestCase):
    """0.7.5, row 4: a log holds bytes; readers get text, or bytes on demand."""

    def setUp(self) -> None:
        self.path = os.path.join(self.mktemp(), "log")
        writer = LogWriter(self.path, Clock())
        self.log = LogFile(SimpleNamespace(build=None), "stdio", "log", writer)
        self.addCleanup(self.log.finish)

    def test_text(self) -> None:
        """An observer gets text: a split character is whole, invalid UTF-8 is replaced."""
        reader = Reader()
        self.log.subscribe(reader)
        for data in (b"gr\xc3", b"\xb6\xff\n", b"\xe2\x82"):
            self.log.addStdout(data)
        self.assertEqual(reader.seen, [(0, "gr"), (0, "ö\ufffd\n")])
        self.log.finish()
        self.assertEqual(reader.seen[2:], [(0, "\ufffd")])

    def test_catchup(self) -> None:
        """A late observer that catches up gets a split character whole, even if its first half was old."""
        early, late = Reader(), Reader()
        self.log.subscribe(early)
        self.log.addStdout(b"gr\xc3")
        self.log.subscribe(late, True)
        self.log.addStdout(b"\xb6")
        self.assertEqual([reader.seen for reader in (early, late)], [[(0, "gr"), (0, "ö")]] * 2)
        self.log.unsubscribe(early)
        self.log.unsubscribe(late)
        self.log.addStdout(b"\xb6")
        last = Reader()
        self.log.finish()
        self.log.subscribe(last, True)
        self.assertEqual("".join(text for _, text in last.seen), "grö\ufffd")
        self.assertEqual([reader.seen for reader in (early, late)], [[(0, "gr"), (0, "ö")]] * 2)

    def test_bytes(self) -> None:
        """A subscriber for bytes gets them unchanged, old and new."""
        early, late = Reader(), Reader()
        self.log.subscribeBytes(early)
        self.log.addStdout(b"\xc3")
        self.log.subscribeBytes(late, True)
        self.log.addStderr("ö")
        self.assertEqual([reader.seen for reader in (early, late)], [[(0, b"\xc3"), (1, b"\xc3\xb6")]] * 2)
        self.assertEqual(list(self.log.getByteChunks([1])), [(1, b"\xc3\xb6")])

    def test_observers(self) -> None:
        """A plug-in of 2006 can count lines and search for words in its text."""
        counted: list[int] = []
        lines: list[str] = []

        class Counter(LogObserver):
            def outReceived(self, data: str) -> None:
                counted.append(data.count("\n"))

        class Lines(LogLineObserver):
            def outLineReceived(self, line: str) -> None:
                lines.append(line)

        for observer in (Counter(), Lines()):
            observer.setLog(self.log)
        self.log.addStdout(b"a\nb\xc3")
        self.log.addStdout(b"\xb6\r\nrest\xff")
        self.log.finish()
        self.assertEqual((counted, lines), ([1, 1], ["a", "bö", "rest\ufffd"]))

    def test_snapshot(self) -> None:
        """Row 10: getChunks yields the chunks of the time of the call."""
        self.log.addStdout("one")
        chunks, pieces = self.log.getChunks(), self.log.getByteChunks()
        self.log.addStdout("two")
        self.assertEqual((list(chunks), list(pieces)), ([(0, "one")], [(0, b"one")]))
        self.assertEqual(self.log.getText(), "onetwo")

    def test_gone(self) -> None:
        """Row 10: a log whose file is gone has no contents, and does not harm its observers."""
        self.assertTrue(self.log.hasContents())
        self.log.addStdout("one")
        self.log.finish()
        self.assertTrue(self.log.hasContents())
        os.unlink(self.path)
        self.assertFalse(self.log.hasContents())
        reader = Reader()
        self.log.subscribe(reader, True)
        self.assertEqual(reader.seen, [])
