# -*- test-case-name: tests.unit.process.test_builds -*-
"""
A builder: the requests that wait, the builds that run, the slaves that are there to build.

It keeps its identity when the configuration changes.  One build is in
L{buildbot.process.base}; which request meets which slave is decided by
L{buildbot.process.queue}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.components import registerAdapter
from twisted.python.failure import Failure
from twisted.spread import pb

from buildbot import interfaces
from buildbot.config.model import BuilderConfig
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.daemon.clock import Stopwatch
from buildbot.model.records import BuildRecord, PauseRecord
from buildbot.model.results import EXCEPTION, RETRY, SUCCESS, Results, outcomeWords
from buildbot.process.base import Build
from buildbot.process.buildercontrol import BuilderControl as BuilderControl  # where 0.7.5 had it
from buildbot.process.buildfactory import BuildFactory
from buildbot.process.merging import RETRIES as RETRIES
from buildbot.process.merging import mayMerge, onTrial
from buildbot.process.queue import SlaveSight, nextBuild, whyWaiting
from buildbot.process.request import BuildRequest
from buildbot.process.updates import worded
from buildbot.status.build import BuildStatus
from buildbot.status.builderstatus import BuilderStatus
from buildbot.store.interface import StoreConflict, StoreFailed
from buildbot.text.plural import counted
from buildbot.wire.peers import BuilderPeer

log = Logger()

#: Seconds within which a slave must have been heard of to begin a build without asking.
FRESH = 10.0
#: Seconds that a slave may take to answer before a build (L4).
PING_TIME = 20.0
#: How much the last build counts in what the next is expected to take.
LEARNING = 0.3


def _byWhom(pause: PauseRecord | None) -> str | None:
    """What is to be known of a pause besides that it is one; None if there is none."""
    if pause is None:
        return None
    words = f"by {pause.who}" if pause.kind == "paused" else f"{pause.kind}, by {pause.who}"
    return f"{words}: {pause.why}" if pause.why else words


class SlaveBuilder:
    """
    I am one slave as one builder sees it: its remote SlaveBuilder, while it is attached.

    @ivar peer: what is said to it.
    @ivar build: the build that runs here, or is about to; else None.
    @ivar isAttached: whether the connection that I came with still lives.
    """

    __slots__ = ("build", "builder", "isAttached", "peer", "reserved", "slave", "slaveCommands")

    def __init__(
        self, builder: Builder, slave: Any, remote: pb.RemoteReference, slaveCommands: Mapping[str, str]
    ) -> None:
        self.builder = builder
        self.slave = slave
        self.peer = BuilderPeer(slave.peer, remote)
        self.slaveCommands = slaveCommands
        self.build: Build | None = None
        self.reserved = False
        self.isAttached = True

    def __repr__(self) -> str:
        return f"<SlaveBuilder {self.slave.slavename} of {self.builder.name}>"

    @property
    def slavename(self) -> str:
        """The slave's name."""
        name: str = self.slave.slavename
        return name

    @property
    def remote(self) -> SlaveBuilder:
        """What 0.7.5 calls the slave with: I myself, for I know its words; see L{callRemote}."""
        return self

    @property
    def clock(self) -> Any:
        """What tells builds the time."""
        return self.builder.botmaster.resources.clock

    @property
    def name(self) -> str:
        """The slave's name, as L{buildbot.process.queue} asks for it."""
        return self.slavename

    @property
    def running(self) -> int:
        """How many builds run on the slave, of all builders."""
        running: int = self.slave.availability.buildsRunning
        return running

    @property
    def used(self) -> float:
        """When a build last began on the slave, by the clock."""
        used: float = self.slave.availability.lastUsed
        return used

    @property
    def isIdle(self) -> bool:
        """Whether a build could begin here now."""
        return self.isAttached and not self.reserved and bool(self.slave.availability.canStartBuild())

    def isAvailable(self) -> bool:
        """The same, in 0.7.5's words."""
        return self.isIdle

    def sight(self) -> SlaveSight:
        """What is to be seen of it, for people who ask why nothing begins."""
        return SlaveSight(
            self.slavename,
            paused=_byWhom(self.slave.availability.paused),
            busy=self.reserved,
            running=self.running,
            maxBuilds=self.slave.availability.maxBuilds,
        )

    def callRemote(self, method: str, *args: Any) -> Deferred[Any]:
        """
        Call the slave's own object for the builder, as commands do that start themselves.

        @return: fires with the answer, in which words are text.
        """
        return self.peer.callRemote(method, *args).addCallback(worded)

    def getSlaveCommandVersion(self, command: str, oldversion: str | None = None) -> str | None:
        """
        The version of a command.

        @param oldversion: for slaves that are too old to tell.
        @return: None if the slave has not got it.
        """
        return self.slaveCommands.get(command) if self.slaveCommands else oldversion

    def reserve(self) -> None:
        """A build is about to begin here."""
        self.reserved = True
        self.slave.availability.buildBegins()

    def free(self) -> None:
        """It has ended, or did not begin."""
        if self.reserved:
            self.reserved = False
            self.build = None
            self.slave.availability.buildEnded()


class Builder:
    """
    I am one builder of the configuration.

    @ivar setup: what the configuration says of me.
    @ivar attachedSlaves: the attached slaves: slave name -> L{SlaveBuilder}.
    @ivar pending: the requests that wait, the oldest first.
    @ivar building: the builds that run.
    @ivar isRemoved: whether the configuration has me no more.
    @ivar builder_status: what others may know of it.
    @ivar expectations: step name -> seconds that it usually takes.
    """

    def __init__(self, setup: BuilderConfig, botmaster: Any) -> None:
        self.setup = setup
        self.botmaster = botmaster
        self.attachedSlaves: dict[str, SlaveBuilder] = {}
        self.pending: list[BuildRequest] = []
        self.building: list[Build] = []
        self.expectations: dict[str, float] = {}
        self.isRemoved = False
        self.builder_status = BuilderStatus(self, botmaster.resources.announcer)

    def __repr__(self) -> str:
        return f"<Builder {self.name}>"

    @property
    def name(self) -> str:
        """The name that the configuration gives."""
        return self.setup.name

    # what 0.7.5 offered as attributes

    @property
    def slavenames(self) -> list[str]:
        """The slaves that may build here, attached or not."""
        return list(self.setup.slavenames)

    @property
    def slaves(self) -> list[SlaveBuilder]:
        """The attached slaves."""
        return list(self.attachedSlaves.values())

    @property
    def builddir(self) -> str:
        """The directory of the builder on its slaves."""
        return self.setup.builddir

    @property
    def buildFactory(self) -> Any:
        """The recipe of the builds."""
        return self.setup.factory

    @property
    def locks(self) -> list[Any]:
        """What the configuration says that every build holds."""
        return list(self.setup.locks)

    @property
    def buildable(self) -> list[BuildRequest]:
        """The requests that wait, the oldest first."""
        return list(self.pending)

    # the configuration

    def configure(self, setup: BuilderConfig) -> None:
        """Take on a changed configuration; slaves, requests and running builds stay where they are."""
        self.setup = setup
        self.maybeStartBuild()

    # slaves

    def attached(self, slave: Any, remote: pb.RemoteReference, commands: Mapping[str, str]) -> None:
        """The perspective C{slave} is there, and C{remote} is its SlaveBuilder for me."""
        known = self.attachedSlaves.get(slave.slavename)
        if known is not None:
            self.detached(known.slave)  # it may be of a perspective that the configuration had dropped
        self.attachedSlaves[slave.slavename] = SlaveBuilder(self, slave, remote, commands)
        self.builder_status.stateChanged()
        self.maybeStartBuild()

    def detached(self, slave: Any) -> None:
        """The perspective C{slave} is gone, or no longer mine.  Safe to call twice, and late."""
        slavebuilder = self.attachedSlaves.get(slave.slavename)
        if slavebuilder is not None and slavebuilder.slave is slave:
            del self.attachedSlaves[slave.slavename]
            slavebuilder.isAttached = False
            self.builder_status.stateChanged()
            if slavebuilder.build is not None:
                try:
                    slavebuilder.build.lostRemote()
                except PLUGIN_ERRORS:  # of a build of somebody's own class; the slave is gone all the same
                    self._bug(Failure())

    # requests

    def submitBuildRequest(self, req: BuildRequest) -> None:
        """A request, which is on disk, waits for me."""
        resources = self.botmaster.resources
        req.arrived = resources.clock.seconds() - max(0.0, resources.now() - req.submitted)
        req.requestSubmitted(self)
        self.pending.append(req)
        if self.isRemoved:
            self.cancelAll()  # I was removed while it was put on disk
        else:
            self.maybeStartBuild()

    def cancelBuildRequest(self, req: BuildRequest) -> bool:
        """A request is wanted no longer; False if it does not wait any more."""
        if req not in self.pending:
            return False
        self.cancelPending([req])
        return True

    def cancelAll(self) -> list[BuildRequest]:
        """I was removed from the configuration: nothing waits for me any more (R13)."""
        self.isRemoved = True
        cancelled = list(self.pending)
        self.cancelPending(cancelled)
        return cancelled

    def cancelPending(self, requests: Sequence[BuildRequest]) -> Deferred[bool]:
        """
        Some of the requests that wait are wanted no longer.

        @return: fires with whether that is on disk. If it cannot be now, it is tried again until it is (P4).
        """
        self._leave(requests)
        tried: Deferred[bool] = Deferred()

        def tell(isKept: bool) -> None:
            if not tried.called:
                tried.callback(isKept)

        if requests:
            cancelling = ensureDeferred(self._cancelled(requests, lambda: tell(False)))
            cancelling.addErrback(self._bug).addCallback(lambda isKept: tell(bool(isKept)))
        else:
            tell(True)
        return tried

    async def _cancelled(self, requests: Sequence[BuildRequest], failed: Callable[[], None]) -> bool:
        """Put it on disk, calling C{failed()} each time that it cannot be; False: the master stops first."""
        ids = [req.id for req in requests if req.id is not None]
        when = self.botmaster.resources.now()
        self.botmaster.engine.keeping += 1
        try:
            store = self.botmaster.resources.store
            complete = await self.botmaster.health.untilKept(lambda: store.cancelRequests(ids, when), failed)
        finally:
            self.botmaster.engine.keeping -= 1
        if complete is None:
            log.warn(
                "builder {name}: cancelled {requests}, but could not store that; "
                "after a restart what was cancelled waits again",
                name=self.name,
                requests=counted(len(ids), "request"),
            )
            return False
        self.botmaster.engine.buildsetsComplete(complete)
        for req in requests:
            req.finished(None)
        return True

    def whyWaiting(self) -> str:
        """Why the oldest request waits, in words (B8)."""
        if not self.pending:
            return ""
        if self.botmaster.health.trouble:
            return f"no build can be recorded: {self.botmaster.health.trouble}"
        if all(not self.botmaster.engine.mayTry(req) for req in self.pending):
            return "its last try after crashes of the master waits until that of another request is over"
        return whyWaiting([self._sight(name) for name in self.setup.slavenames])

    def _sight(self, name: str) -> SlaveSight:
        attached = self.attachedSlaves.get(name)
        if attached is not None:
            return attached.sight()
        slave = self.botmaster.slaves.get(name)
        if slave is None:
            return SlaveSight(name, attached=False)
        status = slave.slave_status
        return SlaveSight(
            name,
            attached=False,
            away=status.since,
            paused=_byWhom(slave.availability.paused),
            trouble=status.failing.get(self.name, ""),
        )

    # builds

    def maybeStartBuild(self) -> None:
        """Begin as many builds as there are requests and idle slaves for (B7)."""
        while self.pending and not self.botmaster.engine.isHolding():
            waiting = (req for req in self.pending if not req.isChosen and self.botmaster.engine.mayTry(req))
            chosen = nextBuild(waiting, self.attachedSlaves.values(), self._canMerge)
            if chosen is None:
                return
            slavebuilder, requests = chosen
            for req in requests:
                req.isChosen = True
            if onTrial(requests[0]):
                self.botmaster.engine.trial = requests[0]
            slavebuilder.reserve()
            ensureDeferred(self._build(slavebuilder, requests)).addErrback(self._bug)

    def _canMerge(self, one: BuildRequest, other: BuildRequest) -> bool:
        """Whether one build may serve both, as master.cfg says for me or for all."""
        return mayMerge(self.setup.mergeRequests or self.botmaster.config.mergeRequests, self, one, other)

    def _leave(self, requests: Sequence[BuildRequest]) -> list[BuildRequest]:
        """Some requests wait no longer; return those of them that did."""
        if len(requests) == 1 and self.pending[:1] == requests[:1]:
            return [self.pending.pop(0)]
        leaving = set(requests)
        left = [req for req in self.pending if req in leaving]
        self.pending = [req for req in self.pending if req not in leaving]
        return left

    async def _build(self, slavebuilder: SlaveBuilder, requests: Sequence[BuildRequest]) -> None:
        self.botmaster.engine.keeping += 1
        try:
            await self._buildAndKeep(slavebuilder, requests)
        finally:
            self.botmaster.engine.keeping -= 1
            self.botmaster.engine.trialIsOver(requests)

    async def _buildAndKeep(self, slavebuilder: SlaveBuilder, requests: Sequence[BuildRequest]) -> None:
        answers = await slavebuilder.slave.isAnswering(PING_TIME, FRESH)
        for req in requests:
            req.isChosen = False
        taken: Sequence[BuildRequest] = ()
        build = None
        if answers and self._canBegin(slavebuilder):
            taken = self._leave(requests)  # some may have been cancelled meanwhile
            build = await self._begun(taken, slavebuilder)
        if build is None:
            self.botmaster.engine.trialIsOver(requests)
            slavebuilder.free()
            # before my own requests wait again: they come last
            self.botmaster.engine.slaveIsIdle(slavebuilder.slave, self)
            self._putBack([req for req in taken if not req.isOver])
            return
        requests, status = taken, build.build_status
        slavebuilder.build, build.slavebuilder = build, slavebuilder
        self.building.append(build)
        try:
            await self._run(build, status, slavebuilder)
        except PLUGIN_ERRORS:
            self._bug(Failure())
            build.fail("internal error: see the master's log")
        self.building.remove(build)
        attempts = max(req.attempts for req in requests)
        isStopping = self.botmaster.resources.stopping
        again = build.results == RETRY and (attempts < RETRIES or isStopping)
        if again and isStopping:
            status.setText(["the master was stopped"])
        if build.results == RETRY and not again:
            status.setResults(EXCEPTION)
            why = f" ({build.whyLost})" if build.whyLost else ""
            status.setText([f"slave lost{why}; the last of {attempts + 1} tries"])
        results = SUCCESS if build.results is None else build.results
        number, text = status.number, outcomeWords(Results[results], status.getText())[:200]
        log.info(
            "build {number} of builder {name} finished: {text}", number=number, name=self.name, text=text
        )
        self._learn(status)
        self.builder_status.buildFinished(status)
        self.botmaster.engine.trialIsOver(requests)
        slavebuilder.free()
        self.botmaster.engine.buildEnded(self, build)
        again = await self._keep(status, again, not isStopping)
        for req in requests:
            if again:
                req.attempts += not isStopping
                req.lostOn |= {slavebuilder.slavename}
            else:
                req.finished(status)
        if again:
            self._putBack(requests)

    async def _begun(self, requests: Sequence[BuildRequest], slavebuilder: SlaveBuilder) -> Build | None:
        """A build of these requests that the store knows of, if there are any and it could be told."""
        if not requests:
            return None
        try:
            record = await self._recorded(requests, slavebuilder)
        except PLUGIN_ERRORS:  # a request of somebody's own class may say what no record can hold
            self._bug(Failure())
            for req in requests:
                req.isOver = True  # it can never be built, so it must not wait
            self.cancelPending(requests)
            return None
        if record is None:
            return None
        try:
            build = self.newBuild(requests)
        except PLUGIN_ERRORS:  # of somebody's own factory or build
            why = Failure()
            self._bug(why)
            build = self._brokenBuild(requests, why)
        resources = self.botmaster.resources
        now = Stopwatch(record.started, resources.clock)
        build.build_status = BuildStatus(
            self.builder_status, record, resources.logs, now, resources.announcer
        )
        build.build_status.experience = self.builder_status.experience
        return build

    async def _run(self, build: Build, status: BuildStatus, slavebuilder: SlaveBuilder) -> None:
        """A build that the store knows, from its beginning to its end."""
        build.setLocks(self.realLocks(self.setup.locks, slavebuilder))
        for req in build.requests:
            req.buildStarted(build, status)
        number, slave = status.number, slavebuilder.slavename
        log.info(
            "build {number} of builder {name} started on slave {slave}",
            number=number,
            name=self.name,
            slave=slave,
        )
        self.botmaster.engine.buildStarted(self, build)
        self.builder_status.buildStarted(status)
        ended = build.startBuild(status, self.expectations, slavebuilder)
        if not slavebuilder.isAttached:
            build.lostRemote()
        await ended

    def _canBegin(self, slavebuilder: SlaveBuilder) -> bool:
        """Whether, after the slave has answered, there is still a reason to build there."""
        isWanted = not self.isRemoved and not self.botmaster.engine.isHolding()
        return isWanted and slavebuilder.isAttached and slavebuilder.slave.availability.paused is None

    async def _recorded(
        self, requests: Sequence[BuildRequest], slavebuilder: SlaveBuilder
    ) -> BuildRecord | None:
        """
        What the store knows of a build that begins; None if it cannot keep it.

        That comes before any code of the configuration makes the build: if that ends the process, the next
        one knows which requests it was for.
        """
        first, *others = requests
        record: BuildRecord = BuildRecord(
            builder=self.name,
            number=None,
            slave=slavebuilder.slavename,
            requests=tuple(req.id for req in requests if req.id is not None),
            started=self.botmaster.resources.now(),
            reason=first.mergeReasons(others),
            sourcestamp=(first.mergeWith(others) if others else first.source).toRecord(),
        )
        try:
            first = self.botmaster.numbers.least(self.name)
            atLeast = {"atLeast": first} if first else {}
            record = await self.botmaster.resources.store.startBuild(record, **atLeast)
        except StoreConflict:
            log.failure("a build of builder {name} could not be started", name=self.name)
            for req in requests:
                req.finished(None)  # the store knows better: they wait no longer
            return None
        except StoreFailed as failed:
            self.botmaster.health.failed(failed.reason)
            return None
        self.botmaster.health.works()
        return record

    async def _keep(self, status: BuildStatus, again: bool, counts: bool) -> bool:
        """
        Put the end of a build into the store, however long that takes (P4).

        @return: whether its requests wait again.
        """
        finish = self.botmaster.resources.store.finishBuild
        try:
            record = status.toRecord()
            complete = await self.botmaster.health.untilKept(lambda: finish(record, again, counts))
        except StoreConflict:
            log.failure("storing the end of {status!r} failed", status=status)
            return again
        except PLUGIN_ERRORS:
            log.failure("{status!r} has values that cannot be stored", status=status)
            status.setResults(EXCEPTION)
            text = ("the result of the build cannot be stored: see twistd.log of the master",)
            finished = status.finished or status.now()
            bare = replace(status.record, finished=finished, results=EXCEPTION, text=text)
            again = False
            complete = await self.botmaster.health.untilKept(lambda: finish(bare, False, counts))
        self.botmaster.engine.buildsetsComplete(complete or ())
        return again

    def _putBack(self, requests: Iterable[BuildRequest]) -> None:
        """Requests that came to nothing wait again, in the order of their age."""
        self.pending.extend(requests)
        if self.isRemoved:
            self.cancelAll()
            return
        self.pending.sort(key=lambda req: req.id or 0)  # not by the time, for clocks are put back
        self.maybeStartBuild()

    def _learn(self, status: BuildStatus) -> None:
        """What steps took this time counts for the next."""
        if status.getResults() != SUCCESS:
            return
        before = dict(self.expectations)
        for step in status.steps:
            if step.started is not None and step.finished is not None:
                took = step.finished - step.started
                usual = self.expectations.get(step.name, took)
                self.expectations[step.name] = round(usual + LEARNING * (took - usual), 3)
                self.builder_status.learn(step.name, step.measured(), LEARNING)
        if any(abs(self.expectations[name] - before.get(name, -1.0)) > 1.0 for name in self.expectations):
            self.botmaster.health.remember(f"expectations/{self.name}", self.expectations)

    def _brokenBuild(self, requests: Sequence[BuildRequest], why: Failure) -> Build:
        """A build that does nothing but to end with what was raised when it was to be made."""
        build = Build(requests)
        build.setBuilder(self)
        build.setSteps([lambda build: why.raiseException()])
        return build

    def newBuild(self, requests: Sequence[BuildRequest]) -> Build:
        """The build that serves these requests."""
        factory: Any = self.setup.factory
        if not hasattr(factory, "newBuild"):
            factory = BuildFactory(factory.steps)
        build: Build = factory.newBuild(list(requests))
        build.setBuilder(self)
        return build

    def stepChanged(self, build: Build) -> None:
        """A step of a running build takes its time, or ended: that is kept, for the case of a crash."""
        status = build.build_status
        if not status.steps[-1].isFinished() or len(status.steps) < len(build.steps):
            self.botmaster.resources.store.saveBuild(status.toRecord()).addErrback(self._notSaved)

    def _notSaved(self, why: Failure) -> None:
        why.trap(StoreFailed, StoreConflict)

    def realLocks(self, locks: Iterable[Any], slavebuilder: SlaveBuilder) -> list[Any]:
        """The locks that stand behind those of the configuration, for work on this slave."""
        name = slavebuilder.slavename
        return [self.botmaster.locks.get(lock).getLock(name) for lock in locks]

    def _bug(self, why: Failure) -> None:
        log.failure("builder {name} failed", why, name=self.name)


registerAdapter(BuilderControl, Builder, interfaces.IBuilderControl)
