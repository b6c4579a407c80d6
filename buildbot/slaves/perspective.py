# -*- test-case-name: tests.unit.slaves.test_botmaster -*-
"""
The master's side of one slave: its name, its settings, its status and its builders.

Each other subject of a slave has a part of its own: the attachment (L{buildbot.slaves.driver}), the builder
lists (L{buildbot.slaves.offers}), the deadlines and probes (L{buildbot.slaves.liveness}), the limits for
builds (L{buildbot.slaves.availability}). All slaves together are in L{buildbot.slaves.botmaster}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.spread import pb

from buildbot.config.model import KEEPALIVE, MasterConfig, SlaveConfig
from buildbot.process.builder import Builder
from buildbot.slaves.attachment import Attachment, State
from buildbot.slaves.availability import Availability
from buildbot.slaves.driver import AttachmentDriver
from buildbot.status.slave import SlaveStatus
from buildbot.text.plural import counted
from buildbot.wire.callee import Callee, NewCredPerspective
from buildbot.wire.login import LoginRefused
from buildbot.wire.loglimits import Comings
from buildbot.wire.peers import Introduction, SlavePeer

log = Logger()


class SlaveHolder(Protocol):
    """
    What a slave needs of the master that holds it: the L{BotMaster} of C{slaves.botmaster}.

    @ivar now: tells the time, in seconds since the epoch.
    @ivar comings: which comings and goings of a slave are worth a line in the log.
    @ivar reference: what slaves get as their master.
    """

    clock: IReactorTime
    now: Callable[[], float]
    config: MasterConfig
    builders: dict[str, Builder]
    comings: Comings
    reference: Callee

    def slaveLost(self, bot: BotPerspective, /) -> None:
        """The connection of a slave is gone."""


class BotPerspective(NewCredPerspective):
    """
    I am the master's side of one slave of C{c['bots']}, whether it is connected or not.

    @ivar slavename: its name.
    @ivar botmaster: the L{SlaveHolder} that holds me; C{service} is the same.
    @ivar slave: the slave's Bot while it is attached, else None.
    @ivar slave_status: what is known of it, a L{SlaveStatus}.
    @ivar slave_commands: its command versions while it is attached, else None.
    @ivar builders: builder name -> L{Builder} for those that it is attached to.
    @ivar driver: its attachment, with all its connections.
    @ivar availability: whether it may be given a build.
    """

    slave: pb.RemoteReference | None = None
    slave_commands: Mapping[str, str] | None = None

    def __init__(self, name: str, botmaster: SlaveHolder) -> None:
        self.slavename = name
        self.botmaster = self.service = botmaster
        self.slave_status = SlaveStatus(name)
        self.builders: dict[str, Builder] = {}
        self.driver = AttachmentDriver(botmaster.clock, self)
        self.availability = Availability(botmaster.clock, self)

    def __repr__(self) -> str:
        names = ",".join(self.builders) or "none"
        return f"<BotPerspective {self.slavename!r} {self.state.value}, builders: {names}>"

    @property
    def state(self) -> State:
        """The state of the attachment."""
        return self.driver.attachment.state

    @property
    def peer(self) -> SlavePeer:
        """The connection that is served. There is one while L{isConnected}."""
        return self.driver.attachment.served

    # the configuration

    @property
    def setup(self) -> SlaveConfig | None:
        """My settings in C{c['bots']}; None once I am removed from there."""
        return self.botmaster.config.slaves.get(self.slavename)

    @property
    def keepalive(self) -> float:
        """Seconds of silence before the slave is probed."""
        setup = self.setup
        return KEEPALIVE if setup is None else setup.keepalive

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties that the configuration gives builds on this slave."""
        setup = self.setup
        return setup.properties if setup is not None else {}

    @property
    def builderList(self) -> tuple[tuple[str, str], ...]:
        """The (builder name, build directory) pairs that the configuration gives me."""
        return self.botmaster.config.builderList(self.slavename)

    def keepaliveChanged(self) -> None:
        """The configuration gives me another keepalive: it counts from now."""
        self.driver.liveness.keepaliveChanged()

    # logins, and what the slave calls

    def attached(self, bot: pb.RemoteReference | None) -> Deferred[BotPerspective]:
        """
        The slave logged in.

        @param bot: its mind, which slaves call their Bot.
        @return: fires with me once the slave is attached to its builders; fails
            with L{LoginRefused} if it never will be.
        """
        if bot is None:
            raise LoginRefused("the client is not a slave: its login has no reference for calls to it")
        return self.driver.login(bot).addCallback(lambda none: self)

    def detached(self, mind: pb.RemoteReference | None) -> None:
        """The slave logged out; if its connection has not ended by now, it is cut."""
        peer = self.driver.peer
        if peer is not None and peer.mind is mind and not peer.broker.closed:
            self.driver.fail(peer, "the slave logged out")

    def refused(self, address: str, reason: str) -> None:
        """Remember that somebody tried to log in under this name and was refused (O9)."""
        self.slave_status.wasRefused(self.botmaster.now(), address, reason)

    def perspective_keepalive(self) -> None:
        """The slave asks whether the master lives: any answer will do."""

    def perspective_shutdown(self) -> None:
        """The slave (0.8.3 and later) asks whether it may end: it may, at once."""
        if self.state is State.READY:
            self.slave_status.happened(self.botmaster.now(), "asked to be shut down", "shutdown")
            self.peer.shutdown()

    # whether it is there

    def isConnected(self) -> bool:
        """Whether a connection is served, at whatever stage it is."""
        return self.driver.peer is not None

    def isReady(self) -> bool:
        """Whether the slave is attached, and its connection lives."""
        now = self.driver.attachment
        # a caller may hear of a loss before I do
        return now.state is State.READY and now.served.isAlive()

    def isAnswering(self, timeout: float, fresh: float = -1.0) -> Deferred[bool]:
        """
        Find out whether the slave lives.

        @param timeout: seconds for the answer to a probe; a slave that says nothing in that time is
            disconnected (L4).
        @param fresh: a slave that was heard of within so many seconds is not probed; by default it always is.
        """
        return self.driver.liveness.isAnswering(timeout, fresh)

    def mayBeMute(self, seconds: float) -> None:
        """The slave may be too busy to answer a probe: see L{buildbot.slaves.liveness.Liveness.mayBeMute}."""
        self.driver.liveness.mayBeMute(seconds)

    def whenGone(self) -> Deferred[None]:
        """Fires with None once the connection that is served is gone and everything about it taken back."""
        return self.driver.whenGone()

    def disconnect(self, reason: str = "disconnected by the master") -> Deferred[None]:
        """
        Forcibly disconnect the slave; it will probably try again in a moment.

        The transport is aborted: unsent bytes are dropped.

        @return: fires with None once the connection is gone and everything about
            it has been taken back; at once if there is none.
        """
        return self.driver.close(reason)

    def traffic(self) -> dict[str, int]:
        """Bytes over the present connection: C{in} from the slave, C{out} to it; zeros without one."""
        broker = self.peer.broker if self.isConnected() else None
        return {"in": broker.bytesIn if broker else 0, "out": broker.bytesOut if broker else 0}

    # its builder list

    def sendBuilderList(self) -> Deferred[None]:
        """
        Send the slave the list of its builders, changed or not.

        @return: fires with None when the slave has accepted it, or is gone.
        """
        return self.driver.sendBuilderList()

    def updateSlave(self) -> Deferred[None]:
        """
        Add or remove builders after the slave has connected, if its list has changed or some of them failed.

        @return: fires with None when an attached slave has accepted the new
            builders and released the old ones, or is gone; at once if there is
            nothing to tell.
        """
        if self.driver.offers.isTold(self.builderList):
            return succeed(None)
        return self.sendBuilderList()

    def isPending(self) -> bool:
        """Whether the slave is attached and still has to accept a builder list."""
        return self.state is State.READY and self.driver.offers.isPending

    # what the driver and the other parts call

    def happened(self, text: str) -> None:
        """Add an event to the status, at the present time."""
        self.slave_status.happened(self.botmaster.now(), text)

    def attach(self, peer: SlavePeer, introduction: Introduction) -> None:
        """The slave is attached: publish that, and attach its builders."""
        self.slave = peer.mind
        self.slave_commands = peer.commands
        self._publish(peer, introduction)
        self.adopt(peer, introduction.builders)
        self._log(
            "slave {name} attached from {address}: {generation}, {builders}",
            address=peer.address,
            generation=introduction.generation,
            builders=counted(len(self.builders), "builder"),
        )

    def _publish(self, peer: SlavePeer, introduction: Introduction) -> None:
        status = self.slave_status
        status.setConnected(True, peer.isAlive)
        status.since = self.botmaster.now()
        status.address = peer.address
        status.generation = str(introduction.generation)
        status.version = introduction.generation.version
        status.setAdmin(introduction.info.get("admin") or None)
        status.setHost(introduction.info.get("host") or None)
        status.note = ""
        status.happened(status.since, f"attached from {peer.address}: {introduction.generation}")

    def adopt(self, peer: SlavePeer, builders: Mapping[str, pb.RemoteReference]) -> None:
        """
        Attach exactly the builders of an accepted list.

        @param builders: builder name -> reference to its SlaveBuilder.
        """
        for name in [name for name in self.builders if name not in builders]:
            self.builders.pop(name).detached(self)
        for name, reference in builders.items():
            builder = self.botmaster.builders.get(name)
            if builder is None:
                continue  # removed while the list was out: a newer list is on its way
            known = self.builders.get(name)
            if known is not builder:
                if known is not None:
                    known.detached(self)
                self.builders[name] = builder
                builder.attached(self, reference, peer.commands)
                peer.setMaster(reference, self.botmaster.reference)

    def takeBack(self, before: Attachment[SlavePeer], why: str) -> None:
        """The connection of C{before} is gone: detach the builders, and publish that."""
        for builder in self.builders.values():
            builder.detached(self)
        self.builders.clear()
        self.slave = self.slave_commands = None
        now, status, address = self.botmaster.now(), self.slave_status, before.served.address
        if before.state in (State.READY, State.CLOSING, State.DISPLACING) and status.connected:
            status.since = now
        status.setConnected(False)
        status.happened(now, f"disconnected from {address}: {why}")
        self._log("slave {name} detached from {address}: {why}", address=address, why=why)
        self.botmaster.slaveLost(self)

    def _log(self, format: str, **fields: object) -> None:
        """Log that the slave came or went, unless there were many such lines within the last minute."""
        left = self.botmaster.comings.allow(self.slavename, self.botmaster.clock.seconds())
        if left is not None:
            more = f" ({left} more like this)" if left else ""
            log.info(format + more, name=self.slavename, **fields)
