# -*- test-case-name: tests.unit.status.test_receivers -*-
"""The base of statuses that receivers subscribe to: those of builds and of steps.

L{buildbot.status.announcer} delivers the events.
"""

from __future__ import annotations

from typing import Any

from buildbot.events.observers import NOBODY, Observers
from buildbot.model.completion import Completion
from buildbot.status.announcer import Announcer, Updates


class Watched(Completion):
    """A status to subscribe to and to wait for. Optimized for no subscribers."""

    announcer: Announcer
    _watchers: Observers[object] = NOBODY
    _updates: tuple[Updates, ...] = ()
    started: float | None = None
    finished: float | None = None

    def subscribe(self, receiver: object, updateInterval: float | None = None) -> None:
        """Deliver my events to an L{interfaces.IStatusReceiver}.

        @param updateInterval: the seconds between two ETA reports; None: no reports.
        """
        self.announcer.isHeard = True
        self._watchers = self._watchers.plus(receiver)
        if updateInterval is not None and not self.isFinished():
            updates = Updates(self.announcer.clock, receiver, updateInterval, self._tellETA)
            self._updates = (*self._updates, updates)

    def unsubscribe(self, receiver: object) -> None:
        """Stop the events for this receiver."""
        self._watchers = self._watchers.without(receiver)
        self.stopUpdates(receiver)

    def stopUpdates(self, receiver: object = None) -> None:
        """Stop the ETA reports to one receiver, or to all."""
        if not self._updates:
            return
        stopped = [each for each in self._updates if receiver is None or each.receiver is receiver]
        self._updates = tuple(each for each in self._updates if each not in stopped)
        for each in stopped:
            each.stop()

    def _tellETA(self, receiver: object) -> None:
        raise NotImplementedError

    def isFinished(self) -> bool:
        """True after its end, with any result."""
        return self.finished is not None

    def getTimes(self) -> tuple[Any, float | None]:
        """The times (started, finished) in seconds since the epoch; None for a time that is still to come."""
        return self.started, self.finished
