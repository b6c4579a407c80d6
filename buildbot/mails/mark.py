# -*- test-case-name: tests.unit.mails.test_mark,tests.stories.test_mail -*-
"""Remember which builds were looked at, so that a kill of the master loses no mail about a build."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from twisted.logger import Logger

from buildbot.status.build import BuildStatus
from buildbot.store.interface import IStore, StoreFailed

log = Logger()

#: The prefix of the key in the store; the notifier follows.
PREFIX = "told/"
#: The most builds of a builder that get a late mail, and the seconds after which a build gets none.
MOST = 20
NEWS = 86400.0


class Mark:
    """I keep the time when the last build ended that a notifier has looked at."""

    def __init__(self, store: IStore, own: str) -> None:
        """@param own: names the notifier in the store."""
        self._store = store
        self._key = PREFIX + own
        self._when: float | None = None
        self._isRead = False

    async def missed(
        self,
        fetch: Callable[[str, int], Awaitable[list[BuildStatus]]],
        builders: Iterable[str],
        start: float,
    ) -> list[BuildStatus]:
        """The builds that ended before a start and were not looked at, in the order of their end.

        @param fetch: reads the last builds of a builder.
        @param start: when the notifier began to listen, in seconds since the epoch.
        """
        self._isRead = True  # what is kept from now on is written after this is read
        try:
            kept = await self._store.getState(self._key)
            if kept is None:  # the notifier is new
                self._when = max(self._when or 0.0, start)
                await self.keep()
                return []
            self._when = max(self._when or 0.0, kept)
            least = max(kept, start - NEWS)
            found = [build for name in builders for build in await fetch(name, MOST)]
        except StoreFailed as why:
            log.warn("cannot read which builds need a mail from before the start: {why}", why=why.reason)
            return []
        missed = [build for build in found if least < (build.finished or 0.0) < start]
        return sorted(missed, key=lambda build: build.finished or 0.0)

    def looked(self, build: BuildStatus) -> None:
        """Note that a build was looked at; L{keep} keeps that."""
        self._when = max(self._when or 0.0, build.finished or 0.0)

    async def keep(self) -> None:
        """Keep what is noted. A failure of the store is only logged.

        Before L{missed} reads what an earlier process kept, nothing is written over it.
        """
        if not self._isRead:
            return
        try:
            await self._store.setState(self._key, self._when)
        except StoreFailed as why:
            log.warn("cannot store which builds were looked at: {why}", why=why.reason)
