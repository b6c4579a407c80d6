# -*- test-case-name: tests.unit.events.test_alarm -*-
"""A delayed call that can be set, reset and stopped."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from buildbot.events.reactors import Timers


class Alarm:
    """I make one call, some time after I was set.

    Setting me again replaces the earlier time. Stopping me when I am not set does nothing.
    """

    __slots__ = ("_call", "_waiting")

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._waiting: IDelayedCall | None = None

    @property
    def isSet(self) -> bool:
        """True while the call has not been made."""
        return self._waiting is not None and bool(self._waiting.active())

    @property
    def waiting(self) -> IDelayedCall | None:
        """The delayed call, for owners that expose it; None if I am not set."""
        return self._waiting

    def set(self, clock: Timers, seconds: float) -> None:
        """Make the call after C{seconds}, but never during this turn of the reactor."""
        if self._waiting is not None and self._waiting.active():
            self._waiting.reset(max(0.0, seconds))
        else:
            self._waiting = clock.callLater(max(0.0, seconds), self._ring)

    def stop(self) -> None:
        """Cancel the call."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None and waiting.active():
            waiting.cancel()

    def _ring(self) -> None:
        self._waiting = None
        self._call()
