# -*- test-case-name: tests.unit.process.test_builds -*-
"""One attempt to build some requests on one slave, until the end of the build is stored.

The attempt pings the slave, records the build in the store, makes the build with the configuration's code,
runs it, and stores its end. Each step may fail. Then the requests wait again, or are finished.
L{buildbot.process.base} runs the build.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from buildbot.config.model import BuilderConfig
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.daemon.logger import QuickLogger
from buildbot.model.records import BuildRecord
from buildbot.model.results import EXCEPTION, RETRY, SUCCESS, Results, outcomeWords
from buildbot.process.base import Build
from buildbot.process.buildfactory import BuildFactory
from buildbot.process.expectations import LEARNING, isWorthStoring, learned
from buildbot.process.merging import RETRIES
from buildbot.process.request import BuildRequest
from buildbot.process.seams import BuilderForBuild, BuilderForEngine
from buildbot.process.slavebuilder import SlaveBuilder
from buildbot.status.build import BuildStatus
from buildbot.status.builderstatus import BuilderStatus
from buildbot.store.interface import StoreConflict, StoreFailed

log = QuickLogger()

#: A slave that was heard of within these seconds is not pinged before a build.
FRESH = 10.0
#: Seconds for a slave to answer the ping before a build (L4).
PING_TIME = 20.0


class BacklogForAttempt(Protocol):
    """The waiting requests that are in the store only; C{count} is their number."""

    count: int

    async def joined(self, chosen: Sequence[BuildRequest], /) -> list[BuildRequest]:
        """Find all requests that a build may serve too."""


class BuilderForAttempt(BuilderForEngine, BuilderForBuild, Protocol):
    """The part of the builder that an attempt uses.

    @ivar setup: its configuration.
    @ivar starting: the requests whose build is being recorded in the store.
    @ivar building: the running builds.
    @ivar ending: ended builds whose end is not stored yet.
    @ivar isRemoved: True after a reconfig has removed the builder.
    @ivar expectations: step name -> its usual duration in seconds.
    @ivar builder_status: its status for status receivers.
    """

    setup: BuilderConfig
    starting: list[BuildRequest]
    building: list[Build]
    ending: list[Build]
    isRemoved: bool
    expectations: dict[str, float]
    builder_status: BuilderStatus

    @property
    def backlog(self) -> BacklogForAttempt: ...

    def take(self, requests: Sequence[BuildRequest], /) -> list[BuildRequest]:
        """Take requests from the queue. Returns the ones that were still there."""

    def putBack(self, requests: Iterable[BuildRequest], /) -> None:
        """Put requests back into the queue."""

    def cancelPending(self, requests: Sequence[BuildRequest], /) -> Deferred[bool]:
        """Cancel requests. Fires with True if this is stored."""

    def failed(self, why: Failure, /) -> None:
        """Log an unexpected exception."""


class BuildAttempt:
    """I try to build some requests on one reserved slave.

    @ivar requests: the requests of the build; before it starts, the requests chosen for it.
    """

    def __init__(
        self, builder: BuilderForAttempt, slavebuilder: SlaveBuilder, requests: Sequence[BuildRequest]
    ) -> None:
        self.builder = builder
        self.slavebuilder = slavebuilder
        self.requests = requests
        self._master = builder.botmaster
        self._engine = self._master.engine

    async def run(self) -> None:
        """Run the whole attempt. Returns when the end of the build is stored."""
        chosen = self.requests
        self._engine.keeping += 1
        try:
            build = await self._begin()
            if build is not None:
                await self._perform(build)
                isStopping = self._master.resources.stopping
                again = self._waitsAgain(build, isStopping)
                self._over(build)
                self.builder.ending.append(build)
                try:
                    again = await self._keep(build.build_status, again, not isStopping)
                finally:
                    self.builder.ending.remove(build)
                self._release(build.build_status, again, not isStopping)
                build.steps = []  # each refers to the build: without this cycle, all are freed at once
        finally:
            self._engine.keeping -= 1
            if self._engine.trial is not None:
                self._engine.trialIsOver(chosen)

    # before the build

    async def _begin(self) -> Build | None:
        """Record and make the build. Returns None if it cannot start; then its requests wait again."""
        chosen, taken = self.requests, []
        build = None
        if self.builder.backlog.count:
            chosen = await self.builder.backlog.joined(chosen)
        answers = await self.slavebuilder.slave.isAnswering(PING_TIME, FRESH)
        for req in chosen:
            req.isChosen = False
        if answers and self._canBegin():
            taken = self.builder.take(chosen)  # without requests cancelled in the meantime
            self.builder.starting += taken
            try:
                build = await self._recorded(taken) if taken else None
            finally:
                for req in taken:
                    self.builder.starting.remove(req)
        if build is None:
            self._engine.trialIsOver(chosen)
            self.slavebuilder.free()
            # Offer the slave to other builders first: they may have waited longer.
            self._engine.slaveIsIdle(self.slavebuilder.slave, self.builder)
            self.builder.putBack([req for req in taken if not req.isOver])
        self.requests = taken
        return build

    def _canBegin(self) -> bool:
        """True if the build may still start there, after the slave has answered."""
        isWanted = not self.builder.isRemoved and not self._engine.isHolding()
        return (
            isWanted and self.slavebuilder.isAttached and self.slavebuilder.slave.availability.paused is None
        )

    async def _recorded(self, requests: Sequence[BuildRequest]) -> Build | None:
        """Record a build in the store and make it. Returns None if it could not be recorded."""
        try:
            record = await self._record(requests)
        except PLUGIN_ERRORS:  # a plug-in's request class may have values that cannot be stored
            self.builder.failed(Failure())
            for req in requests:
                req.isOver = True  # it can never be built, so it must not wait again
            self.builder.cancelPending(requests)
            return None
        return None if record is None else self._made(requests, record)

    async def _record(self, requests: Sequence[BuildRequest]) -> BuildRecord | None:
        """Record the start of a build in the store.

        This comes before the configuration's code makes the build: if that code kills the process, the next
        process knows the requests of the build.

        @return: the record with the build's number; None if it could not be stored.
        """
        first, *others = requests
        resources, name = self._master.resources, self.builder.name
        record = object.__new__(BuildRecord)  # quicker: see L{Record}
        vars(record).update(
            builder=name,
            number=None,
            slave=self.slavebuilder.slavename,
            requests=tuple([req.id for req in requests if req.id is not None]),
            started=resources.now(),
            finished=None,
            results=None,
            text=(),
            reason=first.mergeReasons(others) if others else first.reason or "",
            sourcestamp=(first.mergeWith(others) if others else first.status.source).toRecord(),
            properties=None,
            steps=(),
            waits=False,
        )
        try:
            numbers = self._master.numbers
            least = numbers.floors.get(name)
            if least is None:
                least = numbers.least(name)
            atLeast = {"atLeast": least} if least else {}
            stored: BuildRecord = await resources.store.startBuild(record, **atLeast)
        except StoreConflict:
            log.failure("a build of builder {name} could not be started", name=name)
            for req in requests:
                req.finished(None)  # in the store they no longer wait
            return None
        except StoreFailed as failed:
            self._master.health.failed(failed.reason)
            return None
        return stored

    def _made(self, requests: Sequence[BuildRequest], record: BuildRecord) -> Build:
        """Make the build of a record with the configuration's code."""
        try:
            build = self._newBuild(requests)
        except PLUGIN_ERRORS:  # of a plug-in's factory or build
            why = Failure()
            self.builder.failed(why)
            build = self._brokenBuild(requests, why)
        resources, status = self._master.resources, self.builder.builder_status
        build.build_status = BuildStatus(status, record, resources.logs, resources.announcer)
        build.build_status.experience = status.experience
        return build

    def _newBuild(self, requests: Sequence[BuildRequest]) -> Build:
        factory: Any = self.builder.setup.factory
        if not hasattr(factory, "newBuild"):
            factory = BuildFactory(factory.steps)
        build: Build = factory.newBuild(list(requests))
        build.setBuilder(self.builder)
        build.ofAll, build.isLater = self._master.config.properties, self._master.config.isLater
        build.ofBuilder, build.builderEnvironment = self.builder.setup.properties, self.builder.setup.env
        return build

    def _brokenBuild(self, requests: Sequence[BuildRequest], why: Failure) -> Build:
        """A build whose only step raises the factory's exception."""
        build = Build(requests)
        build.setBuilder(self.builder)
        build.setSteps([lambda build: why.raiseException()])
        return build

    # during the build

    async def _perform(self, build: Build) -> None:
        """Run the build to its end."""
        builder, slavebuilder = self.builder, self.slavebuilder
        slavebuilder.build, build.slavebuilder = build, slavebuilder
        builder.building.append(build)
        try:
            await self._run(build)
        except PLUGIN_ERRORS:
            builder.failed(Failure())
            build.fail("internal error: see the master's log")
        builder.building.remove(build)

    async def _run(self, build: Build) -> None:
        builder, slavebuilder, status = self.builder, self.slavebuilder, build.build_status
        slave = self._master.config.slaves.get(slavebuilder.slavename)
        locks = [*builder.setup.locks, *(slave.locks if slave is not None else ())]
        build.setLocks(builder.realLocks(locks, slavebuilder) if locks else ())
        for req in build.requests:
            req.buildStarted(build, status)
        log.info(
            "build {number} of builder {name} started on slave {slave}",
            number=status.number,
            name=builder.name,
            slave=slavebuilder.slavename,
        )
        self._engine.buildStarted(builder, build)
        builder.builder_status.buildStarted(status)
        ended = build.startBuild(status, builder.expectations, slavebuilder)
        if not slavebuilder.isAttached:
            build.lostRemote()
        await ended

    # after the build

    def _waitsAgain(self, build: Build, isStopping: bool) -> bool:
        """True if the requests of an ended build wait again. Sets the reason in the build's status."""
        if build.results != RETRY:
            return False
        status, attempts = build.build_status, max(req.attempts for req in self.requests)
        if isStopping:
            status.setText(["the master was stopped"])
            return True
        if attempts < RETRIES:
            return True
        status.setResults(EXCEPTION)
        why = f" ({build.whyLost})" if build.whyLost else ""
        status.setText([f"slave lost{why}; the last of {attempts + 1} tries"])
        return False

    def _over(self, build: Build) -> None:
        """Report the end of the build, and free the slave."""
        status = build.build_status
        results = SUCCESS if build.results is None else build.results
        text = outcomeWords(Results[results], status.getText())[:200]
        log.info(
            "build {number} of builder {name} finished: {text}",
            number=status.number,
            name=self.builder.name,
            text=text,
        )
        self._learn(status)
        self.builder.builder_status.buildFinished(status)
        if self._engine.trial is not None:
            self._engine.trialIsOver(self.requests)
        self.slavebuilder.free()
        self._engine.buildEnded(self.builder, build)

    def _learn(self, status: BuildStatus) -> None:
        """Update the expectations with the durations of the steps, if the build succeeded.

        A build with a patch does not count: it says little about the next build of the source.
        """
        source = status.source
        if status.results != SUCCESS or source.patch is not None or (source.beside and source.isPatched):
            return
        builder = self.builder
        took = {}
        for step in status.steps:
            if step.started is not None and step.finished is not None:
                took[step.name] = step.finished - step.started
        before, builder.expectations = builder.expectations, learned(builder.expectations, took)
        if isWorthStoring(before, builder.expectations):
            self._master.health.remember(f"expectations/{builder.name}", builder.expectations)
        for step in status.steps:
            if step.name in took:
                builder.builder_status.learn(step.name, step.measured(), LEARNING)

    async def _keep(self, status: BuildStatus, again: bool, counts: bool) -> bool:
        """Store the end of the build, with retries until it succeeds (P4).

        @param again: whether its requests wait again.
        @param counts: whether this build counts as one of their attempts.
        @return: C{again}; False if the build has values that cannot be stored.
        """
        resources, untilKept = self._master.resources, self._master.health.untilKept
        finish = resources.store.finishBuild
        try:
            kept = status.lastRecord()
            complete = await untilKept(partial(finish, kept, again, counts, resources.closer))
        except StoreConflict:
            log.failure("storing the end of {status!r} failed", status=status)
            return again
        except PLUGIN_ERRORS:
            log.failure("{status!r} has values that cannot be stored", status=status)
            status.setResults(EXCEPTION)
            text = ("the result of the build cannot be stored: see twistd.log of the master",)
            finished = status.finished or status.now()
            kept = replace(status.record, finished=finished, results=EXCEPTION, text=text)
            again = False
            complete = await untilKept(partial(finish, kept, False, counts, resources.closer))
        self._engine.buildsetsComplete(complete or ())
        if resources.logStorage is not None:
            resources.logStorage.ended(kept)
        return again

    def _release(self, status: BuildStatus, again: bool, counts: bool) -> None:
        """Finish the requests or put them back into the queue, after the end is stored."""
        for req in self.requests:
            if again:
                req.attempts += counts
                req.lostOn |= {self.slavebuilder.slavename}
            else:
                req.finished(status)
        if again:
            self.builder.putBack(self.requests)
