# -*- test-case-name: tests.unit.status.test_slave -*-
"""The status of the master: its builders, slaves and schedulers, and sets of builds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, cast

from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.model import MasterConfig
from buildbot.interfaces import ISchedulerStatus
from buildbot.status.announcer import Announcer
from buildbot.status.builderstatus import BuilderStatus, KnownSlave
from buildbot.status.request import BuildSetStatus
from buildbot.status.slave import SlaveStatus


class NamedBuilder(Protocol):
    """A builder, for the status of the master."""

    @property
    def builder_status(self) -> BuilderStatus:
        """Its own status."""


class ActiveBuildset(Protocol):
    """A set of builds that is not complete, for the status of the master."""

    @property
    def status(self) -> BuildSetStatus:
        """Its own status."""


class BuildsetHolder(Protocol):
    """Who has the sets of builds: the L{buildbot.process.engine.BuildEngine}."""

    def activeBuildsets(self) -> Sequence[ActiveBuildset]:
        """The sets that are not complete."""


class KnownMaster(Protocol):
    """What the status of a master needs of the L{buildbot.slaves.botmaster.BotMaster}."""

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""

    @property
    def builders(self) -> Mapping[str, NamedBuilder]:
        """The builders, by name."""

    @property
    def slaves(self) -> Mapping[str, KnownSlave]:
        """The slaves, by name."""

    @property
    def engine(self) -> BuildsetHolder:
        """Who has the sets of builds."""

    @property
    def announcer(self) -> Announcer:
        """Who tells the receivers."""


@implementer(interfaces.IStatus)
class Status:
    """I answer questions about one master."""

    def __init__(
        self,
        botmaster: KnownMaster,
        basedir: str,
        schedulers: Callable[[], Sequence[ISchedulerStatus]] | None = None,
    ) -> None:
        """
        @param schedulers: gives those that run; without it, those of the configuration are taken for them.
        """
        self.botmaster = botmaster
        self.basedir = basedir
        self._schedulers = schedulers or (
            lambda: cast(Sequence[ISchedulerStatus], list(botmaster.config.schedulers))
        )

    def getProjectName(self) -> str:
        """C{c['projectName']}."""
        return self.botmaster.config.projectName

    def getProjectURL(self) -> str | None:
        """C{c['projectURL']}."""
        return self.botmaster.config.projectURL

    def getBuildbotURL(self) -> str | None:
        """C{c['buildbotURL']}."""
        return self.botmaster.config.buildbotURL

    def getSchedulers(self) -> Sequence[ISchedulerStatus]:
        """C{c['schedulers']}, those that run."""
        return self._schedulers()

    def getBuilderNames(self, categories: Iterable[str] | None = None) -> list[str]:
        """The builders, in the order of the configuration; of these categories only, if given."""
        wanted = None if categories is None else set(categories)
        builders = self.botmaster.config.builders
        return [name for name, b in builders.items() if wanted is None or b.category in wanted]

    def getBuilder(self, name: str) -> BuilderStatus:
        """The status of one builder.

        @raise KeyError: there is no such builder.
        """
        return self.botmaster.builders[name].builder_status

    def getBuildSets(self) -> list[BuildSetStatus]:
        """The sets of builds that are not finished, of those that were submitted to this process."""
        return [buildset.status for buildset in self.botmaster.engine.activeBuildsets()]

    def getURLForThing(self, thing: object) -> str | None:
        """None: there are no pages."""
        return None

    def subscribe(self, target: object) -> None:
        """Tell an L{interfaces.IStatusReceiver} of sets of builds, and of builders, old and new."""
        builders = [self.getBuilder(name) for name in self.getBuilderNames()]
        self.botmaster.announcer.subscribe(target, builders)

    def unsubscribe(self, target: object) -> None:
        """Tell it no more, of builders and what they build neither."""
        self.botmaster.announcer.unsubscribe(target)
        for name in self.getBuilderNames():
            self.getBuilder(name).unsubscribe(target)

    def getSlaveNames(self) -> list[str]:
        """The slaves, in the order of the configuration."""
        return list(self.botmaster.slaves)

    def getSlave(self, slavename: str) -> SlaveStatus:
        """The status of one slave.

        @raise KeyError: there is no such slave.
        """
        return self.botmaster.slaves[slavename].slave_status
