# -*- test-case-name: tests.unit.slaves.test_botmaster -*-
"""All slaves and builders of a master, with one BotPerspective for each slave of C{c['bots']}.

L{buildbot.slaves.perspective} has one slave. L{buildbot.buildmaster.service} has the public names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from twisted.application import service
from twisted.internet.defer import Deferred, DeferredList, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.diff import ConfigChange
from buildbot.config.model import MasterConfig
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.daemon.troubles import Troubles
from buildbot.events.eventual import eventual
from buildbot.events.onuse import onUse
from buildbot.latent.instances import Instances
from buildbot.model.records import BuildsetRecord
from buildbot.process.builder import Builder
from buildbot.process.buildevents import BuildEvents
from buildbot.process.buildnumbers import BuildNumbers
from buildbot.process.buildset import BuildSet
from buildbot.process.engine import BuildEngine
from buildbot.process.locks import MasterLock, SlaveLock
from buildbot.process.pauses import Pauses
from buildbot.process.recovery import Recovery
from buildbot.process.resources import Resources
from buildbot.process.retention import Retention
from buildbot.process.seams import CanTrigger
from buildbot.process.sharedlocks import SharedLocks
from buildbot.process.storehealth import StoreHealth
from buildbot.slaves.perspective import BotPerspective
from buildbot.slaves.refusedlogins import UnknownLogins
from buildbot.slaves.told import SlavesTold
from buildbot.status.announcer import Announcer
from buildbot.store.interface import IStore, StoreFailed
from buildbot.wire.callee import Callee
from buildbot.wire.loglimits import ConnectionLineLimiter

if TYPE_CHECKING:
    from buildbot.logstorage import storage
else:  # most masters have no bucket
    storage = onUse("buildbot.logstorage.storage")

log = Logger()


class BotMaster(service.Service):
    """I hold one L{BotPerspective} for each slave, and the builders.

    @ivar slaves: slave name -> L{BotPerspective}, in the order of the configuration.
    @ivar builders: builder name -> L{Builder}.
    @ivar config: the configuration in force.
    @ivar parent: the L{buildbot.buildmaster.service.BuildMaster}, which starts and stops me itself; None in
        tests.
    @ivar connectionLines: limits the log lines about slaves that connect and disconnect.
    @ivar unknownLogins: logins under names that the configuration does not have.
    @ivar reference: the master object that slaves get. They only watch it for disconnection.
    @ivar resources: the clock, the store, the logs and other things that my parts share.
    @ivar health: knows whether the store works.
    @ivar events: notifies schedulers about builds.
    @ivar numbers: gives numbers to builds.
    @ivar locks: the real locks.
    @ivar engine: gives requests to builders, and slaves to requests that wait.
    @ivar pauses: the paused slaves.
    @ivar told: what the slaves have told about themselves.
    @ivar instances: starts and stops latent slaves.
    @ivar retention: removes old builds.
    @ivar recovery: finishes the builds and restores the requests of the last process.
    """

    parent: Any = None
    #: Returns the running schedulers.
    schedulers: Callable[[], Iterable[Any]] = staticmethod(lambda: ())

    def __init__(self, clock: IReactorTime | None = None) -> None:
        if clock is None:
            from twisted.internet import reactor

            clock = cast(IReactorTime, reactor)
        self.clock: IReactorTime = clock
        self.slaves: dict[str, BotPerspective] = {}
        self.config = MasterConfig()
        self.reference = Callee()
        self.connectionLines = ConnectionLineLimiter()
        self.leaving: set[BotPerspective] = set()
        self.resources = Resources(self.clock)
        self.unknownLogins = UnknownLogins(lambda: self.now())
        self.health = StoreHealth(self.resources, self.maybeStartAllBuilds)
        self.events = BuildEvents(self.clock)
        self.numbers = BuildNumbers(self.resources)
        self.locks = SharedLocks()
        self.engine = BuildEngine(self.resources, self.health, self.events, self.numbers)
        self.builders = self.engine.builders
        self.pauses = Pauses(self.resources, self.slaves, self._unpaused)
        self.told = SlavesTold(self.resources, lambda: self.config.slaves)
        self.instances = Instances(
            self.resources, lambda: self.config, self.slaves, self.engine.slaveIsIdle, self._ask
        )
        self.retention = Retention(self.resources, self.health, self.builders, lambda: self.config)
        self.recovery = Recovery(self.resources, self.engine)
        self._isOpen = self._isResumed = False

    # shared by the parts

    @property
    def now(self) -> Callable[[], float]:
        """See L{Resources}."""
        return self.resources.now

    @now.setter
    def now(self, now: Callable[[], float]) -> None:
        self.resources.now = now

    @property
    def store(self) -> IStore:
        """See L{Resources}."""
        return self.resources.store

    @store.setter
    def store(self, store: IStore) -> None:
        self.resources.store = store

    @property
    def announcer(self) -> Announcer:
        """See L{Resources}."""
        return self.resources.announcer

    @property
    def troubles(self) -> Troubles:
        """See L{Resources}."""
        return self.resources.troubles

    @property
    def stopping(self) -> bool:
        """See L{Resources}."""
        return self.resources.stopping

    @stopping.setter
    def stopping(self, stopping: bool) -> None:
        self.resources.stopping = stopping

    # the store

    def useStore(self, basedir: str, store: IStore) -> None:
        """Keep files and logs in C{basedir}, and everything else in C{store}."""
        self.resources.use(basedir, store)
        self.health.watch(store)

    async def openStore(self, hasTakenOver: bool = False) -> None:
        """Open the store, and close the builds that the last process left unfinished (P1).

        @param hasTakenOver: True if that process was another master, which this one has waited for.
        @raise StoreFailed: the store cannot be used. It is closed again, and this can be repeated.
        """
        await self.store.open()
        self._isOpen = True
        try:
            await self.recovery.closeInterrupted(hasTakenOver)
            await self.pauses.load()
            await self.told.load()
            await self.instances.load()
        except StoreFailed:
            await self.closeStore()
            raise

    async def resume(self) -> None:
        """Queue the requests of the last process, and continue with its instances.

        Remove old builds, now and every hour.
        """
        self._isResumed = True
        if self.resources.logStorage is not None:  # it may hold the builds that wait
            await self.resources.logStorage.start()
        self.told.resume()
        self.instances.resume()
        await self.recovery.resume()
        await self.numbers.compareLogs(self.builders)
        self.health.start()
        self.retention.start()

    async def closeStore(self) -> None:
        """Wait until the ends of all builds are stored, and close the store."""
        self.retention.stop()
        while self.engine.keeping and not self.health.trouble:
            await self.resources.sleep(0.01)
        self.health.stop()
        self._isResumed = False
        if self.resources.logStorage is not None:
            await self.resources.logStorage.stop()
        if self._isOpen:
            self._isOpen = False
            await self.health.timed(self.store.close())

    # builds

    async def submitBuildSet(self, buildset: BuildSet) -> BuildsetRecord:
        """See L{BuildEngine.submitBuildSet}."""
        return await self.engine.submitBuildSet(buildset)

    def triggerable(self, name: str) -> CanTrigger | None:
        """The running scheduler of this name that a step can trigger, if there is one."""
        for each in self.schedulers():
            if each.name == name and callable(getattr(each, "trigger", None)):
                found: CanTrigger = each
                return found
        return None

    def maybeStartAllBuilds(self) -> None:
        """Start all builds that can start."""
        self.engine.maybeStartAllBuilds()

    def getLockByID(self, lockid: MasterLock | SlaveLock) -> Any:
        """Return the real lock of a lock in the configuration; see L{SharedLocks.get}."""
        return self.locks.get(lockid)

    # slaves and builders

    @property
    def builderNames(self) -> list[str]:
        """Same as L{getBuildernames}."""
        return self.getBuildernames()

    def getPerspective(self, slavename: str) -> BotPerspective | None:
        """The perspective of a slave of the configuration; None if there is no such slave."""
        return self.slaves.get(slavename)

    def getBuildernames(self) -> list[str]:
        """The names of all builders, in the order of the configuration."""
        return list(self.config.builders)

    def getBuilders(self) -> list[Builder]:
        """All builders, in the order of the configuration."""
        return [self.builders[name] for name in self.config.builders]

    def getBuildersForSlave(self, slavename: str) -> list[Builder]:
        """The builders that may use this slave, in the order of the configuration."""
        return [self.builders[name] for name, _ in self.config.builderList(slavename)]

    def addSlave(self, slavename: str) -> BotPerspective:
        """Create the perspective of a slave that was added to the configuration."""
        self.unknownLogins.forget(slavename)
        slave = self.slaves[slavename] = BotPerspective(slavename, self)
        slave.availability.setPause(self.pauses.records.get(slavename))
        self.told.recall(slave.slave_status)
        self.instances.join(slavename, slave)
        return slave

    def removeSlave(self, slavename: str, drain: bool = False) -> Deferred[None]:
        """Remove a slave: disconnect it and refuse it when it comes back.

        @param drain: let its running builds end first.
        @return: fires with None when its connection is gone.
        """
        slave = self.slaves.pop(slavename)
        self.leaving.add(slave)
        self.told.forget(slavename)
        self.instances.configure(slavename, drain)
        gone = slave.availability.leave("removed from the configuration", atOnce=not drain)
        return gone.addCallback(lambda none: self.leaving.discard(slave))  # also if it was never added

    def slaveLost(self, bot: BotPerspective) -> None:
        """Forget a removed slave: its connection is gone, and its builders are detached."""
        self.leaving.discard(bot)

    def apply(self, config: MasterConfig, change: ConfigChange, drain: bool = False) -> list[BotPerspective]:
        """Put a checked configuration into force, changing only the parts named in C{change}. Never raises.

        @param drain: let builds on removed slaves end before the slaves are disconnected.
        @return: the attached slaves that are sent a builder list: those whose list changed, and those that
            could not make some of their builders, which try again.
        """
        earlier = self.config.secrets - config.secrets  # properties of stored builds may have them
        self.config = replace(config, secrets=config.secrets | earlier) if earlier else config
        for name in change.buildersRemoved:
            self.engine.removeBuilder(name)
        for _, setup in change.buildersAltered:
            self.builders[setup.name].configure(setup)
        for setup in change.buildersAdded:
            self.engine.addBuilder(Builder(setup, self))
        for name in change.slavesRemoved:
            self._alone(name, lambda name: self.removeSlave(name, drain))
        for slave in change.slavesAdded:
            self.addSlave(slave.name)
        inOrder = {name: self.slaves[name] for name in config.slaves}
        self.slaves.clear()
        self.slaves.update(inOrder)
        for old, new in change.slavesAltered:
            if old.keepalive != new.keepalive:
                self.slaves[new.name].keepaliveChanged()
            if old.latent is not None or new.latent is not None:
                self._alone(new.name, self._latentChanged)
            if old.max_builds != new.max_builds:
                self._alone(new.name, lambda name: self.engine.slaveIsIdle(self.slaves[name]))
        if config.eventHorizon is not None or "eventHorizon" in change.settings:
            for builder in self.builders.values():
                builder.builder_status.keepEvents(config.eventHorizon)
            for each in self.slaves.values():
                each.slave_status.keepEvents(config.eventHorizon)
        if "prioritizeBuilders" in change.settings:
            self.engine.priorities.configure(config.prioritizeBuilders, self.parent)
        if "logStorage" in change.settings:
            self._useLogStorage(config.logStorage)
        builders = change.buildersRemoved or change.buildersAdded or change.buildersAltered
        if builders or change.slavesAdded or change.slavesAltered:
            self.locks.configure(config.builders.values(), config.slaves.values())
        failing = [slave.slavename for slave in self.failing()]
        return self._tell(dict.fromkeys([*change.listsChanged, *failing]))

    def _useLogStorage(self, setup: object) -> None:
        """Keep the logs of finished builds in another place from now on."""
        resources = self.resources
        if resources.logStorage is None:
            resources.logStorage = storage.LogStorage(
                resources, self.builders, lambda: resources.logs.directory, self._held
            )
            if self._isResumed:
                starting = ensureDeferred(resources.logStorage.start())
                starting.addErrback(lambda why: log.failure("storing logs failed", why))
        resources.logStorage.configure(setup)

    def reportLogStorage(self) -> dict[str, Any] | None:
        """The state of the object storage: see docs/reference/status; None without one."""
        used = self.resources.logStorage
        return None if used is None else used.toRecord()

    def _held(self, why: str) -> None:
        """Hold all builds for a reason, or let them start again."""
        self.resources.hold = why
        if not why:
            eventual(self.clock, self.maybeStartAllBuilds)

    def _latentChanged(self, name: str) -> None:
        """Stop the instance of a changed slave, after its builds. Disconnect one that nobody has started."""
        slave = self.slaves[name]
        was = slave.instance
        if was is None:
            self.instances.join(name, slave)
            slave.disconnect("it is a latent slave now, which the master starts")
        else:
            self.instances.configure(name)

    def _unpaused(self, slave: BotPerspective) -> None:
        """Offer a slave to its builders after a pause. A latent one may have to start first."""
        self.engine.slaveIsIdle(slave)
        if slave.instance is not None:
            self.instances.ask(slave.instance)

    def _ask(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self.builders:
                self.builders[name].maybeStartBuild()

    def failing(self) -> list[BotPerspective]:
        """Return the attached slaves that cannot make some of their builders."""
        return [slave for slave in self.slaves.values() if slave.slave_status.failing]

    def _tell(self, slavenames: Iterable[str]) -> list[BotPerspective]:
        told = []
        for name in slavenames:
            slave = self.slaves[name]
            self._alone(name, lambda name: self.slaves[name].updateSlave())
            if slave.isPending():
                told.append(slave)
        return told

    def _alone(self, name: str, action: Callable[[str], object]) -> None:
        """Call C{action} for one slave. Log its errors, so that they harm no other slave (R4)."""
        try:
            action(name)
        except PLUGIN_ERRORS:
            log.failure("reconfiguring slave {name} failed", name=name)

    def stopService(self) -> Deferred[Any]:
        """Disconnect all slaves.

        @return: fires when all connections are gone.
        """
        service.Service.stopService(self)
        self.stopping = True
        self.instances.begin()
        slaves = [*self.slaves.values(), *self.leaving]
        gone = DeferredList([slave.disconnect("the master is stopping") for slave in slaves])
        return gone.addCallback(lambda results: ensureDeferred(self.instances.end()))
