# -*- test-case-name: tests.unit.logs.test_producer -*-
"""One log on its way to a consumer, no faster than the consumer wants it.

Everything is read from the file of the log, so a consumer that pauses costs no memory.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.eventual import eventual
from buildbot.interfaces import IStatusLogConsumer
from buildbot.logs.files import LogReader
from buildbot.logs.text import ChunkDecoder

_log = Logger()


class Logged(Protocol):
    """What a producer needs of the log that it writes."""

    def getName(self) -> str: ...
    def flush(self) -> None: ...
    def subscribeBytes(self, receiver: object, /) -> None: ...
    def unsubscribe(self, receiver: object, /) -> None: ...
    def waitUntilFinished(self) -> Deferred[Any]: ...
    def isFinished(self) -> bool: ...


@implementer(IPushProducer)
class LogProducer:
    """I write one log, and all that comes to it, to an L{buildbot.interfaces.IStatusLogConsumer}.

    A turn of the reactor carries one block of the file.
    """

    def __init__(
        self, log: Logged, reader: LogReader, consumer: IStatusLogConsumer, clock: IReactorTime
    ) -> None:
        """@param log: the L{buildbot.logs.live.LogFile}; C{reader} reads its file."""
        self._log = log
        self._reader = reader
        self._consumer = consumer
        self._clock = clock
        self._decoder = ChunkDecoder()
        self._offset = 0
        self._isPaused = False
        self._isStopped = False
        self._turn: IDelayedCall | None = None

    def start(self) -> None:
        """Meet the consumer, and begin to write in a later turn."""
        self._consumer.registerProducer(self, True)
        self._log.subscribeBytes(self)
        self._log.waitUntilFinished().addCallback(lambda log: self._go())
        self._go()

    def logBytes(self, build: object, step: object, log: object, channel: int, data: bytes) -> None:
        """There is more in the log."""
        self._go()

    def pauseProducing(self) -> None:
        """See L{IPushProducer}."""
        self._isPaused = True

    def resumeProducing(self) -> None:
        """See L{IPushProducer}."""
        self._isPaused = False
        self._go()

    def stopProducing(self) -> None:
        """See L{IPushProducer}: the consumer hears of nothing any more, not even of the end."""
        self._isStopped = True
        self._log.unsubscribe(self)

    def _go(self) -> None:
        if self._turn is None and not self._isPaused and not self._isStopped:
            self._turn = eventual(self._clock, self._write)

    def _write(self) -> None:
        self._turn = None
        if self._isPaused or self._isStopped:
            return
        try:
            self._writeBlock()
        except PLUGIN_ERRORS:
            self.stopProducing()
            _log.failure(
                "consumer {consumer!r} of log {name} failed",
                consumer=self._consumer,
                name=self._log.getName(),
            )

    def _writeBlock(self) -> None:
        isOver = self._log.isFinished()  # asked before reading: all that was written until then is read
        self._log.flush()
        chunks, self._offset = self._reader.read(self._offset)
        for channel, data in chunks:
            text = self._decoder.decode(channel, data)
            if text and not self._isStopped:
                self._consumer.writeChunk((channel, text))
        if chunks:
            self._go()
        elif isOver and not self._isStopped:
            for chunk in self._decoder.finish():
                self._consumer.writeChunk(chunk)
            self._isStopped = True
            self._consumer.unregisterProducer()
            self._consumer.finish()
