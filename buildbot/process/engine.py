# -*- test-case-name: tests.unit.process.test_builds -*-
"""The build engine: gives requests to builders, and decides which builder may start a build.

L{buildbot.process.builder} is one builder. L{buildbot.slaves.botmaster} adds and removes builders and slaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred, ensureDeferred, fail
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.eventual import eventual
from buildbot.model.records import BuildsetRecord, RequestRecord
from buildbot.model.results import SUCCESS, WARNINGS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.builder import Builder
from buildbot.process.buildevents import BuildEvents
from buildbot.process.buildnumbers import BuildNumbers
from buildbot.process.buildset import BuildSet
from buildbot.process.merging import onTrial
from buildbot.process.priorities import Priorities
from buildbot.process.request import BuildRequest
from buildbot.process.resources import Resources
from buildbot.process.storehealth import StoreHealth
from buildbot.status.request import BuildSetStatus
from buildbot.store.interface import StoreFailed
from buildbot.text.plural import counted

if TYPE_CHECKING:
    from buildbot.process.seams import BuilderForEngine, BuildForBuilder, SlaveForBuilder

log = Logger()


class BuildEngine:
    """I give requests to builders, and offer free slaves to waiting builders.

    @ivar builders: builder name -> L{Builder}.
    @ivar keeping: the number of builds that run, or have ended but are not stored yet.
    @ivar priorities: the order in which builders get slaves, if the configuration determines it.
    @ivar closing: who wants the master to stop once no build runs; None: nobody. See L{CleanStop}.
    @ivar trial: the request on its last attempt after crashes of the master; other last attempts wait for it.
    """

    def __init__(
        self, resources: Resources, health: StoreHealth, events: BuildEvents, numbers: BuildNumbers
    ) -> None:
        self._resources = resources
        self._health = health
        self._events = events
        self._numbers = numbers
        self.builders: dict[str, Builder] = {}
        self.priorities = Priorities(resources.clock, self.builders)
        self._learned: dict[str, dict[str, float]] = {}  # expectations of absent builders, by name
        self.keeping = 0
        self.trial: BuildRequest | None = None
        self.closing: str | None = None
        # Those whose requests are in memory, or that are used somewhere; and those whose end is awaited.
        self._buildsets: WeakValueDictionary[int, BuildSet] = WeakValueDictionary()
        self._watched: dict[int, BuildSet] = {}

    # builders

    def addBuilder(self, builder: Builder) -> None:
        """Add a builder. It takes over the expectations of an earlier builder of this name."""
        self.builders[builder.name] = builder
        builder.expectations = self._learned.pop(builder.name, {})
        self._resources.announcer.builderAdded(builder.builder_status)

    def removeBuilder(self, name: str) -> None:
        """Remove a builder: cancel its waiting requests, and stop its builds."""
        builder = self.builders.pop(name)
        self._learned[name] = builder.expectations
        cancelled = builder.cancelAll()
        self._resources.announcer.builderRemoved(name)
        if cancelled:
            log.warn(
                "builder {name} was removed: cancelled {requests} that waited for it",
                name=name,
                requests=counted(cancelled, "request"),
            )
        for build in list(builder.building):
            build.stopBuild("its builder was removed from the configuration")

    def expect(self, name: str, expectations: dict[str, float]) -> None:
        """Set the expectations of a builder, now or when it is added."""
        if name in self.builders:
            self.builders[name].expectations = expectations
        else:
            self._learned[name] = expectations

    # requests

    def submitBuildSet(self, buildset: BuildSet) -> Deferred[BuildsetRecord]:
        """Store a build set, and give its requests to the builders.

        @return: fires with the stored record, when it is on disk (P2). Fails with KeyError if one of its
            builders does not exist, and with StoreFailed if it could not be stored, and is not built.
        """
        try:
            builders = [self.builders[name] for name in buildset.builderNames]
            sourcestamp = buildset.source.toRecord()
        except PLUGIN_ERRORS:  # a builder that does not exist, or a plug-in's source
            return fail()
        new = object.__new__(BuildsetRecord)  # quicker: see L{Record}
        vars(new).update(
            id=0,
            reason=buildset.reason,
            sourcestamp=sourcestamp,
            submitted=self._resources.now(),
            properties=buildset.properties,
            externalID=buildset.bsid,
            scheduler=buildset.scheduler,
            results=None,
            complete=None,
            mergeable=buildset.mergeRequests is not False,
            propertySource=buildset.propertySource,
        )
        storing = self._resources.store.addBuildset(new, buildset.builderNames, buildset.state, buildset.keys)
        submitting: Deferred[BuildsetRecord] = storing.addCallback(self._submitted, buildset, builders)
        return submitting

    def _submitted(
        self,
        stored: tuple[BuildsetRecord, Sequence[RequestRecord]],
        buildset: BuildSet,
        builders: Sequence[Builder],
    ) -> BuildsetRecord:
        record, requests = stored
        # with the same Change objects
        made = [BuildRequest.fromRecord(each, buildset.source) for each in requests]
        self._buildsets[record.id] = buildset
        buildset.submitted(record, made)
        watch = partial(self._watch, record.id, buildset)
        buildset.status.whenWatched = watch  # so the status keeps the set, too
        if buildset.status.isWatched:
            watch()
        if self._resources.announcer.isHeard:
            self._resources.announcer.buildsetSubmitted(buildset.status)
        for builder, request in zip(builders, made, strict=True):
            # look it up again: it may have been removed, and even added again, in the meantime
            self.builders.get(builder.name, builder).submitBuildRequest(request)
        return record

    def _watch(self, id: int, buildset: BuildSet) -> None:
        """Keep a set: somebody waits for its end."""
        if not buildset.isFinished():
            self._watched[id] = buildset

    async def submitRequest(self, builder: BuilderForEngine, request: BuildRequest) -> BuildRequest:
        """Store one request, and give it to its builder.

        @return: the request, when it is on disk.
        @raise StoreFailed: it could not be stored, and is not built.
        """
        new = BuildsetRecord(
            id=0,
            reason=request.reason,
            sourcestamp=request.source.toRecord(),
            submitted=self._resources.now(),
            properties=request.properties.asDict(),
            mergeable=request.mergeable,
        )
        _, (kept,) = await self._resources.store.addBuildset(new, [builder.name])
        request.id, request.submitted, request.builderName = kept.id, kept.submitted, kept.builder
        # look it up again: it may have been removed, and even added again, in the meantime
        queue: BuilderForEngine = self.builders.get(builder.name, builder)
        queue.submitBuildRequest(request)
        return request

    def activeBuildsets(self) -> list[BuildSet]:
        """The incomplete L{buildbot.process.buildset.BuildSet}s that were submitted to this process.

        Those are left out that nobody waits for and whose requests are all in the store only.
        """
        return [self._buildsets[each] for each in sorted(self._buildsets)]

    def buildsetsComplete(self, records: Sequence[BuildsetRecord]) -> None:
        """Complete these sets: all their requests are done."""
        for record in records:
            buildset = self._buildsets.pop(record.id, None)
            self._watched.pop(record.id, None)
            if buildset is not None:
                buildset.complete(record)
                if self._resources.announcer.isHeard:
                    self._resources.announcer.report("buildsetComplete", buildset.status)
            elif self._resources.announcer.isHeard:
                telling = ensureDeferred(self._tellComplete(record))
                telling.addErrback(lambda why: log.failure("telling the end of a build set failed", why))
            self._events.tell("buildsetComplete", record)

    async def _tellComplete(self, record: BuildsetRecord) -> None:
        """Report the end of a set without an object."""
        try:
            builds = await self._resources.store.getBuildsOf(record.id)
        except StoreFailed:  # the end is stored, and pages show it
            return
        source = SourceStamp.fromRecord(record.sourcestamp)
        names = [each.builder for each in builds]
        status = BuildSetStatus(source, record.reason, names, record.externalID)
        status.complete(record.results in (SUCCESS, WARNINGS))
        self._resources.announcer.report("buildsetComplete", status)

    # which build may start

    def isHolding(self) -> bool:
        """True if no build may start now: the master is stopping, the store fails, or too many logs wait."""
        resources, health = self._resources, self._health
        isHeld = bool(health.trouble or health.lapse or resources.hold)
        return resources.stopping or isHeld or self.isClosing()

    def isClosing(self) -> bool:
        """True if the master starts no builds, because it stops soon.

        While a running build waits for builds that it has triggered, builds start as usual.
        """
        return self.closing is not None and not any(
            build.build_status.waits for builder in self.builders.values() for build in builder.building
        )

    def mayTry(self, request: BuildRequest) -> bool:
        """True if a request may be built now. Last attempts after crashes of the master run one at a time."""
        return self.trial is None or not onTrial(request)

    def trialIsOver(self, requests: Sequence[BuildRequest]) -> None:
        """End the last attempt of one of these requests, if there is one, so that another one may start."""
        if self.trial is None or self.trial not in requests:
            return
        self.trial = None
        if not self._resources.stopping:
            eventual(self._resources.clock, self.maybeStartAllBuilds)

    def maybeStartAllBuilds(self) -> None:
        """Start all builds that can start."""
        for builder in list(self.builders.values()):
            builder.maybeStartBuild()

    # events of builds

    def buildStarted(self, builder: BuilderForEngine, build: BuildForBuilder) -> None:
        """Report the start of a build."""
        if self._numbers.lost:
            self._numbers.built(builder.name)
        if self._events.listeners:
            self._events.tell("buildStarted", builder, build)

    def buildEnded(self, builder: BuilderForEngine, build: BuildForBuilder) -> None:
        """Report the end of a build, and offer its slave to waiting builders (B7)."""
        if self._events.listeners:
            self._events.tell("buildFinished", builder, build)
        self.slaveIsIdle(build.slavebuilder.slave, builder)

    def slaveIsIdle(self, slave: SlaveForBuilder, last: BuilderForEngine | None = None) -> None:
        """Offer a slave to its builders in turn; the builder C{last}, which used it last, comes last."""
        slave.availability.maybeLeave()
        builders = list(slave.builders.values())
        if last in builders:
            after = builders.index(last) + 1
            builders = builders[after:] + builders[:after]
        for builder in builders:
            builder.maybeStartBuild()
