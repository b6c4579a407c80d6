# -*- test-case-name: tests.unit.events.test_eventual -*-
"""A call in a later turn of the reactor."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from buildbot.events.reactors import Timers


def eventual(clock: Timers, call: Callable[..., object], *args: object) -> IDelayedCall:
    """Make a call in a later turn of the reactor, after the calls ordered before it.

    The reactor logs an exception of C{call}.

    @return: the delayed call, which can be cancelled.
    """
    waiting: IDelayedCall = clock.callLater(0, call, *args)
    return waiting
