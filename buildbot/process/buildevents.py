# -*- test-case-name: tests.unit.process.test_merging -*-
"""
Telling schedulers and others inside the master about builds.

Status receivers are told by L{buildbot.status.announcer}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.eventual import eventual
from buildbot.events.observers import NOBODY, Observers

log = Logger()


class BuildEvents:
    """
    I tell listeners when builds begin and end.

    @ivar listeners: those that are told.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.listeners: Observers[Any] = NOBODY

    def subscribe(self, listener: Any) -> None:
        """
        Call methods of an object, as far as it has them: C{buildStarted(builder, build)},
        C{buildFinished(builder, build)} and C{buildsetComplete(record)}.
        """
        self.listeners = self.listeners.plus(listener)

    def unsubscribe(self, listener: Any) -> None:
        """Tell it no more."""
        self.listeners = self.listeners.without(listener)

    def tell(self, event: str, *values: Any) -> None:
        """Call a method of each listener in a later turn, each by itself: one that fails harms no other."""
        for listener in self.listeners:
            method = getattr(listener, event, None)
            if method is not None:
                eventual(self._clock, self._tellOne, method, values)

    def _tellOne(self, method: Callable[..., object], values: tuple[Any, ...]) -> None:
        try:
            method(*values)
        except PLUGIN_ERRORS:
            log.failure("{method!r} failed when it was told of a change", method=method)
