# -*- test-case-name: tests.unit.schedulers.test_taking -*-
"""
Which Changes a scheduler has begun to take at the starts of the master, and has not taken.

A scheduler of somebody's own may bring the master down with a Change, or hang it until it is killed.  The
next process finds the same Change, so it counts on disk, before it begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: How many starts of the master may end while a scheduler takes the same Change; then it is left out.
MOST_STARTS = 3


class Taking:
    """
    I count the starts for each Change that the last process has not taken.

    @ivar isSuspicious: whether the last process has ended while it took one of them. Then each is counted by
        itself, so that the others are not left out with it.
    """

    def __init__(self, record: Any, numbers: Iterable[int]) -> None:
        """
        @param record: what L{toRecord} said in the last process; None if it took all that it had begun.
        @param numbers: the Changes that are to be taken; others do not count any more.
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
        """These Changes are to be taken now; what I say must be on disk before."""
        for number in numbers:
            self._counts[number] = self._counts.get(number, 0) + 1

    def isHopeless(self, number: int) -> bool:
        """Whether a Change is to be left out."""
        return self._counts.get(number, 0) >= MOST_STARTS

    def taken(self, number: int) -> None:
        """This Change was taken, or is left out."""
        self._counts.pop(number, None)

    def toRecord(self) -> dict[str, int] | None:
        """A dictionary that JSON can hold; None if all are taken."""
        return {str(number): count for number, count in self._counts.items()} or None
