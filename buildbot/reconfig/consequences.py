# -*- test-case-name: tests.unit.reconfig.test_consequences -*-
"""Warn of the effects of a reconfig before it is applied.

Only effects that the list of changes does not show: builds that end, requests that are cancelled, slaves that
cannot reconnect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from buildbot.config.diff import ConfigChange
from buildbot.text.plural import counted
from buildbot.wire.listeners import SlavePort
from buildbot.wire.peers import SlavePeer

#: The most slaves that a line names.
_NAMES = 5


class UsedSlave(Protocol):
    """The slave of a running build."""

    @property
    def slavename(self) -> str: ...


class RunningBuild(Protocol):
    """The part of a running build that this module uses."""

    @property
    def slavebuilder(self) -> UsedSlave:
        """The slave of the build."""


class ReconfiguredBuilder(Protocol):
    """A builder of the present configuration."""

    @property
    def name(self) -> str: ...

    @property
    def building(self) -> Sequence[RunningBuild]:
        """Its running builds."""

    @property
    def waiting(self) -> int:
        """The number of its waiting requests."""


@runtime_checkable
class HoldsChanges(Protocol):
    """A scheduler that holds changes until it builds them."""

    def waitingChanges(self) -> int:
        """The number of changes that it holds."""


@runtime_checkable
class HasClients(Protocol):
    """A scheduler with a port of its own."""

    def clientsConnected(self) -> int:
        """The number of clients that are logged in."""


@runtime_checkable
class KeepsPosition(Protocol):
    """A poller that remembers what it has reported."""

    def positionKey(self) -> str:
        """The key of the memory."""

    def describe(self) -> str:
        """One line for people: what it looks at."""


class Busy(Protocol):
    """The availability of a slave for builds."""

    @property
    def buildsRunning(self) -> int:
        """The number of running builds."""


class UsedInstance(Protocol):
    """The instance of a latent slave."""

    @property
    def isUsable(self) -> bool:
        """True if it runs, and builds may start there."""


class ReconfiguredSlave(Protocol):
    """A slave of the present configuration."""

    slavename: str

    @property
    def instance(self) -> UsedInstance | None:
        """Its instance, if it is a latent slave."""

    @property
    def availability(self) -> Busy: ...

    @property
    def peer(self) -> SlavePeer:
        """The present connection, while it is connected."""

    def isConnected(self) -> bool:
        """True while it is connected."""


class ReconfiguredMaster(Protocol):
    """The slaves and builders of the present configuration: the L{buildbot.slaves.botmaster.BotMaster}."""

    @property
    def builders(self) -> Mapping[str, ReconfiguredBuilder]:
        """The builders, by name."""

    @property
    def slaves(self) -> Mapping[str, ReconfiguredSlave]:
        """The slaves, by name."""


def consequences(
    botmaster: ReconfiguredMaster, ports: Mapping[str, SlavePort], change: ConfigChange, drain: bool
) -> list[str]:
    """The effects of a change, as lines for people.

    @param ports: the slave ports that are open: description -> port.
    @param drain: see L{buildbot.slaves.botmaster.BotMaster.apply}.
    """
    return [
        *_ofBuilders(botmaster, change),
        *_ofSlaves(botmaster, change, drain),
        *_ofPasswords(botmaster, change),
        *_ofSchedulers(change),
        *_ofClients(change),
        *_ofPositions(change),
        *_ofPorts(botmaster, ports, change),
    ]


def _ofBuilders(botmaster: ReconfiguredMaster, change: ConfigChange) -> Iterator[str]:
    for builder in (botmaster.builders[name] for name in change.buildersRemoved):
        running, waiting = len(builder.building), builder.waiting
        ends = [
            f"{counted(running, 'running build')} will be stopped" if running else "",
            f"{counted(waiting, 'waiting request')} will be cancelled" if waiting else "",
        ]
        if any(ends):
            yield f"builder {builder.name} is being removed: {' and '.join(filter(None, ends))}"
    for old, new in change.buildersAltered:
        gone = set(old.slavenames) - set(new.slavenames) - set(change.slavesRemoved)
        for build in botmaster.builders[new.name].building:
            name = build.slavebuilder.slavename
            if name in gone:
                yield f"builder {new.name} no longer uses slave {name}: its build there will be restarted"


def _ofSlaves(botmaster: ReconfiguredMaster, change: ConfigChange, drain: bool) -> Iterator[str]:
    for slave in (botmaster.slaves[name] for name in change.slavesRemoved):
        running = slave.availability.buildsRunning
        if running:
            becomes = "may end first" if drain else "will be restarted on another slave"
            yield f"{slave.slavename} is being removed: {counted(running, 'running build')} {becomes}"
    for _, new in change.slavesAltered:
        instance = botmaster.slaves[new.name].instance
        if instance is not None and instance.isUsable:
            yield f"{new.name} changes: its instance is stopped after its builds; a build starts it again"


def _ofPasswords(botmaster: ReconfiguredMaster, change: ConfigChange) -> Iterator[str]:
    changed = [new.name for old, new in change.slavesAltered if old.password != new.password]
    connected = [name for name in changed if botmaster.slaves[name].isConnected()]
    if connected:
        stays = "it stays connected" if len(connected) == 1 else "they stay connected"
        yield f"new password for {_listed(connected)}: {stays}, but must have it to connect again"


def _ofSchedulers(change: ConfigChange) -> Iterator[str]:
    stay = {getattr(each, "name", None) for each in change.schedulersAdded}
    for scheduler in change.schedulersRemoved:
        name = getattr(scheduler, "name", None)
        if name in stay or not isinstance(scheduler, HoldsChanges):
            continue
        waiting = scheduler.waitingChanges()
        if waiting:
            changes = counted(waiting, "waiting change")
            yield f"scheduler {name} is being removed: {changes} will not be built"


def _ofClients(change: ConfigChange) -> Iterator[str]:
    stay = {getattr(each, "name", None) for each in change.schedulersAdded}
    for scheduler in change.schedulersRemoved:
        clients = scheduler.clientsConnected() if isinstance(scheduler, HasClients) else 0
        if clients:
            name = getattr(scheduler, "name", None)
            becomes = "altered" if name in stay else "removed"
            connected = counted(clients, "connected client")
            yield f"scheduler {name} is being {becomes}: {connected} will be disconnected; the builds go on"


def _ofPositions(change: ConfigChange) -> Iterator[str]:
    for source in change.sourcesAdded:
        if not isinstance(source, KeepsPosition):
            continue
        before = [
            each.positionKey()
            for each in change.sourcesRemoved
            if isinstance(each, KeepsPosition)
            and type(each) is type(source)
            and each.describe() == source.describe()
        ]
        if before and source.positionKey() not in before:
            yield (
                f"{source.describe()} begins anew: commits since its last look make no changes. A poller with"
                " another category, project or codebase does not know where the former one was, unless"
                " both have the same name="
            )


def _ofPorts(
    botmaster: ReconfiguredMaster, ports: Mapping[str, SlavePort], change: ConfigChange
) -> Iterator[str]:
    for name in change.portsRemoved:
        port = ports.get(name)
        if port is None or any(_takesItsPlace(name, other) for other in change.portsAdded):
            continue
        came = [
            slave.slavename
            for slave in botmaster.slaves.values()
            if slave.isConnected()
            and slave.slavename not in change.slavesRemoved
            and port.accepted(slave.peer.localAddress)
            and not any(_isOpenedThere(name, other, slave.peer.localAddress) for other in change.portsAdded)
        ]
        if came:
            stay = "it stays connected" if len(came) == 1 else "they stay connected"
            yield (
                f"port {port} is being closed, and {_listed(came)} connected through it: {stay}, but cannot"
                " reconnect there: give each another port first"
            )


def _takesItsPlace(removed: str, added: str) -> bool:
    """True if the added port replaces the removed one for every slave."""
    return removed.split(":")[:2] == added.split(":")[:2] and "interface=" not in added


def _isOpenedThere(removed: str, added: str, address: object) -> bool:
    """True if the added port has the same kind and number, on the address that the slave has connected to."""
    same = removed.split(":")[:2] == added.split(":")[:2]
    return same and f"interface={getattr(address, 'host', None)}" in added.split(":")


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    word = "slave" if len(every) == 1 else "slaves"
    more = f" and {len(every) - _NAMES} more" if len(every) > _NAMES else ""
    return f"{word} {', '.join(every[:_NAMES])}{more}"
