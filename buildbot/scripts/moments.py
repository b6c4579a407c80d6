# -*- test-case-name: tests.unit.scripts.test_moments -*-
"""Options that take a point in time."""

from __future__ import annotations

import time
from collections.abc import Callable

from buildbot.text.moments import EXAMPLES, moment


def pointIn(option: str, now: Callable[[], float] = time.time) -> Callable[[str], float]:
    """Make a parser for a point in time. It returns seconds since the epoch, and raises ValueError.

    @param now: returns the present time.
    """

    def read(text: str) -> float:
        found = moment(text, now())
        if found is None:
            raise ValueError(f"{option} must be {EXAMPLES}, not {text!r}")
        return found

    return read
