# -*- test-case-name: tests.unit.process.test_builds -*-
"""
One slave as one builder sees it, while it is attached.

The slave itself is in L{buildbot.slaves.perspective}. Which builds it gets is decided
by L{buildbot.process.queue}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.spread import pb

from buildbot.model.records import PauseRecord
from buildbot.process.base import Build
from buildbot.process.queue import SlaveSight
from buildbot.process.updates import worded
from buildbot.wire.peers import BuilderPeer

if TYPE_CHECKING:
    from buildbot.process.seams import SlaveForBuilder


class BuilderOfSlave(Protocol):
    """The builder that a slave is attached to."""

    @property
    def name(self) -> str:
        """The name that the configuration gives."""

    @property
    def clock(self) -> IReactorTime:
        """Tells builds the time."""


def byWhom(pause: PauseRecord | None) -> str | None:
    """Who paused a slave and why, in words; None if it is not paused."""
    if pause is None:
        return None
    words = f"by {pause.who}" if pause.kind == "paused" else f"{pause.kind}, by {pause.who}"
    return f"{words}: {pause.why}" if pause.why else words


class SlaveBuilder:
    """
    I am one attached slave of one builder.

    @ivar slavename: the slave's name; C{name} for L{buildbot.process.queue}.
    @ivar clock: tells builds the time.
    @ivar peer: calls the slave's own object for this builder.
    @ivar build: the build that runs here; None if there is none.
    @ivar reserved: whether a build runs here, or is about to.
    @ivar isAttached: whether the connection that I came with still lives.
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
        """The object that 0.7.5 calls the slave with; see L{callRemote}."""
        return self

    @property
    def running(self) -> int:
        """How many builds run on the slave, of all builders."""
        return self.slave.availability.buildsRunning

    @property
    def used(self) -> float:
        """When a build last began on the slave, by the clock."""
        return self.slave.availability.lastUsed

    @property
    def isIdle(self) -> bool:
        """Whether a build could begin here now."""
        return self.isAttached and not self.reserved and self.slave.availability.canStartBuild()

    def isAvailable(self) -> bool:
        """The name of 0.7.5 for L{isIdle}."""
        return self.isIdle

    def sight(self) -> SlaveSight:
        """The state of the slave, for people who ask why no build begins."""
        return SlaveSight(
            self.slavename,
            paused=byWhom(self.slave.availability.paused),
            busy=self.reserved,
            running=self.running,
            maxBuilds=self.slave.availability.maxBuilds,
        )

    def callRemote(self, method: str, *args: Any) -> Deferred[Any]:
        """
        Call the slave's own object for the builder.

        @return: fires with the answer, in which all strings are text.
        """
        return self.peer.callRemote(method, *args).addCallback(worded)

    def getSlaveCommandVersion(self, command: str, oldversion: str | None = None) -> str | None:
        """
        The version of a command.

        @param oldversion: for slaves that are too old to tell.
        @return: None if the slave has not got it.
        """
        return self.slaveCommands.get(command) if self.slaveCommands else oldversion

    def reserve(self) -> None:
        """A build is about to begin here."""
        self.reserved = True
        self.slave.availability.buildBegins()

    def free(self) -> None:
        """The build has ended, or did not begin."""
        if self.reserved:
            self.reserved = False
            self.build = None
            self.slave.availability.buildEnded()
