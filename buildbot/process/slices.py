# -*- test-case-name: tests.unit.process.test_slices -*-
"""
Long work of a step, a slice at a time: others come in between while a log of many megabytes is read by lines.

How long a slice is, and how messages of a peer are served so, is in L{buildbot.wire.budget}.
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
    """
    Do a work; begin at once, and go on later if it takes longer than a slice.

    @param work: does a small part of it each time that its next item is asked for.
    @param check: called before each slice but the first; what it raises ends the work.
    @return: fires with None when all is done; fails with what the work raises.
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
    """What a short work comes to."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value
