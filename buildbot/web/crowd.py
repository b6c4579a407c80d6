# -*- test-case-name: tests.unit.web.test_crowd -*-
"""The open connections of a web server, and the room for more.

Slaves need files, too. So the web server uses at most half of the files that the process may open, and none
of the reserve (see L{buildbot.files.reserve}). At the limit, the server closes the idle connection with the
longest silence, and takes the new one. So a crowd of idle connections locks nobody out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.files.reserve import FileReserve, Room

log = Logger()

#: The most connections at a time.
MOST = 4000
#: Seconds between two lines of the log about refused connections.
QUIET = 60.0


class Guest(Protocol):
    """A connection."""

    @property
    def isBusy(self) -> bool:
        """True while a request is answered."""

    def cut(self) -> None:
        """Close the connection now."""


class Crowd:
    """I hold the open connections, sorted by silence, the longest first.

    @ivar refused: the number of connections that were refused at the limit.
    """

    def __init__(self, clock: IReactorTime, files: FileReserve | None = None) -> None:
        """@param files: the reserve of files; by default the reserve of this process."""
        self._clock = clock
        self._files = files or FileReserve()
        self._open: dict[Guest, None] = {}
        self._quietUntil = 0.0
        self.refused = 0

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Guest]:
        return iter(list(self._open))

    @property
    def most(self) -> int:
        """The most connections at a time."""
        limit = self._files.limit
        return MOST if limit is None else min(MOST, limit // 2)

    def enter(self, guest: Guest) -> bool:
        """Add a connection. Returns False without adding it if there is no room."""
        if (len(self._open) >= self.most or self._files.room() is not Room.ENOUGH) and not self._makeRoom():
            self._refuse()
            return False
        self._open[guest] = None
        return True

    def heard(self, guest: Guest) -> None:
        """A connection has sent a request."""
        if guest in self._open:
            del self._open[guest]
            self._open[guest] = None

    def leave(self, guest: Guest) -> None:
        """A connection has ended."""
        self._open.pop(guest, None)

    def _makeRoom(self) -> bool:
        for guest in self._open:
            if not guest.isBusy:
                del self._open[guest]
                guest.cut()
                return True
        return False

    def _refuse(self) -> None:
        self.refused += 1
        now = self._clock.seconds()
        if now >= self._quietUntil:
            self._quietUntil = now + QUIET
            log.warn(
                "the web server refuses connections: {count} are open, all with a running request; the "
                "limit is {most}, half of the files that this process may open (ulimit -n), at most {top}",
                count=len(self._open),
                most=self.most,
                top=MOST,
            )
