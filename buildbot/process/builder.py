# -*- test-case-name: tests.unit.process.test_builds -*-
"""A builder: its pending requests, its running builds and its attached slaves.

It keeps its identity when the configuration changes. L{buildbot.process.attempt} has one attempt to build,
and L{buildbot.process.slavebuilder} one attached slave. L{buildbot.process.queue} assigns requests to slaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.components import registerAdapter
from twisted.python.failure import Failure
from twisted.spread import pb

from buildbot import interfaces
from buildbot.config.model import BuilderConfig, MergeRule
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.process.attempt import BuildAttempt
from buildbot.process.backlog import Backlog
from buildbot.process.base import Build
from buildbot.process.buildercontrol import BuilderControl as BuilderControl  # where 0.7.5 had it
from buildbot.process.choosing import enforceChosenSlave as enforceChosenSlave  # where 0.8 had it
from buildbot.process.choosing import siteChoice
from buildbot.process.locktable import Exclusive
from buildbot.process.merging import RETRIES as RETRIES
from buildbot.process.merging import mayMerge, onTrial
from buildbot.process.queue import SlaveView, isHopeless, nextBuild, whyWaiting
from buildbot.process.request import BuildRequest
from buildbot.process.slavebuilder import SlaveBuilder as SlaveBuilder  # where 0.7.5 had it
from buildbot.process.slavebuilder import pausedBy
from buildbot.status.builderstatus import BuilderStatus
from buildbot.store.interface import StoreConflict, StoreFailed
from buildbot.text.plural import counted

if TYPE_CHECKING:
    from buildbot.process.seams import (
        BuildForBuilder,
        BuildForStep,
        MasterForBuilder,
        SlaveForBuild,
        SlaveForBuilder,
    )

log = Logger()


class Builder:
    """I am one builder of the configuration.

    @ivar name: the name in the configuration.
    @ivar setup: my configuration.
    @ivar clock: the clock for builds.
    @ivar attachedSlaves: the attached slaves: slave name -> L{SlaveBuilder}.
    @ivar pending: the oldest waiting requests, in the order of age.
    @ivar backlog: the other waiting requests, which are in the store only.
    @ivar starting: requests that left the queue, while the store records their build.
    @ivar building: the running builds.
    @ivar ending: ended builds whose end is not stored yet.
    @ivar isRemoved: True after a reconfig has removed me.
    @ivar builder_status: my status for status receivers.
    @ivar expectations: step name -> its usual duration in seconds.
    """

    def __init__(self, setup: BuilderConfig, botmaster: MasterForBuilder) -> None:
        self.name = setup.name
        self.setup = setup
        self._siteChoice = siteChoice(self, setup)
        self.botmaster = botmaster
        self.clock: IReactorTime = botmaster.resources.clock
        self.attachedSlaves: dict[str, SlaveBuilder] = {}
        self.pending: list[BuildRequest] = []
        self.backlog = Backlog(self, botmaster)
        self.starting: list[BuildRequest] = []
        self.building: list[Build] = []
        self.ending: list[Build] = []
        self.expectations: dict[str, float] = {}
        self.isRemoved = False
        self.builder_status = BuilderStatus(self, botmaster.resources.announcer)

    @property
    def master(self) -> Any:
        """The L{buildbot.buildmaster.service.BuildMaster}, for functions of the configuration, as in 0.8."""
        botmaster: Any = self.botmaster
        return botmaster.parent

    def __repr__(self) -> str:
        return f"<Builder {self.name}>"

    # attributes of 0.7.5

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
        """The factory of the builds."""
        return self.setup.factory

    @property
    def config(self) -> BuilderConfig:
        """My configuration, by its name in 0.8."""
        return self.setup

    @property
    def locks(self) -> list[Any]:
        """The locks of every build, as objects of the configuration."""
        return list(self.setup.locks)

    @property
    def buildable(self) -> list[BuildRequest]:
        """The waiting requests in memory, oldest first."""
        return list(self.pending)

    @property
    def waiting(self) -> int:
        """The number of waiting requests, without those whose build is being recorded."""
        return len(self.pending) + self.backlog.count

    @property
    def isFilling(self) -> bool:
        """True if older requests than all in memory are about to be read."""
        return self.backlog.isFilling

    def getOldestRequestTime(self) -> float | None:
        """The time of the oldest waiting request, for C{prioritizeBuilders}; None if there is none."""
        return self.pending[0].submitted if self.pending else None

    # the configuration

    def configure(self, setup: BuilderConfig) -> None:
        """Use a changed configuration. Slaves, requests and running builds stay as they are."""
        self.setup = setup
        self._siteChoice = siteChoice(self, setup)
        self.maybeStartBuild()

    # slaves

    def attached(
        self, slave: SlaveForBuilder, remote: pb.RemoteReference, commands: Mapping[str, str]
    ) -> None:
        """Add an attached slave. C{remote} is the slave's object for this builder."""
        known = self.attachedSlaves.get(slave.slavename)
        if known is not None:
            self.detached(known.slave)  # it may belong to a slave that was removed from the configuration
        self.attachedSlaves[slave.slavename] = SlaveBuilder(self, slave, remote, commands)
        self.builder_status.addSlaveEvent("connect", slave.slavename)
        self.builder_status.stateChanged()
        self.maybeStartBuild()

    def detached(self, slave: SlaveForBuilder) -> None:
        """Remove a slave that was lost, or that I may no longer use. Safe to call late, or twice."""
        slavebuilder = self.attachedSlaves.get(slave.slavename)
        if slavebuilder is not None and slavebuilder.slave is slave:
            del self.attachedSlaves[slave.slavename]
            slavebuilder.isAttached = False
            self.builder_status.addSlaveEvent("disconnect", slave.slavename)
            self.builder_status.stateChanged()
            if slavebuilder.build is not None:
                try:
                    slavebuilder.build.lostRemote()
                except PLUGIN_ERRORS:  # from a plug-in's Build class; the slave is lost all the same
                    self.failed(Failure())

    # requests

    def submitBuildRequest(self, req: BuildRequest) -> None:
        """Add a request, which is on disk, to the queue."""
        resources = self.botmaster.resources
        req.arrived = resources.clock.seconds() - max(0.0, resources.now() - req.submitted)
        req.requestSubmitted(self)
        isFull = self.backlog.count or len(self.pending) >= resources.mostWaiting
        if not isFull or not self.backlog.keep(req):
            self.pending.append(req)
        if self.builder_status.announcer.isHeard:
            self.builder_status.requestsMoved("requestSubmitted", [req])
        if self.isRemoved:
            self.cancelAll()  # removed while the request was being stored
        else:
            self.maybeStartBuild()

    def cancelBuildRequest(self, req: BuildRequest) -> bool:
        """Cancel a request. Returns False if it is no longer waiting."""
        if req not in self.pending and not self.backlog.bringIn(req):
            return False
        self.cancelPending([req])
        return True

    def cancelAll(self) -> int:
        """Cancel all waiting requests, because the configuration has removed me (R13). Returns how many."""
        self.isRemoved = True
        count = self.waiting
        if self.backlog.count:
            ensureDeferred(self.botmaster.health.untilKept(self.backlog.cancel)).addErrback(self.failed)
        self.cancelPending(list(self.pending))
        return count

    async def cancelWaiting(self) -> tuple[list[int], bool]:
        """Cancel all requests that wait now.

        @return: their numbers, and True if this is stored; see L{cancelPending}.
        @raise StoreFailed: some could not be read, and wait still.
        """
        chosen = list(self.pending)
        others = ensureDeferred(self.backlog.cancel()) if self.backlog.count else succeed([])
        isKept = await self.cancelPending(chosen)
        numbers = [each.id for each in chosen if each.id is not None]
        return sorted([*numbers, *await others]), isKept

    def cancelPending(self, requests: Sequence[BuildRequest]) -> Deferred[bool]:
        """Cancel some of the waiting requests.

        @return: fires after the first attempt to store this, with True if it succeeded. After a failure, the
            attempt is repeated until it succeeds (P4).
        """
        self.builder_status.requestsMoved("requestCancelled", self.take(requests))
        tried: Deferred[bool] = Deferred()

        def tell(isKept: bool) -> None:
            if not tried.called:
                tried.callback(isKept)

        if requests:
            cancelling = ensureDeferred(self._cancelled(requests, lambda: tell(False)))
            cancelling.addErrback(self.failed).addCallback(lambda isKept: tell(bool(isKept)))
        else:
            tell(True)
        return tried

    async def _cancelled(self, requests: Sequence[BuildRequest], failed: Callable[[], None]) -> bool:
        """Store the cancellation; calls C{failed()} after each failure. False if the master stops first."""
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
                "they will wait again after a restart",
                name=self.name,
                requests=counted(len(ids), "request"),
            )
            return False
        self.botmaster.engine.buildsetsComplete(complete)
        for req in requests:
            req.finished(None)
        return True

    def whyWaiting(self) -> str:
        """The reason why the oldest request waits, in words (B8)."""
        if not self.pending:
            return ""
        if self.botmaster.health.trouble:
            return f"no build can be recorded: {self.botmaster.health.trouble}"
        if self.botmaster.health.lapse:
            return f"no build starts before a restart of the master: {self.botmaster.health.lapse}"
        if self.botmaster.resources.hold:
            return self.botmaster.resources.hold
        if self.botmaster.engine.isClosing():
            return "the master starts no builds, because it stops once the running ones have ended"
        if all(not self.botmaster.engine.mayTry(req) for req in self.pending):
            return "its last try after crashes of the master waits for the last try of another request"
        views = [self._view(name) for name in self.setup.slavenames]
        if any(view.isIdle for view in views):
            if self.name in self.botmaster.engine.priorities.leftOut:
                return "prioritizeBuilders of the configuration leaves this builder out"
            if self._siteChoice is not None and self._siteChoice.why:
                return self._siteChoice.why
        return whyWaiting(views)

    def isHopeless(self) -> bool:
        """True if none of my slaves can ever build for me, also when all are idle."""
        return isHopeless([self._view(name) for name in self.setup.slavenames])

    def _view(self, name: str) -> SlaveView:
        attached = self.attachedSlaves.get(name)
        if attached is not None:
            return attached.view()
        slave = self.botmaster.slaves.get(name)
        if slave is None:
            return SlaveView(name, attached=False)
        status = slave.slave_status
        return SlaveView(
            name,
            attached=False,
            away=status.since,
            paused=pausedBy(slave.availability.paused),
            trouble=status.failing.get(self.name, ""),
            instance=slave.instance.words() if slave.instance is not None else "",
        )

    # builds

    def maybeStartBuild(self) -> None:
        """Start builds (B7), now, or after the builders that C{prioritizeBuilders} puts before me."""
        priorities = self.botmaster.engine.priorities
        if priorities.rule is None:
            self.startBuilds()
        else:
            priorities.soon()

    def startBuilds(self) -> None:
        """Start builds while there are waiting requests and idle slaves."""
        engine = self.botmaster.engine
        if self.backlog.count:
            self.backlog.refill()
        while self._oneWaits() and not engine.isHolding():
            pending: Iterable[BuildRequest] = self.pending
            if self.backlog.count:
                pending = filter(self.backlog.isDue, pending)
            if engine.trial is not None:
                pending = filter(engine.mayTry, pending)
            choose = nextBuild if self._siteChoice is None else self._siteChoice.next
            chosen = choose(pending, self.attachedSlaves.values(), self.canMerge)
            if chosen is None:
                if self.botmaster.instances.all:
                    self.botmaster.instances.wanted(self)
                return
            slavebuilder, requests = chosen
            for req in requests:
                req.isChosen = True
            if requests[0].interruptions and onTrial(requests[0]):
                engine.trial = requests[0]
            slavebuilder.reserve()
            attempt = BuildAttempt(self, slavebuilder, requests)
            ensureDeferred(attempt.run()).addErrback(self.failed)

    def _oneWaits(self) -> bool:
        """True if a request waits that no slave was chosen for."""
        for req in self.pending:
            if not req.isChosen:
                return True
        return False

    def unchosen(self) -> Iterable[BuildRequest]:
        """The waiting requests that no slave was chosen for, oldest first."""
        return (req for req in self.pending if not req.isChosen and self.botmaster.engine.mayTry(req))

    def allows(self, slave: object, request: BuildRequest) -> bool:
        """True if C{canStartBuild} of the configuration allows a build on a slave, which may be absent."""
        return self._siteChoice is None or self._siteChoice.allows(slave, request)

    def canMerge(self, one: BuildRequest, other: BuildRequest) -> bool:
        """True if one build may serve both requests, by the builder's rule or else the global one."""
        return mayMerge(self.mergeRule, self, one, other)

    @property
    def mergeRule(self) -> MergeRule:
        """The rule for requests that may share a build: mine, or else the global one."""
        return self.setup.mergeRequests or self.botmaster.config.mergeRequests

    def take(self, requests: Sequence[BuildRequest]) -> list[BuildRequest]:
        """Take requests from the queue. Returns the ones that were still there."""
        if len(requests) == 1 and self.pending[:1] == requests[:1]:
            left = [self.pending.pop(0)]
        else:
            leaving = set(requests)
            left = [req for req in self.pending if req in leaving]
            self.pending = [req for req in self.pending if req not in leaving]
        if self.backlog.count:
            self.backlog.refill()
        return left

    def putBack(self, requests: Iterable[BuildRequest]) -> None:
        """Put requests back into the queue, in the order of age, after a build that did not serve them."""
        returned = list(requests)
        self.pending.extend(returned)
        if self.isRemoved:
            self.cancelAll()
            return
        self.builder_status.requestsMoved("requestReturned", returned)
        self.pending.sort(key=lambda req: req.id or 0)  # not by time: a clock may be set back
        self.maybeStartBuild()

    def stepChanged(self, build: BuildForBuilder) -> None:
        """Store a running build after a step has ended or takes long, so that a crash does not lose it."""
        status = build.build_status
        if status.steps[-1].finished is None or len(status.steps) < len(build.steps):
            self.botmaster.resources.store.saveBuild(status.toRecord()).addErrback(self._notSaved)

    async def buildWaits(self, build: BuildForStep, waits: bool) -> None:
        """Store that a build waits for others, or that it goes on.

        While it waits, it cannot crash the master: its requests are not on their last attempt, so those that
        it waits for may start, and a crash does not count against them.
        """
        build.build_status.waits = waits
        if waits and self.botmaster.engine.trial is not None:
            self.botmaster.engine.trialIsOver(build.requests)
        try:
            await self.botmaster.resources.store.saveBuild(build.build_status.toRecord())
        except (StoreFailed, StoreConflict) as why:
            log.warn("{build!r} could not be stored: {why}", build=build, why=why)

    def _notSaved(self, why: Failure) -> None:
        why.trap(StoreFailed, StoreConflict)

    def realLocks(self, locks: Iterable[Any], slavebuilder: SlaveForBuild) -> list[Any]:
        """The real locks for locks of the configuration, for a build on this slave."""
        name = slavebuilder.slavename
        real = [(lock, self.botmaster.locks.get(lock).getLock(name)) for lock in locks]
        return [Exclusive(each) if getattr(lock, "isExclusive", False) else each for lock, each in real]

    def failed(self, why: Failure) -> None:
        """Log an unexpected exception."""
        log.failure("builder {name} failed", why, name=self.name)


registerAdapter(BuilderControl, Builder, interfaces.IBuilderControl)
