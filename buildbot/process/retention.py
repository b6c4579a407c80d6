# -*- test-case-name: tests.unit.process.test_retention,tests.unit.daemon.test_clock -*-
"""Remove old builds, changes and logs (P8), as C{buildHorizon} and the other keys say.

L{buildbot.store.requests} removes a build from the store, L{buildbot.process.logkeeping} the logs of builds
that stay.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from buildbot.config.model import MasterConfig, Unset
from buildbot.logs.directory import numbersIn, orphans
from buildbot.logs.files import removeLogs
from buildbot.logs.usage import Usage, total
from buildbot.model.walltime import WallTime
from buildbot.process.logkeeping import LogKeeping, LogLimit
from buildbot.process.resources import Resources
from buildbot.process.storehealth import StoreHealth
from buildbot.store.interface import IMPORTED, StoreFailed

_log = Logger()

#: Seconds between two removals of old builds.
PRUNE_EVERY = 3600.0
#: The store's key for the last believed time: see L{WallTime}.
BELIEVED = "clock/believed"
#: The number of logs that are deleted without a pause.
REMOVED_AT_ONCE = 20
#: The number of log files whose age is looked at without a pause.
LOOKED_AT_ONCE = 1000
#: The limits without keys in the file: builds of each builder, and days.
BUILDS, DAYS = 500, 365.0
#: More than all builds.
_ALL = 1 << 62


@dataclass(frozen=True)
class Forecast:
    """What the next removal will remove.

    @ivar builds: the number of builds that go, with their logs.
    @ivar changes: the number of changes that go.
    @ivar logsOf: the number of further builds that lose their logs, and stay themselves.
    @ivar size: the bytes of all these logs.
    @ivar total: the bytes of all logs that are there now.
    @ivar wait: the seconds until the removal; None while nothing is ever removed.
    """

    builds: int
    changes: int
    logsOf: int
    size: int
    total: int
    wait: float | None

    def toRecord(self) -> dict[str, Any]:
        """My values by name, for JSON."""
        return asdict(self)


class Retention:
    """I remove old builds, changes and logs.

    @ivar logs: removes logs of builds that stay.
    """

    def __init__(
        self,
        resources: Resources,
        health: StoreHealth,
        builders: Collection[str],
        config: Callable[[], MasterConfig] = MasterConfig,
    ) -> None:
        """
        @param builders: a live collection of the names of all builders.
        @param config: returns the configuration in force.
        """
        self._resources = resources
        self._health = health
        self._builders = builders
        self._config = config
        self.logs = LogKeeping(resources, builders)
        self._isImported = False
        self._horizon: int | Unset | None = Unset.UNSET
        self._days: float | Unset | None = Unset.UNSET
        self._believed: WallTime | None = None
        self._pruning: LoopingCall | None = None
        self._next = 0.0
        self._isStopped = False

    # the limits

    @property
    def horizon(self) -> int | None:
        """The number of builds kept for each builder; None: all. C{buildbot.tac} may set it."""
        given = _first(self._config().buildHorizon, self._horizon)
        return given if not isinstance(given, Unset) else None if self._keepsAll() else BUILDS

    @horizon.setter
    def horizon(self, builds: int | None) -> None:
        self._horizon = builds

    @property
    def days(self) -> float | None:
        """The most days that a build is kept; None: no limit. C{buildbot.tac} may set it."""
        given = _first(self._config().buildDays, self._days)
        isLeft = isinstance(self._config().buildHorizon, Unset) and not self._keepsAll()
        return given if not isinstance(given, Unset) else DAYS if isLeft else None

    @days.setter
    def days(self, days: float | None) -> None:
        self._days = days

    def _keepsAll(self) -> bool:
        """True if there is an imported history, and nobody has said how much of it to keep."""
        config = self._config()
        said = (config.buildHorizon, config.buildDays, self._horizon, self._days)
        return self._isImported and all(isinstance(each, Unset) for each in said)

    @property
    def _changes(self) -> int | None:
        """The number of changes kept; None: as many, and as old, as builds of one builder."""
        given = self._config().changeHorizon
        return None if isinstance(given, Unset) else given or _ALL

    @property
    def _logLimit(self) -> LogLimit:
        return LogLimit(self._config().logHorizon, self._config().logMaxTotalSize)

    # the work

    def start(self) -> None:
        """Remove old builds now, and every PRUNE_EVERY seconds."""
        self._isStopped = False
        # Not an Alarm: the next run also waits for the end of the last one.
        self._pruning = LoopingCall(lambda: ensureDeferred(self.prune()))
        self._pruning.clock = self._resources.clock
        self._pruning.start(PRUNE_EVERY)

    def stop(self) -> None:
        """Stop removing builds. What is left goes after the next start."""
        self._isStopped = True
        if self._pruning is not None and self._pruning.running:
            self._pruning.stop()

    async def prune(self) -> None:
        """Remove builds, their logs and changes beyond the limits; then logs of other builds."""
        self._next = self._resources.clock.seconds() + PRUNE_EVERY
        try:
            await self._look()
            age = await self._age()
            await self._removeBuilds(age)
            filenames = await self._resources.store.prune(self.horizon or _ALL, age, self._changes)
            await self._removeLogs(filenames)
        except StoreFailed as failed:
            self._failed(failed)
            return
        for builder in list(self._builders):
            try:
                await self._removeLogs(await self._orphans(builder, age))
            except StoreFailed:
                return  # next time
        try:
            await self.logs.remove(self._logLimit)
        except StoreFailed as failed:
            self._failed(failed)

    def _failed(self, failed: StoreFailed) -> None:
        if not self._isStopped:  # the store of a master that stops is closed
            self._health.failed(failed.reason)

    async def _removeBuilds(self, age: float | None) -> None:
        """Remove many builds in small parts: an import may have made a hundred thousand too many."""
        store = self._resources.store
        keys, _ = await store.prunable(self.horizon or _ALL, age, self._changes)
        for start in range(0, len(keys), REMOVED_AT_ONCE):
            if self._isStopped:
                return
            await self._removeLogs(await store.dropBuilds(keys[start : start + REMOVED_AT_ONCE]))

    async def forecast(
        self,
        usage: Usage | None = None,
        horizon: int | None = None,
        days: float | None = None,
        logHorizon: int | None = None,
    ) -> Forecast:
        """What the next removal will remove. Changes nothing. Raises L{StoreFailed}.

        @param usage: the room that the logs take; None: it is measured.
        @param horizon, days, logHorizon: limits in place of those in force; None: those in force.
        """
        await self._look()
        store = self._resources.store
        most = self.days if days is None else days
        age = None if most is None else await self._believe() - most * 86400
        builds, changes = await store.prunable(horizon or self.horizon or _ALL, age, self._changes)
        usage = await self.logs.usage() if usage is None else usage
        gone = set(builds)
        size = sum(usage[name][number].room for name, number in gone if number in usage.get(name, ()))
        left = {
            name: {number: each for number, each in files.items() if (name, number) not in gone}
            for name, files in usage.items()
        }
        limit = self._logLimit if logHorizon is None else replace(self._logLimit, builds=logHorizon)
        others = {key for keys, _ in await self.logs.beyond(limit, left) for key in keys}
        size += sum(usage[name][number].room for name, number in others)
        wait = max(0.0, self._next - self._resources.clock.seconds()) if self._pruning is not None else None
        return Forecast(len(builds), changes, len(others), size, total(usage), wait)

    async def _look(self) -> None:
        """Find out whether the store has an imported history."""
        if not self._isImported and await self._resources.store.getState(IMPORTED):
            self._isImported = True
            if self._keepsAll():
                _log.info(
                    "all builds are kept, because their history was imported:"
                    " c['buildHorizon'] says how many to keep of each builder"
                )

    async def _age(self) -> float | None:
        """The time before which builds are too old; None: none is."""
        if self.days is None:
            return None
        believed = await self._believe()
        await self._resources.store.setState(BELIEVED, believed)
        return believed - self.days * 86400

    async def _believe(self) -> float:
        """The believed time: a clock that was set ahead must not delete builds."""
        resources, steady = self._resources, self._resources.clock.seconds
        if self._believed is None:
            self._believed = WallTime(await self._lastKnown(), steady())
        self._believed = self._believed.look(resources.now(), steady())
        return self._believed.when

    async def _lastKnown(self) -> float:
        """The last believed time from the store; else the start of the last build, or the present time."""
        known = await self._resources.store.getState(BELIEVED)
        if isinstance(known, (int, float)):
            return known
        builds = await self._resources.store.getBuilds(count=1)
        return builds[0].started if builds else self._resources.now()

    async def _removeLogs(self, filenames: Sequence[str]) -> None:
        storage = self._resources.logStorage
        for start in range(0, len(filenames), REMOVED_AT_ONCE):
            if storage is not None:
                await storage.forget(filenames[start : start + REMOVED_AT_ONCE])
            removeLogs(self._resources.logs.directory, filenames[start : start + REMOVED_AT_ONCE])
            await self._resources.sleep(0)  # slaves come first

    async def _orphans(self, builder: str, age: float | None) -> list[str]:
        """The logs of old builds without a record, for example after damage to the store."""
        store, directory = self._resources.store, self._resources.logs.directory
        files = numbersIn(directory, builder)
        first = list(islice(files, 1))
        if not first:
            return []  # most builders of a new master: a thousand questions less to the store
        newest = await store.getBuilds(builder, 1)
        if not newest:
            return []
        oldest = (newest[0].number or 0) + 1 - (self.horizon or _ALL)
        files = chain(first, files)
        found: dict[int, list[str]] = {}
        while some := list(islice(files, LOOKED_AT_ONCE)):
            for number, names in orphans(directory, some, oldest, age).items():
                found.setdefault(number, []).extend(names)
            if len(some) == LOOKED_AT_ONCE:
                await self._resources.sleep(0)  # slaves come first
        kept = {number for number in found if await store.getBuild(builder, number) is not None}
        return sorted(name for number, names in found.items() if number not in kept for name in names)


def _first(given: Any, other: Any) -> Any:
    """The first of two values that is set."""
    return other if isinstance(given, Unset) else given
