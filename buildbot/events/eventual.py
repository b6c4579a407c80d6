# -*- test-case-name: tests.unit.events.test_eventual -*-
"""A call in the next turn of the reactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime


def eventual(clock: IReactorTime | Any, call: Callable[..., object], *args: object) -> IDelayedCall:
    """
    Make a call in a later turn, after those that were ordered before it.

    What C{call} raises is no concern of the caller: the reactor logs it.

    @return: the delayed call, which can be cancelled.
    """
    waiting: IDelayedCall = clock.callLater(0, call, *args)
    return waiting
