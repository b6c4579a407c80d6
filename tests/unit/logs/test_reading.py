"""Views of the logs of a master: made in threads, with indexes that stay in memory for a while."""

from __future__ import annotations

import os
import tempfile
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.logs import reading
from buildbot.logs.files import LogLimits
from buildbot.logs.live import LogDirectory, LogFile, Nowhere
from buildbot.logs.names import indexPath
from buildbot.logs.reading import LogViews, Place
from buildbot.model.records import LogRecord


class ReadingTests(unittest.TestCase):
    def setUp(self) -> None:
        self.threads: list[str] = []
        self.clock = Clock()
        directory = os.path.realpath(tempfile.mkdtemp(dir="."))
        self.logs = LogDirectory(directory, self.clock, LogLimits(None), inThread=self.inThread)
        self.build: Any = SimpleNamespace(record=SimpleNamespace(builder="b"), number=1, logs=self.logs)

    def inThread(self, function: Any, *arguments: Any) -> Deferred[Any]:
        self.threads.append(function.__name__)
        return execute(function, *arguments)

    def log(self, name: str = "stdio") -> LogFile:
        return LogFile(self.build, name, *self.logs.create(self.build, "s", name, ()))

    def lines(self, place: Place, first: int, count: int) -> list[str]:
        found = self.successResultOf(Deferred.fromCoroutine(self.logs.views.lines(place, first, count)))
        return [line.text for line in found.lines]

    def test_growing(self) -> None:
        """All output that a log has got is readable at once."""
        log = self.log()
        for number in range(3):
            log.addStdout(f"{number}\n")
            self.assertEqual(self.lines(log.place(), 1, 9), [str(each) for each in range(number + 1)])
        log.finish()
        self.assertEqual(self.lines(log.place(), 3, 9), ["2"])

    def test_record(self) -> None:
        """A log from the store is read like a present one."""
        log = self.log()
        log.addStdout("one\ntwo\n")
        log.finish()
        record = log.toRecord()
        self.assertEqual(self.logs.place(record), Place(log.getFilename(), True, record.crc))
        self.assertEqual(self.lines(self.logs.place(record), 2, 1), ["two"])
        self.assertEqual(self.lines(self.logs.finished(self.build, record).place(), 2, 1), ["two"])

    def test_gone(self) -> None:
        """A missing file is an error, and so is a log that never had a file."""
        for place in (
            self.logs.place(LogRecord("stdio", "b/1-log-gone", 5, 5)),
            LogFile(self.build, "late", "", Nowhere()).place(),
        ):
            reading = Deferred.fromCoroutine(self.logs.views.view(place))
            self.failureResultOf(reading, OSError)

    def test_otherCalls(self) -> None:
        """Lines are found by byte, and from the end."""
        log = self.log()
        log.addStdout("one\ntwo\nthree\n")
        views, place = self.logs.views, log.place()
        at = self.successResultOf(Deferred.fromCoroutine(views.linesAt(place, 5, 1)))
        last = self.successResultOf(Deferred.fromCoroutine(views.last(place, 2)))
        self.assertEqual([line.text for line in at.lines], ["two"])
        self.assertEqual([line.text for line in last.lines], ["two", "three"])

    def test_indexAtTheEnd(self) -> None:
        """A long log has its index, with all times, as soon as it is finished; a short one causes no work."""
        short = self.log("short")
        short.addStdout("x" * 1000)
        short.finish()
        self.assertEqual(self.threads, [])
        long = self.log("long")
        for number in range(8):
            self.clock.advance(10)
            long.addStdout(f"{number}" * 65535 + "\n")
        long.finish()
        self.assertEqual(self.threads, ["find"])
        self.assertTrue(os.path.exists(indexPath(long.getFilename())))
        view = LogViews().open(self.logs.place(long.toRecord()))
        self.assertEqual([line.when for line in view.lines(1, 8).lines], [10.0 * n for n in range(1, 9)])

    def test_replacedFile(self) -> None:
        """The index in memory is not used for another file of the same name."""
        log = self.log()
        log.addStdout("one\n" * 100)
        log.finish()
        place = log.place()
        self.lines(place, 1, 1)
        os.unlink(place.path)
        again = self.log()
        again.addStdout("two\n" * 5)
        again.finish()
        self.assertEqual(self.lines(again.place(), 1, 9), ["two"] * 5)

    def test_memory(self) -> None:
        """The indexes in memory are limited."""
        self.patch(reading, "MOST", 3)
        for number in range(9):
            log = self.log(f"log{number}")
            log.addStdout("one\n")
            self.lines(log.place(), 1, 1)
            log.finish()
        self.assertEqual(len(self.logs.views), 3)
