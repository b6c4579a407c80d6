# -*- test-case-name: tests.unit.status.test_receivers -*-
"""The status of one builder, for those who ask and those who are told.

Builds that ended before the last few, or before the master was started, are in the store alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Sized
from typing import Protocol

from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.model import BuilderConfig
from buildbot.events.observers import NOBODY, Observers
from buildbot.status.announcer import Announcer, tellOne, wanted
from buildbot.status.build import BuildStatus
from buildbot.status.request import BuildRequestStatus
from buildbot.status.slave import SlaveStatus

#: How many builds that are over are held, for plug-ins that compare one with the one before.
RECENT = 3


class RunningBuild(Protocol):
    """A build that runs, for the status of its builder."""

    @property
    def build_status(self) -> BuildStatus:
        """Its own status."""


class WaitingRequest(Protocol):
    """A request that waits, for the status of its builder."""

    @property
    def status(self) -> BuildRequestStatus:
        """Its own status."""


class KnownSlave(Protocol):
    """A slave that may build, for the status of a builder."""

    @property
    def slave_status(self) -> SlaveStatus:
        """Its own status."""


class HasDirectory(Protocol):
    """What the status of a builder needs of the L{buildbot.process.resources.Resources}."""

    @property
    def basedir(self) -> str:
        """The directory of the master."""


class BuilderHolder(Protocol):
    """What the status of a builder needs of the L{buildbot.slaves.botmaster.BotMaster}."""

    @property
    def resources(self) -> HasDirectory:
        """What all builders share."""

    @property
    def slaves(self) -> Mapping[str, KnownSlave]:
        """The slaves that the configuration names."""


class KnownBuilder(Protocol):
    """What the status of a builder needs of the L{buildbot.process.builder.Builder}."""

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""

    @property
    def builddir(self) -> str:
        """Its directory."""

    @property
    def setup(self) -> BuilderConfig:
        """Its configuration."""

    @property
    def slavenames(self) -> Sequence[str]:
        """The slaves that may build here."""

    @property
    def isRemoved(self) -> bool:
        """Whether the configuration has it no more."""

    @property
    def building(self) -> Sequence[RunningBuild]:
        """The builds that run."""

    @property
    def pending(self) -> Sequence[WaitingRequest]:
        """The requests that wait."""

    @property
    def attachedSlaves(self) -> Sized:
        """The slaves that are attached."""

    @property
    def botmaster(self) -> BuilderHolder:
        """Who holds it."""


@implementer(interfaces.IBuilderStatus)
class BuilderStatus:
    """I am what is known of one builder.

    @ivar experience: step name -> metric -> what it usually comes to, since the master was started.
    """

    def __init__(self, builder: KnownBuilder, announcer: Announcer) -> None:
        """@param builder: the L{buildbot.process.builder.Builder}."""
        self._builder = builder
        self.announcer = announcer
        self._watchers: Observers[object] = NOBODY
        self._recent: tuple[BuildStatus, ...] = ()
        self._told = ""
        self.experience: dict[str, dict[str, float]] = {}

    def __repr__(self) -> str:
        return f"<BuilderStatus {self.getName()}>"

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""
        return self.getName()

    @property
    def category(self) -> str | None:
        """What the configuration puts it with."""
        return self._builder.setup.category

    # attributes of 0.7.5

    @property
    def basedir(self) -> str:
        """The builder's directory on the master, which need not be there: nothing is kept in it."""
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
        """The name that the configuration gives it."""
        return self._builder.name

    def isRemoved(self) -> bool:
        """Whether the configuration has it no more."""
        return self._builder.isRemoved

    def _state(self) -> str:
        if self._builder.building:
            return "building"
        return "idle" if self._builder.attachedSlaves else "offline"

    def getState(self) -> tuple[str, list[BuildStatus]]:
        """C{"offline"}, C{"idle"} or C{"building"}, and the builds that run."""
        return self._state(), self.getCurrentBuilds()

    def getSlaves(self) -> list[SlaveStatus]:
        """The L{buildbot.status.slave.SlaveStatus} of each slave that may build here."""
        slaves = self._builder.botmaster.slaves
        return [slaves[name].slave_status for name in self._builder.slavenames if name in slaves]

    def getPendingBuilds(self) -> list[BuildRequestStatus]:
        """The L{buildbot.status.request.BuildRequestStatus} of each request that waits."""
        return [request.status for request in self._builder.pending]

    def getCurrentBuilds(self) -> list[BuildStatus]:
        """The L{buildbot.status.build.BuildStatus} of each build that runs."""
        return [build.build_status for build in self._builder.building]

    def getLastFinishedBuild(self) -> BuildStatus | None:
        """The build that ended last; None if there was none since the master was started."""
        return self._recent[-1] if self._recent else None

    def getBuild(self, number: int) -> BuildStatus | None:
        """A build that runs, or one of the last few.

        @param number: that of the build; a negative one counts from the newest on.
        @return: None if it is not held.
        """
        builds = {build.getNumber(): build for build in (*self._recent, *self.getCurrentBuilds())}
        return builds.get(number + max(builds, default=0) + 1 if number < 0 else number)

    def getEvent(self, number: int) -> interfaces.IStatusEvent | None:
        """None: what happens beside builds is in the status of each slave."""
        return None

    def subscribe(self, receiver: object) -> None:
        """Tell an L{interfaces.IStatusReceiver} of my state, now and when it changes, and of my builds."""
        self.announcer.isHeard = True
        self._watchers = self._watchers.plus(receiver)
        self._told = self._told or self._state()
        self.announcer.later(self._tellState, (receiver,), self._state())

    def unsubscribe(self, receiver: object) -> None:
        """Tell it no more, of builds that run neither."""
        self._watchers = self._watchers.without(receiver)
        for build in self.getCurrentBuilds():
            build.unsubscribe(receiver)

    # what the builder tells

    def learn(self, step: str, measured: Mapping[str, float], weight: float) -> None:
        """A step of a build that has succeeded came to this, by its metrics.

        @param weight: how much it counts, of 1.
        """
        if measured:
            usual = self.experience.setdefault(step, {})
            for metric, value in measured.items():
                before = usual.get(metric, value)
                usual[metric] = before + weight * (value - before)

    def stateChanged(self) -> None:
        """A slave came or went, or a build began or ended."""
        if self._watchers and self._state() != self._told:
            self._told = self._state()
            self.announcer.later(self._tellState, None, self._told)

    def _tellState(self, receivers: tuple[object, ...] | None, state: str) -> None:
        for each in self._watchers if receivers is None else receivers:
            tellOne(each, "builderChangedState", self.getName(), state)

    def buildStarted(self, build: BuildStatus) -> None:
        """A build begins; C{build} is its status."""
        self.stateChanged()
        self.announcer.later(self._tellStarted, build)

    def _tellStarted(self, build: BuildStatus) -> None:
        for each in self._watchers:
            subscription = wanted(tellOne(each, "buildStarted", self.getName(), build))
            if subscription:
                build.subscribe(*subscription)

    def buildFinished(self, build: BuildStatus) -> None:
        """A build is over."""
        self._recent = (*self._recent[1 - RECENT :], build)
        self.announcer.later(self._tellFinished, build)
        self.stateChanged()

    def _tellFinished(self, build: BuildStatus) -> None:
        for each in self._watchers:
            tellOne(each, "buildFinished", self.getName(), build, build.getResults())
