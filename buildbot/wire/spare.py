# -*- test-case-name: tests.test_spare -*-
"""
How many files this process may open, and those that no connection gets: they are kept for the administrator.

The control socket, the log, the store and the process that reads master.cfg need files of their own, above
all when slaves have taken all others.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from enum import Enum

#: Files that are kept: at least, at most, and as a share of all.
LEAST = 24
MOST = 256
SHARE = 8


class Room(Enum):
    """Whether there is a file for one more connection."""

    ENOUGH = 0
    SCARCE = 1  #: if another makes room for it
    NONE = 2


def reserved(limit: int) -> int:
    """How many files are kept, if there are C{limit}."""
    return min(MOST, max(LEAST, limit // SHARE))


def _lowestFree() -> int:
    """The number of the next file that will be opened: all lower ones are in use."""
    number = os.open(os.devnull, os.O_RDONLY)
    os.close(number)
    return number


class FileReserve:
    """
    I keep the files with the highest numbers for the administrator.

    The system gives each new file the lowest number that is free.  So a connection with a low number leaves
    the high ones alone, and no count of open files is needed.

    @ivar limit: how many files this process may open; None: any number.
    @ivar turnedAway: connections that found no room, so far.
    @ivar when: when the last of them came, in seconds since the epoch; None if none did.
    """

    def __init__(self, limit: int | None = None, lowestFree: Callable[[], int] = _lowestFree) -> None:
        """@param limit: None reads the limit of this process."""
        if limit is None:
            soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            limit = None if soft == resource.RLIM_INFINITY else soft
        self.limit = limit
        self.reserved = 0 if limit is None else reserved(limit)
        self.turnedAway = 0
        self.when: float | None = None
        self._lowestFree = lowestFree

    def room(self) -> Room:
        """Whether there is a file for the connection that has just come in."""
        if self.limit is None:
            return Room.ENOUGH
        try:
            number = self._lowestFree()
        except OSError:
            return Room.NONE
        if number < self.limit - self.reserved:
            return Room.ENOUGH
        return Room.SCARCE if number < self.limit - self.reserved // 2 else Room.NONE

    def turnAway(self, when: float) -> None:
        """A connection found no room, at C{when} (seconds since the epoch)."""
        self.turnedAway += 1
        self.when = when
