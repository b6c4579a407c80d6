# -*- test-case-name: tests.stories -*-
"""What a report needs of a master and of its parts; L{buildbot.status.report} makes the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Protocol

from twisted.internet.interfaces import IReactorTime

from buildbot.config.model import MasterConfig
from buildbot.daemon.troubles import Troubles
from buildbot.files.reserve import FileReserve
from buildbot.model.records import BuildRecord, PauseRecord
from buildbot.status.builderstatus import KnownSlave, RunningBuild
from buildbot.status.slave import SlaveStatus


class ReportedAvailability(Protocol):
    """Whether a slave may be given a build, for a report."""

    @property
    def buildsRunning(self) -> int:
        """How many builds run there."""

    @property
    def paused(self) -> PauseRecord | None:
        """Who has paused it, and why; None if nobody has."""

    @property
    def isDrained(self) -> bool:
        """Whether somebody drains it, and no build runs there any more."""


class ReportedSlave(Protocol):
    """A slave, for a report: the L{buildbot.slaves.perspective.BotPerspective}."""

    slavename: str
    slave_status: SlaveStatus

    @property
    def state(self) -> Enum:
        """Where its attachment stands."""

    @property
    def availability(self) -> ReportedAvailability:
        """Whether it may be given a build."""

    @property
    def builderList(self) -> Iterable[tuple[str, str]]:
        """The (builder name, build directory) pairs that the configuration gives it."""

    @property
    def builders(self) -> Mapping[str, object]:
        """The builders that it is attached to, by name."""

    def isPending(self) -> bool:
        """Whether it still has to accept a builder list."""

    def traffic(self) -> dict[str, int]:
        """Bytes over the present connection, C{in} and C{out}."""


class ReportedRequest(Protocol):
    """A request that waits, for a report."""

    @property
    def submitted(self) -> float:
        """When it was made, in seconds since the epoch."""

    @property
    def arrived(self) -> float:
        """When it came to its builder, by the clock of the master."""


class ReportedBuilder(Protocol):
    """A builder, for a report: the L{buildbot.process.builder.Builder}."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def starting(self) -> Sequence[ReportedRequest]:
        """The requests whose build the store records at the moment."""

    @property
    def building(self) -> Sequence[RunningBuild]:
        """The builds that run."""

    @property
    def ending(self) -> Sequence[RunningBuild]:
        """The builds that have ended, and whose end the store does not hold yet."""

    @property
    def pending(self) -> Sequence[ReportedRequest]:
        """The requests that wait."""

    @property
    def clock(self) -> IReactorTime:
        """The clock of the master."""

    def whyWaiting(self) -> str:
        """Why they wait, in words."""


class ReportedBuilders(Protocol):
    """All builders, for a report: the L{buildbot.slaves.botmaster.BotMaster}."""

    def getBuilders(self) -> Sequence[ReportedBuilder]:
        """In the order of the configuration."""


class ReportedLogins(Protocol):
    """Logins under one name, for a report."""

    @property
    def when(self) -> float:
        """When the last of them was."""

    @property
    def address(self) -> str:
        """Where it came from."""

    @property
    def logins(self) -> int:
        """How many there were."""


class ReportedStrangers(Protocol):
    """Logins under names that the configuration does not have, for a report."""

    @property
    def names(self) -> Mapping[str, ReportedLogins]:
        """By name."""


class ReportedAccounts(Protocol):
    """The accounts that are no slaves, for a report."""

    @property
    def guesses(self) -> Mapping[str, ReportedLogins]:
        """Wrong passwords, by the name of the account."""


class ReportedPort(Protocol):
    """Where slaves connect, for a report."""

    @property
    def files(self) -> FileReserve:
        """The open files that are left."""


class ReportedHealth(Protocol):
    """Whether the store works, for a report."""

    @property
    def trouble(self) -> str | None:
        """Why it does not; None if it works."""


class ReportedRecovery(Protocol):
    """What the last process left, for a report."""

    @property
    def givenUp(self) -> Sequence[BuildRecord]:
        """The builds that are not tried again."""


class ReportedRetention(Protocol):
    """How long builds are kept, for a report."""

    @property
    def horizon(self) -> int | None:
        """How many of each builder."""

    @property
    def days(self) -> float | None:
        """For how many days."""


class ReportedBotMaster(ReportedBuilders, Protocol):
    """What makes the builds, for a report: the L{buildbot.slaves.botmaster.BotMaster}."""

    @property
    def slaves(self) -> Mapping[str, KnownSlave]:
        """The slaves, by name."""

    @property
    def unknownLogins(self) -> ReportedStrangers:
        """Logins under unknown names."""

    @property
    def health(self) -> ReportedHealth:
        """Whether the store works."""

    @property
    def recovery(self) -> ReportedRecovery:
        """What the last process left."""

    @property
    def troubles(self) -> Troubles:
        """What is wrong."""

    @property
    def retention(self) -> ReportedRetention:
        """How long builds are kept."""


class ReportedMaster(Protocol):
    """A master, for a report: the L{buildbot.buildmaster.service.BuildMaster}."""

    @property
    def since(self) -> float:
        """When it started, in seconds since the epoch."""

    @property
    def basedir(self) -> str:
        """Its directory."""

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""

    @property
    def generation(self) -> int:
        """How often it was reconfigured."""

    @property
    def botmaster(self) -> ReportedBotMaster:
        """What makes the builds."""

    @property
    def dispatcher(self) -> ReportedAccounts:
        """Who may log in."""

    @property
    def slavePort(self) -> ReportedPort:
        """Where slaves connect."""

    def describePorts(self) -> list[str]:
        """Its open ports."""
