# -*- test-case-name: tests.unit.process.test_builds -*-
"""
What builds and builders need of those above them, as types: the slave, the engine and the master.

Builds and builders never import them. L{buildbot.slaves.perspective.BotPerspective} is the slave,
L{buildbot.process.engine.BuildEngine} the engine, and L{buildbot.slaves.botmaster.BotMaster} the master.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from buildbot.config.model import MasterConfig
from buildbot.model.records import BuildsetRecord, PauseRecord
from buildbot.process.buildnumbers import BuildNumbers
from buildbot.process.request import BuildRequest
from buildbot.process.resources import Resources
from buildbot.process.sharedlocks import SharedLocks
from buildbot.process.storehealth import StoreHealth
from buildbot.status.build import BuildStatus
from buildbot.status.slave import SlaveStatus
from buildbot.wire.peers import BuilderPeer, SlavePeer


class StartsBuilds(Protocol):
    """A builder, for those who free a slave."""

    @property
    def name(self) -> str:
        """The name that the configuration gives."""

    def maybeStartBuild(self) -> None:
        """Begin as many builds as can begin now."""


class AvailabilityForBuilder(Protocol):
    """
    Whether a slave may be given a build.

    @ivar buildsRunning: how many builds run there, of all builders.
    @ivar lastUsed: when one last began, by the clock.
    @ivar paused: who has paused it, and why; None if nobody has.
    """

    buildsRunning: int
    lastUsed: float
    paused: PauseRecord | None

    @property
    def maxBuilds(self) -> int | None:
        """How many builds may run there at a time; None: no limit."""

    def canStartBuild(self) -> bool:
        """Whether a further build may begin there."""

    def buildBegins(self) -> None:
        """A build is about to begin there."""

    def buildEnded(self) -> None:
        """The build has ended, or did not begin."""

    def maybeLeave(self) -> None:
        """Disconnect the slave, in a moment, if somebody waits for its last build to end."""


class SlaveForBuilder(Protocol):
    """A slave, for the builds that run there."""

    slavename: str
    slave_status: SlaveStatus

    @property
    def availability(self) -> AvailabilityForBuilder:
        """Whether it may be given a build."""

    @property
    def peer(self) -> SlavePeer:
        """What is said to it, while a connection is served."""

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties that the configuration gives builds on this slave."""

    @property
    def builders(self) -> Mapping[str, StartsBuilds]:
        """The builders that it is attached to, by name."""

    def isAnswering(self, timeout: float, fresh: float = -1.0) -> Deferred[bool]:
        """Fires with whether the slave lives."""

    def mayBeMute(self, seconds: float) -> None:
        """It may be too busy to answer for so long, from now on."""

    def disconnect(self, reason: str) -> Deferred[None]:
        """Fires with None once it is gone."""


class RequestQueue(Protocol):
    """A builder, for those who submit requests."""

    @property
    def name(self) -> str:
        """The name that the configuration gives."""

    def submitBuildRequest(self, req: BuildRequest, /) -> None:
        """Let a request wait, which is on disk."""


class EngineForBuilder(Protocol):
    """
    What all builders share while they build.

    @ivar keeping: how many builds run, or have ended and are not stored yet.
    @ivar trial: the request that is on its last try after crashes of the master.
    """

    keeping: int
    trial: BuildRequest | None

    async def submitRequest(self, builder: RequestQueue, request: BuildRequest, /) -> BuildRequest:
        """Store one request, and let it wait for its builder."""

    def isHolding(self) -> bool:
        """Whether no build may begin now."""

    def mayTry(self, request: BuildRequest, /) -> bool:
        """Whether a request may be built now."""

    def trialIsOver(self, requests: Sequence[BuildRequest], /) -> None:
        """A build of these requests is over."""

    def buildStarted(self, builder: StartsBuilds, build: BuildForBuilder, /) -> None:
        """A build began."""

    def buildEnded(self, builder: StartsBuilds, build: BuildForBuilder, /) -> None:
        """A build is over, and its slave is free."""

    def slaveIsIdle(self, slave: SlaveForBuilder, last: StartsBuilds | None = None, /) -> None:
        """A slave may have room for a build; the builder C{last} comes last."""

    def buildsetsComplete(self, records: Sequence[BuildsetRecord], /) -> None:
        """All requests of these sets are done."""


class MasterForBuilder(Protocol):
    """The master, for its builders."""

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""

    @property
    def slaves(self) -> Mapping[str, SlaveForBuilder]:
        """The slaves of the configuration, by name."""

    @property
    def resources(self) -> Resources:
        """The clock, the store, the logs."""

    @property
    def health(self) -> StoreHealth:
        """Whether the store works."""

    @property
    def locks(self) -> SharedLocks:
        """The real locks."""

    @property
    def numbers(self) -> BuildNumbers:
        """The numbers that builds may have."""

    @property
    def engine(self) -> EngineForBuilder:
        """What all builders share while they build."""


class SlaveForBuild(Protocol):
    """
    One attached slave of one builder, for the builds and commands that run there.

    This is L{buildbot.process.slavebuilder.SlaveBuilder}.
    """

    @property
    def slave(self) -> SlaveForBuilder:
        """The slave itself."""

    @property
    def slavename(self) -> str:
        """The slave's name."""

    @property
    def peer(self) -> BuilderPeer:
        """Calls the slave's own object for the builder."""

    @property
    def clock(self) -> IReactorTime:
        """Tells builds the time."""

    @property
    def slaveCommands(self) -> Mapping[str, str]:
        """The versions of the slave's commands, by name; empty if it is too old to tell."""

    def getSlaveCommandVersion(self, command: str, oldversion: str | None = None) -> str | None:
        """The version of a command; None if the slave does not have it."""


class BuildForBuilder(Protocol):
    """A build that runs or has ended. This is L{buildbot.process.base.Build}."""

    @property
    def build_status(self) -> BuildStatus:
        """Its status."""

    @property
    def steps(self) -> Sequence[Any]:
        """Its steps."""

    @property
    def slavebuilder(self) -> SlaveForBuild:
        """The slave that it runs on."""


class BuilderForBuild(Protocol):
    """The builder, for its builds. This is L{buildbot.process.builder.Builder}."""

    @property
    def name(self) -> str:
        """The name that the configuration gives."""

    def realLocks(self, locks: Iterable[Any], slavebuilder: SlaveForBuild, /) -> list[Any]:
        """The real locks of locks of the configuration, for work on this slave."""

    def stepChanged(self, build: BuildForBuilder, /) -> None:
        """A step of a build takes long or has ended."""
