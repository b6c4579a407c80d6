# -*- test-case-name: tests.unit.process.test_slices -*-
"""Do long work of a step in slices, so that reading a large log does not block the reactor.

L{buildbot.wire.budget} defines the length of a slice, and does the same for messages of peers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.wire.budget import SLICE, workFor


def inSlices(
    work: Iterator[object], clock: IReactorTime, check: Callable[[], object] = lambda: None
) -> Deferred[None]:
    """Start work at once, and continue it later if it takes longer than a slice.

    @param work: an iterator that does a small part of the work for each item.
    @param check: called before each slice except the first; an exception ends the work.
    @return: fires with None at the end; fails with the exception of C{work} or C{check}.
    """
    done: Deferred[None] = Deferred()

    def doSome() -> None:
        if workFor(clock.seconds() + SLICE, work, clock.seconds):
            done.callback(None)
        else:
            clock.callLater(SLICE, attempt, goOn)

    def goOn() -> None:
        check()
        doSome()

    def attempt(step: Callable[[], None]) -> None:
        try:
            step()
        except PLUGIN_ERRORS:
            done.errback(Failure())

    attempt(doSome)
    return done


def atOnce(work: Generator[object, None, Any]) -> Any:
    """Do short work without a pause, and return the generator's result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value
