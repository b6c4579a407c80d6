"""Sending a log to a consumer, which may be slow."""

from __future__ import annotations

import gc
import os
from types import SimpleNamespace
from typing import Any
from weakref import ref

from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.trial import unittest
from zope.interface import implementer
from zope.interface.verify import verifyObject

from buildbot.interfaces import IStatusLogConsumer
from buildbot.logs.files import LogWriter
from buildbot.logs.live import LogFile
from tests.garbage import setOthersAside


@implementer(IStatusLogConsumer)
class Consumer:
    """I remember the calls that I get, and pause after C{patience} chunks."""

    def __init__(self, patience: int = 1000) -> None:
        self.patience = patience
        self.producer: Any = None
        self.told: list[Any] = []

    def registerProducer(self, producer: object, streaming: bool) -> None:
        self.producer = producer
        self.told.append(("register", streaming))

    def unregisterProducer(self) -> None:
        self.told.append("unregister")

    def writeChunk(self, chunk: tuple[int, str]) -> None:
        self.told.append(chunk)
        self.patience -= 1
        if self.patience == 0:
            self.producer.pauseProducing()

    def finish(self) -> None:
        self.told.append("finish")


class LogProducerTests(unittest.TestCase):
    """A consumer gets a log in order, at its own pace."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.path = os.path.join(self.mktemp(), "log")
        build = SimpleNamespace(logs=SimpleNamespace(clock=self.clock))
        self.log = LogFile(SimpleNamespace(build=build), "stdio", "log", LogWriter(self.path, self.clock))
        self.addCleanup(self.log.finish)

    def turns(self, count: int = 10) -> None:
        for _ in range(count):
            self.clock.advance(0)

    def test_grows(self) -> None:
        """Old and new output is written as text, and the end comes last."""
        self.log.addStdout(b"gr\xc3")
        consumer = Consumer()
        self.log.subscribeConsumer(consumer)
        verifyObject(IPushProducer, consumer.producer)
        self.assertEqual(consumer.told, [("register", True)])
        self.turns()
        self.log.addStderr("oh")
        self.log.addStdout(b"\xb6\xff")
        self.turns()
        self.log.finish()
        self.turns()
        said = [(0, "gr"), (1, "oh"), (0, "ö\ufffd")]
        self.assertEqual(consumer.told, [("register", True), *said, "unregister", "finish"])

    def test_paused(self) -> None:
        """A paused consumer gets nothing, not even the end, until it resumes; no output is missing."""
        consumer = Consumer(patience=1)
        self.log.subscribeConsumer(consumer)
        self.log.addStdout("one")
        self.turns()
        self.log.addStdout("two")
        self.log.addStdout("three")
        self.log.finish()
        self.turns()
        self.assertEqual(consumer.told, [("register", True), (0, "one")])
        consumer.producer.resumeProducing()
        self.turns()
        self.assertEqual(consumer.told[2:], [(0, "twothree"), "unregister", "finish"])

    def test_stopped(self) -> None:
        """A consumer that has stopped the log gets nothing more."""
        consumer = Consumer()
        self.log.subscribeConsumer(consumer)
        self.log.addStdout("one")
        self.turns()
        consumer.producer.stopProducing()
        self.log.addStdout("two")
        self.log.finish()
        self.turns()
        self.assertEqual(consumer.told, [("register", True), (0, "one")])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gone(self) -> None:
        """A consumer that stops a log, also at once, leaves nothing in memory while the log grows."""

        class Stops(Consumer):
            def registerProducer(self, producer: Any, streaming: bool) -> None:
                producer.stopProducing()

        setOthersAside(self)
        left = []
        for consumer in (Consumer(), Stops()):
            self.log.subscribeConsumer(consumer)
            if consumer.producer is not None:
                consumer.producer.stopProducing()
            left.append(ref(consumer))
        del consumer
        self.turns()
        gc.collect()
        self.assertEqual([each() for each in left], [None, None])
        self.assertFalse(self.log.isWatched())

    def test_long(self) -> None:
        """A long log takes many turns of the reactor, each for one block of its file."""
        for _ in range(64):
            self.log.addStdout(b"x" * 65536)
        self.log.finish()
        consumer = Consumer()
        later = self.clock.callLater

        def turn(*args: Any) -> Any:
            consumer.told.append("turn")
            return later(*args)

        self.patch(self.clock, "callLater", turn)
        self.log.subscribeConsumer(consumer)
        self.turns()
        *turns, last = "".join(
            "|"
            if each == "turn"
            else "x" * (len(each[1]) // 65536)
            if isinstance(each, tuple) and each[0] == 0
            else ""
            for each in consumer.told
        ).split("|")
        self.assertLessEqual(max(map(len, turns)), 2)
        self.assertEqual((sum(map(len, turns)), last, consumer.told[-1]), (64, "", "finish"))

    def test_raises(self) -> None:
        """A consumer that raises is removed; the log goes on."""
        consumer = Consumer()
        self.patch(consumer, "writeChunk", lambda chunk: 1 / 0)
        self.log.subscribeConsumer(consumer)
        self.log.addStdout("one")
        self.turns()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.log.addStdout("two")
        self.log.finish()
        self.turns()
        self.assertEqual((consumer.told, self.log.getText()), ([("register", True)], "onetwo"))
