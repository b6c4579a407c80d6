# -*- test-case-name: tests.stories.test_weblive -*-
"""The open streams of one kind. Each gets signs of life, because proxies close silent connections."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from twisted.internet.interfaces import IReactorTime

from buildbot.events.alarm import Alarm

#: Seconds between two signs of life.
HEARTBEAT = 15.0


class Beating(Protocol):
    """An open stream."""

    def beat(self) -> None:
        """Send a sign of life."""

    def stop(self) -> None:
        """End."""


_S = TypeVar("_S", bound=Beating)


class Beats(Generic[_S]):
    """I hold open streams, and let each send a sign of life every L{HEARTBEAT} seconds."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._open: dict[_S, None] = {}
        self._alarm = Alarm(self._beat)
        self.isStopped = False

    def __len__(self) -> int:
        return len(self._open)

    def add(self, stream: _S) -> None:
        """Hold a stream. A second call changes nothing. After L{stop} I hold none: the caller ends it."""
        if self.isStopped:
            return
        self._open[stream] = None
        if not self._alarm.isSet:
            self._alarm.set(self._clock, HEARTBEAT)

    def remove(self, stream: _S) -> None:
        """Forget a stream, if it is held."""
        self._open.pop(stream, None)

    def stop(self) -> None:
        """End all streams."""
        self.isStopped = True
        self._alarm.stop()
        for each in list(self._open):
            each.stop()

    def _beat(self) -> None:
        for each in list(self._open):
            each.beat()
        if self._open:
            self._alarm.set(self._clock, HEARTBEAT)
