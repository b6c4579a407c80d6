# -*- test-case-name: tests.unit.files.test_reserve -*-
"""How many files this process may open, and those that no connection gets: they are kept for the
administrator.

The control socket, the log, the store and the process that reads master.cfg need files of their own, above
all when slaves have taken all others.
"""

from __future__ import annotations

import errno
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
    try:
        number = os.dup(0)  # costs a tenth of what opening a file does
    except OSError as error:
        if error.errno == errno.EBADF:
            return 0
        raise
    os.close(number)
    return number


def _limitOfThisProcess() -> int | None:
    """How many files this process may open; None: any number. C{prlimit} changes it at any time."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def isReserved(descriptor: int) -> bool:
    """Whether this descriptor is one that is kept for the administrator."""
    limit = _limitOfThisProcess()
    return limit is not None and descriptor >= limit - reserved(limit)


class FileReserve:
    """I keep the files with the highest numbers for the administrator.

    The system gives each new file the lowest number that is free. So a connection with a low number leaves
    the high ones alone, and no count of open files is needed.

    @ivar turnedAway: connections that found no room, so far.
    @ivar when: when the last of them came, in seconds since the epoch; None if none did.
    """

    def __init__(
        self,
        limitNow: Callable[[], int | None] = _limitOfThisProcess,
        lowestFree: Callable[[], int] = _lowestFree,
    ) -> None:
        self.turnedAway = 0
        self.when: float | None = None
        self._limitNow = limitNow
        self._lowestFree = lowestFree

    @property
    def limit(self) -> int | None:
        """How many files may be open; None: any number."""
        return self._limitNow()

    @property
    def reserved(self) -> int:
        """How many of them no connection gets."""
        limit = self.limit
        return 0 if limit is None else reserved(limit)

    def room(self) -> Room:
        """Whether there is a file for the connection that has just come in."""
        limit = self.limit
        if limit is None:
            return Room.ENOUGH
        try:
            number = self._lowestFree()
        except OSError:
            return Room.NONE
        kept = reserved(limit)
        if number < limit - kept:
            return Room.ENOUGH
        return Room.SCARCE if number < limit - kept // 2 else Room.NONE

    def turnAway(self, when: float) -> None:
        """A connection found no room, at C{when} (seconds since the epoch)."""
        self.turnedAway += 1
        self.when = when
