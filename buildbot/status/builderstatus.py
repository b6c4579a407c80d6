# -*- test-case-name: tests.unit.status.test_receivers -*-
"""
The status of one builder, for those who ask and those who are told.

Builds that ended before the last few, or before the master was started, are in the store alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from zope.interface import implementer

from buildbot import interfaces
from buildbot.events.observers import NOBODY, Observers
from buildbot.status.announcer import Announcer, tellOne, wanted

#: How many builds that are over are held, for plug-ins that compare one with the one before.
RECENT = 3


@implementer(interfaces.IBuilderStatus)
class BuilderStatus:
    """
    I am what is known of one builder.

    @ivar experience: step name -> metric -> what it usually comes to, since the master was started.
    """

    def __init__(self, builder: Any, announcer: Announcer) -> None:
        """@param builder: the L{buildbot.process.builder.Builder}."""
        self._builder = builder
        self.announcer = announcer
        self._watchers: Observers[Any] = NOBODY
        self._recent: tuple[Any, ...] = ()
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
        category: str | None = self._builder.setup.category
        return category

    # attributes of 0.7.5

    @property
    def basedir(self) -> str:
        """The builder's directory on the master, which need not be there: nothing is kept in it."""
        basedir: str = self._builder.botmaster.basedir
        return os.path.join(basedir, self._builder.builddir)

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
        name: str = self._builder.name
        return name

    def isRemoved(self) -> bool:
        """Whether the configuration has it no more."""
        return bool(self._builder.isRemoved)

    def _state(self) -> str:
        if self._builder.building:
            return "building"
        return "idle" if self._builder.attachedSlaves else "offline"

    def getState(self) -> tuple[str, list[Any]]:
        """C{"offline"}, C{"idle"} or C{"building"}, and the builds that run."""
        return self._state(), self.getCurrentBuilds()

    def getSlaves(self) -> list[Any]:
        """The L{buildbot.status.slave.SlaveStatus} of each slave that may build here."""
        slaves: Mapping[str, Any] = self._builder.botmaster.slaves
        return [slaves[name].slave_status for name in self._builder.slavenames if name in slaves]

    def getPendingBuilds(self) -> list[Any]:
        """The L{buildbot.status.request.BuildRequestStatus} of each request that waits."""
        return [request.status for request in self._builder.pending]

    def getCurrentBuilds(self) -> list[Any]:
        """The L{buildbot.status.build.BuildStatus} of each build that runs."""
        return [build.build_status for build in self._builder.building]

    def getLastFinishedBuild(self) -> Any:
        """The build that ended last; None if there was none since the master was started."""
        return self._recent[-1] if self._recent else None

    def getBuild(self, number: int) -> Any:
        """
        A build that runs, or one of the last few.

        @param number: that of the build; a negative one counts from the newest on.
        @return: None if it is not held.
        """
        builds = {build.getNumber(): build for build in (*self._recent, *self.getCurrentBuilds())}
        return builds.get(number + max(builds, default=0) + 1 if number < 0 else number)

    def getEvent(self, number: int) -> Any:
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
        """
        A step of a build that has succeeded came to this, by its metrics.

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

    def _tellState(self, receivers: tuple[Any, ...] | None, state: str) -> None:
        for each in self._watchers if receivers is None else receivers:
            tellOne(each, "builderChangedState", self.getName(), state)

    def buildStarted(self, build: Any) -> None:
        """A build begins; C{build} is its status."""
        self.stateChanged()
        self.announcer.later(self._tellStarted, build)

    def _tellStarted(self, build: Any) -> None:
        for each in self._watchers:
            subscription = wanted(tellOne(each, "buildStarted", self.getName(), build))
            if subscription:
                build.subscribe(*subscription)

    def buildFinished(self, build: Any) -> None:
        """A build is over."""
        self._recent = (*self._recent[1 - RECENT :], build)
        self.announcer.later(self._tellFinished, build)
        self.stateChanged()

    def _tellFinished(self, build: Any) -> None:
        for each in self._watchers:
            tellOne(each, "buildFinished", self.getName(), build, build.getResults())
