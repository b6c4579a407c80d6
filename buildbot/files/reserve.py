# -*- test-case-name: tests.unit.files.test_reserve -*-
"""The limit of open files, and the reserve of descriptors that connections do not get.

The control socket, the log, the store and the process that reads master.cfg use the reserve. So the
administrator can still work when slaves have taken all other descriptors.
"""

from __future__ import annotations

import errno
import os
import resource
import time
from collections.abc import Callable
from enum import Enum

#: The size of the reserve: at least, at most, and one part in SHARE of the limit.
LEAST = 24
MOST = 256
SHARE = 8


class Room(Enum):
    """The answer to a new connection: a file is free, scarce or missing."""

    ENOUGH = 0
    SCARCE = 1  #: the connection can stay if another one is closed
    NONE = 2


def reserved(limit: int) -> int:
    """The size of the reserve for a limit of open files."""
    return min(MOST, max(LEAST, limit // SHARE))


def _lowestFree() -> int:
    """The lowest free descriptor; all lower ones are in use. Raises OSError if there is none."""
    try:
        number = os.dup(0)  # ten times cheaper than opening a file
    except OSError as error:
        if error.errno == errno.EBADF:
            return 0
        raise
    os.close(number)
    return number


def _limitOfThisProcess() -> int | None:
    """The present limit of open files; None: no limit. C{prlimit} can change it at any time."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def isReserved(descriptor: int) -> bool:
    """True if this descriptor belongs to the reserve."""
    limit = _limitOfThisProcess()
    return limit is not None and descriptor >= limit - reserved(limit)


class FileReserve:
    """I keep the files with the highest numbers for the administrator.

    The system gives each new file the lowest number that is free. So a connection with a low number leaves
    the high ones alone, and no count of open files is needed.

    @ivar turnedAway: the number of connections closed for lack of files, so far.
    @ivar when: the time of the last of them, in seconds since the epoch; None if there was none.
    """

    def __init__(
        self,
        limitNow: Callable[[], int | None] = _limitOfThisProcess,
        lowestFree: Callable[[], int] = _lowestFree,
        now: Callable[[], float] = time.time,
    ) -> None:
        """@param now: returns the time, in seconds since the epoch."""
        self.turnedAway = 0
        self.when: float | None = None
        self._limitNow = limitNow
        self._lowestFree = lowestFree
        self._now = now

    @property
    def limit(self) -> int | None:
        """The limit of open files; None: no limit."""
        return self._limitNow()

    @property
    def reserved(self) -> int:
        """The size of the reserve."""
        limit = self.limit
        return 0 if limit is None else reserved(limit)

    def room(self) -> Room:
        """Decide if the newest connection can stay."""
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

    def turnAway(self) -> None:
        """Count a connection that is closed now for lack of files."""
        self.turnedAway += 1
        self.when = self._now()
