# -*- test-case-name: tests.unit.schedulers.test_taking -*-
"""Count for each change how often the master was killed or crashed while a scheduler took it at the start.

A change may make a plug-in scheduler crash the master, or hang it until it is killed. The next process finds
the same change. So each attempt is counted on disk before it is made.
"""

from __future__ import annotations

from collections.abc import Iterable

#: After this many such starts, a change is skipped.
MOST_STARTS = 3


class Taking:
    """I count the attempts for each change that was not taken.

    @ivar isSuspicious: True if the last process ended during an attempt. Then each change gets an attempt of
        its own, so that one bad change does not block others.
    """

    def __init__(self, record: object, numbers: Iterable[int]) -> None:
        """@param record: the last result of L{toRecord} in the last process; None: no attempt failed.
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
        """Count an attempt at these changes. Store my record before the attempt."""
        for number in numbers:
            self._counts[number] = self._counts.get(number, 0) + 1

    def isToSkip(self, number: int) -> bool:
        """True if the change is to be skipped."""
        return self._counts.get(number, 0) >= MOST_STARTS

    def taken(self, number: int) -> None:
        """Forget the count of a change that was taken or skipped."""
        self._counts.pop(number, None)

    def toRecord(self) -> dict[str, int] | None:
        """Return me as a dictionary that JSON can hold; None if all changes are taken."""
        return {str(number): count for number, count in self._counts.items()} or None
