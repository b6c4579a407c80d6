# -*- test-case-name: tests.unit.process.test_engine_keeping,tests.unit.daemon.test_clock -*-
"""Remove old builds and their logs (P8).

L{buildbot.store.requests} removes a build from the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import LoopingCall

from buildbot.logs.directory import orphans
from buildbot.logs.files import removeLogs
from buildbot.model.walltime import WallTime
from buildbot.process.resources import Resources
from buildbot.process.storehealth import StoreHealth
from buildbot.store.interface import StoreFailed

#: Seconds between two removals of old builds.
PRUNE_EVERY = 3600.0
#: The store's key for the last believed time: see L{WallTime}.
BELIEVED = "clock/believed"
#: The number of logs that are deleted without a pause.
REMOVED_AT_ONCE = 20


class Retention:
    """I remove old builds and their logs.

    @ivar horizon: the number of builds kept for each builder.
    @ivar days: the most days that a build is kept; None: no limit.
    """

    def __init__(self, resources: Resources, health: StoreHealth, builders: Iterable[str]) -> None:
        """@param builders: a live collection of the names of all builders."""
        self._resources = resources
        self._health = health
        self._builders = builders
        self.horizon = 500
        self.days: float | None = 365.0
        self._believed: WallTime | None = None
        self._pruning: LoopingCall | None = None

    def start(self) -> None:
        """Remove old builds now, and every PRUNE_EVERY seconds."""
        # Not an Alarm: the next run also waits for the end of the last one.
        self._pruning = LoopingCall(lambda: ensureDeferred(self.prune()))
        self._pruning.clock = self._resources.clock
        self._pruning.start(PRUNE_EVERY)

    def stop(self) -> None:
        """Stop removing builds."""
        if self._pruning is not None and self._pruning.running:
            self._pruning.stop()

    async def prune(self) -> None:
        """Remove builds, and their logs, beyond L{horizon} and L{days}."""
        try:
            age = None if self.days is None else await self._believe() - self.days * 86400
            filenames = await self._resources.store.prune(self.horizon, age)
        except StoreFailed as failed:
            self._health.failed(failed.reason)
            return
        await self._removeLogs(filenames)
        for builder in list(self._builders):
            try:
                await self._removeLogs(await self._orphans(builder, age))
            except StoreFailed:
                return  # next time

    async def _believe(self) -> float:
        """The believed time: a clock that was set ahead must not delete builds."""
        resources, steady = self._resources, self._resources.clock.seconds
        if self._believed is None:
            self._believed = WallTime(await self._lastKnown(), steady())
        self._believed = self._believed.look(resources.now(), steady())
        await resources.store.setState(BELIEVED, self._believed.when)
        return self._believed.when

    async def _lastKnown(self) -> float:
        """The last believed time from the store; else the start of the last build, or the present time."""
        known = await self._resources.store.getState(BELIEVED)
        if isinstance(known, (int, float)):
            return known
        builds = await self._resources.store.getBuilds(count=1)
        return builds[0].started if builds else self._resources.now()

    async def _removeLogs(self, filenames: Sequence[str]) -> None:
        for start in range(0, len(filenames), REMOVED_AT_ONCE):
            removeLogs(self._resources.logs.directory, filenames[start : start + REMOVED_AT_ONCE])
            await self._resources.sleep(0)  # slaves come first

    async def _orphans(self, builder: str, age: float | None) -> list[str]:
        """The logs of old builds without a record, for example after damage to the store."""
        store = self._resources.store
        newest = await store.getBuilds(builder, 1)
        if not newest:
            return []
        oldest = (newest[0].number or 0) + 1 - self.horizon
        found = orphans(self._resources.logs.directory, builder, oldest, age)
        kept = [number for number in found if await store.getBuild(builder, number) is not None]
        return sorted(name for number, names in found.items() if number not in kept for name in names)
