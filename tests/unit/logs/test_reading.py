"""Views of the logs of a master: made in threads, with indexes that stay in memory for a while."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, execute
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.logs import files, firstscreen, indexing, reading
from buildbot.logs.files import LogLimits
from buildbot.logs.live import LogDirectory, LogFile, Nowhere
from buildbot.logs.names import indexPath
from buildbot.logs.reading import LogViews, Place
from buildbot.logs.view import LogView
from buildbot.model.records import LogRecord


class LoggedCase(unittest.TestCase):
    def setUp(self) -> None:
        self.threads: list[str] = []
        self.clock = Clock()
        directory = os.path.realpath(tempfile.mkdtemp(dir="."))
        self.logs = LogDirectory(directory, self.clock, LogLimits(None), inThread=self.inThread)
        self.logs.readers.add(self)
        self.logs.lookers.add(self)
        self.build: Any = SimpleNamespace(record=SimpleNamespace(builder="b"), number=1, logs=self.logs)

    def inThread(self, function: Any, *arguments: Any) -> Deferred[Any]:
        self.threads.append(function.__name__)
        return execute(function, *arguments)

    def log(self, name: str = "stdio") -> LogFile:
        return LogFile(self.build, name, *self.logs.create(self.build, "s", name, ()))

    def lines(self, place: Place, first: int, count: int) -> list[str]:
        found = self.successResultOf(Deferred.fromCoroutine(self.logs.views.lines(place, first, count)))
        return [line.text for line in found.lines]


class ReadingTests(LoggedCase):
    """Views of logs, growing and finished."""

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
        self.assertEqual(self.threads, ["_keep"])
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


class ColdTests(LoggedCase):
    """The index of a long log is there when somebody asks; if not, nobody waits for it."""

    def setUp(self) -> None:
        LoggedCase.setUp(self)
        self.patch(reading, "NEAR", 1 << 18)
        self.patch(files, "GROWTH", 1 << 18)

    def long(self) -> LogFile:
        log = self.log()
        for number in range(20_000):
            log.addStdout(f"This is line {number + 1} of a long log.\n")
        log.flush()
        return log

    def soon(self, place: Place, isEnd: bool) -> LogView:
        return self.successResultOf(
            Deferred.fromCoroutine(self.logs.views.soon(place, lambda view: view, isEnd))
        )

    def forget(self, log: LogFile) -> None:
        """Lose the index in memory and on the disk."""
        self.logs.views = LogViews(self.inThread)
        if os.path.exists(indexPath(log.getFilename())):
            os.unlink(indexPath(log.getFilename()))

    def test_whileItGrows(self) -> None:
        """The index grows with its log, in memory and on the disk: a reader of any moment finds it."""
        log = self.long()
        view = self.soon(log.place(), True)
        self.assertFalse(view.isPart)
        self.assertEqual(view.total, 20_000)
        kept = indexing.load(log.getFilename(), None)
        assert kept is not None
        self.assertGreater(kept.end.offset, files.GROWTH)
        log.finish()

    def test_killed(self) -> None:
        """After the master was killed, the rest of the index is added to what was kept of it."""
        log = self.long()
        kept = indexing.load(log.getFilename(), None)
        assert kept is not None
        self.logs.views = LogViews(self.inThread)
        place = self.logs.place(LogRecord("stdio", log.filename, os.path.getsize(log.getFilename())))
        view = self.successResultOf(Deferred.fromCoroutine(self.logs.views.view(place)))
        self.assertEqual((view.total, view.isPart), (20_000, False))
        whole = indexing.load(log.getFilename(), None)
        assert whole is not None
        self.assertEqual(whole.end.offset, os.path.getsize(log.getFilename()))
        log.finish()

    def test_missing(self) -> None:
        """Without an index, the end or the beginning is shown at once; with it, all of the log."""
        log = self.long()
        log.finish()
        self.forget(log)
        end, beginning = self.soon(log.place(), True), self.soon(log.place(), False)
        self.assertEqual((end.isPart, beginning.isPart), (True, True))
        self.assertEqual(end.last(1).unnumbered[0].text, "This is line 20000 of a long log.")
        self.assertEqual(beginning.lines(1, 1).lines[0].text, "This is line 1 of a long log.")
        self.logs.views.prepare(log.place())
        self.assertFalse(self.soon(log.place(), True).isPart)
        self.assertTrue(os.path.exists(indexPath(log.getFilename())))

    def test_othersGoOn(self) -> None:
        """While the index of a long log is made, readers of other logs do not wait."""
        long, short = self.long(), self.log()
        short.addStdout("one\n")
        for log in (long, short):
            log.finish()
        self.forget(long)
        late: list[tuple[Deferred[Any], Any]] = []

        def inThread(function: Any, *arguments: Any) -> Deferred[Any]:
            waiting: Deferred[Any] = Deferred()
            late.append((waiting, lambda: execute(function, *arguments).chainDeferred(waiting)))
            return waiting

        views = LogViews(inThread)
        asked = [Deferred.fromCoroutine(views.lines(long.place(), 20_000, 1)) for _ in range(2)]
        other = Deferred.fromCoroutine(views.lines(short.place(), 1, 1))
        late.pop(0)[1]()  # two find that the index is missing
        late.pop(0)[1]()
        self.assertEqual(len(late), 2)  # one reads the other log, and one makes the index
        late.pop(0)[1]()
        self.assertEqual(self.successResultOf(other).lines[0].text, "one")
        for each in asked:
            self.assertNoResult(each)
        while late:
            late.pop(0)[1]()
        for each in asked:
            self.assertEqual(self.successResultOf(each).lines[0].number, 20_000)

    def test_givenUp(self) -> None:
        """Browsers that give up a page of a long log, and load it again, take no more threads than one."""
        log = self.long()
        log.finish()
        self.forget(log)
        late: list[Callable[[], object]] = []

        def inThread(function: Any, *arguments: Any) -> Deferred[Any]:
            waiting: Deferred[Any] = Deferred()
            late.append(lambda: execute(function, *arguments).chainDeferred(waiting))
            return waiting

        views = LogViews(inThread)

        def asked(isFar: bool) -> Deferred[Any]:
            place, read = log.place(), lambda view: view.total
            if isFar:
                return Deferred.fromCoroutine(views.soon(place, read, False, lambda end: end.lines >= 20_000))
            return Deferred.fromCoroutine(views.call(place, read))

        for isFar, most in ((False, 1), (True, reading.FAR_AT_ONCE)):
            for _ in range(5):
                each = asked(isFar)
                late.pop()()  # it finds that the index is missing, and begins to read
                each.cancel()
                self.failureResultOf(each, CancelledError)
                self.assertLessEqual(len(late), most)
            last = asked(isFar)
            while late:
                late.pop()()
            self.assertEqual(self.successResultOf(last), 20_000)
            self.forget(log)
            views = LogViews(inThread)

    def test_farLine(self) -> None:
        """Without an index, a log is read up to the wanted line, and no farther."""
        log = self.long()
        log.finish()
        self.forget(log)
        self.patch(firstscreen, "_BEGINNING", 1 << 14)
        reading = self.logs.views.soon(log.place(), lambda view: view, False, lambda end: end.lines >= 10_000)
        view = self.successResultOf(Deferred.fromCoroutine(reading))
        self.assertTrue(view.isPart)
        self.assertTrue(10_000 <= view.total < 11_000, view.total)
        self.assertEqual(view.lines(10_000, 1).lines[0].text, "This is line 10000 of a long log.")

    def test_tooLong(self) -> None:
        """The end of a log that is too long and still grows comes from memory."""
        self.logs.limits = LogLimits(1 << 19, 1 << 10)
        log = self.long()
        self.forget(log)
        view = self.soon(log.place(), True)
        self.assertTrue(view.isPart)
        self.assertEqual(view.last(1).unnumbered[0].text, "This is line 20000 of a long log.")
        log.finish()

    def test_noChunks(self) -> None:
        """A file that is no log is read in the usual way."""
        log = self.long()
        log.finish()
        with open(log.getFilename(), "wb") as file:
            file.write(b"x" * (1 << 17))
        self.forget(log)
        self.assertFalse(self.soon(log.place(), True).isPart)

    def test_nobody(self) -> None:
        """Without web pages, the index is made when somebody asks for lines."""
        self.logs.readers.clear()
        self.long().finish()
        self.assertEqual(len(self.logs.views), 0)
        self.assertEqual(self.threads, [])

    def test_nobodyLooks(self) -> None:
        """While nobody looks, no index is made. The lines still have their times, also after a restart."""
        self.logs.lookers.clear()
        log = self.log()
        for _ in range(8):
            self.clock.advance(10)
            log.addStdout("line\n" * 20000)
        log.finish()
        self.assertEqual((len(self.logs.views), self.threads), (0, []))
        self.assertIsNone(indexing.load(log.getFilename(), log.place().crc))
        for _ in range(2):
            self.logs.views = LogViews(self.inThread)
            self.assertEqual(self.times(log, 20000 * 7 + 1), [80.0])
        self.assertIsNotNone(indexing.load(log.getFilename(), log.place().crc))

    def test_lookedAwayFrom(self) -> None:
        """A log whose first part people have looked at has the times of the rest too."""
        log = self.log()
        log.addStdout("line\n" * 60000)
        self.lines(log.place(), 1, 1)
        self.logs.lookers.clear()
        self.clock.advance(10)
        log.addStdout("line\n" * 60000)
        log.finish()
        self.assertEqual(self.times(log, 119999), [10.0])

    def times(self, log: LogFile, line: int) -> list[float | None]:
        """The time of a line of a finished log, read with the record of the store."""
        place = Place(log.getFilename(), True, log.place().crc)
        found = self.successResultOf(Deferred.fromCoroutine(self.logs.views.lines(place, line, 1)))
        return [each.when for each in found.lines]

    def test_damaged(self) -> None:
        """A long log with a damaged byte is shown up to the damage, with a note, when its index is made."""
        log = self.long()
        log.finish()
        with open(log.getFilename(), "r+b") as file:
            file.write(b"x")
        self.forget(log)
        for _ in range(2):
            self.logs.views.prepare(log.place())
            view = self.soon(log.place(), True)
            self.assertFalse(view.isPart)
            self.assertIn("damaged", view.last(1).lines[0].text)
            self.logs.views = LogViews(self.inThread)  # a restart

    def test_lost(self) -> None:
        """A log that was deleted before its index was made is only noted."""
        log = self.long()
        log.finish()
        self.forget(log)
        os.unlink(log.getFilename())
        self.logs.views.prepare(log.place())
        self.assertEqual(len(self.logs.views), 0)
