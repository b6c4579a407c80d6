# -*- test-case-name: tests.unit.process.test_retention -*-
"""Remove the logs of old builds, while the builds themselves stay (C{logHorizon}, C{logMaxTotalSize})."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from buildbot.logs.files import removeLogs
from buildbot.logs.usage import Usage, beyondCount, beyondSize, scan, withStored
from buildbot.process.resources import Resources
from buildbot.text.plural import counted

log = Logger()

#: The number of builds whose logs are removed without a pause.
_AT_ONCE = 20


@dataclass(frozen=True)
class LogLimit:
    """The limits of all logs.

    @ivar builds: the number of builds of each builder whose logs are kept; None: no limit.
    @ivar size: the most bytes of all logs; None: no limit.
    """

    builds: int | None = None
    size: int | None = None

    @property
    def isNone(self) -> bool:
        """True if there is no limit."""
        return self.builds is None and self.size is None


class LogKeeping:
    """I remove the logs of builds that stay in the store.

    @ivar inThread: calls a function in a thread, as L{deferToThread} does.
    """

    def __init__(self, resources: Resources, builders: Collection[str]) -> None:
        """@param builders: a live collection of the names of all builders."""
        self._resources = resources
        self._builders = builders
        self.inThread: Callable[..., Deferred[Any]] = deferToThread

    async def usage(self) -> Usage:
        """The room that the logs take now, here and in object storage."""
        builders, storage = list(self._builders), self._resources.logStorage
        found: Usage = await self.inThread(scan, self._resources.logs.directory, builders)
        if storage is None:
            return found
        try:
            stored = await storage.usage()
        except OSError as why:  # what is there is removed later
            log.info("cannot list the logs in the object storage: {why}", why=why.strerror)
            return found
        return withStored(found, stored, builders)

    async def remove(self, limit: LogLimit) -> None:
        """Remove the logs beyond the limit. Raises L{StoreFailed<buildbot.store.interface.StoreFailed>}.

        The record of each build says so before its files are deleted: a kill in between leaves files, which
        go next time.
        """
        if limit.isNone:
            return
        usage = await self.usage()
        for keys, why in await self.beyond(limit, usage):
            for start in range(0, len(keys), _AT_ONCE):
                some = [key for key in keys[start : start + _AT_ONCE] if await self._isOver(*key)]
                await self._resources.store.forgetLogs(some, why)
                for key in some:
                    self._resources.history.forget(*key)
                names = [name for builder, number in some for name in usage[builder][number].names]
                if self._resources.logStorage is not None:
                    await self._resources.logStorage.forget(names)
                removeLogs(self._resources.logs.directory, names)
                await self._resources.sleep(0)  # slaves come first

    async def beyond(self, limit: LogLimit, usage: Usage) -> list[tuple[Sequence[tuple[str, int]], str]]:
        """The builds whose logs are beyond the limit, and the reason for their records."""
        found: list[tuple[Sequence[tuple[str, int]], str]] = []
        if limit.builds is not None:
            newest = {}
            for builder in usage:
                builds = await self._resources.store.getBuilds(builder, 1)
                if builds and builds[0].number is not None:
                    newest[builder] = builds[0].number
            keys = beyondCount(usage, newest, limit.builds)
            found.append((keys, f"removed: logs of the last {counted(limit.builds, 'build')} are kept"))
            gone = set(keys)
            usage = {
                builder: {number: each for number, each in builds.items() if (builder, number) not in gone}
                for builder, builds in usage.items()
            }
        if limit.size is not None:
            keys = beyondSize({name: builds for name, builds in usage.items() if builds}, limit.size)
            found.append((keys, f"removed: all logs together may take {counted(limit.size, 'byte')}"))
        return found

    async def _isOver(self, builder: str, number: int) -> bool:
        """True if a build does not run, or is unknown."""
        build = await self._resources.store.getBuild(builder, number)
        return build is None or build.finished is not None
