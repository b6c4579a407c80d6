"""Read logs from the bucket, and only what is wanted of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import get_ident
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred

from buildbot.logs import mounts
from buildbot.logs.files import LogReader
from buildbot.logs.live import LogDirectory
from buildbot.logs.reading import LogViews, Place
from buildbot.logstorage import far, sending
from buildbot.logstorage.briefly import Briefly
from buildbot.logstorage.bucket import StorageAway
from buildbot.logstorage.far import FarLogs
from buildbot.logstorage.packing import MEMBER
from buildbot.mails.logtext import bringAll, endOf, lastLines, textOf
from buildbot.model.records import LogRecord
from buildbot.web.logreading import gone
from tests.unit.logs.test_producer import Consumer
from tests.unit.logstorage.buckets import inAThread
from tests.unit.logstorage.places import START, PlaceCase


def atOnce(call: object, *arguments: object) -> Deferred[object]:
    """Call a function in place of a thread."""
    done: Deferred[object] = Deferred()
    done.callback(call(*arguments))  # type: ignore[operator]
    return done


def inThread(call: Any, *arguments: object) -> Deferred[object]:
    """Call a function in another thread, and wait for it."""
    done: Deferred[object] = Deferred()
    done.callback(inAThread(lambda: call(*arguments)))
    return done


class FarTests(PlaceCase):
    def away(self, text: bytes, number: int = 1) -> str:
        """A log that is only in the bucket. Returns its path."""
        path = self.write(number, text)
        self.send(number)
        self.copies.evict()
        self.assertFalse(os.path.exists(path))
        return path

    def long(self, lines: int = 100_000) -> str:
        """A log that is too long to be copied."""
        self.patch(far, "SHORT", 1000)
        self.patch(sending, "SHORT", 1000)
        return self.away(b"".join(b"line %d of output\n" % n for n in range(1, lines + 1)))

    def test_short(self) -> None:
        """A short log is copied to this disk when it is read, if there is room."""
        path = self.away(b"hello\n")
        self.copies.most = 1000
        for _ in range(2):
            self.assertEqual(LogReader(path).text(), "hello\n")
        self.assertTrue(os.path.exists(path))
        self.assertEqual(self.bucket.count("put"), 1)

    def test_noRoom(self) -> None:
        """Without room, it is read from the bucket each time, and no file stays."""
        path = self.away(b"hello\n")
        for _ in range(2):
            self.assertEqual(LogReader(path).text(), "hello\n")
        self.assertFalse(os.path.exists(path))

    def test_partsOfALongLog(self) -> None:
        """The lines of a page of a long log cost a few members, wherever they are."""
        path = self.long()
        whole = len(next(iter(self.bucket.objects.values())))
        views = LogViews(atOnce)
        place = Place(path)
        for first in (1, 50_000, 99_999):
            self.bucket.fetched = 0
            lines = self.successResultOf(Deferred.fromCoroutine(views.lines(place, first, 2)))
            self.assertEqual(
                [(line.number, line.text) for line in lines.lines],
                [(n, f"line {n} of output") for n in (first, first + 1)],
            )
            self.assertLess(self.bucket.fetched, whole / 2)

    def test_wholeLongLog(self) -> None:
        """A long log read to its end is the same as before, with few requests and bounded memory."""
        path = self.long()
        self.assertEqual(LogReader(path).text().count("\n"), 100_000)
        size = mounts.sizeOf(path)
        self.bucket.calls.clear()
        with mounts.openLog(path) as file:
            self.assertEqual(mounts.lengthOf(file), size)
            self.assertEqual(len(file.read()), size)
            file.seek(MEMBER - 3)
            self.assertEqual(len(file.read(6)), 6)
        self.assertLessEqual(self.bucket.count("get"), 4)

    def test_reactor(self) -> None:
        """The reactor waits for the bucket only for moments: a read in its thread is refused in words."""
        path = self.away(b"hello\n")
        reactor = get_ident()
        waiting: list[Callable[[], None]] = []
        briefly = Briefly(waiting.append)
        briefly._left, briefly._when = 0.0, 1e12  # no time is left
        guarded = FarLogs(self.bucket, START, self.copies, lambda: get_ident() == reactor, briefly)
        mounts.mount(self.top, guarded)
        calls = len(self.bucket.calls)
        why = self.assertRaises(OSError, LogReader(path).text)
        self.assertIn("the reactor waits no longer", str(why))
        self.assertEqual(len(self.bucket.calls), calls)
        inAThread(waiting.pop())
        self.assertEqual(LogReader(path).text(), "hello\n")  # it is in memory now
        self.assertEqual(inAThread(LogReader(path).text), "hello\n")

    def test_plugins(self) -> None:
        """A plug-in of 0.8 reads a log at once, as if it were on this disk; a long one after bring()."""
        reactor = get_ident()
        path = self.away(b"hello\n")
        mounts.mount(self.top, FarLogs(self.bucket, START, None, lambda: get_ident() == reactor))
        log = self.log(path)
        self.assertEqual((log.getText(), log.readlines()), ("hello\n", ["hello\n"]))
        self.assertEqual([text for _, text in log.getChunks()], ["hello\n"])
        self.assertFalse(os.path.exists(path))
        long = self.long(1000)
        mounts.mount(self.top, FarLogs(self.bucket, START, self.copies, lambda: get_ident() == reactor))
        log = self.log(long)
        self.assertIn("wait for log.bring() first", str(self.assertRaises(OSError, log.getText)))
        log.step.build.logs.views._inThread = inThread
        self.successResultOf(log.bring())
        self.assertEqual(log.getText().count("\n"), 1000)

    def log(self, path: str) -> Any:
        """A log of a finished step."""
        directory = LogDirectory(self.top, self.clock, inThread=atOnce)
        step = SimpleNamespace(build=SimpleNamespace(logs=directory))
        return directory.finished(step, LogRecord("stdio", os.path.relpath(path, self.top), 9, 5))

    def test_mails(self) -> None:
        """Mails read a short log in the bucket in a thread, and bring all logs for functions of users."""
        path = self.away(b"hello\n")
        log = self.log(path)
        build: Any = SimpleNamespace(logs=log.step.build.logs, getLogs=lambda: [log])
        for found in (textOf(build, log), endOf(build, log, 9)):
            self.assertEqual(self.successResultOf(Deferred.fromCoroutine(found)), "hello\n")
        lines = self.successResultOf(Deferred.fromCoroutine(lastLines(build, log, 3)))
        self.assertIn("hello", lines)
        self.bucket.why = "no route"
        self.open()
        self.successResultOf(Deferred.fromCoroutine(bringAll(build)))
        self.bucket.why = ""
        self.successResultOf(Deferred.fromCoroutine(bringAll(build)))
        self.assertTrue(os.path.exists(path))

    def test_gone(self) -> None:
        """A log that is nowhere is missing; a storage that is away is not taken for that."""
        path = self.away(b"hello\n")
        self.bucket.why = "no route"
        self.open()
        self.assertRaises(StorageAway, LogReader(path).text)
        self.bucket.why = ""
        self.bucket.objects.clear()
        why = self.assertRaises(mounts.InNoPlace, LogReader(path).text)
        shown: Any = SimpleNamespace(record=LogRecord("stdio", path, 9, 5))
        problem = gone(shown, why)
        self.assertEqual((problem.status, problem.hint), (404, why.cure))
        self.assertIn("neither on this disk nor in the object storage", problem.detail)
        self.assertRaises(FileNotFoundError, mounts.openLog, os.path.join(self.top, "full", "nonsense"))

    def test_damaged(self) -> None:
        """A damaged object is an error in words, not an empty log."""
        path = self.away(b"hello\n" * 100)
        key, data = next(iter(self.bucket.objects.items()))
        for damaged in (data[:-1], data[:30], b"", b"x" * len(data), bytes(9) + data[9:]):
            self.bucket.objects[key] = damaged
            self.open()
            self.assertIn("is damaged", str(self.assertRaises(OSError, LogReader(path).text)))

    def test_secondMaster(self) -> None:
        """A master that takes over reads logs that it never had."""
        path = self.away(b"hello\n")
        other = os.path.abspath(self.mktemp())
        mounts.mount(other, FarLogs(self.bucket, START, isInReactor=lambda: False))
        self.addCleanup(mounts.unmount, other)
        there = os.path.join(other, os.path.relpath(path, self.top))
        self.assertEqual(LogReader(there).text(), "hello\n")

    def test_statusReceivers(self) -> None:
        """A status receiver sees that a log has contents, and gets them at its own pace."""
        path = self.away(b"hello\n")
        directory = LogDirectory(self.top, self.clock, inThread=atOnce)
        step = SimpleNamespace(build=SimpleNamespace(logs=directory))
        log = directory.finished(step, LogRecord("stdio", os.path.relpath(path, self.top), 9, 5))
        self.assertTrue(log.hasContents())
        forgotten = directory.finished(step, LogRecord("stdio", "full/9-log-say-stdio", 0, None, "removed"))
        self.assertFalse(forgotten.hasContents())
        consumer = Consumer()
        log.subscribeConsumer(consumer)
        self.clock.pump([0.1] * 20)
        self.assertIn((0, "hello\n"), consumer.told)

    def test_bring(self) -> None:
        """A program that reads files gets the whole log on this disk; it is not stored again."""
        path = self.long()
        size = mounts.sizeOf(path)
        mounts.bring(path)
        self.assertEqual(os.path.getsize(path), size)
        self.open()
        self.assertEqual(len(self.copies), 1)

    def test_slowStorage(self) -> None:
        """Readers who wait for the bucket hold up nobody who reads from this disk."""
        away = self.away(b"hello\n")
        here = self.write(2, b"here\n")
        waiting: list[Deferred[object]] = []

        def inThread(call: object, *arguments: object) -> Deferred[object]:
            waiting.append(Deferred())
            return waiting[-1] if len(waiting) <= 10 else atOnce(call, *arguments)

        views = LogViews(inThread)
        slow = [Deferred.fromCoroutine(views.lines(Place(away), 1, 1)) for _ in range(20)]
        began = len(waiting)
        self.assertLess(began, 10)
        waiting += [Deferred()] * (10 - began)
        lines = self.successResultOf(Deferred.fromCoroutine(views.lines(Place(here), 1, 1)))
        self.assertEqual([line.text for line in lines.lines], ["here"])
        self.assertEqual([each for each in slow if each.called], [])
