# -*- test-case-name: tests.unit.test_effort -*-
"""The processor time that some work takes, whatever else the machine and this process do meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable


def leastEffort(
    work: Callable[[], object],
    enough: float,
    clock: Callable[[], float] = time.process_time,
    most: int = 5,
) -> float:
    """Do some work, and measure it by a clock. Do it again if it has taken long: perhaps that was chance.

    A search for garbage, or a processor that others use, can make short work long once, but not each time.

    @param enough: the seconds with which the caller is content.
    @param most: how often it is done at the most.
    @return: the seconds of the fastest time.
    """
    least = float("inf")
    for _ in range(most):
        begun = clock()
        work()
        least = min(least, clock() - begun)
        if least < enough:
            break
    return least
