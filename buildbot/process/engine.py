# -*- test-case-name: tests.unit.process.test_builds -*-
"""
All builders of a master at work: which requests they get, and which of them may begin a build.

One builder is in L{buildbot.process.builder}. Which builders and slaves there are
is decided in L{buildbot.slaves.botmaster}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.logger import Logger

from buildbot.events.eventual import eventual
from buildbot.model.records import BuildsetRecord
from buildbot.process.builder import Builder
from buildbot.process.buildevents import BuildEvents
from buildbot.process.buildnumbers import BuildNumbers
from buildbot.process.buildset import BuildSet
from buildbot.process.merging import onTrial
from buildbot.process.request import BuildRequest
from buildbot.process.resources import Resources
from buildbot.process.storehealth import StoreHealth
from buildbot.text.plural import counted

if TYPE_CHECKING:
    from buildbot.process.seams import BuildForBuilder, RequestQueue, SlaveForBuilder, StartsBuilds

log = Logger()


class BuildEngine:
    """
    I give requests to builders, and free slaves to those that wait for them.

    @ivar builders: builder name -> L{Builder}.
    @ivar keeping: how many builds run, or have ended and are not stored yet.
    @ivar trial: the request that is on its last try after crashes of the master; no other such begins.
    """

    def __init__(
        self, resources: Resources, health: StoreHealth, events: BuildEvents, numbers: BuildNumbers
    ) -> None:
        self._resources = resources
        self._health = health
        self._events = events
        self._numbers = numbers
        self.builders: dict[str, Builder] = {}
        self._learned: dict[str, dict[str, float]] = {}  # by builder, for those that are not there
        self.keeping = 0
        self.trial: BuildRequest | None = None
        self._buildsets: dict[int, BuildSet] = {}

    # builders

    def addBuilder(self, builder: Builder) -> None:
        """Add a builder; if there was one of this name before, it expects what that had learned."""
        self.builders[builder.name] = builder
        builder.expectations = self._learned.pop(builder.name, {})
        self._resources.announcer.builderAdded(builder.builder_status)

    def removeBuilder(self, name: str) -> None:
        """Remove a builder: cancel its requests, and stop its builds."""
        builder = self.builders.pop(name)
        self._learned[name] = builder.expectations
        cancelled = builder.cancelAll()
        self._resources.announcer.builderRemoved(name)
        if cancelled:
            log.warn(
                "builder {name} was removed: cancelled {requests} that waited for it",
                name=name,
                requests=counted(len(cancelled), "request"),
            )
        for build in list(builder.building):
            build.stopBuild("its builder was removed from the configuration")

    def expect(self, name: str, expectations: dict[str, float]) -> None:
        """Give a builder what it has learned before, now or when it is added."""
        if name in self.builders:
            self.builders[name].expectations = expectations
        else:
            self._learned[name] = expectations

    # requests

    async def submitBuildSet(self, buildset: BuildSet) -> BuildsetRecord:
        """
        Store a set of builds, and give its requests to the builders.

        @return: the stored record, once it is on disk (P2).
        @raise KeyError: one of its builders does not exist.
        @raise StoreFailed: it could not be stored; nobody will build it.
        """
        builders = [self.builders[name] for name in buildset.builderNames]
        record: BuildsetRecord
        record, requests = await self._resources.store.addBuildset(
            buildset.reason,
            buildset.source.toRecord(),
            buildset.builderNames,
            buildset.properties,
            buildset.bsid,
            buildset.scheduler,
            self._resources.now(),
            buildset.state,
            buildset.mergeRequests is not False,
        )
        made = [BuildRequest.fromRecord(each, buildset.source) for each in requests]  # its very Changes
        self._buildsets[record.id] = buildset
        buildset.submitted(record, made)
        self._resources.announcer.buildsetSubmitted(buildset.status)
        for builder, request in zip(builders, made, strict=True):
            # by its name again, for meanwhile it may have been removed, and may even have come back
            self.builders.get(builder.name, builder).submitBuildRequest(request)
        return record

    async def submitRequest(self, builder: RequestQueue, request: BuildRequest) -> BuildRequest:
        """
        Store one request that somebody has made, and give it to its builder.

        @return: the request, once it is on disk.
        @raise StoreFailed: it could not be stored; nobody will build it.
        """
        _, (kept,) = await self._resources.store.addBuildset(
            request.reason,
            request.source.toRecord(),
            [builder.name],
            request.properties,
            None,
            None,
            self._resources.now(),
            None,
            request.mergeable,
        )
        request.id, request.submitted, request.builderName = kept.id, kept.submitted, kept.builder
        # by its name again, for meanwhile it may have been removed, and may even have come back
        queue: RequestQueue = self.builders.get(builder.name, builder)
        queue.submitBuildRequest(request)
        return request

    def activeBuildsets(self) -> list[BuildSet]:
        """The L{buildbot.process.buildset.BuildSet}s of this process that are not complete."""
        return list(self._buildsets.values())

    def buildsetsComplete(self, records: Sequence[BuildsetRecord]) -> None:
        """All requests of these sets are done."""
        for record in records:
            buildset = self._buildsets.pop(record.id, None)
            if buildset is not None:
                buildset.complete(record)
            self._events.tell("buildsetComplete", record)

    # which build may begin

    def isHolding(self) -> bool:
        """Whether no build may begin now: the master is stopping, or the store fails."""
        return self._resources.stopping or bool(self._health.trouble)

    def mayTry(self, request: BuildRequest) -> bool:
        """Whether a request may be built now: the last tries after crashes of the master take turns."""
        return self.trial is None or not onTrial(request)

    def trialIsOver(self, requests: Sequence[BuildRequest]) -> None:
        """A build of these requests is over; if it was the last try of one, the next such may begin."""
        if self.trial is None or self.trial not in requests:
            return
        self.trial = None
        if not self._resources.stopping:
            eventual(self._resources.clock, self.maybeStartAllBuilds)

    def maybeStartAllBuilds(self) -> None:
        """Begin all builds that can begin."""
        for builder in list(self.builders.values()):
            builder.maybeStartBuild()

    # what happens to builds

    def buildStarted(self, builder: StartsBuilds, build: BuildForBuilder) -> None:
        """A build began."""
        self._numbers.built(builder.name)
        self._events.tell("buildStarted", builder, build)

    def buildEnded(self, builder: StartsBuilds, build: BuildForBuilder) -> None:
        """A build is over and its slave is free: builders that wait for the slave are next (B7)."""
        self._events.tell("buildFinished", builder, build)
        self.slaveIsIdle(build.slavebuilder.slave, builder)

    def slaveIsIdle(self, slave: SlaveForBuilder, last: StartsBuilds | None = None) -> None:
        """A slave may have room for a build; the builder C{last} had the last one, and comes last now."""
        slave.availability.maybeLeave()
        builders = list(slave.builders.values())
        if last in builders:
            after = builders.index(last) + 1
            builders = builders[after:] + builders[:after]
        for builder in builders:
            builder.maybeStartBuild()
