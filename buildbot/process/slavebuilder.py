# -*- test-case-name: tests.unit.process.test_builds -*-
"""One attached slave of one builder.

L{buildbot.slaves.perspective} has the slave itself. L{buildbot.process.queue} chooses its builds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.spread import pb

from buildbot.model.records import PauseRecord
from buildbot.process.base import Build
from buildbot.process.queue import SlaveView
from buildbot.process.updates import worded
from buildbot.wire.peers import BuilderPeer

if TYPE_CHECKING:
    from buildbot.process.seams import SlaveForBuilder


class BuilderOfSlave(Protocol):
    """The part of the builder that an attached slave uses."""

    @property
    def name(self) -> str:
        """The name in the configuration."""

    @property
    def clock(self) -> IReactorTime:
        """The clock for builds."""


def pausedBy(pause: PauseRecord | None) -> str | None:
    """The pause of a slave in words; None if it is not paused."""
    if pause is None:
        return None
    words = f"by {pause.who}" if pause.kind == "paused" else f"{pause.kind}, by {pause.who}"
    return f"{words}: {pause.why}" if pause.why else words


class SlaveBuilder:
    """I am one attached slave of one builder.

    @ivar slavename: the slave's name; C{name} for L{buildbot.process.queue}.
    @ivar clock: the clock for builds.
    @ivar peer: the connection to the slave's object for this builder.
    @ivar build: the running build; None if there is none.
    @ivar reserved: True while a build runs here, or is about to start.
    @ivar isAttached: True until the slave is detached.
    """

    __slots__ = (
        *("build", "builder", "clock", "isAttached", "name", "peer", "reserved", "slave", "slaveCommands"),
        "slavename",
    )

    def __init__(
        self,
        builder: BuilderOfSlave,
        slave: SlaveForBuilder,
        remote: pb.RemoteReference,
        slaveCommands: Mapping[str, str],
    ) -> None:
        self.builder = builder
        self.slave = slave
        self.slavename = self.name = slave.slavename
        self.clock = builder.clock
        self.peer = BuilderPeer(slave.peer, remote)
        self.slaveCommands = slaveCommands
        self.build: Build | None = None
        self.reserved = False
        self.isAttached = True

    def __repr__(self) -> str:
        return f"<SlaveBuilder {self.slave.slavename} of {self.builder.name}>"

    @property
    def remote(self) -> SlaveBuilder:
        """The name of 0.7.5 for the object with L{callRemote}: myself."""
        return self

    @property
    def running(self) -> int:
        """The number of running builds on the slave, of all builders."""
        return self.slave.availability.buildsRunning

    @property
    def used(self) -> float:
        """The time of the last start of a build on the slave, by the clock."""
        return self.slave.availability.lastUsed

    @property
    def isIdle(self) -> bool:
        """True if a build could start here now."""
        return self.isAttached and not self.reserved and self.slave.availability.canStartBuild()

    def isBusy(self) -> bool:
        """True if a build of the builder runs here, or is about to start."""
        return self.reserved

    def isAvailable(self) -> bool:
        """The name of 0.7.5 for L{isIdle}."""
        return self.isIdle

    def view(self) -> SlaveView:
        """The state of the slave, to explain why no build starts."""
        instance = self.slave.instance
        return SlaveView(
            self.slavename,
            instance="" if instance is None or instance.isUsable else instance.words(),
            paused=pausedBy(self.slave.availability.paused),
            busy=self.reserved,
            running=self.running,
            maxBuilds=self.slave.availability.maxBuilds,
        )

    def callRemote(self, method: str, *args: object) -> Deferred[Any]:
        """Call a method of the slave's object for the builder.

        @return: fires with the answer, in which all strings are text.
        """
        return self.peer.callRemote(method, *args).addCallback(worded)

    def getSlaveCommandVersion(self, command: str, oldversion: str | None = None) -> str | None:
        """The version of a command.

        @param oldversion: the answer for slaves that are too old to report versions.
        @return: None if the slave lacks the command.
        """
        return self.slaveCommands.get(command) if self.slaveCommands else oldversion

    def reserve(self) -> None:
        """Reserve the slave for a build."""
        self.reserved = True
        self.slave.availability.buildBegins()

    def free(self) -> None:
        """End the reservation: the build has ended, or did not start."""
        if self.reserved:
            self.reserved = False
            self.build = None
            self.slave.availability.buildEnded()
