"""The text of a log is sent as bytes: whole, in part, or while the log grows."""

from __future__ import annotations

import gc
import os
import tempfile
from types import SimpleNamespace
from typing import Any, cast
from weakref import ref

from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.logs import sending
from buildbot.logs.files import LogLimits
from buildbot.logs.live import LogDirectory, LogFile
from buildbot.logs.reading import LogViews
from buildbot.logs.sending import TextSender
from tests.garbage import setOthersAside


class Connection:
    """I keep what is sent, and pause the sender after each write if I am told so."""

    def __init__(self) -> None:
        self.data = b""
        self.pauses = False
        self.producer: Any = None

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        self.data += data
        if self.pauses:
            self.producer.pauseProducing()


class Gone(Connection):
    """I have lost my client, and stop each producer at once, as a transport does."""

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        producer.stopProducing()


class SendingTests(unittest.TestCase):
    def setUp(self) -> None:
        self.patch(sending, "SLICE", 10)
        directory = os.path.realpath(tempfile.mkdtemp(dir="."))
        self.logs = LogDirectory(directory, Clock(), LogLimits(None), inThread=execute)
        build: Any = SimpleNamespace(record=SimpleNamespace(builder="b"), number=1, logs=self.logs)
        step = SimpleNamespace(build=build)
        self.log = LogFile(step, "stdio", *self.logs.create(build, "s", "stdio", ()))
        self.connection = Connection()

    def send(self, *arguments: Any) -> Deferred[int]:
        return TextSender(self.logs.views, self.log, self.connection, *arguments).start()

    def fill(self) -> bytes:
        for number in range(100):
            self.log.addHeader("header\n")
            self.log.addStdout(f"{number}\n")
            self.log.addStderr(f"error {number}\n")
        self.log.finish()
        return "".join(f"{number}\nerror {number}\n" for number in range(100)).encode()

    def test_whole(self) -> None:
        """All text is sent, without the header channel unless it is wanted."""
        text = self.fill()
        self.assertEqual(self.successResultOf(self.send()), len(text))
        self.assertEqual((self.connection.data, self.connection.producer), (text, None))
        self.connection = Connection()
        self.assertEqual(self.successResultOf(self.send(0, None, True)), len(text) + 700)

    def test_receiverGone(self) -> None:
        """A receiver that has gone, also before the start, leaves nothing in memory while the log grows."""
        setOthersAside(self)
        senders = []
        for connection in (self.connection, Gone()):
            sender = TextSender(self.logs.views, self.log, connection)
            sending = sender.start()
            sending.cancel()
            self.assertEqual(self.successResultOf(sending), 0)
            senders.append(ref(sender))
            del sender, sending
        gc.collect()
        self.assertEqual([each() for each in senders], [None, None])
        self.assertFalse(self.log.isWatched())
        self.log.finish()

    def test_range(self) -> None:
        """A part is sent by its bytes."""
        text = self.fill()
        self.assertEqual(self.successResultOf(self.send(100, 200)), 200)
        self.assertEqual(self.connection.data, text[100:200])

    def test_pace(self) -> None:
        """No more is read than the receiver takes."""
        self.connection.pauses = True
        text = self.fill()
        done = self.send()
        for count in range(1, 5):
            self.assertEqual(self.connection.data, text[: 10 * count])
            self.connection.producer.resumeProducing()
        self.assertNoResult(done)
        self.connection.producer.stopProducing()
        self.assertEqual((self.successResultOf(done), self.connection.producer), (50, None))

    def test_grows(self) -> None:
        """A growing log is followed until it is finished."""
        self.log.addStdout("one\n")
        done = self.send()
        self.log.addStdout("two\n")
        self.log.addHeader("header\n")
        self.assertEqual(self.connection.data, b"one\ntwo\n")
        self.assertNoResult(done)
        self.log.addStdout("three\n")
        self.log.finish()
        self.assertEqual((self.successResultOf(done), self.connection.data), (14, b"one\ntwo\nthree\n"))
        self.assertFalse(self.log.isWatched())

    def test_growsDuringReading(self) -> None:
        """Output that comes while a piece is read is sent at once, not with the next output."""
        log, views = self.log, self.logs.views

        class SlowViews:
            async def call(self, place: Any, read: Any) -> Any:
                found = await views.call(place, read)
                if not log.getText():
                    log.addStdout("first\n")
                return found

        TextSender(cast(LogViews, SlowViews()), log, self.connection).start()
        self.assertEqual(self.connection.data, b"first\n")

    def test_gone(self) -> None:
        """A log whose file is deleted ends with an error."""
        self.log.addStdout("one\n")
        done = self.send()
        os.unlink(self.log.getFilename())
        self.log.addStdout("two\n")
        self.failureResultOf(done, OSError)
        self.assertIsNone(self.connection.producer)

    def test_cancelled(self) -> None:
        """A cancelled sender stops."""
        done = self.send()
        done.cancel()
        self.log.addStdout("one\n")
        self.assertEqual(self.connection.data, b"")
        self.assertFalse(self.log.isWatched())
        done.addErrback(lambda why: None)
