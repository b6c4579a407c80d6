# -*- test-case-name: tests.unit.process.test_builds -*-
"""
Where builds are done: what a master's builders share, and what follows from the end of a build.

It holds the store, the logs, the locks, and who is kept from building.  One
builder is in L{buildbot.process.builder}, the slaves are in L{buildbot.slaves.botmaster},
which is one of these.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.builders import locksOf
from buildbot.config.model import BuilderConfig
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.daemon.troubles import Symptom, Troubles
from buildbot.files.partial import PARTIALS, Partials
from buildbot.logs.directory import LOGS, adopt, nextNumber, orphans
from buildbot.logs.files import removeLogs
from buildbot.logs.live import LogDirectory
from buildbot.model.records import BuildRecord, BuildsetRecord, PauseRecord, RequestRecord
from buildbot.model.walltime import WallTime
from buildbot.process.builder import STORE_AGAIN, Builder
from buildbot.process.merging import onTrial
from buildbot.process.request import BuildRequest
from buildbot.status.announcer import Announcer
from buildbot.store.interface import FILE_GONE, UNREADABLE, StoreFailed
from buildbot.store.memory import MemoryStore
from buildbot.text.plural import counted

log = Logger()
_T = TypeVar("_T")
_K = TypeVar("_K")

#: Seconds between two looks at what is too old to keep.
PRUNE_EVERY = 3600.0
#: What the store has the time under that was believed last: see L{WallTime}.
BELIEVED = "clock/believed"
#: Logs that are deleted without a pause.
REMOVED_AT_ONCE = 20


class BuildEngine:
    """
    I am the part of a BotMaster that has to do with builds.

    @ivar basedir: the master's directory, which file transfers are relative to.
    @ivar store: keeps everything; open when builds begin.
    @ivar announcer: tells status receivers what happens.
    @ivar logs: where the logs of steps are made.
    @ivar now: tells the time, in seconds since the epoch.
    @ivar keeping: how many builds run, or have ended and are not kept yet.
    @ivar learned: what is expected of the builds of builders that are not there, should one come back.
    @ivar pauses: slave name -> why it is kept from building.
    @ivar givenUp: the builds that were given up at this start, for the master crashed too often under them.
    @ivar trial: the request that is on its last try after crashes of the master; no other such begins.
    @ivar storeTrouble: why nothing can be kept just now, in words; empty if all is well.
    @ivar partials: remembers uploads that are not complete; None before it is known where.
    @ivar troubles: all that is wrong with this master just now.
    """

    clock: Any
    builders: dict[str, Builder]
    slaves: dict[str, Any]
    stopping: bool
    basedir = "."
    storeTrouble = ""
    partials: Partials | None = None
    keeping = 0
    pauses: dict[str, PauseRecord]
    _pruning: LoopingCall | None = None
    _believed: WallTime | None = None
    trial: BuildRequest | None = None
    _isOpen = False
    _trying: Any = None
    _left: Sequence[RequestRecord] = ()
    _ended: Sequence[BuildsetRecord] = ()
    givenUp: Sequence[BuildRecord] = ()
    #: How many builds of each builder are kept, with their logs, and for how many days at the most.
    buildHorizon = 500
    buildDays: float | None = 365.0

    def setupEngine(self, now: Callable[[], float] = time.time) -> None:
        """With a store that forgets, until a better one is given."""
        self.now = now
        self.troubles = Troubles(now)
        self.store: Any = MemoryStore()
        self.logs = LogDirectory(".", self.clock, troubles=self.troubles)
        self.announcer = Announcer(self.clock)
        self.learned: dict[str, dict[str, float]] = {}
        self._floors: dict[str, int] = {}
        self._lost: dict[str, str] = {}  # the numbers of builds that only their logs tell of, by builder
        self._locks: dict[Any, Any] = {}
        self._buildsets: dict[int, Any] = {}
        self._listeners: tuple[Any, ...] = ()

    # the life of the store

    def settle(self, basedir: str, store: Any) -> None:
        """Where files and logs are, and what keeps everything else."""
        self.basedir = basedir
        self.store = store
        store.watch(self.storeFailed, self.storeWorks, self.storeDamaged)
        self.logs = LogDirectory(os.path.join(basedir, LOGS), self.clock, troubles=self.troubles)
        self.troubles.watch("logs", self._lookAtLogs)
        self.partials = Partials(os.path.join(basedir, PARTIALS))

    def _lookAtLogs(self) -> Symptom | None:
        if not os.path.lexists(self.logs.directory) or os.path.isdir(self.logs.directory):
            return None
        return Symptom(
            "the output of steps is lost: the logs cannot be written",
            f"{self.logs.directory} is not a directory",
            "move it away: the master makes the directory anew",
        )

    async def openStore(self) -> None:
        """
        See what the last process left: its unfinished builds are closed, what they served waits again (P1).

        @raise StoreFailed: the store cannot be used.
        """
        await self.store.open()
        self._isOpen = True
        if self.partials is not None:
            self.partials.sweep()
        logs = self.logs.directory
        for build in await self.store.interrupted(self.now(), lambda each: adopt(each, logs)):
            name, number = build.builder, build.number
            if build.isGivenUp:
                self.givenUp = (*self.givenUp, build)
                log.error(
                    "build {number} of builder {name}: {why}",
                    name=name,
                    number=number,
                    why=" ".join(build.text),
                )
            else:
                log.warn(
                    "build {number} of builder {name} was interrupted by the end of the master",
                    name=name,
                    number=number,
                )
        self._ended = await self.store.giveUp(self.now())
        # Now, for whatever is submitted from here on is not among what the last process left.
        self._left = await self.store.pendingRequests()
        self.pauses = await self._remembered("pause", PauseRecord.fromRecord)

    async def resume(self) -> None:
        """What waited when the last process ended waits again; what is too old goes, now and every hour."""
        for name, expectations in (await self._remembered("expectations", _expectations)).items():
            if name in self.builders:
                self.builders[name].expectations = expectations
            else:
                self.learned[name] = expectations
        self.buildsetsComplete(self._ended)
        left, self._left = self._left, ()
        orphans = [each.id for each in left if each.builder not in self.builders]
        waiting = {each.id: each for each in left if each.builder in self.builders}
        readable = _readable(BuildRequest.fromRecord, "request", waiting)
        for request in readable.values():
            self.builders[request.getBuilderName()].submitBuildRequest(request)
        if orphans:
            log.warn(
                "cancelled {requests} of builders that are not in the configuration any more",
                requests=counted(len(orphans), "request"),
            )
        unreadable = [number for number in waiting if number not in readable]
        if orphans or unreadable:
            self.buildsetsComplete(await self.store.cancelRequests([*orphans, *unreadable], self.now()))
        await self._compareLogs()
        self._pruning = LoopingCall(lambda: ensureDeferred(self.prune()))
        self._pruning.clock = self.clock
        self._pruning.start(PRUNE_EVERY)

    async def _compareLogs(self) -> None:
        """Say which logs there are of builds that the store does not know, as a torn copy has them."""
        lost = self._lost
        for name in self.builders:
            floor = self.firstNumber(name)
            newest = await self.store.getBuilds(name, 1) if floor else ()
            known = newest[0].number + 1 if newest else 0
            if known < floor:
                lost[name] = f"{known} to {floor - 1}" if known < floor - 1 else str(known)
        if lost:
            symptom = Symptom(
                "there are logs of builds that the store does not know",
                "builds are lost, and perhaps changes and requests of the same time: "
                + ", ".join(f"{name} {numbers}" for name, numbers in lost.items()),
                "this may be a copy of a running master, or the store is older than the logs: see the page on"
                " backups. New builds get higher numbers; this note stays until each builder has built",
            )
            self.troubles.report("lost builds", symptom, lambda: not lost)

    def firstNumber(self, builder: str) -> int:
        """The least number that the next build of a builder may have: no log file has it or a greater one."""
        if builder not in self._floors:
            self._floors[builder] = nextNumber(self.logs.directory, builder)
        return self._floors[builder]

    async def _remembered(self, kind: str, read: Callable[[Any], _T]) -> dict[str, _T]:
        """What is remembered of each name; what cannot be read is put out of the way."""
        states = await self.store.getStates(f"{kind}/")
        values = {key.partition("/")[2]: value for key, value in states.items()}
        readable = _readable(read, kind, values)
        for name in values:
            if name not in readable:
                await self.store.setState(f"{UNREADABLE}/{kind}/{name}", values[name])
                await self.store.setState(f"{kind}/{name}", None)
        return readable

    async def _believe(self) -> float:
        """The time, as late as it may be called when something is deleted because it is old."""
        if self._believed is None:
            self._believed = WallTime(await self._lastKnown(), self.clock.seconds())
        self._believed = self._believed.look(self.now(), self.clock.seconds())
        await self.store.setState(BELIEVED, self._believed.when)
        return self._believed.when

    async def _lastKnown(self) -> float:
        """The time that was believed last; if none was, that of the last build."""
        known = await self.store.getState(BELIEVED)
        if isinstance(known, (int, float)):
            return known
        builds = await self.store.getBuilds(count=1)
        return builds[0].started if builds else self.now()

    async def prune(self) -> None:
        """Forget builds, and their logs, beyond L{buildHorizon} and L{buildDays} (P8)."""
        try:
            age = None if self.buildDays is None else await self._believe() - self.buildDays * 86400
            filenames = await self.store.prune(self.buildHorizon, age)
        except StoreFailed as failed:
            self.storeFailed(failed.reason)
            return
        await self._removeLogs(filenames)
        for builder in list(self.builders):
            try:
                await self._removeLogs(await self._orphans(builder, age))
            except StoreFailed:
                return  # next time

    async def _removeLogs(self, filenames: Sequence[str]) -> None:
        for start in range(0, len(filenames), REMOVED_AT_ONCE):
            removeLogs(self.logs.directory, filenames[start : start + REMOVED_AT_ONCE])
            await self.sleep(0)  # slaves come first

    async def _orphans(self, builder: str, age: float | None) -> list[str]:
        """The logs of builds that are too old to be kept, and are not: damage may have cost their records."""
        newest = await self.store.getBuilds(builder, 1)
        if not newest:
            return []
        found = orphans(self.logs.directory, builder, newest[0].number + 1 - self.buildHorizon, age)
        kept = [number for number in found if await self.store.getBuild(builder, number) is not None]
        return sorted(name for number, names in found.items() if number not in kept for name in names)

    async def closeStore(self) -> None:
        """Keep what is still to be kept, and let go of the store."""
        if self._pruning is not None and self._pruning.running:
            self._pruning.stop()
        while self.keeping and not self.storeTrouble:
            await self.sleep(0.01)
        self._stopTrying()
        if self._isOpen:
            self._isOpen = False
            await self.store.close()

    # what waits

    async def submitBuildSet(self, buildset: Any) -> BuildsetRecord:
        """
        A set of builds is wanted.

        @param buildset: a L{buildbot.process.buildset.BuildSet}.
        @return: what was kept of it, once it is on disk (P2).
        @raise KeyError: one of its builders does not exist.
        @raise StoreFailed: it could not be kept; nobody will build it.
        """
        builders = [self.builders[name] for name in buildset.builderNames]
        record: BuildsetRecord
        record, requests = await self.store.addBuildset(
            buildset.reason,
            buildset.source.toRecord(),
            buildset.builderNames,
            buildset.properties,
            buildset.bsid,
            buildset.scheduler,
            self.now(),
            buildset.state,
            buildset.mergeRequests is not False,
        )
        made = [BuildRequest.fromRecord(each, buildset.source) for each in requests]  # its very Changes
        self._buildsets[record.id] = buildset
        buildset.submitted(record, made)
        self.announcer.buildsetSubmitted(buildset.status)
        for builder, request in zip(builders, made, strict=True):
            # by its name again, for meanwhile it may have been removed, and may even have come back
            self.builders.get(builder.name, builder).submitBuildRequest(request)
        return record

    def activeBuildsets(self) -> list[Any]:
        """The L{buildbot.process.buildset.BuildSet}s that are not complete, of those that this process has
        taken.
        """
        return list(self._buildsets.values())

    def buildsetsComplete(self, records: Sequence[BuildsetRecord]) -> None:
        """All requests of these sets are done."""
        for record in records:
            buildset = self._buildsets.pop(record.id, None)
            if buildset is not None:
                buildset.complete(record)
            self._announce("buildsetComplete", record)

    def subscribeToBuilds(self, listener: Any) -> None:
        """
        Tell an object of what happens here: its methods C{buildStarted(builder, build)},
        C{buildFinished(builder, build)} and C{buildsetComplete(record)}, as far as it has them.
        """
        self._listeners = (*self._listeners, listener)

    def unsubscribeFromBuilds(self, listener: Any) -> None:
        """Tell it no more."""
        self._listeners = tuple(each for each in self._listeners if each is not listener)

    def _announce(self, event: str, *values: Any) -> None:
        """In a later turn, to each by itself: what one makes of it is no other's concern."""
        for listener in self._listeners:
            method = getattr(listener, event, None)
            if method is not None:
                self.clock.callLater(0, self._tellOne, method, values)

    def _tellOne(self, method: Callable[..., object], values: tuple[Any, ...]) -> None:
        try:
            method(*values)
        except PLUGIN_ERRORS:
            log.failure("{method!r} failed when it was told of a change", method=method)

    # builds

    def mayTry(self, request: BuildRequest) -> bool:
        """Whether a request may be built now: the last tries after crashes of the master take turns."""
        return self.trial is None or not onTrial(request)

    def trialIsOver(self, requests: Sequence[BuildRequest]) -> None:
        """A build of these requests is over; if it was the last try of one, the next such may begin."""
        if self.trial is None or self.trial not in requests:
            return
        self.trial = None
        if not self.stopping:
            self.clock.callLater(0, self.maybeStartAllBuilds)

    def isHolding(self) -> bool:
        """Whether no build may begin now: the master is stopping, or could not record it."""
        return self.stopping or bool(self.storeTrouble)

    def maybeStartAllBuilds(self) -> None:
        """Begin whatever can begin."""
        for builder in list(self.builders.values()):
            builder.maybeStartBuild()

    def buildStarted(self, builder: Builder, build: Any) -> None:
        """A build began."""
        self._lost.pop(builder.name, None)
        self._announce("buildStarted", builder, build)

    def buildEnded(self, builder: Builder, build: Any) -> None:
        """A build is over and its slave is free: whoever waited for that is next (B7)."""
        self._announce("buildFinished", builder, build)
        self.slaveIsIdle(build.slavebuilder.slave, builder)

    def slaveIsIdle(self, slave: Any, last: Builder | None = None) -> None:
        """A slave may have room for a build; the builder that had the last one comes last."""
        slave.maybeLeave()
        builders = list(slave.builders.values())
        if last in builders:
            after = builders.index(last) + 1
            builders = builders[after:] + builders[:after]
        for builder in builders:
            builder.maybeStartBuild()

    def getLockByID(self, lockid: Any) -> Any:
        """The one lock that stands behind all that the configuration calls by this name."""
        key = (type(lockid).__name__, lockid.name)
        real = self._locks.get(key)
        if real is None:
            real = self._locks[key] = lockid.lockClass(lockid)
        return real

    def configureLocks(self, builders: Iterable[BuilderConfig]) -> None:
        """
        Take over what the locks of all builders say now; who waits for a lock that has more places gets one.

        Builds that began before still bring the locks of their time, which say nothing new.  A lock that no
        builder names any more is forgotten once nobody holds it.
        """
        lockids: list[Any] = [
            lockid for builder in builders for lockid in locksOf(builder.locks, builder.factory)
        ]
        named = {(type(lockid).__name__, lockid.name): lockid for lockid in lockids}
        self._locks = {key: real for key, real in self._locks.items() if key in named or not real.isIdle()}
        for lockid in named.values():
            self.getLockByID(lockid).configure(lockid)

    # the store's ups and downs

    def storeFailed(self, reason: str) -> None:
        """Something could not be kept: no build begins until it can (P4)."""
        if not self.storeTrouble:
            log.error(
                "cannot store builds and requests: {reason}; no build starts until that works again",
                reason=reason,
            )
        self.storeTrouble = reason
        self.troubles.report("store", storeSymptom(reason))
        if self._trying is None and not self.stopping:
            self._trying = self.clock.callLater(STORE_AGAIN, self._tryStore)

    def storeDamaged(self, reason: str) -> None:
        """Some of what was kept cannot be read any more: that is so until the next start."""
        symptom = Symptom(
            "some of the store cannot be read: builds, requests or changes are missing",
            reason,
            "look for faults of the disk, and restart the master: it sets the file aside and carries over"
            " what can be read",
        )
        self.troubles.report("damaged store", symptom)

    def _tryStore(self) -> None:
        """Has it recovered?  Nothing else may ask, for while there is trouble no build begins."""
        self._trying = None
        self.store.setState("store/trouble", [self.storeTrouble, self.now()]).addCallbacks(
            lambda kept: self.storeWorks(), self._stillTrouble
        )

    def _stillTrouble(self, why: Failure) -> None:
        why.trap(StoreFailed)
        assert isinstance(why.value, StoreFailed)
        self.storeFailed(why.value.reason)

    def storeWorks(self) -> None:
        """The store took something."""
        if self.storeTrouble:
            log.info("builds and requests can be stored again")
            self.storeTrouble = ""
            self.troubles.clear("store")
            self._stopTrying()
            self.clock.callLater(0, self.maybeStartAllBuilds)

    def _stopTrying(self) -> None:
        if self._trying is not None:
            self._trying.cancel()
            self._trying = None

    def remember(self, key: str, value: Any) -> None:
        """Keep a small thing; that it cannot be kept now is no harm."""
        self.store.setState(key, value).addErrback(self._notKept)

    def _notKept(self, why: Failure) -> None:
        why.trap(StoreFailed)

    def sleep(self, seconds: float) -> Deferred[None]:
        """Fires after so many seconds."""
        return deferLater(self.clock, seconds, lambda: None)

    # slaves that are to build nothing

    async def pause(self, slavename: str, who: str, why: str, kind: str = "paused") -> PauseRecord:
        """
        Begin no further builds on a slave; running ones go on.  Only L{unpause} ends it (O7).

        @param kind: C{"paused"}, or C{"draining"}: then it is disconnected once it is idle.
        @raise KeyError: there is no such slave.
        """
        slave = self.slaves[slavename]
        record = PauseRecord(slavename, who, self.now(), why, kind)  # type: ignore[arg-type]
        await self.store.setState(f"pause/{slavename}", record.toRecord())
        self.pauses[slavename] = record
        slave.setPause(record)
        return record

    async def unpause(self, slavename: str) -> bool:
        """Let a slave build again; False if it was not kept from it."""
        slave = self.slaves[slavename]
        if slave.paused is None:
            return False
        await self.store.setState(f"pause/{slavename}", None)
        self.pauses.pop(slavename, None)
        slave.setPause(None)
        self.slaveIsIdle(slave)
        return True


def storeSymptom(reason: str) -> Symptom:
    """What is said while nothing can be kept, for this reason of L{StoreFailed}."""
    cure = "make sure that the disk has room and can be written; then the master goes on by itself"
    if reason.endswith(FILE_GONE):
        cure = "stop the master, put the file back from a backup if there is one, and start the master again"
    return Symptom("no build begins: changes, requests and builds cannot be kept", reason, cure)


def _readable(read: Callable[[Any], _T], what: str, records: Mapping[_K, Any]) -> dict[_K, _T]:
    """What was read of each record; one that makes no sense is left out, with a warning (P3)."""
    found = {}
    for name, record in records.items():
        try:
            found[name] = read(record)
        except PLUGIN_ERRORS as error:
            log.warn(
                "stored {what} {name!r} cannot be read, and is skipped: {error!r}",
                what=what,
                name=name,
                error=error,
            )
    return found


def _expectations(record: Any) -> dict[str, float]:
    if not isinstance(record, dict) or not all(isinstance(each, (int, float)) for each in record.values()):
        raise TypeError("the stored durations of steps have a wrong type")
    return dict(record)
