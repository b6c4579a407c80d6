# -*- test-case-name: tests.unit.events.test_coroutines -*-
"""Coroutine functions for callers that want a Deferred."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults

P = ParamSpec("P")
T = TypeVar("T")


def returnsDeferred(function: Callable[P, Coroutine[Deferred[Any], Any, T]]) -> Callable[P, Deferred[T]]:
    """Decorate a coroutine function: a call starts it and returns a Deferred.

    The Deferred fires with the result of the coroutine, or fails with its exception.
    """

    @wraps(function)
    def begin(*args: P.args, **kw: P.kwargs) -> Deferred[T]:
        return Deferred.fromCoroutine(function(*args, **kw))

    return begin


async def together(asked: Iterable[Deferred[T]]) -> list[T]:
    """The results of all these Deferreds, which all wait at the same time. Raises the first error."""
    try:
        return await gatherResults(list(asked), consumeErrors=True)
    except FirstError as why:
        return why.subFailure.raiseException()


def ended(work: Deferred[Any]) -> Deferred[None]:
    """Fires when the work has ended, also with a failure. Those who wait for the result get the failure."""
    ended: Deferred[None] = Deferred()

    def passOn(result: Any) -> Any:
        ended.callback(None)
        return result

    work.addBoth(passOn)
    return ended
