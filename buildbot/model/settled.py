# -*- test-case-name: tests.unit.model.test_interpolate -*-
"""The Deferreds of functions of the properties: they have their results at once; nothing waits here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure


class NotSettled(RuntimeError):
    """A function of the properties has returned a Deferred or a coroutine that waits for something."""

    def __str__(self) -> str:
        return "a function of the properties must have its result at once: it cannot wait for anything"


#: Call a function: a Deferred with its result, or with its exception.
succeeding: Callable[..., Deferred[Any]] = maybeDeferred


def settled(value: Any) -> Any:
    """The result of a Deferred or a coroutine of a function of the properties. Other values stay.

    @raise NotSettled: it has no result yet.
    """
    if inspect.iscoroutine(value):
        value = Deferred.fromCoroutine(value)
    if not isinstance(value, Deferred):
        return value
    outcome: list[Any] = []
    value.addBoth(outcome.append)
    if not outcome:
        value.cancel()
        raise NotSettled
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    return outcome[0]
