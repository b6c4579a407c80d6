# -*- test-case-name: tests.unit.process.test_waits -*-
"""
Waiting that can be given up.

A build waits for its steps and its locks. If one of them never comes, the build goes on without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure


class Over(Exception):
    """The build does not wait any longer for something."""


class Waits:
    """I hold what one build waits for."""

    __slots__ = ("_late", "_waits")

    def __init__(self, late: Callable[[Failure], object]) -> None:
        """@param late: is called with a failure that comes when nobody waits for it any more."""
        self._late = late
        self._waits: list[Deferred[Any]] = []

    async def result(self, waited: Deferred[Any]) -> Any:
        """
        Wait for a Deferred.

        @return: its result.
        @raise Over: L{giveUp} was called first.
        """
        wait: Deferred[Any] = Deferred()
        self._waits.append(wait)

        def came(result: Any) -> None:
            if wait in self._waits:
                self._waits.remove(wait)
                wait.callback(result)
            elif isinstance(result, Failure) and not result.check(CancelledError):
                self._late(result)

        waited.addBoth(came)
        return await wait

    def giveUp(self) -> None:
        """Wait for nothing any longer."""
        waits, self._waits = self._waits, []
        for wait in waits:
            wait.errback(Over())
