# -*- test-case-name: tests.unit.readers.test_farlogs -*-
"""The logs of a master on another machine are read and followed."""

from __future__ import annotations

import os
from base64 import b64encode
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.control.client import ControlError, Unreachable
from buildbot.logs import mounts
from buildbot.logs.format import encode
from buildbot.logs.reading import Place
from buildbot.model.records import LogRecord
from buildbot.readers import farmaster, linkedlogs
from buildbot.readers.farmaster import FarMaster
from buildbot.readers.followedlogs import PAUSE, RETRY, FollowedLogs
from buildbot.readers.linkedlogs import FRESH, LinkedLogs, Piece
from tests.unit.readers.test_followedlogs import Listener

NAME = "full/1-compile-stdio"


class Disk:
    """The disk of the master, with one log."""

    def __init__(self) -> None:
        self.data = b""
        self.isGrowing = True
        self.error: OSError | None = None
        self.asked: list[tuple[int, int]] = []

    def fetch(self, name: str, offset: int, most: int) -> Piece:
        """See L{buildbot.readers.linkedlogs.Fetch}."""
        if self.error is not None:
            raise self.error
        if name != NAME:
            raise FileNotFoundError(name)
        self.asked.append((offset, most))
        return Piece(
            self.data[offset : offset + most], len(self.data), len(self.data) if self.isGrowing else None
        )


class LinkedLogsTests(unittest.SynchronousTestCase):
    """Threads read."""

    def setUp(self) -> None:
        self.patch(linkedlogs, "BLOCK", 10)
        self.home = self.mktemp()
        self.path = os.path.join(self.home, NAME)
        self.now = 0.0
        self.inReactor = False
        self.disk = Disk()
        self.logs = LinkedLogs(self.home, self.disk.fetch, None, lambda: self.inReactor, lambda: self.now)

    def read(self, offset: int = 0, size: int = -1) -> bytes:
        """Some bytes of the log."""
        with self.logs.open(self.path) as file:
            file.seek(offset)
            return file.read(size)

    def test_finished(self) -> None:
        """Only the wanted parts of a finished log are fetched, each once."""
        self.disk.data, self.disk.isGrowing = bytes(range(95)), False
        self.assertEqual(self.logs.sizeOf(self.path), 95)
        self.assertEqual(self.read(43, 5), bytes(range(43, 48)))
        asked = list(self.disk.asked)
        self.assertEqual([offset for offset, _ in asked], [0, 40])
        self.assertEqual(self.read(41, 8), bytes(range(41, 49)))
        self.assertEqual(self.read(0, 9), bytes(range(9)))
        self.assertEqual(self.disk.asked, asked)
        self.assertEqual(self.read(), bytes(range(95)))
        self.assertEqual(self.read(95), b"")

    def test_grows(self) -> None:
        """Of a log that has grown, only the new part is fetched."""
        self.disk.data = b"0123456789abc"
        self.assertEqual(self.read(), self.disk.data)
        self.disk.asked.clear()
        self.disk.data += b"defghijklm"
        self.now += FRESH
        self.assertEqual(self.read(), self.disk.data)
        self.assertEqual(min(offset for offset, _ in self.disk.asked), 13)

    def test_told(self) -> None:
        """What a follower has fetched need not be fetched again."""
        self.logs.told(NAME, 0, Piece(b"0123456789abc", 13, 5))
        self.logs.told(NAME, 13, Piece(b"d", 14, 5))
        self.logs.told(NAME, 5, Piece(b"56", 14, 5))
        self.logs.told(NAME, 25, Piece(b"z", 26, 5))
        self.logs.told(NAME, 14, Piece(b"", 14, 5))
        self.assertEqual(self.read(), b"0123456789abcd")
        self.assertEqual(self.disk.asked, [])

    def test_ended(self) -> None:
        """At the end of a log its last bytes are read, even just after it was looked at."""
        self.disk.data = b"0123"
        self.assertEqual(self.read(), b"0123")
        self.disk.data, self.disk.isGrowing = b"01234567", False
        self.logs.ended(NAME, 8)
        self.assertEqual(self.read(), b"01234567")
        self.disk.data = b"0123456789"
        self.logs.ended(NAME, None)
        self.assertEqual(self.read(), b"0123456789")

    def test_stored(self) -> None:
        """A finished log is read from object storage if it is there, a growing one from the master."""
        other = Disk()
        other.data, other.isGrowing = b"stored", False
        stored = LinkedLogs(self.home, other.fetch, None, lambda: False)
        self.logs.stored = stored
        self.disk.data = b"far"
        self.logs.grows(NAME)
        self.assertEqual(self.read(), b"far")
        self.logs.ended(NAME, 3)
        self.assertEqual((self.read(), self.logs.sizeOf(self.path)), (b"stored", 6))
        other.error = FileNotFoundError(2, "not there yet")
        stored.forget()
        self.assertEqual((self.read(), self.logs.sizeOf(self.path)), (b"far", 3))

    def test_forget(self) -> None:
        """After a takeover nothing of the old master counts."""
        self.disk.data, self.disk.isGrowing = b"0123", False
        self.read()
        self.disk.data = b"abc"
        self.logs.forget()
        self.assertEqual(self.read(), b"abc")

    def test_memory(self) -> None:
        """What is kept in memory has bounds."""
        self.patch(linkedlogs, "BLOCKS", 2)
        self.patch(linkedlogs, "SIZES", 1)
        self.disk.data, self.disk.isGrowing = bytes(range(95)), False
        self.assertEqual(self.read(), bytes(range(95)))
        self.logs.told("full/2-x", 0, Piece(b"", 0, None))
        self.disk.asked.clear()
        self.assertEqual(self.read(0, 1), b"\0")
        self.assertNotEqual(self.disk.asked, [])

    def test_missing(self) -> None:
        """A log that the master does not have is missing; the reactor is never held up."""
        with self.assertRaises(FileNotFoundError):
            self.logs.open(os.path.join(self.home, "full", "2-x"))
        with self.assertRaises(OSError):
            self.logs.bring(self.path)
        self.inReactor = True
        with self.assertRaises(OSError):
            self.logs.open(self.path)
        with self.assertRaises(OSError):
            self.logs.sizeOf(self.path)

    def test_shorter(self) -> None:
        """A file that has become shorter is an error, not an endless loop."""
        self.disk.data = bytes(range(30))
        with self.logs.open(self.path) as file:
            self.disk.data = b""
            file.seek(20)
            with self.assertRaises(OSError):
                file.read()

    def test_mounted(self) -> None:
        """Readers of logs find it like a log on this disk; a log on this disk comes first."""
        mounts.mount(self.home, self.logs)
        self.addCleanup(mounts.unmount, self.home)
        self.disk.data = b"far"
        with mounts.openLog(self.path) as file:
            self.assertEqual(file.read(), b"far")
        os.makedirs(os.path.dirname(self.path))
        with open(self.path, "wb") as here:
            here.write(b"near")
        with mounts.openLog(self.path) as file:
            self.assertEqual(file.read(), b"near")


class Link:
    """A link to the master, whose answers the test gives."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.waiting: list[Deferred[Any]] = []

    async def ask(self, command: str, params: Any, patience: float) -> Any:
        """See L{buildbot.readers.link.Link}."""
        assert command == "log"
        self.asked.append(params)
        self.waiting.append(Deferred())
        return await self.waiting[-1]

    def say(self, data: bytes, size: int | None, output: int | None) -> None:
        """Answer the oldest question."""
        said = {"data": b64encode(data).decode(), "size": size, "output": output}
        self.waiting.pop(0).callback(said)

    def fail(self, error: Exception) -> None:
        """Refuse it."""
        self.waiting.pop(0).errback(error)


class FollowTests(unittest.SynchronousTestCase):
    """Somebody watches a growing log."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.home = self.mktemp()
        self.link = Link()
        reactor: Any = SimpleNamespace(callFromThread=lambda call: call())
        self.far = FarMaster(self.home, self.link.ask, reactor)
        self.far.mount()
        self.addCleanup(self.far.unmount)
        self.logs = FollowedLogs(self.home, self.clock)
        self.logs.far = self.far
        step: Any = SimpleNamespace(build=SimpleNamespace(logs=self.logs))
        self.log: Any = self.logs.finished(step, LogRecord("stdio", NAME))
        self.step = step
        self.listener = Listener()

    def begin(self) -> None:
        """Watch."""
        self.log.subscribeBytes(self.listener)
        self.clock.advance(PAUSE)

    def say(self, data: bytes, output: int | None = None) -> None:
        """The master tells the next output."""
        written = encode(0, data)
        offset = self.link.asked[-1]["offset"]
        self.link.say(written, offset + len(written), output)

    def test_grows(self) -> None:
        """The listener hears each part; the next question begins behind it."""
        self.assertTrue(self.log.hasContents())
        self.begin()
        self.say(b"hello", 5)
        self.assertEqual((self.listener.data, self.log.written()), (b"hello", 5))
        self.assertEqual(self.link.waiting, [])
        self.clock.advance(PAUSE)
        self.assertEqual((self.link.asked[-1]["offset"], self.link.asked[-1]["output"]), (9, 5))
        self.say(b" world", 11)
        self.assertEqual(self.listener.data, b"hello world")
        self.assertEqual(self.log.place(), Place(os.path.join(self.home, NAME), False))

    def test_split(self) -> None:
        """A piece that ends in the middle is heard when its rest has come."""
        self.begin()
        self.link.say(b"6:0he", 5, 5)
        self.assertEqual(self.listener.data, b"")
        self.clock.advance(PAUSE)
        self.link.say(b"llo,", 9, 5)
        self.assertEqual(self.listener.data, b"hello")

    def test_damaged(self) -> None:
        """Damage is left to those who read the log."""
        self.begin()
        self.link.say(b"rubbish", 7, 5)
        self.assertEqual(self.listener.data, b"")
        self.clock.advance(PAUSE)
        self.assertEqual(len(self.link.waiting), 1)

    def test_left(self) -> None:
        """When the last watcher has gone, nothing is asked any more. Who comes later begins at the end."""
        self.begin()
        self.log.unsubscribe(self.listener)
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.logs.told({NAME: [7, 11]})
        self.begin()
        self.assertEqual((self.link.asked[-1]["offset"], self.link.asked[-1]["output"]), (11, 7))
        self.link.waiting.pop(0)
        self.say(b"x", 8)
        self.assertEqual(self.listener.data, b"x")
        self.log.unsubscribe(self.listener)
        self.clock.advance(1)
        self.assertEqual(len(self.link.asked), 2)

    def test_away(self) -> None:
        """While the master is away, it is asked again and again."""
        self.begin()
        for error in (Unreachable("no"), ControlError("no")):
            self.link.fail(error)
            self.clock.advance(RETRY)
            self.clock.advance(PAUSE)
        self.link.say(b"", None, None)
        self.clock.advance(RETRY)
        self.clock.advance(PAUSE)
        self.say(b"x", 1)
        self.assertEqual(self.listener.data, b"x")

    def test_fault(self) -> None:
        """A fault is logged, and the log is followed on."""
        self.begin()
        self.link.fail(RuntimeError("broken"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.clock.advance(PAUSE)
        self.assertEqual(len(self.link.waiting), 1)

    def test_end(self) -> None:
        """The end reaches those who wait for it."""
        self.begin()
        ended = self.log.waitUntilFinished()
        self.logs.finished(self.step, LogRecord("stdio", NAME, 9, 77))
        self.successResultOf(ended)
        self.assertEqual(self.log.place(), Place(os.path.join(self.home, NAME), True, 77))
        self.log.ended()
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_lost(self) -> None:
        """So does the end of a build without a word."""
        self.logs.told({NAME: [7, 11]})
        self.logs.keepOnly(set())
        self.assertTrue(self.log.isFinished())

    def test_fetch(self) -> None:
        """A thread gets a part of a log, or the reason why not."""
        answers = [
            {"data": b64encode(b"abc").decode(), "size": 3, "output": None},
            {"data": "", "size": None, "output": None},
            Unreachable("no route"),
        ]

        async def ask(*asked: Any) -> Any:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        reactor: Any = SimpleNamespace(callFromThread=lambda call: call())
        far = FarMaster(self.home, ask, reactor)
        self.assertEqual(far.fetch(NAME, 0, 9), Piece(b"abc", 3, None))
        with self.assertRaises(FileNotFoundError):
            far.fetch(NAME, 0, 9)
        with self.assertRaises(OSError) as caught:
            far.fetch(NAME, 0, 9)
        self.assertIn("no route", str(caught.exception))

    def test_silence(self) -> None:
        """A thread does not wait for ever, even if the reactor has stopped."""
        self.patch(farmaster, "PATIENCE", -4.99)
        reactor: Any = SimpleNamespace(callFromThread=lambda call: None)
        with self.assertRaises(OSError):
            FarMaster(self.home, self.link.ask, reactor).fetch(NAME, 0, 9)

    def test_next(self) -> None:
        """The next part is kept for those who read."""
        asking = ensureDeferred(self.far.next(NAME, 0, 0))
        self.link.say(b"abc", 3, 3)
        self.assertEqual(self.successResultOf(asking), Piece(b"abc", 3, 3))
        self.assertEqual(self.far.logs.part(NAME, 0, 3), b"abc")
