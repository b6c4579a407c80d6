# -*- test-case-name: tests.unit.scripts.test_sendchange,tests.unit.scripts.test_inreactor -*-
"""Run the reactor for one piece of work of a command."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ReactorNotRunning
from twisted.python.failure import Failure


def resultOf(work: Callable[[], Deferred[Any]], reactor: Any = None) -> Any:
    """Run the reactor until some work is done, and return its result. Works once in a process.

    @param reactor: the reactor; by default that of the process.
    @raise KeyboardInterrupt: the command was interrupted.
    """
    if reactor is None:
        from twisted.internet import reactor
    results: list[object] = []

    def done(result: object) -> None:
        try:
            reactor.stop()
        except ReactorNotRunning:  # the interruption itself has ended the work
            return
        results.append(result)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    reactor.callWhenRunning(lambda: maybeDeferred(work).addBoth(done))
    reactor.run()
    for number, handler in handlers.items():  # the reactor of old Twisted versions leaves its handlers
        signal.signal(number, handler)
    if not results:
        raise KeyboardInterrupt
    (result,) = results
    if isinstance(result, Failure):
        result.raiseException()
    return result
