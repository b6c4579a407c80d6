# -*- test-case-name: tests.unit.buildmaster.test_lifetime -*-
"""Report the end of the start of a master, and the reason why its process must end.

L{buildbot.daemon.readiness} defines who asks. A plain twistd does not ask. It would neither report the reason
of a failed start nor end, so the reactor is stopped for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.daemon.readiness import StartFailed
from buildbot.events.eventual import eventual

log = Logger()

Lines = list[str]


class Lifetime:
    """I report the start and the end of one master.

    @ivar isReady: True if the start has been reported: the master works, waits, or has failed.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._ready: Deferred[Lines] = Deferred()
        self._over: Deferred[Lines] = Deferred()
        self._isWatched = self._isOverseen = self._hasEnded = False

    @property
    def isReady(self) -> bool:
        """See the class."""
        return self._ready.called

    def whenReady(self) -> Deferred[Lines]:
        """See L{IReadiness<buildbot.daemon.readiness.IReadiness>}."""
        self._isWatched = True
        mine: Deferred[Lines] = Deferred()

        def both(result: Lines | Failure) -> Lines | Failure | None:
            mine.callback(result)
            return None if isinstance(result, Failure) else result

        self._ready.addBoth(both)
        return mine

    def whenOver(self) -> Deferred[Lines]:
        """See L{IEnds<buildbot.daemon.readiness.IEnds>}."""
        self._isOverseen = True
        return self._over

    def afterStart(self, do: Callable[[], object]) -> None:
        """Call C{do} when the start has succeeded."""

        def then(lines: Lines | None) -> Lines | None:
            if lines is not None:  # None after a failure that L{whenReady} has told
                do()
            return lines

        self._ready.addCallback(then)

    def ready(self, lines: Lines) -> None:
        """Report a successful start, with lines for the user. Call it once."""
        self._ready.callback(lines)

    def failed(self, lines: Lines, isStopping: bool) -> None:
        """Report a failed start.

        @param isStopping: True if the process stops anyway.
        """
        if self.isReady:
            self.end(lines)
        elif self._isWatched:
            self._ready.errback(StartFailed(lines))
        elif not isStopping:
            log.error("the master cannot start: {lines}", lines="; ".join(lines))
            eventual(self._reactor, self._reactor.stop)

    def end(self, lines: Lines) -> None:
        """Stop the process for a reason, with a failure. Only the first reason counts."""
        if self._hasEnded:
            return
        self._hasEnded = True
        if self._isOverseen:
            self._over.callback(lines)
        else:
            log.error("the master ends: {lines}", lines="; ".join(lines))
            eventual(self._reactor, self._reactor.stop)
