# -*- test-case-name: tests.unit.slaves.test_botmaster -*-
"""The master's side of one slave: its name, its settings, its status and its builders.

Other modules have the other subjects of a slave: the attachment (L{buildbot.slaves.driver}), the builder
lists (L{buildbot.slaves.offers}), the deadlines and probes (L{buildbot.slaves.liveness}), the limits for
builds (L{buildbot.slaves.availability}). L{buildbot.slaves.botmaster} has all slaves together.
"""

from __future__ import annotations

import ntpath
import posixpath
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.spread import pb

from buildbot.config.model import KEEPALIVE, MasterConfig, SlaveConfig
from buildbot.process.builder import Builder
from buildbot.process.slavebuilder import SlaveBuilder
from buildbot.slaves.attachment import Attachment, State
from buildbot.slaves.availability import Availability
from buildbot.slaves.driver import AttachmentDriver
from buildbot.slaves.told import SlavesTold
from buildbot.status.announcer import Announcer
from buildbot.status.slave import SlaveStatus
from buildbot.text.plural import counted
from buildbot.wire.callee import Callee, NewCredPerspective
from buildbot.wire.login import LoginRefused
from buildbot.wire.loglimits import ConnectionLineLimiter
from buildbot.wire.peers import Introduction, SlavePeer

if TYPE_CHECKING:
    from buildbot.latent.instance import Instance

log = Logger()


class SlaveHolder(Protocol):
    """The attributes and methods of the L{BotMaster} (C{slaves.botmaster}) that a slave uses.

    @ivar now: returns the time, in seconds since the epoch.
    @ivar connectionLines: limits the log lines about slaves that connect and disconnect.
    @ivar reference: the master object that slaves get.
    @ivar told: keeps what slaves have told about themselves.
    """

    clock: IReactorTime
    now: Callable[[], float]
    config: MasterConfig
    builders: dict[str, Builder]
    connectionLines: ConnectionLineLimiter
    reference: Callee
    told: SlavesTold

    @property
    def announcer(self) -> Announcer:
        """Reports events to status receivers."""

    def slaveLost(self, bot: BotPerspective, /) -> None:
        """Called when the connection of a slave is gone."""


class BotPerspective(NewCredPerspective):
    """I am the master's side of one slave of C{c['bots']}, connected or not.

    @ivar slavename: its name.
    @ivar botmaster: the L{SlaveHolder} that holds me; C{service} is the same.
    @ivar slave: the slave's Bot while it is attached, else None.
    @ivar slave_status: its L{SlaveStatus}.
    @ivar slave_commands: its command versions while it is attached, else None.
    @ivar slave_environ: the variables of its environment, as in 0.8; {} if it tells none, as before 0.8.
    @ivar slave_system: its C{os.name}, such as C{"posix"}; None if it does not tell it.
    @ivar slave_basedir: its directory; None if it does not tell it.
    @ivar builders: builder name -> L{Builder}, for the attached builders.
    @ivar driver: its attachment, with all its connections.
    @ivar availability: decides whether it may get a build.
    @ivar instance: its instance, if it is a latent slave.
    """

    instance: Instance | None = None

    def __init__(self, name: str, botmaster: SlaveHolder) -> None:
        self.slavename = name
        self.botmaster = self.service = botmaster
        self.slave_status = SlaveStatus(name)
        self.builders: dict[str, Builder] = {}
        self.driver = AttachmentDriver(botmaster.clock, self)
        self.availability = Availability(botmaster.clock, self)
        self.slave: pb.RemoteReference | None = None
        self.slave_commands: Mapping[str, str] | None = None
        self.slave_environ: Mapping[str, str] = {}
        self.slave_system: str | None = None
        self.slave_basedir: str | None = None

    def __repr__(self) -> str:
        names = ",".join(self.builders) or "none"
        return f"<BotPerspective {self.slavename!r} {self.state.value}, builders: {names}>"

    @property
    def state(self) -> State:
        """The state of the attachment."""
        return self.driver.attachment.state

    @property
    def peer(self) -> SlavePeer:
        """The served connection. Call me only while L{isConnected}."""
        return self.driver.attachment.served

    # the configuration

    @property
    def setup(self) -> SlaveConfig | None:
        """My settings in C{c['bots']}; None after I was removed from there."""
        return self.botmaster.config.slaves.get(self.slavename)

    @property
    def keepalive(self) -> float:
        """Seconds of silence before the slave is probed."""
        setup = self.setup
        return KEEPALIVE if setup is None else setup.keepalive

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties from the configuration for builds on this slave."""
        setup = self.setup
        return setup.properties if setup is not None else {}

    @property
    def builderList(self) -> tuple[tuple[str, str], ...]:
        """The (builder name, build directory) pairs from the configuration."""
        return self.botmaster.config.builderList(self.slavename)

    @property
    def path_module(self) -> ModuleType:
        """The module for paths on the slave, as in 0.8: C{ntpath} on Windows, else C{posixpath}."""
        return ntpath if self.slave_system in ("nt", "win32") else posixpath

    @property
    def slavebuilders(self) -> dict[str, SlaveBuilder]:
        """My part in each builder that I am attached to, by the builder's name, as in 0.8."""
        mine = {name: each.attachedSlaves.get(self.slavename) for name, each in self.builders.items()}
        return {name: each for name, each in mine.items() if each is not None}

    def keepaliveChanged(self) -> None:
        """Apply a changed keepalive from the configuration now."""
        self.driver.liveness.keepaliveChanged()

    # logins, and calls from the slave

    def attached(self, bot: pb.RemoteReference | None) -> Deferred[BotPerspective]:
        """The slave logged in.

        @param bot: its mind, which slaves call their Bot.
        @return: fires with me when the slave is attached to its builders; fails with L{LoginRefused} if the
            login fails.
        """
        if bot is None:
            raise LoginRefused("the client is not a slave: its login has no reference for calls to it")
        return self.driver.login(bot).addCallback(lambda none: self)

    def detached(self, mind: pb.RemoteReference | None) -> None:
        """The slave logged out: close its connection if it is still open."""
        peer = self.driver.peer
        if peer is not None and peer.mind is mind and not peer.broker.closed:
            self.driver.fail(peer, "the slave logged out")

    def refused(self, address: str, reason: str) -> None:
        """Count a refused login under this name (O9)."""
        self.slave_status.wasRefused(self.botmaster.now(), address, reason)
        self.botmaster.announcer.report("slaveChanged", self.slavename)

    def perspective_keepalive(self) -> None:
        """Answer the slave's keepalive. The answer shows that the master is alive."""

    def perspective_shutdown(self) -> None:
        """A slave (0.8.3 and later) asks for permission to end: permit it now."""
        if self.state is State.READY:
            self.slave_status.happened(self.botmaster.now(), "asked to be shut down", "shutdown")
            self.peer.shutdown()

    # whether it is connected

    def isConnected(self) -> bool:
        """True while a connection is served, in any state."""
        return self.driver.attachment.peer is not None

    def canStartBuild(self) -> bool:
        """True if another build may start here, for functions of the configuration, as in 0.8."""
        return self.availability.canStartBuild()

    def isReady(self) -> bool:
        """True while the slave is attached and its connection is open.

        A latent slave is only ready if its instance is usable.
        """
        if self.instance is not None and not self.instance.isUsable:
            return False
        now = self.driver.attachment
        # the connection may be closed before I am notified
        return now.state is State.READY and now.peer is not None and now.peer.isAlive()

    def isAnswering(self, timeout: float, fresh: float = -1.0) -> Deferred[bool]:
        """Find out whether the slave is alive.

        @param timeout: seconds for the answer to a probe. A slave that sends nothing in that time is
            disconnected (L4).
        @param fresh: do not probe a slave that sent anything within this many seconds. By default it is
            always probed.
        @return: fires with True if the slave is alive.
        """
        return self.driver.liveness.isAnswering(timeout, fresh)

    def mayBeMute(self, seconds: float) -> None:
        """Do not probe the slave for some time: see L{buildbot.slaves.liveness.Liveness.mayBeMute}."""
        self.driver.liveness.mayBeMute(seconds)

    def whenGone(self) -> Deferred[None]:
        """Fires with None when the served connection is gone and its builders are detached."""
        return self.driver.whenGone()

    def disconnect(self, reason: str = "disconnected by the master") -> Deferred[None]:
        """Close the slave's connection. The slave will probably reconnect soon.

        The transport is aborted: unsent bytes are dropped.

        @return: fires with None when the connection is gone and its builders are detached; now if there is
            none.
        """
        return self.driver.close(reason)

    def traffic(self) -> dict[str, int]:
        """Bytes over the present connection: C{in} from the slave, C{out} to it; zeros without one."""
        flow = self.peer.broker.flow if self.isConnected() else None
        return {"in": flow.bytesIn if flow else 0, "out": flow.bytesOut if flow else 0}

    # its builder list

    def sendBuilderList(self) -> Deferred[None]:
        """Send the slave the list of its builders, even if it has not changed.

        @return: fires with None when the slave has accepted it, or is gone.
        """
        return self.driver.sendBuilderList()

    def updateSlave(self) -> Deferred[None]:
        """Send a connected slave its builder list if the list has changed, or if some of its builders failed.

        @return: fires with None when an attached slave has accepted the new builders and released the old
            ones, or is gone; now if nothing was sent.
        """
        if self.driver.offers.isTold(self.builderList):
            return succeed(None)
        return self.sendBuilderList()

    def isPending(self) -> bool:
        """True while the slave is attached and has not accepted its last builder list."""
        return self.state is State.READY and self.driver.offers.isPending

    # called by the driver and the other parts

    def happened(self, text: str) -> None:
        """Add an event with the present time to the status."""
        self.slave_status.happened(self.botmaster.now(), text)
        self.botmaster.announcer.report("slaveChanged", self.slavename)

    def attach(self, peer: SlavePeer, introduction: Introduction) -> None:
        """Publish that the slave is attached, and attach its builders."""
        self.slave = peer.mind
        self.slave_commands = peer.commands
        self.slave_environ, info = introduction.environ, introduction.info
        self.slave_system, self.slave_basedir = info.get("system"), info.get("basedir")
        self._publish(peer, introduction)
        self.adopt(peer, introduction.builders)
        self._log(
            "slave {name} attached from {address}: {generation}, {builders}",
            address=peer.address,
            generation=introduction.generation,
            builders=counted(len(self.builders), "builder"),
        )
        if self.instance is not None:
            self.instance.attached()

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
        self.botmaster.told.keep(status)
        status.happened(status.since, f"attached from {peer.address}: {introduction.generation}")
        self.botmaster.announcer.report("slaveConnected", self.slavename)

    def adopt(self, peer: SlavePeer, builders: Mapping[str, pb.RemoteReference]) -> None:
        """Attach exactly the builders of an accepted list.

        @param builders: builder name -> reference to its SlaveBuilder.
        """
        for name in [name for name in self.builders if name not in builders]:
            self.builders.pop(name).detached(self)
        for name, reference in builders.items():
            builder = self.botmaster.builders.get(name)
            if builder is None:
                continue  # removed meanwhile: a newer list was sent
            known = self.builders.get(name)
            if known is not builder:
                if known is not None:
                    known.detached(self)
                self.builders[name] = builder
                builder.attached(self, reference, peer.commands)
                peer.setMaster(reference, self.botmaster.reference)

    def takeBack(self, before: Attachment[SlavePeer], why: str) -> None:
        """Detach the builders and publish it: the connection of C{before} is gone."""
        if self.instance is not None and self.instance.perspective is self:  # not that of a removed slave
            self.instance.lost(why)  # before the builds end
        for builder in self.builders.values():
            builder.detached(self)
        self.builders.clear()
        self.slave = self.slave_commands = None
        now, status, address = self.botmaster.now(), self.slave_status, before.served.address
        if before.state in (State.READY, State.CLOSING, State.DISPLACING) and status.connected:
            status.since = now
            self.botmaster.announcer.report("slaveDisconnected", self.slavename)
        status.setConnected(False)
        status.note = ""  # the conflict of two machines is over, too: neither is connected
        status.happened(now, f"disconnected from {address}: {why}")
        self._log("slave {name} detached from {address}: {why}", address=address, why=why)
        self.botmaster.slaveLost(self)

    def _log(self, format: str, **fields: object) -> None:
        """Log that the slave connected or disconnected, unless the last minute had many such lines."""
        left = self.botmaster.connectionLines.allow(self.slavename, self.botmaster.clock.seconds())
        if left is not None:
            more = f" ({left} more like this)" if left else ""
            log.info(format + more, name=self.slavename, **fields)
