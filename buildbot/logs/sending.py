# -*- test-case-name: tests.unit.logs.test_sending -*-
"""Send the text of a log as bytes, whole or in part, at the pace of its receiver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot.logs.feed import WatchedLog
from buildbot.logs.reading import LogViews
from buildbot.logs.view import LogView
from buildbot.model.completion import atEnd

#: The bytes that are read at once.
SLICE = 1 << 19


class Receiver(Protocol):
    """The methods of a request, or a transport, that a L{TextSender} uses."""

    def registerProducer(self, producer: object, streaming: bool, /) -> None: ...
    def unregisterProducer(self) -> None: ...
    def write(self, data: bytes, /) -> object: ...


@implementer(IPushProducer)
class TextSender:
    """I send the unconverted output of one log. A byte keeps its place: the text of a log only grows.

    I hold one slice at a time. It is read in a thread while the receiver takes the one before.
    """

    def __init__(
        self,
        views: LogViews,
        log: WatchedLog,
        receiver: Receiver,
        start: int = 0,
        end: int | None = None,
        headers: bool = False,
    ) -> None:
        """@param start: the first byte.
        @param end: the byte after the last. None: send to the end, and follow the log until it is finished.
        @param headers: True to send the header channel also.
        """
        self._views = views
        self._log = log
        self._receiver = receiver
        self._at = start
        self._end = end
        self._headers = headers
        self._isPaused = False
        self._isReading = False
        self._isWaiting = False
        self._hasGrown = False  # since the present read began
        self._isOver = False
        self._done: Deferred[int] = Deferred(lambda _: self.stopProducing())
        self._forget: Callable[[], None] = lambda: None  # the end of the log

    def start(self) -> Deferred[int]:
        """Start to send.

        @return: fires with the offset after the last byte sent, at the end, or when the receiver stops me.
            Fails with OSError if the file cannot be read. Cancel it to stop.
        """
        self._receiver.registerProducer(self, True)
        if self._isOver:
            return self._done  # the receiver has gone
        self._log.subscribeBytes(self)
        self._forget = atEnd(self._log, self._wake)
        self._go()
        return self._done

    def pauseProducing(self) -> None:
        """See L{IPushProducer}."""
        self._isPaused = True

    def resumeProducing(self) -> None:
        """See L{IPushProducer}."""
        self._isPaused = False
        self._go()

    def stopProducing(self) -> None:
        """See L{IPushProducer}: send nothing more."""
        self._finish(None)

    def logBytes(self, build: object, step: object, log: object, channel: int, data: bytes) -> None:
        """Go on: the log has grown."""
        self._wake()

    def _wake(self) -> None:
        self._hasGrown = True
        if self._isWaiting:
            self._isWaiting = False
            self._go()

    def _go(self) -> None:
        if self._isPaused or self._isReading or self._isOver or self._isWaiting:
            return
        self._isReading = True
        self._hasGrown = False
        place = self._log.place()
        start, headers = self._at, self._headers
        end = start + SLICE if self._end is None else min(self._end, start + SLICE)

        def read(view: LogView) -> tuple[bytes, bool]:
            data = b"".join(view.text(start, end, headers))
            return data, place.isFinished and start + len(data) >= view.textSize(headers)

        reading = Deferred.fromCoroutine(self._views.call(place, read))
        reading.addCallbacks(self._send, self._finish)

    def _send(self, found: tuple[bytes, bool]) -> None:
        data, isAll = found
        self._isReading = False
        if self._isOver:
            return
        self._at += len(data)
        isAll = isAll or (self._end is not None and self._at >= self._end)
        self._isWaiting = not (data or isAll or self._hasGrown or self._log.isFinished())
        if data:
            self._receiver.write(data)
        if isAll:
            self._finish(None)
        else:
            self._go()

    def _finish(self, why: Failure | None) -> None:
        if self._isOver:
            return
        self._isOver = True
        self._log.unsubscribe(self)
        self._forget()
        self._receiver.unregisterProducer()
        if self._done.called:
            return
        if why is None:
            self._done.callback(self._at)
        else:
            self._done.errback(why)
