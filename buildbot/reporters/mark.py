# -*- test-case-name: tests.unit.reporters.test_mark,tests.stories.test_mail -*-
"""Remember which builds were looked at, so that a kill of the master loses no message about a build."""

from __future__ import annotations

import math
from collections.abc import Iterable

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger

from buildbot.reporters.outages import Fetch
from buildbot.status.build import BuildStatus
from buildbot.store.interface import IStore, StoreFailed

log = Logger()

#: The prefix of the key in the store; the reporter follows.
PREFIX = "told/"
#: The most builds of a builder that get a late message, and the seconds after which a build gets none.
MOST = 20
NEWS = 86400.0
#: The builds that are read first: usually all were looked at, and there are many builders. Builds of one
#: builder that run at the same time may end in another order than they begin.
FIRST = 5


class Mark:
    """I keep the time when the last build ended that a reporter has looked at."""

    def __init__(self, store: IStore, own: str) -> None:
        """@param own: names the reporter in the store."""
        self._store = store
        self._key = PREFIX + own
        self._when: float | None = None
        self._owed: dict[tuple[str, int], float] = {}  # missed builds: when each of them ended
        self._isRead = False
        self._keeping: Deferred[None] | None = None
        self._isStale = False

    async def missed(
        self,
        fetch: Fetch,
        builders: Iterable[str],
        start: float,
        most: int = MOST,
    ) -> list[BuildStatus]:
        """The builds that ended before a start and were not looked at, in the order of their end.

        Those that a kill has interrupted have ended at the start.

        @param fetch: reads finished builds of a builder; see L{Fetch}.
        @param start: when the reporter began to listen, in seconds since the epoch.
        @param most: the most builds of a builder that are read.
        """
        missed: list[BuildStatus] = []
        try:
            kept = await self._store.getState(self._key)
            self._when = max(self._when or 0.0, start if kept is None else kept)
            if kept is not None:  # else the reporter is new
                least = max(kept, start - NEWS)
                found = [build for name in builders for build in await _since(fetch, name, least, most)]
                ended = [build for build in found if least < (build.finished or 0.0) <= start]
                missed = [build for build in ended if build.started < start]
        except StoreFailed as why:
            log.warn("cannot read which builds need a message from before the start: {why}", why=why.reason)
            kept = self._when  # nothing to write
        self._owed = {_keyOf(build): build.finished or 0.0 for build in missed}
        self._isRead = True
        if kept is None:
            await self.keep()
        return sorted(missed, key=lambda build: build.finished or 0.0)

    def looked(self, build: BuildStatus) -> None:
        """Note that a build was looked at; L{keep} keeps that."""
        self._when = max(self._when or 0.0, build.finished or 0.0)
        self._owed.pop(_keyOf(build), None)

    def owe(self, build: BuildStatus) -> None:
        """Note that a build is looked at later; until L{looked}, newer ones do not count."""
        self._owed[_keyOf(build)] = build.finished or 0.0

    def caughtUp(self) -> None:
        """Note that all builds of L{missed} were looked at, also those that need nothing."""
        self._owed = {}

    async def keep(self) -> None:
        """Keep what is noted. A failure of the store is only logged.

        Before L{missed} has read what an earlier process missed, nothing is written over it. As long as one
        of those builds was not looked at, newer ones do not count: after another kill, it is found again.
        """
        if not self._isRead:
            return
        when = math.nextafter(min(self._owed.values()), 0.0) if self._owed else self._when
        try:
            await self._store.setState(self._key, when)
        except StoreFailed as why:
            log.warn("cannot store which builds were looked at: {why}", why=why.reason)

    def keepSoon(self) -> None:
        """Keep what is noted, but write only one time after another: many builds may end at once."""
        if self._keeping is not None:
            self._isStale = True
            return
        self._keeping = ensureDeferred(self.keep())
        self._keeping.addBoth(self._kept)

    def _kept(self, result: object) -> None:
        self._keeping = None
        if self._isStale:
            self._isStale = False
            self.keepSoon()


def _keyOf(build: BuildStatus) -> tuple[str, int]:
    return build.getBuilder().getName(), build.number


async def _since(fetch: Fetch, name: str, least: float, most: int) -> list[BuildStatus]:
    """The builds of a builder back to the first one that ended before a time; at most so many."""
    found: list[BuildStatus] = []
    size = FIRST
    while len(found) < most:
        page = await fetch(name, min(size, most - len(found)), found[-1].number if found else None)
        size = MOST
        found += page
        if not page or (page[-1].finished or 0.0) <= least:
            break
    return found
