# -*- test-case-name: tests.unit.events.test_alarm -*-
"""A call that is made once, later, unless somebody stops it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Alarm:
    """
    I make one call, once, some time after I was set.

    To set me again replaces the earlier time. To stop me when I am not set does nothing.
    """

    __slots__ = ("_call", "_waiting")

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._waiting: IDelayedCall | None = None

    @property
    def isSet(self) -> bool:
        """Whether the call is still to come."""
        return self._waiting is not None and bool(self._waiting.active())

    @property
    def waiting(self) -> IDelayedCall | None:
        """The delayed call, for an owner that shows it to others; None if I am not set."""
        return self._waiting

    def set(self, clock: IReactorTime | Any, seconds: float) -> None:
        """Make the call after so many seconds, and never before this turn of the reactor is over."""
        if self._waiting is not None and self._waiting.active():
            self._waiting.reset(max(0.0, seconds))
        else:
            self._waiting = clock.callLater(max(0.0, seconds), self._ring)

    def stop(self) -> None:
        """Do not make the call."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None and waiting.active():
            waiting.cancel()

    def _ring(self) -> None:
        self._waiting = None
        self._call()
