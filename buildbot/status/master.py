# -*- test-case-name: tests.unit.status.test_slave -*-
"""The status of the master: its builders, slaves, schedulers and build sets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, cast

from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger
from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.model import MasterConfig
from buildbot.interfaces import ISchedulerStatus
from buildbot.status.announcer import Announcer
from buildbot.status.build import BuildStatus
from buildbot.status.builderstatus import BuilderHolder, BuilderStatus, RemovedBuilder
from buildbot.status.happenings import Happenings
from buildbot.status.request import BuildSetStatus
from buildbot.status.slave import SlaveStatus
from buildbot.status.topics import Topics
from buildbot.status.urls import buildPath, pathOf
from buildbot.store.interface import StoreFailed

log = Logger()


class NamedBuilder(Protocol):
    """The part of a builder that the master's status uses."""

    @property
    def builder_status(self) -> BuilderStatus: ...


class ActiveBuildset(Protocol):
    """The part of an incomplete build set that the master's status uses."""

    @property
    def status(self) -> BuildSetStatus: ...


class BuildsetHolder(Protocol):
    """The owner of the build sets: the L{buildbot.process.engine.BuildEngine}."""

    def activeBuildsets(self) -> Sequence[ActiveBuildset]:
        """The incomplete build sets."""


class KnownMaster(BuilderHolder, Protocol):
    """The part of L{buildbot.slaves.botmaster.BotMaster} that the master's status uses."""

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""

    @property
    def builders(self) -> Mapping[str, NamedBuilder]:
        """The builders, by name."""

    @property
    def engine(self) -> BuildsetHolder:
        """The owner of the build sets."""

    @property
    def announcer(self) -> Announcer:
        """The announcer of events."""

    @property
    def now(self) -> Callable[[], float]:
        """Returns the time, in seconds since the epoch."""


@implementer(interfaces.IStatus)
class Status:
    """I answer questions about one master.

    @ivar topics: what changes, for live pages and the event stream. It costs nothing until it is used.
    """

    def __init__(
        self,
        botmaster: KnownMaster,
        basedir: str,
        schedulers: Callable[[], Sequence[ISchedulerStatus]] | None = None,
    ) -> None:
        """@param schedulers: returns the running schedulers; None: use those of the configuration."""
        self.botmaster = botmaster
        self.basedir = basedir
        self._schedulers = schedulers or (
            lambda: cast(Sequence[ISchedulerStatus], list(botmaster.config.schedulers))
        )
        self.topics = Topics(
            botmaster.announcer.clock, lambda: botmaster.now(), self._attach, os.urandom(4).hex()
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

    def getTitle(self) -> str:
        """C{c['projectName']}, under a name of 0.8."""
        return self.getProjectName()

    def getTitleURL(self) -> str | None:
        """C{c['projectURL']}, under a name of 0.8."""
        return self.getProjectURL()

    def getStatus(self) -> Status:
        """Myself: a receiver for 0.8.6 and later may take me for its parent."""
        return self

    def getSchedulers(self) -> Sequence[ISchedulerStatus]:
        """The running schedulers."""
        return self._schedulers()

    def getBuilderNames(self, categories: Iterable[str] | None = None) -> list[str]:
        """The names of the builders, in the order of the configuration.

        @param categories: list only builders that have one of these as category or tag; None: all builders.
        """
        wanted = None if categories is None else set(categories)
        builders = self.botmaster.config.builders
        return [
            name
            for name, each in builders.items()
            if wanted is None or not wanted.isdisjoint((each.category, *each.tags))
        ]

    def getBuilder(self, name: str) -> BuilderStatus:
        """The status of one builder.

        @raise KeyError: there is no such builder.
        """
        return self.botmaster.builders[name].builder_status

    def getBuilders(self) -> list[BuilderStatus]:
        """The builders, in the order of the configuration."""
        return [self.getBuilder(name) for name in self.getBuilderNames()]

    def getURLForBuild(self, builder_name: str, build_number: int) -> str | None:
        """The URL of the page about a build; None if C{c['buildbotURL']} is not set."""
        return self._url(buildPath(builder_name, build_number))

    async def fetchBuild(self, builder: str, number: int) -> BuildStatus | None:
        """Any kept build: running, or finished at any time, also of a builder that was removed.

        @param number: the number of the build; of a builder in the configuration also -1 for the newest.
        @return: None if there is no such build.
        @raise StoreFailed: the store cannot be read.
        """
        return await self._builderOf(builder).fetchBuild(number)

    async def fetchBuilds(
        self, builder: str, count: int = 20, before: int | None = None
    ) -> list[BuildStatus]:
        """The last finished builds of a builder, newest first, also of one that was removed.

        @param before: only builds with lower numbers.
        @raise StoreFailed: the store cannot be read.
        """
        return await self._builderOf(builder).fetchBuilds(count, before)

    def _builderOf(self, name: str) -> BuilderStatus:
        known = self.botmaster.builders.get(name)
        if known is not None:
            return known.builder_status
        return BuilderStatus(RemovedBuilder(name, self.botmaster), self.botmaster.announcer)

    def getBuildSets(self) -> list[BuildSetStatus]:
        """The unfinished build sets that were submitted to this process."""
        return [buildset.status for buildset in self.botmaster.engine.activeBuildsets()]

    def getURLForThing(self, thing: object) -> str | None:
        """The URL of the page about a builder, build, step, log, slave, scheduler, request or Change.

        @return: None if C{c['buildbotURL']} is not set, or there is no such page.
        """
        return self._url(pathOf(thing))

    def _url(self, path: str | None) -> str | None:
        base = self.getBuildbotURL()
        return None if not base or path is None else f"{base.rstrip('/')}/{path}"

    def _attach(self, topics: Topics) -> None:
        self._hear(Happenings(topics, self.botmaster.builders))

    def subscribe(self, target: object) -> None:
        """Report build sets, and existing and new builders, to an L{interfaces.IStatusReceiver}.

        The last build of each builder is read from the store, so that the receiver can compare the next one
        with it.
        """
        self._hear(target)
        ensureDeferred(self.recall()).addErrback(lambda why: log.failure("recalling builds failed", why))

    def _hear(self, target: object) -> None:
        self.botmaster.announcer.subscribe(target, self.getBuilders())

    async def recall(self) -> None:
        """Read the last build of each builder from the store, for receivers that compare builds.

        If the store cannot be read, that is logged only.
        """
        try:
            for name in self.getBuilderNames():
                known = self.botmaster.builders.get(name)
                if known is not None:
                    await known.builder_status.recall()
        except StoreFailed as why:
            log.warn("the last builds cannot be read: {why}", why=why.reason)

    def unsubscribe(self, target: object) -> None:
        """Stop all events for this receiver, also those about builders and builds."""
        self.botmaster.announcer.unsubscribe(target)
        for name in self.getBuilderNames():
            self.getBuilder(name).unsubscribe(target)

    def getSlaveNames(self) -> list[str]:
        """The names of the slaves, in the order of the configuration."""
        return list(self.botmaster.slaves)

    def getSlave(self, slavename: str) -> SlaveStatus:
        """The status of one slave.

        @raise KeyError: there is no such slave.
        """
        return self.botmaster.slaves[slavename].slave_status
