# -*- test-case-name: tests.unit.readers.test_followedlogs -*-
"""Logs that another process writes are followed in their files."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.logs.live import LogDirectory
from buildbot.model.records import LogRecord
from buildbot.readers.followedlogs import PAUSE, FollowedLogs


class Listener:
    """It notes the output."""

    def __init__(self) -> None:
        self.data = b""

    def logBytes(self, build: object, step: object, log: object, channel: int, data: bytes) -> None:
        """See L{buildbot.logs.live.LogFile.subscribeBytes}."""
        self.data += data


class FollowedLogsTests(unittest.SynchronousTestCase):
    """A master writes a log, and another process reads it."""

    def setUp(self) -> None:
        self.clock = Clock()
        here = self.mktemp()
        build = SimpleNamespace(record=SimpleNamespace(builder="full"), number=1)
        self.step: Any = SimpleNamespace(build=build)
        self.name, self.writer = LogDirectory(here, self.clock).create(build, "compile", "stdio", ())
        self.logs = FollowedLogs(here, self.clock)
        self.log: Any = self.logs.finished(self.step, LogRecord("stdio", self.name))

    def say(self, data: bytes) -> None:
        """The master writes output to the file."""
        self.writer.append(0, data)
        self.writer.flush()

    def finish(self) -> LogRecord:
        """The master finishes the log."""
        size = self.writer.finish()
        return LogRecord("stdio", self.name, size, self.writer.crc)

    def test_grows(self) -> None:
        """A listener hears new output, and the log counts it."""
        self.say(b"before ")
        self.logs.told({self.name: [len(b"before "), self.writer.size]})
        listener = Listener()
        self.log.subscribeBytes(listener)
        self.say(b"after")
        self.clock.advance(PAUSE)
        self.assertEqual(listener.data, b"after")
        self.assertEqual(self.log.written(), len(b"before after"))
        self.assertFalse(self.log.isFinished())
        self.assertFalse(self.log.place().isFinished)
        self.log.unsubscribe(listener)
        self.assertEqual(self.clock.getDelayedCalls(), self.writerCalls())

    def writerCalls(self) -> list[Any]:
        """The timers of the writer: none after a flush."""
        self.clock.advance(1)
        return []

    def test_silent(self) -> None:
        """A log that nobody watches costs no timer."""
        self.say(b"x")
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_end(self) -> None:
        """The end reaches those who wait for it, after the last output. The log stays the same object."""
        listener = Listener()
        self.log.subscribeBytes(listener)
        ended = self.log.waitUntilFinished()
        self.say(b"last words")
        record = self.finish()
        self.assertIs(self.logs.finished(self.step, record), self.log)
        self.successResultOf(ended)
        self.assertEqual(listener.data, b"last words")
        self.assertEqual(self.log.toRecord().length, record.length)
        self.assertTrue(self.log.place().isFinished)
        self.assertIsNot(self.logs.finished(self.step, record), self.log)
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_lost(self) -> None:
        """A log of a build that is over without a word, as after a kill of the master, ends, too."""
        ended = self.log.waitUntilFinished()
        self.say(b"x")
        self.logs.keepOnly(set())
        self.successResultOf(ended)
        self.assertEqual(self.log.getText(), "x")

    def test_noFile(self) -> None:
        """A log without a file, which was deleted, ends without an error."""
        os.unlink(self.writer.path)
        listener = Listener()
        self.log.subscribeBytes(listener)
        self.clock.advance(PAUSE)
        self.logs.keepOnly(set())
        self.assertTrue(self.log.isFinished())
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_kept(self) -> None:
        """A log that still grows is the same object, whenever its build is told again."""
        self.logs.keepOnly({self.name})
        self.assertIs(self.logs.finished(self.step, LogRecord("stdio", self.name)), self.log)
