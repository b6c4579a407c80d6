# -*- test-case-name: tests.unit.schedulers.test_taking -*-
"""
How often the master was killed or crashed at its start while a scheduler took a change.

A plug-in scheduler may crash the master with a change, or hang it until it is killed.  The next process finds
the same change.  So each attempt is counted on disk before it is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: After how many such starts a change is left out.
MOST_STARTS = 3


class Taking:
    """
    I count the attempts for each change that was not taken.

    @ivar isSuspicious: whether the last process ended during an attempt. Then each change is an attempt of
        its own, so that one bad change does not take others with it.
    """

    def __init__(self, record: Any, numbers: Iterable[int]) -> None:
        """
        @param record: the last answer of L{toRecord} in the last process; None: no attempt failed.
        @param numbers: the changes to take; the counts of others are dropped.
        """
        wanted = set(numbers)
        self._counts: dict[int, int] = {}
        if isinstance(record, dict):
            self._counts = {
                int(number): count
                for number, count in record.items()
                if str(number).isdecimal() and int(number) in wanted and isinstance(count, int)
            }
        self.isSuspicious = bool(self._counts)

    def begin(self, numbers: Iterable[int]) -> None:
        """An attempt at these changes begins once my record is on disk."""
        for number in numbers:
            self._counts[number] = self._counts.get(number, 0) + 1

    def isHopeless(self, number: int) -> bool:
        """Whether to leave a change out."""
        return self._counts.get(number, 0) >= MOST_STARTS

    def taken(self, number: int) -> None:
        """A change was taken, or left out."""
        self._counts.pop(number, None)

    def toRecord(self) -> dict[str, int] | None:
        """A dictionary that JSON can hold; None if all are taken."""
        return {str(number): count for number, count in self._counts.items()} or None
