# -*- test-case-name: tests.unit.latent.test_instance -*-
"""Calls of the methods of a latent slave, one at a time. The result of an earlier call never counts."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.plugincode import PLUGIN_ERRORS

log = Logger()


def called(method: Callable[..., Any], *args: Any) -> Deferred[Any]:
    """Call a method of a slave, perhaps a plug-in's: it may raise, and may be a coroutine function."""
    try:
        answer = method(*args)
    except PLUGIN_ERRORS:
        answer = Failure()
    if inspect.iscoroutine(answer):
        return ensureDeferred(answer)
    return maybeDeferred(lambda: answer)


class Calls:
    """I handle the end of the present call.

    @ivar work: the Deferred of the present call; None without one.
    @ivar turn: the number of calls so far.
    """

    def __init__(self, name: str) -> None:
        """@param name: the name of the slave."""
        self.work: Deferred[Any] | None = None
        self.turn = 0
        self._name = name

    def begin(
        self, work: Deferred[Any], well: Callable[[Any], None], badly: Callable[[Failure], None]
    ) -> None:
        """Handle the end of a call, unless another one begins before."""
        self.turn += 1
        turn = self.turn

        def ended(result: Any) -> None:
            if turn != self.turn:
                return
            self.work = None
            if isinstance(result, Failure):
                badly(result)
            else:
                well(result)

        self.work = work
        work.addBoth(ended).addErrback(
            lambda why: log.failure("the instance of slave {name} failed", why, name=self._name)
        )

    def cancel(self) -> None:
        """Cancel the present call: it fails."""
        if self.work is not None:
            self.work.cancel()

    def drop(self) -> None:
        """Cancel the present call, and ignore how it ends."""
        self.turn += 1
        self.cancel()
        self.work = None
