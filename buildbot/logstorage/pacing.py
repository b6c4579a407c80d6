# -*- test-case-name: tests.unit.logstorage.test_pacing -*-
"""When a storage that cannot be reached is tried again. These are pure rules."""

from __future__ import annotations

#: Seconds until the first new attempt, and the longest wait. Each wait is twice the one before.
FIRST_WAIT, LONGEST_WAIT = 5.0, 300.0
#: A wait is up to this share shorter or longer: many masters may share a storage.
JITTER = 0.25


def waitAfter(failures: int, chance: float) -> float:
    """Seconds until the next attempt.

    @param failures: the failures in a row, at least 1.
    @param chance: a random number from 0 to 1.
    """
    usual = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 20))
    return usual * (1 + JITTER * (2 * chance - 1))
