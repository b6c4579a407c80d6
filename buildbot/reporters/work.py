# -*- test-case-name: tests.unit.reporters.test_work -*-
"""Do the work of a reporter piece by piece, in the order of the events."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.turns import Turns

log = Logger()

#: Seconds that a stop waits for work that has begun.
PATIENCE = 5.0


class Work:
    """I do one piece of work after another, such as the mails about builds."""

    def __init__(self, failure: str) -> None:
        """@param failure: the line in twistd.log about a piece of work that failed."""
        self._failure = failure
        self._turns = Turns()

    def do(self, work: Coroutine[Deferred[Any], Any, None]) -> None:
        """Do some work after all earlier work. A failure is only logged."""

        async def working() -> None:
            async with self._turns:
                await work

        ensureDeferred(working()).addErrback(lambda why: log.failure(self._failure, why))

    async def isDone(self, clock: IReactorTime) -> bool:
        """Wait for all work, at most L{PATIENCE} seconds. Returns False if some of it goes on."""
        end = self._turns.acquire()
        end.addTimeout(PATIENCE, clock)
        try:
            await end
        except PLUGIN_ERRORS:
            return False
        self._turns.release()
        return True
