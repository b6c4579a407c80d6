# -*- test-case-name: tests.stories -*-
"""The parts of a master that L{buildbot.status.report} uses, as protocols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime

from buildbot.config.model import MasterConfig
from buildbot.daemon.troubles import Troubles
from buildbot.files.reserve import FileReserve
from buildbot.model.records import BuildRecord, PauseRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.status.builderstatus import KnownBuilder, KnownSlave, RunningBuild, WaitingRequest
from buildbot.status.slave import SlaveStatus


class ReportedAvailability(Protocol):
    """The availability of a slave for builds."""

    @property
    def buildsRunning(self) -> int:
        """The number of running builds."""

    @property
    def paused(self) -> PauseRecord | None:
        """Who paused it, and why; None if it is not paused."""

    @property
    def isDrained(self) -> bool:
        """True if it is draining and its last build has ended."""


class ReportedRequest(Protocol):
    """A waiting request: the L{buildbot.process.request.BuildRequest}."""

    id: int | None
    attempts: int
    interruptions: int
    reason: str
    submitted: float

    @property
    def builderName(self) -> str | None:
        """The name of its builder."""

    @property
    def source(self) -> SourceStamp:
        """The source stamp."""


class ReportedInstance(Protocol):
    """The instance of a latent slave."""

    def toRecord(self) -> dict[str, Any]:
        """Its state as a dict of JSON values."""


class ReportedSlave(Protocol):
    """A slave: the L{buildbot.slaves.perspective.BotPerspective}."""

    slavename: str
    slave_status: SlaveStatus

    @property
    def state(self) -> Enum:
        """The state of its attachment."""

    @property
    def availability(self) -> ReportedAvailability: ...

    @property
    def instance(self) -> ReportedInstance | None:
        """Its instance, if it is a latent slave."""

    @property
    def builderList(self) -> Iterable[tuple[str, str]]:
        """Its (builder name, build directory) pairs in the configuration."""

    @property
    def builders(self) -> Mapping[str, object]:
        """The builders it is attached to, by name."""

    def isPending(self) -> bool:
        """True while it has not accepted the present builder list."""

    def traffic(self) -> dict[str, int]:
        """The bytes of the present connection: C{in} and C{out}."""


class ReportedBuilder(KnownBuilder, Protocol):
    """A builder: the L{buildbot.process.builder.Builder}."""

    @property
    def starting(self) -> Sequence[WaitingRequest]:
        """The requests whose build is being stored, and starts next."""

    @property
    def ending(self) -> Sequence[RunningBuild]:
        """The ended builds whose end is not stored yet."""

    @property
    def clock(self) -> IReactorTime:
        """The clock of the master."""

    def whyWaiting(self) -> str:
        """The reason why requests wait, in words."""


class ReportedBuilders(Protocol):
    """All builders: the L{buildbot.slaves.botmaster.BotMaster}."""

    def getBuilders(self) -> Sequence[ReportedBuilder]:
        """The builders, in the order of the configuration."""


class ReportedLogins(Protocol):
    """The failed logins under one name."""

    @property
    def when(self) -> float:
        """The time of the last one, in seconds since the epoch."""

    @property
    def address(self) -> str:
        """The address of the last one."""

    @property
    def logins(self) -> int:
        """Their number."""


class ReportedStrangers(Protocol):
    """The logins under unknown names."""

    @property
    def names(self) -> Mapping[str, ReportedLogins]:
        """The logins, by name."""


class ReportedAccounts(Protocol):
    """The accounts other than slaves."""

    @property
    def guesses(self) -> Mapping[str, ReportedLogins]:
        """Logins with a wrong password, by the name of the account."""


class ReportedPort(Protocol):
    """The slave port."""

    @property
    def files(self) -> FileReserve:
        """The reserve of open files."""


class ReportedHealth(Protocol):
    """The health of the store."""

    @property
    def trouble(self) -> str | None:
        """The error that keeps the store from working; None if it works."""

    @property
    def lapse(self) -> str:
        """Why the store has lost what it had acknowledged; empty if it has not."""

    @property
    def server(self) -> str:
        """The database server that has the store, in words; empty if it is a file."""


class ReportedRecovery(Protocol):
    """The recovery of the last process's builds."""

    @property
    def givenUp(self) -> Sequence[BuildRecord]:
        """The builds that were given up."""


class ReportedRetention(Protocol):
    """The retention of builds."""

    @property
    def horizon(self) -> int | None:
        """The number of builds kept for each builder; None: no limit."""

    @property
    def days(self) -> float | None:
        """The days that builds are kept; None: no limit."""


class ReportedBotMaster(ReportedBuilders, Protocol):
    """The owner of slaves and builders: the L{buildbot.slaves.botmaster.BotMaster}."""

    @property
    def slaves(self) -> Mapping[str, KnownSlave]:
        """The slaves, by name."""

    @property
    def unknownLogins(self) -> ReportedStrangers:
        """The logins under unknown names."""

    @property
    def health(self) -> ReportedHealth:
        """The health of the store."""

    @property
    def recovery(self) -> ReportedRecovery:
        """The recovery of the last process's builds."""

    @property
    def troubles(self) -> Troubles:
        """The current troubles."""

    @property
    def retention(self) -> ReportedRetention:
        """The retention of builds."""

    def reportLogStorage(self) -> dict[str, Any] | None:
        """The state of the object storage; None without one."""


class ReportedPoller(Protocol):
    """A change source that looks regularly: a L{buildbot.changes.base.PollingChangeSource}."""

    lastPoll: float | None
    failure: str

    def describe(self) -> str:
        """One line for people."""


class ReportedCleanStop(Protocol):
    """A clean stop, or None."""

    def toRecord(self) -> dict[str, object] | None:
        """The person who wants it, and the time of the request."""


class ReportedSenders(Protocol):
    """The senders of messages to other servers."""

    def toRecords(self) -> list[dict[str, object]]:
        """The state of each sender."""


class ReportedMaster(Protocol):
    """A master: the L{buildbot.buildmaster.service.BuildMaster}."""

    @property
    def since(self) -> float:
        """The time of its start, in seconds since the epoch."""

    @property
    def basedir(self) -> str: ...

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""

    @property
    def generation(self) -> int:
        """The number of reconfigs since its start."""

    @property
    def botmaster(self) -> ReportedBotMaster:
        """The owner of slaves and builders."""

    @property
    def dispatcher(self) -> ReportedAccounts:
        """The accounts that may log in."""

    @property
    def cleanStop(self) -> ReportedCleanStop:
        """The clean stop of the master; None if nobody asked for one."""

    def reportPagesOnly(self) -> list[dict[str, Any]]:
        """The processes that only serve its pages: C{name} and C{since}."""

    @property
    def outgoing(self) -> ReportedSenders:
        """The senders of messages to other servers."""

    @property
    def slavePort(self) -> ReportedPort:
        """The slave port."""

    def describePages(self) -> list[str]:
        """The address of the pages for people, if it is known, and the open ports of the pages, in words."""

    def describePorts(self) -> list[str]:
        """Describe its open ports, one line each."""

    def pollers(self) -> Sequence[ReportedPoller]:
        """The change sources that look regularly."""
