# -*- test-case-name: tests.unit.events.test_sleep -*-
"""A Deferred that fires after some time.

C{twisted.internet.task} has one, too, but importing it loads the base of all reactors. That would take a
tenth of the time of a process that only checks a master.cfg.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from buildbot.events.reactors import Timers


def sleep(clock: Timers, seconds: float) -> Deferred[None]:
    """Wait for some time.

    @return: fires with None after C{seconds}. Cancelling it cancels the delayed call, too.
    """
    waiting: Deferred[None] = Deferred(lambda cancelled: call.cancel())
    call: IDelayedCall = clock.callLater(seconds, waiting.callback, None)
    return waiting
