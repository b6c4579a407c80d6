# -*- test-case-name: tests.unit.process.test_waits -*-
"""Waits that can be abandoned.

A build waits for its steps and its locks. If one of them never comes, the build continues without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure


class Over(Exception):
    """Raised in a build's coroutine when its wait was abandoned."""


class Waits:
    """I hold the waits of one build."""

    __slots__ = ("_late", "_waits")

    def __init__(self, late: Callable[[Failure], object]) -> None:
        """@param late: called with a failure that arrives after its wait was abandoned."""
        self._late = late
        self._waits: list[Deferred[Any]] = []

    def result(self, waited: Deferred[Any]) -> Deferred[Any]:
        """Wait for a Deferred.

        @return: fires with its result, or fails with L{Over} if L{giveUp} is called first.
        """
        wait: Deferred[Any] = Deferred()
        self._waits.append(wait)

        def came(result: object) -> None:
            if wait in self._waits:
                self._waits.remove(wait)
                wait.callback(result)
            elif isinstance(result, Failure) and not result.check(CancelledError):
                self._late(result)

        waited.addBoth(came)
        return wait

    def giveUp(self) -> None:
        """Abandon all waits."""
        waits, self._waits = self._waits, []
        for wait in waits:
            wait.errback(Over())
