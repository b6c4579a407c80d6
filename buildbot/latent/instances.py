# -*- test-case-name: tests.stories.test_latent -*-
"""The instances of all latent slaves of a master: starts them for builders that need a slave.

L{buildbot.latent.instance} is one of them.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.model import MasterConfig
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.daemon.symptoms import Symptom
from buildbot.events.alarm import Alarm
from buildbot.latent.buildslave import AbstractLatentBuildSlave
from buildbot.latent.command import fromMeans
from buildbot.latent.instance import Instance
from buildbot.latent.pacing import buildsNeeded, inOrder
from buildbot.latent.record import KIND, STARTED, InstanceRecord
from buildbot.latent.seams import Attachable, KnownInstance
from buildbot.latent.states import State
from buildbot.process.base import Build
from buildbot.process.readable import statesOf
from buildbot.process.request import BuildRequest
from buildbot.process.resources import Resources
from buildbot.process.seams import BuilderForBuild
from buildbot.store.outbox import Outbox
from buildbot.text.secrets import isSecret, struckOut

log = Logger()

#: The most requests of a builder that are looked at; each comes with a call of the rule for merging.
MOST_REQUESTS = 500
#: The most seconds that the stop of a master waits for its instances.
STOP_TIME = 60.0


class SlaveOfInstance(Attachable, Protocol):
    """A slave of the configuration in force.

    @ivar instance: its instance; None if it is no latent slave.
    """

    instance: Instance | None

    @property
    def availability(self) -> Any: ...


class NeedyBuilder(BuilderForBuild, Protocol):
    """A builder whose requests wait for a slave. This is L{buildbot.process.builder.Builder}."""

    attachedSlaves: Mapping[str, Any]

    @property
    def slavenames(self) -> list[str]:
        """The slaves that may build here."""

    def unchosen(self) -> Iterable[BuildRequest]:
        """The waiting requests that no slave was chosen for, oldest first."""

    def allows(self, slave: object, request: BuildRequest, /) -> bool:
        """True if the configuration allows a build of a request on a slave."""

    def canMerge(self, one: BuildRequest, other: BuildRequest, /) -> bool:
        """True if one build may serve both requests."""


@dataclass(frozen=True)
class AbsentSlave:
    """I am a latent slave that could be started, for C{canStartBuild} of the configuration.

    The attributes are those of a L{SlaveBuilder<buildbot.process.slavebuilder.SlaveBuilder>}.
    """

    builder: object
    slave: object
    slavename: str
    name: str
    running: int = 0
    used: float = 0.0
    isIdle: bool = True
    build: None = None

    def isAvailable(self) -> bool:
        """A build could start here, once the slave has attached."""
        return self.isIdle

    def isBusy(self) -> bool:
        """No build runs on a slave that is not there."""
        return False


class Instances:
    """I have the instance of each latent slave.

    @ivar all: the name of a slave -> its L{Instance}. Those of removed slaves stay until they have stopped.
    @ivar isOver: True while the master stops.
    """

    def __init__(
        self,
        resources: Resources,
        config: Callable[[], MasterConfig],
        slaves: Mapping[str, SlaveOfInstance],
        admit: Callable[[Any], object],
        ask: Callable[[Sequence[str]], object],
    ) -> None:
        """@param slaves: the live mapping of the configuration's slaves, by name.
        @param admit: called with a slave that may get builds now.
        @param ask: called with the names of builders that may need a slave now.
        """
        self.all: dict[str, Instance] = {}
        self.isOver = False
        self._resources = resources
        self._config = config
        self._slaves = slaves
        self._admit = admit
        self._askBuilders = ask
        self._outbox: Outbox[tuple[str, Any], None] | None = None
        self._hasResumed = False

    # the configuration

    async def load(self) -> None:
        """Read the notes about instances of the last process from the store."""
        records = await statesOf(self._resources.store, KIND, InstanceRecord.fromRecord)
        for record in records.values():
            instance = self.all[record.slave] = Instance(record.slave, self, record)
            instance.slave = self._fromMeans(record)

    def _fromMeans(self, record: InstanceRecord) -> AbstractLatentBuildSlave | None:
        if record.means is None:
            return None
        try:
            return fromMeans(record.slave, record.means)
        except PLUGIN_ERRORS as why:
            log.warn("slave {name}: cannot read how to stop it: {why}", name=record.slave, why=why)
            return None

    def join(self, name: str, slave: SlaveOfInstance) -> None:
        """A slave was added to the configuration, or is a latent one now."""
        wanted = self._wanted(name)
        instance = self.all.get(name)
        if instance is None:
            if wanted is None:
                return
            instance = self.all[name] = Instance(name, self)
            instance.builds = slave.availability.buildsRunning  # of a slave that was no latent one before
        slave.instance, instance.perspective = instance, slave
        slave.availability.instance = instance
        instance.wanted = wanted

    def configure(self, name: str, drain: bool = True) -> None:
        """A slave was removed from the configuration, or has changed there.

        @param drain: let its builds end first.
        """
        instance = self.all.get(name)
        if instance is not None:
            instance.configure(self._wanted(name), drain)
            self.changed(instance)

    def _wanted(self, name: str) -> AbstractLatentBuildSlave | None:
        setup = self._config().slaves.get(name)
        latent = setup.latent if setup is not None else None
        return latent if isinstance(latent, AbstractLatentBuildSlave) else None

    def resume(self) -> None:
        """Continue with the instances of the last process, after the configuration is in force."""
        self._hasResumed = True
        for instance in list(self.all.values()):
            record, wanted = instance.record, instance.wanted
            if record is None:
                continue
            same = wanted is not None and wanted.means() == record.means
            if same or (instance.slave is None and record.means is None):
                instance.slave = wanted
            log.info("slave {name}: the last process has left an instance", name=instance.name)
            if record.phase == STARTED and not same:
                instance.leave()
            else:
                instance.resume()

    def passwordOf(self, name: str) -> str | None:
        """The password made for the present instance of a slave; None if nobody may log in."""
        instance = self.all.get(name)
        return instance.password if instance is not None else None

    def refusal(self, name: str) -> str:
        """The reason why a slave may not log in now; empty if it may."""
        instance = self.all.get(name)
        return instance.refusal if instance is not None else ""

    def lateSince(self, name: str) -> float | None:
        """The first start after which a slave did not attach in time, in seconds since the epoch.

        None if it has attached after the last start.
        """
        instance = self.all.get(name)
        return instance.lateSince if instance is not None else None

    # builders

    def wanted(self, builder: NeedyBuilder) -> None:
        """Start slaves for a builder with waiting requests, and no idle slave."""
        mine = [self.all[name] for name in builder.slavenames if name in self.all and name in self._slaves]
        ready = [each.name for each in mine if each.state is State.OFF and self._mayStart(each)]
        if not ready or self.isOver:
            return
        idle = [each for each in builder.attachedSlaves.values() if each.isIdle]
        # An instance of the last process is for any builder.
        coming = [each.name for each in mine if each.isComing and each.forBuilder in (builder.name, "")]
        chosen: list[str] = []  # for each build the slave to start, or "" if it is coming

        def canBegin(request: BuildRequest) -> bool:
            # A request that no slave may build now must not keep the later ones from theirs.
            if any(builder.allows(each, request) for each in idle):
                return False
            for names in (coming, ready):
                able = [name for name in names if builder.allows(self._absent(name, builder), request)]
                for name in inOrder(able, lambda name: self.all[name].failures, request.lostOn)[:1]:
                    names.remove(name)
                    chosen.append("" if names is coming else name)
                    return True
            return False

        waiting = islice(builder.unchosen(), MOST_REQUESTS)
        builds = buildsNeeded(waiting, builder.canMerge, len(coming) + len(ready), canBegin)
        for name, requests in zip(chosen, builds, strict=True):
            if name:
                self._start(self.all[name], builder, requests)

    def _absent(self, name: str, builder: NeedyBuilder) -> AbsentSlave:
        return AbsentSlave(builder, self._slaves[name], name, name)

    def _mayStart(self, instance: Instance) -> bool:
        slave = self._slaves.get(instance.name)
        return instance.wanted is not None and slave is not None and slave.availability.paused is None

    def _start(self, instance: Instance, builder: NeedyBuilder, requests: Sequence[BuildRequest]) -> None:
        try:
            build = self._build(instance.name, builder, requests)
        except PLUGIN_ERRORS:  # from a plug-in's request class
            log.failure(
                "slave {name} cannot be started for builder {builder}",
                name=instance.name,
                builder=builder.name,
            )
            return
        instance.want(builder.name, build)

    def _build(self, name: str, builder: NeedyBuilder, requests: Sequence[BuildRequest]) -> Build:
        """A build for C{start_instance}: it has the properties, and is never run."""
        config, build = self._config(), Build(requests)
        build.setBuilder(builder)
        build.properties.update(config.properties, "Global")
        for request in requests:
            build.properties.update(request.properties, "request")
        build.properties.update(config.builders[builder.name].properties, "builder")
        build.properties.update(config.slaves[name].properties, "slave")
        own: dict[str, Any] = {"buildername": builder.name, "slavename": name}
        own |= {"branch": build.source.branch, "revision": build.source.wantedRevision()}
        build.properties.update(own, "Build")
        return build

    # for the instances

    @property
    def clock(self) -> IReactorTime:
        """The clock for timers."""
        return self._resources.clock

    def now(self) -> float:
        """The time, in seconds since the epoch."""
        return self._resources.now()

    def keep(self, key: str, value: Any) -> Deferred[None]:
        """See L{buildbot.latent.seams.Surroundings}."""
        if self._outbox is None:
            self._outbox = Outbox(self.clock, lambda work: self._resources.store.setState(*work), atOnce=1)
        return self._outbox.add((key, value))

    def environment(self, instance: KnownInstance) -> Mapping[str, str]:
        """See L{buildbot.latent.seams.Surroundings}."""
        setup = self._config().slaves.get(instance.name)
        password: str = instance.password or (setup.password if setup is not None else "")
        host, port = _address(self._config().ports)
        named: str = getattr(instance.slave, "masterFQDN", None) or host
        return {
            "BUILDMASTER": named,
            "BUILDMASTER_PORT": port,
            "WORKERNAME": instance.name,
            "WORKERPASS": password,
            "SLAVENAME": instance.name,
            "SLAVEPASS": password,
        }

    def masked(self, instance: KnownInstance, text: str) -> str:
        """A text without passwords."""
        config = self._config()
        setup = config.slaves.get(instance.name)
        known = {instance.password, setup.password if setup is not None else None, *config.secrets}
        own: Mapping[str, str] = getattr(instance.slave, "env", {})
        known |= {value for name, value in own.items() if isSecret(name)}
        return struckOut(text, [each for each in known if each])

    def changed(self, instance: KnownInstance) -> None:
        """Forget a removed slave whose instance is over. Report the change."""
        slave = self._slaves.get(instance.name)
        if instance.wanted is None and instance.state is State.OFF:
            self.all.pop(instance.name, None)
            if slave is not None:
                slave.instance = slave.availability.instance = None
        if slave is not None:
            self._resources.announcer.report("slaveChanged", instance.name)

    def admit(self, instance: KnownInstance) -> None:
        """Offer the slave to its builders."""
        slave = self._slaves.get(instance.name)
        if slave is not None:
            self._admit(slave)

    def ask(self, instance: KnownInstance) -> None:
        """Ask the builders of the slave whether they need it."""
        if not self.isOver:
            self._askBuilders([name for name, _ in self._config().builderList(instance.name)])

    def trouble(self, instance: KnownInstance, symptom: Symptom | None) -> None:
        """Show a trouble with an instance; None ends it."""
        if symptom is None:
            self._resources.troubles.clear(f"slave {instance.name}")
        else:
            self._resources.troubles.report(f"slave {instance.name}", symptom)

    # the end

    def begin(self) -> None:
        """The master stops: start nothing, and stop the instances that cannot go on without it.

        If its start has failed, all are left to the next process.
        """
        self.isOver = True
        for instance in list(self.all.values()):
            if self._hasResumed:
                instance.masterStops()
            else:
                instance.silence()

    async def end(self) -> None:
        """Wait for the instances that stop, but not for ever. The next process stops the others."""
        waiting = [each.whenOver() for each in self.all.values()]
        alarm = Alarm(self._giveUp)
        alarm.set(self.clock, STOP_TIME)
        await DeferredList(waiting)
        alarm.stop()
        while self._outbox is not None and len(self._outbox):
            await self._outbox.finish()

    def _giveUp(self) -> None:
        for instance in list(self.all.values()):
            instance.silence()


def _address(ports: Sequence[str]) -> tuple[str, str]:
    """The host and the number of the first slave port, as slaves of this configuration can use them."""
    parts = ports[0].split(":") if ports else []
    number = next((part for part in parts[1:2] if part.isdigit()), "")
    hosts = [part.partition("=")[2] for part in parts if part.startswith("interface=")]
    return (hosts[0] if hosts and hosts[0] != "0.0.0.0" else socket.gethostname()), number
