# -*- test-case-name: tests.unit.events.test_sleep -*-
"""A Deferred that fires after some time.

C{twisted.internet.task} has one too, but it loads the base of all reactors: a process that only checks a
master.cfg has no use for that, and it takes a tenth of the time of such a process.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime


def sleep(clock: IReactorTime | Any, seconds: float) -> Deferred[None]:
    """Wait.

    @return: fires with None after C{seconds}. Cancelling it cancels the delayed call, too.
    """
    waiting: Deferred[None] = Deferred(lambda cancelled: call.cancel())
    call: IDelayedCall = clock.callLater(seconds, waiting.callback, None)
    return waiting
