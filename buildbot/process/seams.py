# -*- test-case-name: tests.unit.process.test_builds -*-
"""Protocols of the layers above builds and builders: the slave, the engine and the master.

Builds and builders do not import these layers. L{buildbot.slaves.perspective.BotPerspective} is the slave,
L{buildbot.process.engine.BuildEngine} the engine, and L{buildbot.slaves.botmaster.BotMaster} the master.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any, Protocol, overload

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from buildbot.config.model import MasterConfig
from buildbot.model.properties import Told as PropertiesForFunctions
from buildbot.model.records import BuildsetRecord, PauseRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildevents import BuildEvents
from buildbot.process.buildnumbers import BuildNumbers
from buildbot.process.priorities import Priorities
from buildbot.process.provenance import Told
from buildbot.process.request import BuildRequest
from buildbot.process.resources import Resources
from buildbot.process.sharedlocks import SharedLocks
from buildbot.process.storehealth import StoreHealth
from buildbot.status.build import BuildStatus
from buildbot.status.slave import SlaveStatus
from buildbot.wire.peers import BuilderPeer, SlavePeer


class BuilderForEngine(Protocol):
    """The part of a builder that the engine and the slaves use."""

    @property
    def name(self) -> str:
        """The name in the configuration."""

    def submitBuildRequest(self, req: BuildRequest, /) -> None:
        """Add a request, which is on disk, to the queue."""

    def maybeStartBuild(self) -> None:
        """Start the builds that can start now."""


class AvailabilityForBuilder(Protocol):
    """The availability of a slave for builds.

    @ivar buildsRunning: the number of running builds, of all builders.
    @ivar lastUsed: the time of the last start of a build, by the clock.
    @ivar paused: the pause; None if the slave is not paused.
    """

    buildsRunning: int
    lastUsed: float
    paused: PauseRecord | None

    @property
    def maxBuilds(self) -> int | None:
        """The most builds at a time; None: no limit."""

    def canStartBuild(self) -> bool:
        """True if a further build may start there."""

    def buildBegins(self) -> None:
        """Count a build that is about to start."""

    def buildEnded(self) -> None:
        """Uncount a build that has ended, or did not start."""

    def maybeLeave(self) -> None:
        """Disconnect the slave soon if it is leaving and idle."""


class InstanceForBuilder(Protocol):
    """The instance of a latent slave."""

    @property
    def isUsable(self) -> bool:
        """True if builds may start on the slave."""

    def words(self) -> str:
        """Its state in words."""


class SlaveForBuilder(Protocol):
    """A slave, for its builds."""

    slavename: str
    slave_status: SlaveStatus

    @property
    def instance(self) -> InstanceForBuilder | None:
        """Its instance, if it is a latent slave."""

    @property
    def availability(self) -> AvailabilityForBuilder: ...

    @property
    def peer(self) -> SlavePeer:
        """The connection to the slave, while it is connected."""

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties for builds on this slave, from the configuration."""

    @property
    def slave_basedir(self) -> str | None:
        """The slave's directory; None if it does not tell it."""

    @property
    def path_module(self) -> ModuleType:
        """The module C{posixpath} or C{ntpath} for paths on the slave."""

    @property
    def builders(self) -> Mapping[str, BuilderForEngine]:
        """The builders it is attached to, by name."""

    def isAnswering(self, timeout: float, fresh: float = -1.0) -> Deferred[bool]:
        """Ping the slave. Fires with True if it answers."""

    def mayBeMute(self, seconds: float) -> None:
        """Allow the slave to be unresponsive for some seconds from now."""

    def disconnect(self, reason: str) -> Deferred[None]:
        """Disconnect the slave. Fires with None when it is disconnected."""


class EngineForBuilder(Protocol):
    """The engine that all builders share.

    @ivar keeping: the number of builds that run, or have ended but are not stored yet.
    @ivar trial: the request on its last attempt after crashes of the master.
    @ivar priorities: the order in which builders get slaves, if the configuration determines it.
    """

    keeping: int
    priorities: Priorities
    trial: BuildRequest | None

    async def submitRequest(self, builder: BuilderForEngine, request: BuildRequest, /) -> BuildRequest:
        """Store one request, and add it to the builder's queue."""

    def isHolding(self) -> bool:
        """True if no build may start now."""

    def isClosing(self) -> bool:
        """True if no build may start, because the master stops once the running ones have ended."""

    def mayTry(self, request: BuildRequest, /) -> bool:
        """True if a request may be built now."""

    def trialIsOver(self, requests: Sequence[BuildRequest], /) -> None:
        """End the last attempt of one of these requests, if there was one."""

    def buildStarted(self, builder: BuilderForEngine, build: BuildForBuilder, /) -> None:
        """Report the start of a build."""

    def buildEnded(self, builder: BuilderForEngine, build: BuildForBuilder, /) -> None:
        """Report the end of a build, and offer its slave to builders."""

    def slaveIsIdle(self, slave: SlaveForBuilder, last: BuilderForEngine | None = None, /) -> None:
        """Offer a slave to its builders; the builder C{last} comes last."""

    def buildsetsComplete(self, records: Sequence[BuildsetRecord], /) -> None:
        """Report completed build sets."""


class CanTrigger(Protocol):
    """A scheduler that builds when a step asks it to, such as a Triggerable."""

    @property
    def name(self) -> str:
        """The name in the configuration."""

    def trigger(
        self,
        ss: SourceStamp | None = None,
        set_props: Mapping[str, Any] | None = None,
        keys: Sequence[str] = (),
    ) -> Deferred[BuildsetRecord | None]:
        """Submit a build set.

        @param ss: the source; None: the latest of the scheduler's own.
        @param set_props: properties of the builds; they count more than the scheduler's own.
        @param keys: keys under which the store keeps the number of the set; 0 if it builds later.
        @return: fires with the stored set; with None if it builds later. Fails with L{NotTriggered}.
        """


class InstancesForBuilder(Protocol):
    """The instances of all latent slaves."""

    @property
    def all(self) -> Mapping[str, object]:
        """The instances by the names of their slaves."""

    def wanted(self, builder: Any, /) -> None:
        """Start slaves for a builder with waiting requests."""


class MasterForBuilder(Protocol):
    """The master, for its builders."""

    @property
    def instances(self) -> InstancesForBuilder:
        """The instances of latent slaves."""

    @property
    def events(self) -> BuildEvents:
        """The events of builds."""

    def triggerable(self, name: str, /) -> CanTrigger | None:
        """The running scheduler of this name that a step can trigger, if there is one."""

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
        """The health of the store."""

    @property
    def locks(self) -> SharedLocks:
        """The real locks."""

    @property
    def numbers(self) -> BuildNumbers:
        """The rules for build numbers."""

    @property
    def engine(self) -> EngineForBuilder:
        """The engine that all builders share."""


class SlaveForBuild(Protocol):
    """One attached slave of one builder, for its builds and commands.

    This is L{buildbot.process.slavebuilder.SlaveBuilder}.
    """

    @property
    def slave(self) -> SlaveForBuilder: ...

    @property
    def slavename(self) -> str: ...

    @property
    def peer(self) -> BuilderPeer:
        """The connection to the slave's object for the builder."""

    @property
    def clock(self) -> IReactorTime:
        """The clock for builds."""

    @property
    def slaveCommands(self) -> Mapping[str, str]:
        """The versions of the slave's commands, by name; empty if the slave is too old to report them."""

    def getSlaveCommandVersion(self, command: str, oldversion: str | None = None) -> str | None:
        """The version of a command; None if the slave does not have it."""


class BuildForBuilder(Protocol):
    """A running or ended build. This is L{buildbot.process.base.Build}."""

    @property
    def build_status(self) -> BuildStatus: ...

    @property
    def steps(self) -> Sequence[object]: ...

    @property
    def slavebuilder(self) -> SlaveForBuild:
        """The slave of the build."""


class BuilderForBuild(Protocol):
    """The builder, for its builds. This is L{buildbot.process.builder.Builder}."""

    @property
    def name(self) -> str:
        """The name in the configuration."""

    @property
    def builddir(self) -> str:
        """Its directory on slaves, relative to that of the slave."""

    @property
    def botmaster(self) -> MasterForBuilder:
        """The master, with the resources that all builders share."""

    def realLocks(self, locks: Iterable[Any], slavebuilder: SlaveForBuild, /) -> list[Any]:
        """The real locks for locks of the configuration, for a build on this slave."""

    def stepChanged(self, build: BuildForBuilder, /) -> None:
        """Store the build: a step has ended or takes long."""

    async def buildWaits(self, build: BuildForStep, waits: bool, /) -> None:
        """Store that a build waits for others, or that it goes on."""


class BuildForStep(Told, Protocol):
    """The build, for its steps. This is L{buildbot.process.base.Build}."""

    slaveEnvironment: dict[str, str]
    workdir: str

    @property
    def build_status(self) -> BuildStatus: ...

    @property
    def builder(self) -> BuilderForBuild: ...

    @property
    def clock(self) -> IReactorTime: ...

    @property
    def reason(self) -> str:
        """The reason for the build."""

    @property
    def requests(self) -> list[BuildRequest]:
        """The requests that the build serves."""

    def allFiles(self) -> list[str]:
        """The files of the changes."""

    def getProperty(self, propname: str, *default: object) -> Any:
        """The value of a property; the default if it does not exist, else KeyError."""

    def getProperties(self) -> PropertiesForFunctions:
        """The properties, as functions of the configuration get them."""

    def setProperty(self, propname: str, value: object, source: str = "step") -> None:
        """Set a property."""

    def render(self, value: object) -> Any:
        """The value, with the properties of the build put into it."""

    @property
    def source(self) -> SourceStamp:
        """The source that the build wants, with those of further codebases beside it."""

    @overload
    def getSourceStamp(self) -> SourceStamp:
        """The source that the build wants."""

    @overload
    def getSourceStamp(self, codebase: str) -> SourceStamp | None:
        """The source stamp of a codebase; None if the build does not have it."""

    def getSlaveName(self) -> str:
        """The name of the slave."""

    def getSlaveCommandVersion(self, command: str, oldversion: str | None = None) -> str | None:
        """The version of a slave's command; None if the slave does not have it."""
