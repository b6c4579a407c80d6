"""Watchers of growing logs: every line once, at their own pace, and in frames that all share."""

from __future__ import annotations

import gc
import os
import random
import tempfile
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.logs import feed
from buildbot.logs.feed import PAUSE, SHORT_PAUSE, Before, Watching
from buildbot.logs.files import LogLimits
from buildbot.logs.lines import Line
from buildbot.logs.live import LogDirectory, LogFile
from buildbot.logs.reading import LogViews
from buildbot.logs.view import Frame, LogView
from tests.examples import examples
from tests.garbage import setOthersAside


class Reader:
    """I watch a log, and keep its lines by their numbers."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.before: list[object] = []
        self.end: int | None = None
        self.ready = True
        self.broken = False
        self.shown: dict[object, Line] = {}
        self.known = 0

    def isReady(self) -> bool:
        return self.ready

    def begin(self, before: object) -> None:
        self.before.append(before)

    def frame(self, frame: Frame) -> None:
        if self.broken:
            raise ZeroDivisionError("this watcher is broken")
        self.frames.append(frame)
        self.known = frame.end
        for line in frame.lines:
            earlier = self.shown.get(line.number or -line.offset)
            assert earlier is None or not earlier.isWhole, f"{line} is told twice"
            self.shown[line.number or -line.offset] = line

    def ended(self, output: int) -> None:
        self.end = output

    def text(self) -> str:
        return "".join(line.text + "\n" * line.isWhole for line in self.shown.values())


class FeedTests(unittest.TestCase):
    limits = LogLimits(None)

    def setUp(self) -> None:
        self.clock = Clock()
        self.reads = 0
        self.late: list[tuple[Deferred[Any], Any]] | None = None
        directory = os.path.realpath(tempfile.mkdtemp(dir="."))
        self.logs = LogDirectory(directory, self.clock, self.limits, inThread=self.inThread)
        build: Any = SimpleNamespace(record=SimpleNamespace(builder="b"), number=1, logs=self.logs)
        self.log = LogFile(SimpleNamespace(build=build), "stdio", *self.logs.create(build, "s", "stdio", ()))

    def inThread(self, function: Any, *arguments: Any) -> Deferred[Any]:
        self.reads += 1
        if self.late is None:
            return execute(function, *arguments)
        waiting: Deferred[Any] = Deferred()
        self.late.append((waiting, lambda: function(*arguments)))
        return waiting

    def finishReads(self) -> None:
        """Let the threads end."""
        while self.late:
            waiting, function = self.late.pop(0)
            waiting.callback(function())

    def watch(
        self, output: int = 0, reader: Reader | None = None, before: Before | None = None
    ) -> tuple[Reader, Watching]:
        reader = reader or Reader()
        return reader, self.logs.feeds.watch(self.log, reader, output, before)

    def test_grows(self) -> None:
        """A watcher gets old lines, new lines, and the end."""
        self.log.addStdout("one\n")
        reader, _ = self.watch()
        self.assertEqual([line.text for line in reader.frames[0].lines], ["one"])
        self.clock.advance(1)
        self.log.addStdout("two\nthr")
        self.clock.advance(0)
        self.assertEqual(
            [(line.number, line.text) for line in reader.frames[1].lines], [(2, "two"), (3, "thr")]
        )
        self.assertEqual((reader.frames[1].start, reader.frames[1].end), (4, 11))
        self.log.addStdout("ee\n")
        self.clock.advance(1)
        self.assertEqual([line.text for line in reader.frames[2].lines], ["three"])
        self.assertIsNone(reader.end)
        self.log.finish()
        self.clock.advance(1)
        self.assertEqual((reader.end, reader.text()), (14, "one\ntwo\nthree\n"))
        self.assertEqual((len(self.logs.feeds), self.clock.getDelayedCalls()), (0, []))

    def test_nobodyWatches(self) -> None:
        """A log that nobody watches, or nobody watches any more, is never read."""
        self.log.addStdout("one\n")
        reader, watching = self.watch()
        self.assertTrue(self.log.isWatched())
        watching.stop()
        watching.stop()
        self.assertFalse(self.log.isWatched())
        reads = self.reads
        self.log.addStdout("two\n")
        self.clock.advance(5)
        self.log.finish()
        self.clock.advance(5)
        self.assertEqual((self.reads, len(self.logs.feeds), reader.text()), (reads, 0, "one\n"))

    def test_comeAndGo(self) -> None:
        """Watchers that come and go leave nothing in memory while the log still grows."""

        def feeds() -> int:
            gc.collect()
            return sum(type(each) is feed.LogFeed for each in gc.get_objects())

        setOthersAside(self)
        before = feeds()
        for _ in range(3):
            _, watching = self.watch()
            watching.stop()
        del watching
        self.assertEqual(feeds(), before)
        self.log.finish()

    def test_shared(self) -> None:
        """All watchers that are up to date get the same frame, which is read once."""
        readers = [self.watch()[0] for _ in range(5)]
        reads = self.reads
        self.log.addStdout("one\n")
        self.clock.advance(0)
        self.assertEqual(self.reads, reads + 1)
        self.assertEqual(len({id(reader.frames[0]) for reader in readers}), 1)

    def test_crowd(self) -> None:
        """Many watchers that come at once to the same place need two readings, and each has its own place."""
        self.log.addStdout("one\ntwo\n")
        self.late = []
        crowd = [self.watch()[0] for _ in range(500)]
        others = [self.watch(4)[0] for _ in range(3)]
        reads = self.reads
        while self.late:
            self.finishReads()
        self.assertLessEqual(self.reads - reads, 3)
        self.assertEqual({reader.text() for reader in crowd}, {"one\ntwo\n"})
        self.assertEqual({reader.text() for reader in others}, {"two\n"})
        self.log.addStdout("three\n")
        self.clock.advance(1)
        self.finishReads()
        self.assertEqual({reader.text() for reader in crowd}, {"one\ntwo\nthree\n"})

    def test_leavesCrowd(self) -> None:
        """A watcher that leaves before its first reading is over is told nothing, and the others are."""
        self.log.addStdout("one\n")
        self.late = []
        (gone, watching), (other, _) = self.watch(), self.watch()
        watching.stop()
        while self.late:
            self.finishReads()
        self.assertEqual((gone.frames, other.text()), ([], "one\n"))

    def test_before(self) -> None:
        """What a watcher needs before its first line is read with it, and told once."""
        self.log.addStdout("one\ntwo\n")

        def before(view: LogView, output: int) -> str:
            return f"{view.output} {output}"

        readers = [self.watch(output, None, before)[0] for output in (0, 4, 4, 8)]
        self.log.addStdout("three\n")
        self.clock.advance(1)
        self.assertEqual([reader.before for reader in readers], [["8 0"], ["8 4"], ["8 4"], ["8 8"]])
        self.assertEqual(readers[3].text(), "three\n")

    def test_badBefore(self) -> None:
        """If that cannot be read, the watcher is told the end."""

        def before(view: LogView, output: int) -> str:
            raise ZeroDivisionError("this log has odd colours")

        self.log.addStdout("one\n")
        reader, _ = self.watch(0, None, before)
        self.assertEqual((reader.end, reader.frames, len(self.logs.feeds)), (0, [], 0))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_rate(self) -> None:
        """A log with many watchers makes at most ten frames a second."""
        self.patch(feed, "FEW", 2)
        readers = [self.watch()[0] for _ in range(3)]
        for _ in range(100):
            self.log.addStdout("x\n")
            self.clock.advance(0.01)
        self.clock.advance(PAUSE)
        self.assertLessEqual(len(readers[0].frames), 12)
        self.assertEqual(readers[2].text(), "x\n" * 100)
        self.assertLess(SHORT_PAUSE, PAUSE)

    def test_finished(self) -> None:
        """Who watches a finished log gets all of it from its byte on, and the end."""
        self.log.addStdout("one\ntwo\nthree")
        self.log.finish()
        for output, text in (
            (0, "one\ntwo\nthree"),
            (4, "two\nthree"),
            (5, "two\nthree"),
            (13, ""),
            (99, ""),
        ):
            reader, _ = self.watch(output)
            self.clock.advance(0)
            self.clock.advance(0)
            self.assertEqual(reader.text(), text)
            self.assertEqual(reader.end, max(13, output))

    def test_slow(self) -> None:
        """A slow watcher gets later what it has missed, and others do not wait for it."""
        slow, watching = self.watch()
        fast, _ = self.watch()
        slow.ready = False
        for number in range(5):
            self.log.addStdout(f"{number}\n")
            self.clock.advance(1)
        self.assertEqual((len(slow.frames), len(fast.frames)), (0, 5))
        slow.ready = True
        watching.resume()
        self.assertEqual(slow.text(), fast.text())
        self.assertEqual(len(slow.frames), 1)
        self.log.addStdout("end\n")
        self.clock.advance(1)
        self.assertIs(slow.frames[-1], fast.frames[-1])

    def test_tooSlow(self) -> None:
        """A watcher that has missed too much is told what was skipped, and goes on near the end."""
        self.patch(feed, "MOST", 1000)
        slow, watching = self.watch()
        slow.ready = False
        for number in range(1000):
            self.log.addStdout(f"{number:03d}\n")
        self.clock.advance(1)
        slow.ready = True
        watching.resume()
        self.clock.advance(1)
        first = slow.frames[0]
        assert first.skipped is not None
        self.assertEqual(first.skipped, (0, first.lines[0].offset))
        self.assertEqual((slow.known, first.lines[0].text), (4000, f"{first.lines[0].offset // 4:03d}"))

    def test_longBeginning(self) -> None:
        """Who asks for all lines gets all, in frames of limited size, only when the connection takes them."""
        self.patch(feed, "MOST", 100)
        for number in range(1000):
            self.log.addStdout(f"{number:03d}\n")
        reader, watching = self.watch()
        for _ in range(3):
            self.clock.advance(0)
        reader.ready = False
        self.clock.advance(0)
        count = len(reader.frames)
        self.clock.advance(9)
        self.assertEqual(len(reader.frames), count)
        self.assertLess(max(sum(len(line.text) for line in frame.lines) for frame in reader.frames), 120)
        reader.ready = True
        watching.resume()
        while reader.known < 4000:
            self.clock.advance(0)
        self.assertEqual(reader.text(), "".join(f"{number:03d}\n" for number in range(1000)))

    def test_broken(self) -> None:
        """A watcher that raises is left out, and the others go on."""
        broken, _ = self.watch()
        good, _ = self.watch()
        broken.broken = True
        self.log.addStdout("one\n")
        self.clock.advance(1)
        self.log.addStdout("two\n")
        self.clock.advance(1)
        self.assertEqual(good.text(), "one\ntwo\n")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_gone(self) -> None:
        """The watchers of a log whose file is deleted are told the end."""
        reader, _ = self.watch()
        self.log.addStdout("one\n")
        self.clock.advance(1)
        os.unlink(self.log.getFilename())
        self.log.addStdout("two\n")
        self.clock.advance(1)
        self.assertEqual(reader.end, 4)

    def test_breaks(self) -> None:
        """Row 34: a watcher that comes again many times from its last byte gets each line once."""
        chance = random.Random(34)
        self.late = []
        reader, watching = self.watch()
        written = ""
        for number in range(examples(2000)):
            piece = f"{number}" + "\n" * (chance.random() < 0.6)
            written += piece
            self.log.addStdout(piece)
            self.clock.advance(chance.choice((0, 0.01, 0.2)))
            if chance.random() < 0.5:
                self.finishReads()
            reader.ready = chance.random() < 0.8
            watching.resume()
            if number % 20 == 0:
                watching.stop()
                _, watching = self.watch(reader.known, reader)
        self.log.finish()
        reader.ready = True
        for _ in range(9):
            watching.resume()
            self.finishReads()
            self.clock.advance(1)
        self.assertEqual(reader.text(), written)
        self.assertEqual(reader.end, len(written))


class TooLongTests(FeedTests):
    """The same for logs of which only the head and the tail are kept."""

    limits = LogLimits(50_000, 50_000)

    def test_gap(self) -> None:
        """Lines after the head come without numbers, and the finished log has the same numbers before."""
        self.logs.limits = LogLimits(400, 10_000)
        build = self.log.step.build
        self.log = LogFile(self.log.step, "long", *self.logs.create(build, "s", "long", ()))
        reader, _ = self.watch()
        for number in range(300):
            self.log.addStdout(f"{number:03d}\n")
            self.clock.advance(0.3)
        numbered = [line for line in reader.shown.values() if line.number]
        others = [line for line in reader.shown.values() if not line.number]
        self.assertEqual(
            [line.text for line in others], [f"{number:03d}" for number in range(300 - len(others), 300)]
        )
        self.assertEqual([line.offset for line in others], [4 * n for n in range(300 - len(others), 300)])
        self.log.finish()
        self.clock.advance(1)
        self.assertEqual(reader.end, 1200)
        view = LogViews().open(self.log.place())
        for line in view.lines(1, len(numbered) - 2).lines:
            self.assertEqual(reader.shown[line.number].text, line.text)
