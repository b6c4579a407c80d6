# -*- test-case-name: tests.unit.logs.test_producer -*-
"""Send one log to a consumer, at the consumer's pace.

All data is read from the file of the log, so a paused consumer costs no memory.
"""

from __future__ import annotations

from collections.abc import Callable
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
from buildbot.model.completion import atEnd

_log = Logger()


class Logged(Protocol):
    """The methods of a log that L{LogProducer} uses."""

    def getName(self) -> str: ...
    def flush(self) -> None: ...
    def subscribeBytes(self, receiver: object, /) -> None: ...
    def unsubscribe(self, receiver: object, /) -> None: ...
    def waitUntilFinished(self) -> Deferred[Any]: ...
    def isFinished(self) -> bool: ...


@implementer(IPushProducer)
class LogProducer:
    """I write one log, old and new output, to an L{buildbot.interfaces.IStatusLogConsumer}.

    I send one block of the file in each turn of the reactor.
    """

    def __init__(
        self, log: Logged, reader: LogReader, consumer: IStatusLogConsumer, clock: IReactorTime
    ) -> None:
        """@param log: the L{buildbot.logs.live.LogFile}.
        @param reader: reads the log's file.
        """
        self._log = log
        self._reader = reader
        self._consumer = consumer
        self._clock = clock
        self._decoder = ChunkDecoder()
        self._offset = 0
        self._isPaused = False
        self._isStopped = False
        self._turn: IDelayedCall | None = None
        self._forget: Callable[[], None] = lambda: None  # the end of the log

    def start(self) -> None:
        """Register with the consumer, and start to write in a later turn."""
        self._consumer.registerProducer(self, True)
        if self._isStopped:
            return
        self._log.subscribeBytes(self)
        self._forget = atEnd(self._log, self._go)
        self._go()

    def logBytes(self, build: object, step: object, log: object, channel: int, data: bytes) -> None:
        """Continue: the log has new output."""
        self._go()

    def pauseProducing(self) -> None:
        """See L{IPushProducer}."""
        self._isPaused = True

    def resumeProducing(self) -> None:
        """See L{IPushProducer}."""
        self._isPaused = False
        self._go()

    def stopProducing(self) -> None:
        """See L{IPushProducer}: nothing more is sent, not even the end."""
        self._isStopped = True
        self._log.unsubscribe(self)
        self._forget()

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
        isOver = self._log.isFinished()  # asked before reading, so that nothing written before is missed
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
