# -*- test-case-name: tests.unit.logs.test_indexing -*-
"""The times at which the parts of one log were written, one for about 64 KiB of the file."""

from __future__ import annotations

from array import array
from bisect import bisect_right

#: The least bytes of the file between two marks.
STEP = 1 << 16


class Marks:
    """I remember when the parts of a file were written. A shorter file than C{step} has one time: its start.

    @ivar next: the size of the file from which L{add} is to be called.
    """

    def __init__(self, begun: float, step: int = STEP) -> None:
        """@param begun: the time at which the file was created, in seconds since the epoch."""
        self.next = step
        self._step = step
        self._begun = begun
        self._offsets = array("Q")
        self._times = array("d")

    def add(self, offset: int, when: float) -> None:
        """Note that the bytes from C{offset} on were written just now."""
        self._offsets.append(offset)
        self._times.append(when)
        self.next = offset + self._step

    def timeOf(self, offset: int) -> float:
        """The time at which a byte of the file was written or a little earlier, in seconds of the epoch."""
        place = bisect_right(self._offsets, offset)
        return self._times[place - 1] if place else self._begun
