# -*- test-case-name: tests.unit.status.test_receivers -*-
"""The status of one builder, for queries and subscriptions.

Older builds, and builds of earlier processes, are only in the store.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.model import BuilderConfig, MasterConfig
from buildbot.events.observers import NOBODY, Observers
from buildbot.model.rows import BuildRow
from buildbot.status.announcer import Announcer, tellOne, wanted
from buildbot.status.build import BuildStatus
from buildbot.status.event import Event, SlaveEvents
from buildbot.status.history import History
from buildbot.status.request import BuildRequestStatus
from buildbot.status.slave import SlaveStatus

#: The number of finished builds in memory, for plug-ins that compare builds.
RECENT = 3
#: The number of events outside of builds in memory.
EVENTS = 20


class RunningBuild(Protocol):
    """The part of a running build that the builder's status uses."""

    @property
    def build_status(self) -> BuildStatus: ...


class HasStatus(Protocol):
    """A request."""

    @property
    def status(self) -> BuildRequestStatus: ...


class WaitingRequest(HasStatus, Protocol):
    """The part of a pending request that status and reports use."""

    @property
    def submitted(self) -> float:
        """The time of its submission, in seconds since the epoch."""

    @property
    def arrived(self) -> float:
        """The time of its arrival at the builder, by the clock of the master."""


class KnownSlave(Protocol):
    """The part of a slave that the builder's status uses."""

    @property
    def slave_status(self) -> SlaveStatus: ...

    @property
    def instance(self) -> object | None:
        """Its instance, if it is a latent slave: it need not be attached."""


class HasHistory(Protocol):
    """The part of L{buildbot.process.resources.Resources} that the builder's status uses."""

    @property
    def basedir(self) -> str:
        """The directory of the master."""

    @property
    def history(self) -> History:
        """The finished builds."""

    @property
    def slaveEvents(self) -> SlaveEvents:
        """The events of slaves."""

    @property
    def now(self) -> Callable[[], float]:
        """Returns the time, in seconds since the epoch."""


class BuilderHolder(Protocol):
    """The part of L{buildbot.slaves.botmaster.BotMaster} that the builder's status uses."""

    @property
    def resources(self) -> HasHistory:
        """The resources that all builders share."""

    @property
    def slaves(self) -> Mapping[str, KnownSlave]:
        """The configured slaves, by name."""

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""


class KnownBuilder(Protocol):
    """The part of L{buildbot.process.builder.Builder} that the builder's status uses."""

    @property
    def name(self) -> str:
        """The name in the configuration."""

    @property
    def builddir(self) -> str:
        """The name of its directory, relative to the master's."""

    @property
    def setup(self) -> BuilderConfig:
        """Its configuration."""

    @property
    def slavenames(self) -> Sequence[str]:
        """The names of the slaves that may build here."""

    @property
    def isRemoved(self) -> bool:
        """True after a reconfig has removed the builder."""

    @property
    def waiting(self) -> int:
        """The number of waiting requests; C{pending} may have the oldest only."""

    @property
    def building(self) -> Sequence[RunningBuild]:
        """The running builds."""

    @property
    def ending(self) -> Sequence[RunningBuild]:
        """The ended builds whose end is not stored yet."""

    @property
    def pending(self) -> Sequence[WaitingRequest]:
        """The pending requests."""

    @property
    def attachedSlaves(self) -> Sized:
        """The attached slaves."""

    @property
    def botmaster(self) -> BuilderHolder:
        """The owner of all builders."""


@dataclass(frozen=True)
class RemovedBuilder:
    """I am a builder that the configuration does not have any more. Its builds are still in the store."""

    name: str
    botmaster: BuilderHolder
    slavenames: tuple[str, ...] = ()
    building: tuple[RunningBuild, ...] = ()
    ending: tuple[RunningBuild, ...] = ()
    pending: tuple[WaitingRequest, ...] = ()
    waiting = 0
    attachedSlaves: tuple[object, ...] = ()
    isRemoved: bool = True

    @property
    def builddir(self) -> str:
        """Its name, as the directory is not known."""
        return self.name

    @property
    def setup(self) -> BuilderConfig:
        """A configuration with nothing but the name."""
        return BuilderConfig(self.name, (), self.name, None)


@implementer(interfaces.IBuilderStatus)
class BuilderStatus:
    """I am the status of one builder.

    @ivar experience: step name -> metric -> its usual final value, learned since the master was started.
    """

    def __init__(self, builder: KnownBuilder, announcer: Announcer) -> None:
        """@param builder: the L{buildbot.process.builder.Builder}."""
        self._builder = builder
        self.announcer = announcer
        self._watchers: Observers[object] = NOBODY
        self._recent: tuple[BuildStatus, ...] = ()
        self._rows: dict[int, BuildRow] = {}  # of the recent builds
        self._told = ""
        self._events: deque[Event] = deque(maxlen=EVENTS)
        self.experience: dict[str, dict[str, float]] = {}

    def __repr__(self) -> str:
        return f"<BuilderStatus {self.getName()}>"

    @property
    def name(self) -> str:
        """The name in the configuration."""
        return self.getName()

    @property
    def master(self) -> Any:
        """The L{buildbot.buildmaster.service.BuildMaster}, for functions of the configuration, as in 0.8."""
        botmaster: Any = self._builder.botmaster
        return botmaster.parent

    @property
    def isLater(self) -> bool:
        """See L{buildbot.config.model.MasterConfig}."""
        return self._builder.botmaster.config.isLater

    @property
    def category(self) -> str | None:
        """The category in the configuration, or None."""
        return self._builder.setup.category

    def getTags(self) -> list[str]:
        """The tags in the configuration."""
        return list(self._builder.setup.tags)

    def keepEvents(self, most: int | None) -> None:
        """Keep this many events outside of builds from now on; None: the usual number."""
        self._events = deque(self._events, maxlen=most or EVENTS)

    # attributes of 0.7.5

    @property
    def basedir(self) -> str:
        """The path of the builder's directory on the master. It may be missing: nothing is stored there."""
        return os.path.join(self._builder.botmaster.resources.basedir, self._builder.builddir)

    @property
    def currentBigState(self) -> str:
        """See L{getState}."""
        return self._state()

    @property
    def slavenames(self) -> list[str]:
        """The slaves that may build here, attached or not."""
        return list(self._builder.slavenames)

    def getName(self) -> str:
        """The name in the configuration."""
        return self._builder.name

    def isRemoved(self) -> bool:
        """True after a reconfig has removed the builder."""
        return self._builder.isRemoved

    def _state(self) -> str:
        if self._builder.building:
            return "building"
        if self._builder.attachedSlaves:
            return "idle"
        slaves = self._builder.botmaster.slaves
        mine = (slaves[name] for name in self._builder.slavenames if name in slaves)
        return "idle" if any(each.instance is not None for each in mine) else "offline"

    def getState(self) -> tuple[str, list[BuildStatus]]:
        """The pair (C{"offline"}, C{"idle"} or C{"building"}; the running builds)."""
        return self._state(), self.getCurrentBuilds()

    def getSlaves(self) -> list[SlaveStatus]:
        """The L{buildbot.status.slave.SlaveStatus} of each slave that may build here."""
        slaves = self._builder.botmaster.slaves
        return [slaves[name].slave_status for name in self._builder.slavenames if name in slaves]

    def getPendingBuilds(self) -> list[BuildRequestStatus]:
        """The L{buildbot.status.request.BuildRequestStatus} of each pending request, oldest first.

        If very many wait, these are only the oldest: L{countPendingBuilds} counts all.
        """
        return [request.status for request in self._builder.pending]

    def countPendingBuilds(self) -> int:
        """The number of pending requests."""
        return self._builder.waiting

    def getCurrentBuilds(self) -> list[BuildStatus]:
        """The L{buildbot.status.build.BuildStatus} of each running build."""
        return [build.build_status for build in self._builder.building]

    def getLastFinishedBuild(self) -> BuildStatus | None:
        """The last finished build; None if there is none in memory. See L{recall}."""
        return self._recent[-1] if self._recent else None

    def getBuild(self, number: int) -> BuildStatus | None:
        """A running or recently finished build, or one that was fetched before. See L{fetchBuild}.

        @param number: the number of the build; -1 is the newest, -2 the one before.
        @return: None if the build is not in memory.
        """
        builds = {build.getNumber(): build for build in (*self._recent, *self.getCurrentBuilds())}
        if number < 0:
            number += max(builds, default=-1) + 1
        return builds.get(number) or self._history.known(self.getName(), number)

    def newestRows(self) -> list[BuildRow]:
        """The lines of the newest builds in memory, the newest first, as the store has them.

        They have no gap in their numbers. A build whose end is not stored yet counts as running.
        """
        self._rows = {build.number: self._rows.get(build.number) or build.toRow() for build in self._recent}
        running = {
            build.build_status.number: build.build_status
            for build in (*self._builder.building, *self._builder.ending)
        }
        newest = max((*self._rows, *running), default=-1)
        rows: list[BuildRow] = []
        for number in range(newest, -1, -1):
            if number in running:
                rows.append(running[number].toRow()._replace(finished=None, results=None))
            elif number in self._rows:
                rows.append(self._rows[number])
            else:
                break
        return rows

    def getBuildByNumber(self, number: int) -> BuildStatus | None:
        """See L{getBuild}."""
        return self.getBuild(number)

    @property
    def _history(self) -> History:
        return self._builder.botmaster.resources.history

    async def fetchBuild(self, number: int) -> BuildStatus | None:
        """Any kept build: running, or finished at any time.

        @param number: the number of the build; -1 is the newest, -2 the one before.
        @return: None if there is no such build.
        @raise StoreFailed: the store cannot be read.
        """
        if number < 0:
            await self.recall()
            newest = self.getBuild(-1)
            number += 0 if newest is None else newest.getNumber() + 1
        known = self.getBuild(number) if number >= 0 else None
        return known if known is not None or number < 0 else await self._history.fetch(self, number)

    async def fetchBuilds(self, count: int = 20, before: int | None = None) -> list[BuildStatus]:
        """The last finished builds, newest first.

        @param before: only builds with lower numbers.
        @raise StoreFailed: the store cannot be read.
        """
        return await self._history.fetchLast(self, count, before)

    async def recall(self) -> None:
        """Read the last finished build of earlier processes, unless a finished build is in memory.

        @raise StoreFailed: the store cannot be read.
        """
        if not self._recent:
            last = await self.fetchBuilds(1 + len(self._builder.building))
            self._recent = (*last[:1], *self._recent)[-RECENT:]

    # events outside of builds

    def addEvent(self, text: Sequence[str] = (), color: str | None = None) -> Event:
        """Add an event that begins now, and return it. Its C{finish} ends it."""
        event = Event(self._builder.botmaster.resources.now(), None, text, color)
        self._events.append(event)
        return event

    def addPointEvent(self, text: Sequence[str] = (), color: str | None = None) -> Event:
        """Add an event without a duration, and return it."""
        event = self.addEvent(text, color)
        event.finished = event.started
        return event

    def addSlaveEvent(self, what: str, slave: str) -> None:
        """Add the event that something happened to one of my slaves, such as "connect"."""
        resources = self._builder.botmaster.resources
        self._events.append(resources.slaveEvents.of(resources.now(), what, slave))

    def getEvent(self, number: int) -> Event | None:
        """One of the last EVENTS events outside of builds: -1 is the newest, 0 the oldest; else None."""
        return self._events[number] if -len(self._events) <= number < len(self._events) else None

    getEventNumbered = getEvent

    def eventGenerator(
        self,
        branches: Container[str | None] = (),
        categories: Container[str | None] = (),
        committers: Collection[str] = (),
        minTime: float = 0,
    ) -> Iterator[interfaces.IStatusEvent]:
        """Yield the steps and builds in memory, and the other events, newest first, as 0.7.5's waterfall
        shows them.

        @param branches, categories, committers: only builds of these, if given.
        @param minTime: only what began at or after this time.
        """
        builds: list[BuildStatus] = [
            build
            for build in (*self._recent, *self.getCurrentBuilds())
            if (not branches or any(each.branch in branches for each in build.getSourceStamps()))
            and (not categories or self.category in categories)
            and (not committers or not set(committers).isdisjoint(build.getResponsibleUsers()))
        ]
        found: list[tuple[float, int, interfaces.IStatusEvent]] = [
            (event.getTimes()[0], -1, event) for event in self._events
        ]
        for build in builds:
            found.append((build.started, build.number, build))
            found += [(step.started, build.number, step) for step in build.steps if step.started is not None]
        found.sort(key=lambda each: each[:2])  # a build stays before its steps
        return (event for when, _, event in reversed(found) if when >= minTime)

    # names of 0.8

    def getCategory(self) -> str | None:
        """The category in the configuration, or None."""
        return self.category

    def getDescription(self) -> str | None:
        """The description in the configuration, or None."""
        return self._builder.setup.description

    def getPendingBuildRequestStatuses(self) -> Deferred[list[BuildRequestStatus]]:
        """Fires with the result of L{getPendingBuilds}."""
        return succeed(self.getPendingBuilds())

    def generateFinishedBuilds(
        self,
        branches: Container[str | None] = (),
        num_builds: int | None = None,
        max_buildnum: int | None = None,
        finished_before: float | None = None,
        results: Container[int | None] | None = None,
        max_search: int = 200,
    ) -> Iterator[BuildStatus]:
        """Yield the finished builds in memory, newest first. L{fetchBuilds} reads the others.

        @param branches, results: only builds of these, if given.
        @param num_builds: the most builds.
        @param max_buildnum: the highest number.
        @param finished_before: only builds that finished before this time.
        @param max_search: the most builds to look at.
        """
        last = self.getLastFinishedBuild()
        number = -1 if last is None else last.getNumber()
        if max_buildnum is not None:
            number = min(number, max_buildnum)
        found = 0
        for each in range(number, max(-1, number - max_search), -1):
            build = self.getBuild(each)
            if build is None or build.finished is None or (num_builds is not None and found >= num_builds):
                return
            isWanted = (
                (not branches or any(each.branch in branches for each in build.getSourceStamps()))
                and (results is None or build.getResults() in results)
                and (finished_before is None or build.finished < finished_before)
            )
            if isWanted:
                found += 1
                yield build

    def subscribe(self, receiver: object) -> None:
        """Report the present state, state changes and builds to an L{interfaces.IStatusReceiver}."""
        self.announcer.isHeard = True
        self._watchers = self._watchers.plus(receiver)
        self._told = self._told or self._state()
        self.announcer.later(self._tellState, (receiver,), self._state())

    def unsubscribe(self, receiver: object) -> None:
        """Stop all events for this receiver, also those about running builds."""
        self._watchers = self._watchers.without(receiver)
        for build in self.getCurrentBuilds():
            build.unsubscribe(receiver)

    # calls of the builder

    def learn(self, step: str, measured: Mapping[str, float], weight: float) -> None:
        """Learn from the final metrics of a step in a successful build.

        @param weight: the weight of this build, from 0 to 1.
        """
        if measured:
            usual = self.experience.setdefault(step, {})
            for metric, value in measured.items():
                before = usual.get(metric, value)
                usual[metric] = before + weight * (value - before)

    def stateChanged(self) -> None:
        """Report a changed state: a slave came or went, or a build began or ended."""
        if self._watchers and self._state() != self._told:
            self._told = self._state()
            self.announcer.later(self._tellState, None, self._told)

    def _tellState(self, receivers: tuple[object, ...] | None, state: str) -> None:
        for each in self._watchers if receivers is None else receivers:
            tellOne(each, "builderChangedState", self.getName(), state)

    def requestsMoved(self, event: str, requests: Iterable[HasStatus]) -> None:
        """Report requests that came, were cancelled or came back.

        @param event: C{"requestSubmitted"}, C{"requestCancelled"} or C{"requestReturned"}.
        """
        for each in requests:  # a new receiver may watch me only after earlier events are told
            self.announcer.later(self._tellRequest, event, each.status)

    def _tellRequest(self, event: str, request: BuildRequestStatus) -> None:
        news = (request,) if event == "requestSubmitted" else (self, request)
        for each in self._watchers:
            tellOne(each, event, *news)

    def buildStarted(self, build: BuildStatus) -> None:
        """Report the start of a build; C{build} is its status."""
        self.stateChanged()
        if self.announcer.isHeard:
            self.announcer.later(self._tellStarted, build)

    def _tellStarted(self, build: BuildStatus) -> None:
        for each in self._watchers:
            subscription = wanted(tellOne(each, "buildStarted", self.getName(), build))
            if subscription:
                build.subscribe(*subscription)

    def buildFinished(self, build: BuildStatus) -> None:
        """Report the end of a build; C{build} is its status."""
        self._recent = (*self._recent[1 - RECENT :], build)
        if self.announcer.isHeard:
            self.announcer.later(self._tellFinished, build)
        self.stateChanged()

    def _tellFinished(self, build: BuildStatus) -> None:
        for each in self._watchers:
            tellOne(each, "buildFinished", self.getName(), build, build.getResults())
