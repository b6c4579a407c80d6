# -*- test-case-name: tests.unit.reconfig.test_sequences,tests.stories.test_admin -*-
"""Apply a checked configuration to the running master: first the steps that can fail, then the others.

L{buildbot.reconfig.reconfigurer} decides the time. L{buildbot.config.diff} finds the differences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Protocol

from twisted.application.service import IService
from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.diff import ConfigChange, diff
from buildbot.config.model import MasterConfig
from buildbot.reconfig.consequences import ReconfiguredMaster, consequences
from buildbot.reconfig.parent import PluginParent
from buildbot.reconfig.plugins import STOPPING, Pair, Refused, exchange, living, undo
from buildbot.wire import listeners

log = Logger()


class ToldSlave(Protocol):
    """A slave to which a new builder list was sent."""

    slavename: str


class SlavesAndBuilders(ReconfiguredMaster, Protocol):
    """The owner of slaves and builders: the L{buildbot.slaves.botmaster.BotMaster}.

    @ivar config: the configuration in force.
    """

    config: MasterConfig

    @property
    def stopping(self) -> bool:
        """True while the master is stopping."""

    def apply(self, config: MasterConfig, change: ConfigChange, drain: bool = False) -> Sequence[ToldSlave]:
        """Apply a checked configuration. This cannot fail.

        @param drain: let builds on removed slaves end before the slaves are disconnected.
        @return: the attached slaves that still have to accept a new builder list.
        """


@dataclass(frozen=True)
class Prepared:
    """The first part of a change, which can still be undone.

    @ivar opened: the new slave ports: description -> port.
    @ivar closed: the old slave ports that were closed to free their addresses.
    @ivar certificates: each kept port with its TLS options, read again from its files.
    @ivar started: the new plug-ins.
    @ivar debug: the account C{debug}, if the new configuration has one.
    """

    opened: dict[str, listeners.SlavePort]
    closed: set[str]
    certificates: list[tuple[listeners.SlavePort, Any]]
    started: list[Pair]
    debug: IService | None


class Applier:
    """I apply configurations to the parts of one master.

    @ivar generation: the number of configurations applied since the start.
    @ivar ports: the open slave ports.
    @ivar debug: the account C{debug}, or None.
    """

    def __init__(
        self,
        botmaster: SlavesAndBuilders,
        ports: listeners.PortSet,
        parent: PluginParent,
        sources: PluginParent,
        debugAccount: Callable[[str], IService],
        clock: IReactorTime,
    ) -> None:
        """@param parent: the parent of schedulers, status targets, the manhole and the debug account.
        @param sources: the parent of change sources.
        @param debugAccount: makes the account C{debug} with a password.
        """
        self.generation = 0
        self.ports = ports
        self.debug: IService | None = None
        self._botmaster = botmaster
        self._parent = parent
        self._sources = sources
        self._debugAccount = debugAccount
        self._clock = clock

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""
        return self._botmaster.config

    async def applyFirst(self, config: MasterConfig) -> None:
        """Apply the configuration that a master starts with.

        @raise Refused: a plug-in or a port does not start, or the master is stopping.
        """
        change = diff(self.config, config)
        prepared = await self.prepare(config, change)
        if self._botmaster.stopping:
            await self.abandon(prepared)
            raise Refused([STOPPING])
        self.commit(config, change, prepared)

    async def prepare(self, config: MasterConfig, change: ConfigChange) -> Prepared:
        """Do the steps that can fail: exchange plug-ins, then open ports.

        The ports are opened last, and L{commit} follows in the same reactor turn. So a new port never
        refuses a slave of the new configuration (A1).

        @raise Refused: a step failed. Everything is as before, except for the failures that the errors name.
        """
        debug = self.debug
        if "debugPassword" in change.settings:
            debug = None if config.debugPassword is None else self._debugAccount(config.debugPassword)
        stopped, started = self._plugins(config, change, debug)
        certificates = self._certificates(change)
        closed = await self._exchange(stopped, started, change)
        if self._botmaster.stopping:
            await undo(started, [], self._clock)
            raise Refused([STOPPING])
        try:
            opened = await self.ports.openNew(change.portsAdded, change.portsRemoved, closed)
        except listeners.CannotOpen as error:
            lost = await undo(started, stopped, self._clock)
            raise Refused([str(error), *lost, *await self._takeBack(closed)]) from error
        return Prepared(opened, closed, certificates, started, debug)

    def _plugins(
        self, config: MasterConfig, change: ConfigChange, debug: IService | None
    ) -> tuple[list[Pair], list[Pair]]:
        """The plug-ins to stop, and those to start."""
        stopped = [
            *_services(self._parent, change.schedulersRemoved),
            *_services(self._sources, change.sourcesRemoved),
            *_services(self._parent, change.statusRemoved),
        ]
        started = [
            *_services(self._parent, change.schedulersAdded),
            *_services(self._sources, change.sourcesAdded),
            *_services(self._parent, change.statusAdded),
        ]
        if "manhole" in change.settings:
            stopped += _services(self._parent, [self.config.manhole])
            started += _services(self._parent, [config.manhole])
        if "debugPassword" in change.settings:
            stopped += _services(self._parent, [self.debug])
            started += _services(self._parent, [debug])
        return stopped, started

    def _certificates(self, change: ConfigChange) -> list[tuple[listeners.SlavePort, Any]]:
        """Read the certificates of the kept ports again. Raises Refused if one cannot be read."""
        kept = [port for name, port in self.ports.items() if name not in change.portsRemoved]
        gone = {id(each) for each in change.statusRemoved}
        kept += self._pluginPorts(each for each in self.config.status if id(each) not in gone)
        try:
            return [(port, listeners.renewed(port)) for port in kept]
        except listeners.CannotOpen as error:
            raise Refused([str(error)]) from error

    def _pluginPorts(self, plugins: Iterable[object]) -> list[listeners.SlavePort]:
        """The open ports of status targets."""
        return [
            port for each in plugins if isinstance(each, listeners.Reserving) for port in each.openPorts()
        ]

    async def abandon(self, prepared: Prepared) -> None:
        """Undo L{prepare} because the master is stopping. Stopped services are not started again."""
        await listeners.closeAll(prepared.opened.values())
        await undo(prepared.started, [], self._clock)

    async def _exchange(self, stopped: list[Pair], started: list[Pair], change: ConfigChange) -> set[str]:
        """Exchange plug-ins. A new one may open a port that was a slave port before.

        @return: the slave ports that had to be closed.
        @raise Refused: a new plug-in does not start.
        """
        closed: set[str] = set()
        try:
            try:
                await exchange(stopped, started, self._clock)
            except Refused as refused:
                if not listeners.isInUse(refused.__cause__) or not change.portsRemoved:
                    raise
                await self.ports.makeRoom(change.portsRemoved, closed)
                await exchange(stopped, started, self._clock)
        except Refused as refused:
            refused.errors += await self._takeBack(closed)
            raise
        return closed

    async def _takeBack(self, closed: Iterable[str]) -> list[str]:
        """Open the closed ports again after a failure.

        A port or plug-in that no longer runs is removed from the configuration in force. So the next reconfig
        starts it again.

        @return: a line for each port that cannot be opened again.
        """
        lost = await self.ports.takeBack(closed)
        config = self.config
        (debug,) = living([self.debug]) or (None,)
        (manhole,) = living([config.manhole]) or (None,)
        self.debug = debug
        self._botmaster.config = replace(
            config,
            schedulers=living(config.schedulers),
            sources=living(config.sources),
            status=living(config.status),
            ports=tuple(name for name in config.ports if name in self.ports),
            manhole=manhole,
            debugPassword=config.debugPassword if debug is not None else None,
        )
        return lost

    def commit(
        self, config: MasterConfig, change: ConfigChange, prepared: Prepared, drain: bool = False
    ) -> list[str]:
        """Do the second part of a change. This cannot fail.

        @param drain: let builds on removed slaves end before the slaves are disconnected.
        @return: the names of attached slaves that still have to accept their new builder list.
        """
        told = self._botmaster.apply(config, change, drain)
        self.debug = prepared.debug
        removed = self.ports.commit(prepared.opened, change.portsRemoved)
        closing = [port for port in removed if port.description not in prepared.closed]
        for port, options in prepared.certificates:
            if port.context is not None:
                port.context.options = options
        ensureDeferred(listeners.closeAll(closing)).addErrback(
            lambda why: log.failure("closing a slave port failed", why)
        )
        self.generation += 1
        return [slave.slavename for slave in told]

    def consequences(self, change: ConfigChange, drain: bool) -> list[str]:
        """The effects of a change on running builds, requests and slaves, as lines for the user."""
        return consequences(self._botmaster, self.ports, change, drain)

    def warnings(self) -> list[str]:
        """A line for each certificate that expires soon."""
        ports = [*self.ports.values(), *self._pluginPorts(self.config.status)]
        return list(listeners.expiryWarnings(ports, datetime.now(timezone.utc)))


def _services(parent: PluginParent, plugins: Iterable[object]) -> list[Pair]:
    """The plug-ins that are services, each with its parent."""
    return [(plugin, parent) for plugin in plugins if IService.providedBy(plugin)]
