# -*- test-case-name: tests.unit.process.test_merging -*-
"""Report events of builds to schedulers and other parts of the master.

L{buildbot.status.announcer} reports to status receivers.
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
    """I report the start and end of builds to listeners.

    @ivar listeners: the subscribed objects.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.listeners: Observers[Any] = NOBODY

    def subscribe(self, listener: object) -> None:
        """Call the methods of an object that exist: C{buildStarted(builder, build)},
        C{buildFinished(builder, build)} and C{buildsetComplete(record)}.
        """
        self.listeners = self.listeners.plus(listener)

    def unsubscribe(self, listener: object) -> None:
        """Stop the calls to an object."""
        self.listeners = self.listeners.without(listener)

    def tell(self, event: str, *values: object) -> None:
        """Call a method of each listener in a later reactor turn. A failure does not affect the others."""
        for listener in self.listeners:
            method = getattr(listener, event, None)
            if method is not None:
                eventual(self._clock, self._tellOne, method, values)

    def _tellOne(self, method: Callable[..., object], values: tuple[Any, ...]) -> None:
        try:
            method(*values)
        except PLUGIN_ERRORS:
            log.failure("{method!r} failed on an event of a build", method=method)
