# -*- test-case-name: tests.stories -*-
"""The build master: a service that creates its parts, starts and stops them, and has the names of 0.7.5.

L{buildbot.slaves.botmaster} has the slaves, L{buildbot.slaves.realm} the accounts, L{buildbot.control} the
commands of the control socket. L{buildbot.reconfig.apply} applies configurations.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from twisted.application import service
from twisted.cred.portal import Portal
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.components import registerAdapter
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot import interfaces
from buildbot.buildmaster.apart import PagesApart
from buildbot.buildmaster.doubts import SYMPTOM, Parting, cutAll, cutHolders
from buildbot.buildmaster.handover import HandOver
from buildbot.buildmaster.lifetime import Lifetime
from buildbot.buildmaster.standing import ActivePlace
from buildbot.buildmaster.startup import (
    STALE,
    WARNING,
    failedLines,
    readAgain,
    startedLines,
    troublesFound,
    watchDirectory,
)
from buildbot.buildmaster.waiting import WaitingControl
from buildbot.changes.base import PollingChangeSource
from buildbot.changes.changes import Change, ChangeMaster
from buildbot.changes.codebases import withCodebase
from buildbot.config.model import CUT, ConfigErrors, MasterConfig
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.control.audit import DONE, MASTER, PROCESS, SIGNAL, Audit, By
from buildbot.control.auditcommands import AuditCommands
from buildbot.control.buildcommands import BuildCommands
from buildbot.control.changecommands import ChangeCommands
from buildbot.control.debug import DebugAccount
from buildbot.control.diskcommands import DiskCommands
from buildbot.control.lookingcommands import LookingCommands
from buildbot.control.mastercommands import MasterCommands
from buildbot.control.plugins import Control
from buildbot.control.protocol import COMMANDS
from buildbot.control.requestcommands import RequestCommands
from buildbot.control.server import ControlServer
from buildbot.control.slavecommands import SlaveCommands
from buildbot.daemon import lock
from buildbot.daemon.clock import makeMonotonic
from buildbot.daemon.hangups import Hangups, reloadBegins, reloadEnds
from buildbot.daemon.readiness import IEnds, IPages, IReadiness, IStandby, notifyState
from buildbot.daemon.troubles import ITroubled
from buildbot.events.coroutines import returnsDeferred
from buildbot.events.eventual import eventual
from buildbot.events.onuse import onUse
from buildbot.files.reserve import FileReserve
from buildbot.model.records import BuildsetRecord
from buildbot.outgoing.senders import Senders
from buildbot.process.buildset import BuildSet
from buildbot.process.cleanstop import CleanStop
from buildbot.reconfig.apply import Applier
from buildbot.reconfig.childload import LoadReport
from buildbot.reconfig.fileload import readConfig
from buildbot.reconfig.loading import Loading, loadingBy
from buildbot.reconfig.parent import PluginParent
from buildbot.reconfig.plugins import STOPPING, Refused
from buildbot.reconfig.reconfigurer import LOAD_TIME, ConfigFile, Reconfigurer
from buildbot.slaves.botmaster import BotMaster
from buildbot.slaves.realm import Dispatcher
from buildbot.status.master import Status
from buildbot.status.report import reportMaster
from buildbot.store.interface import IStore
from buildbot.store.place import serverOf
from buildbot.web.accounts.tokencommands import TokenCommands
from buildbot.wire import listeners
from buildbot.wire.listeners import Reserving
from buildbot.wire.login import LoginRoot
from buildbot.wire.slaveport import SlavePortFactory

if TYPE_CHECKING:
    from buildbot.readers import linking
    from buildbot.readers import service as readerservice
    from buildbot.web.accounts import logins as weblogins
else:  # a master without web pages has no logins, and one without readers apart needs nothing for them
    linking = onUse("buildbot.readers.linking")
    readerservice = onUse("buildbot.readers.service")
    weblogins = onUse("buildbot.web.accounts.logins")

log = Logger()


@implementer(IReadiness, IStandby, IEnds, IPages, ITroubled)
class BuildMaster(PluginParent):
    """I am one build master with its directory.

    @ivar config: the configuration in force.
    @ivar applier: applies configurations to my parts.
    @ivar reconfigurer: reconfigures me on request.
    @ivar commands: the commands of the control socket and of the pages: name -> function.
    @ivar lastReconfig: the last reconfig, with C{who} and C{when}; see L{Reconfigurer.request}.
    @ivar audit: the record of all actions of people and scripts.
    @ivar cleanStop: stops me after the running builds.
    @ivar outgoing: delivers the messages of status targets to other servers.
    @ivar place: my place among the masters of the store.
    @ivar since: the time of my creation, in seconds since the epoch.
    @ivar absence: see L{buildbot.web.world.WatchedMaster}: I am always there.
    """

    absence = ""

    def __init__(
        self,
        basedir: str,
        configFileName: str = "master.cfg",
        reactor: Any = None,
        store: IStore | None = None,
        loading: Loading | None = None,
    ) -> None:
        """@param configFileName: the configuration file, relative to C{basedir}.
        @param store: an L{IStore}; None: the one that buildbot.tac names, by default a file in C{basedir}.
        @param loading: the stages of loading the file; None: a child process, then a thread.
        """
        super().__init__()
        if reactor is None:
            from twisted.internet import reactor

            makeMonotonic(reactor)
        self.setName("buildmaster")
        self.basedir = os.path.abspath(basedir)
        self._file = ConfigFile(self.basedir, configFileName)
        self._loading = loading or loadingBy(reactor)
        self._reactor = reactor
        self.botmaster = BotMaster(reactor)
        self.since = self.botmaster.now()
        self.botmaster.parent = self
        self.botmaster.schedulers = self.allSchedulers
        self.place = ActivePlace(self.basedir, reactor, self._placeLost, self._doubts)
        botmaster = self.botmaster
        self._parting = Parting(
            reactor, botmaster.resources, botmaster.slaves.values, botmaster.engine.slaveIsIdle
        )
        self.place.isUsed = store is None
        self.botmaster.useStore(self.basedir, store or self.place.store())
        self._isShared = store is None and bool(serverOf(self.basedir))
        self.troubles = self.botmaster.troubles
        watchDirectory(self.basedir, self.troubles)
        self.troubles.watch("masters", self.place.symptom)
        self.change_svc = ChangeMaster()
        self.change_svc.setServiceParent(self)
        self.dispatcher = Dispatcher(self.botmaster)
        portal = Portal(self.dispatcher, [self.dispatcher])
        files = FileReserve(now=lambda: self.botmaster.now())
        self.slavePort = SlavePortFactory(partial(LoginRoot, portal), reactor, files=files)
        self.applier = Applier(
            self.botmaster,
            listeners.PortSet(reactor, self.slavePort),
            self,
            self.change_svc,
            DebugAccount,
            reactor,
        )
        self.reconfigurer = Reconfigurer(
            self.applier,
            self._file,
            self._loading,
            ended=self._reconfigured,
        )
        self.lastReconfig: dict[str, Any] | None = None
        self.status = Status(self.botmaster, self.basedir, self.allSchedulers)
        builds = BuildCommands(self.botmaster, self.allSchedulers)
        self.cleanStop = CleanStop(
            reactor, lambda: self.botmaster.now(), self.botmaster.engine, lambda: self._reactor.stop()
        )
        self._handOver = HandOver(
            reactor, lambda: self.place.membership, self.botmaster.engine, self.cleanStop
        )
        self.audit = Audit(self.botmaster.resources.store, lambda: self.botmaster.now())
        self.outgoing = Senders(self.botmaster.resources)
        self._apart = PagesApart(self, reactor)
        self.commands: dict[str, Callable[..., Any]] = {
            **MasterCommands(
                lambda: {**reportMaster(self), "masters": self._reportMasters()},
                self.botmaster,
                self.reconfigurer,
                self.cleanStop,
                self.status.topics,
            ).handlers(),
            **self._handOver.handlers(),
            **AuditCommands(self.audit).handlers(),
            **TokenCommands(lambda: self.logins, lambda: self.botmaster.now()).handlers(),
            **SlaveCommands(self.botmaster).handlers(),
            **builds.handlers(),
            **RequestCommands(self.botmaster, builds).handlers(),
            **ChangeCommands(self.addChange).handlers(),
            **LookingCommands(self.botmaster, self.allSchedulers).handlers(),
            **DiskCommands(self.basedir, self.botmaster).handlers(),
            **self._apart.handlers(),
        }
        asked = {**self.commands, "status": self._freshStatus}
        self.control = ControlServer(self.basedir, asked, reactor, COMMANDS, self.audit)
        self._hangups = Hangups(reactor, self._hungUp)
        self._lifetime = Lifetime(reactor)
        self._locked = self._serves = False
        self._checking: Deferred[LoadReport] | None = None
        self._waiting: WaitingControl | None = None

    async def _freshStatus(self, slave: str | None = None) -> dict[str, Any]:
        """C{status} for the control socket: people look there when they know of a trouble."""
        await self.botmaster.health.fresh()
        await self.place.fresh()
        answer: dict[str, Any] = self.commands["status"](slave)
        return answer

    @cached_property
    def logins(self) -> weblogins.Logins:
        """Who is logged in to the web pages, and the tokens of scripts."""
        made = weblogins.Logins(self.botmaster.resources.store)
        made.whenStored = self._apart.wake
        return made

    def reportPagesOnly(self) -> list[dict[str, Any]]:
        """The processes that only serve my pages, for C{status}."""
        return self._apart.readers()

    @property
    def inner(self) -> Mapping[bytes, Any]:
        """See L{PagesApart}."""
        return self._apart.inner

    def pagesOnly(self, home: str, port: str) -> readerservice.ReaderMaster:
        """See L{IPages}."""
        place = readerservice.Place(self.basedir, self.configFileName, home, port)
        store: Any = self.botmaster.resources.store
        reading = store.forReading()
        links = linking.linkThrough(self.basedir, self._reactor, reading) if self._isShared else None
        return readerservice.ReaderMaster(place, self._reactor, reading, links=links)

    # attributes of 0.7.5

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""
        return self.botmaster.config

    @property
    def generation(self) -> int:
        """The number of configurations applied since the start."""
        return self.applier.generation

    @property
    def configFileName(self) -> str:
        """The name of the configuration file, relative to the directory."""
        return self._file.name

    @configFileName.setter
    def configFileName(self, name: str) -> None:
        self._file.name = name

    @property
    def projectName(self) -> str:
        """C{c['projectName']}."""
        return self.config.projectName

    @property
    def projectURL(self) -> str | None:
        """C{c['projectURL']}."""
        return self.config.projectURL

    @property
    def buildbotURL(self) -> str | None:
        """C{c['buildbotURL']}."""
        return self.config.buildbotURL

    @property
    def debugPassword(self) -> str | None:
        """C{c['debugPassword']}."""
        return self.config.debugPassword

    @property
    def manhole(self) -> object | None:
        """C{c['manhole']}."""
        return self.config.manhole

    @property
    def slavePortnum(self) -> str | list[str] | None:
        """C{c['slavePortnum']} as strports descriptions: one, several, or None."""
        ports = list(self.config.ports)
        return ports if len(ports) > 1 else ports[0] if ports else None

    @property
    def statusTargets(self) -> list[object]:
        """C{c['status']}."""
        return list(self.config.status)

    def getStatus(self) -> Status:
        """The status of the master."""
        return self.status

    # a receiver for 0.8.6 and later finds the status and the master in its parent

    @property
    def master(self) -> BuildMaster:
        """Myself."""
        return self

    def subscribe(self, target: object) -> None:
        """See L{Status.subscribe}."""
        self.status.subscribe(target)

    def unsubscribe(self, target: object) -> None:
        """See L{Status.unsubscribe}."""
        self.status.unsubscribe(target)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The other methods of the status, such as C{getBuilder}."""
            if name.startswith("get") and "status" in self.__dict__:
                return getattr(self.__dict__["status"], name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def addChange(self, change: Change, state: Mapping[str, Any] | None = None) -> Deferred[Change]:
        """Store a change, then pass it to the schedulers.

        @param state: stored with the change, in one transaction: see L{IStore.addChange}.
        @return: fires with the numbered Change when it is on disk (P2). Fails with StoreFailed if it cannot
            be stored.
        """
        resources = self.botmaster.resources
        generator = self.config.codebaseGenerator
        if generator is not None:
            change = withCodebase(change, generator)
        return resources.store.addChange(change, resources.now(), state).addCallback(self._stored)

    def _stored(self, stored: Change) -> Change:
        log.info("received {change!r}", change=stored)
        if self.botmaster.resources.announcer.isHeard:
            self.botmaster.announcer.report("changeAdded", stored)
        for scheduler in self.allSchedulers():
            eventual(self._reactor, self._tellScheduler, scheduler, stored)
        return stored

    def _tellScheduler(self, scheduler: Any, change: Change) -> None:
        try:
            # A scheduler that only implements IScheduler has no changeAdded.
            getattr(scheduler, "changeAdded", scheduler.addChange)(change)
        except PLUGIN_ERRORS:
            log.failure(
                "scheduler {name} failed on change {number}", name=scheduler.name, number=change.number
            )

    def submitBuildSet(self, bs: BuildSet) -> Deferred[BuildsetRecord]:
        """Store a build set; see L{buildbot.process.engine.BuildEngine.submitBuildSet}."""
        return self.botmaster.engine.submitBuildSet(bs)

    def allSchedulers(self) -> list[Any]:
        """The running schedulers, and the schedulers of C{c['schedulers']} that are not services.

        During a reconfig, the new schedulers run before the new configuration is in force. So this looks at
        the services, not at the configuration.
        """
        running = [child for child in self if hasattr(child, "listBuilderNames")]
        return running + [each for each in self.config.schedulers if not service.IService.providedBy(each)]

    def loadTheConfigFile(self, configFile: str | None = None) -> Deferred[dict[str, Any]]:
        """Reconfigure from the configuration file, like SIGHUP.

        @param configFile: another file, which is used from now on unless it is refused.
        @return: fires with the outcome: see L{Reconfigurer.request}.
        """

        def keep(outcome: dict[str, Any]) -> dict[str, Any]:
            if outcome["applied"]:
                self.configFileName = configFile or self.configFileName
            return outcome

        path = configFile and os.path.join(self.basedir, configFile)
        return self.reconfigurer.request(path=path).addCallback(keep)

    # start and stop

    def startService(self) -> None:
        """Load the configuration and open the ports. L{whenReady} reports the end of the start."""
        super().startService()
        self._hangups.catch()
        ensureDeferred(self._start()).addErrback(self._startFailed)

    async def _start(self) -> None:
        lock.hold(self.basedir)
        self._locked = True
        # The child and this process load the file at the same time, for a fast start.
        checked = self._checking = self._loading.check(self._file.path, self.basedir, LOAD_TIME)
        try:
            config = readConfig(self._file.path, self.basedir)
        except ConfigErrors:
            checked.addErrback(lambda cancelled: None).cancel()
            raise
        try:
            report = await checked
        except CancelledError:
            raise Refused([STOPPING]) from None
        if not report.ok:
            raise ConfigErrors(report.errors)
        self._waiting = WaitingControl(self.basedir, self._reactor, self.place, config, self.troubles)
        if await self._waiting.take(self._lifetime.ready, self.botmaster.openStore):
            config = readAgain(self._file.path, self.basedir, config, self.troubles)
        self._waiting = None  # it has the configuration, which a reconfig forgets
        await self.audit.load()
        if self._isShared:
            self._apart.open()
        await self.applier.applyFirst(config)
        await self.botmaster.resume()
        if self.botmaster.announcer.watchers:  # they came before the builders
            await self.status.recall()
        await maybeDeferred(self.control.startService)
        await self._apart.tell()
        found = troublesFound(self.basedir, self.troubles)
        risks = [f"the database can lose data: {each}" for each in self.botmaster.store.risks()]
        lines = startedLines(
            config, self.describePorts(), self.describePages(), [*self.applier.warnings(), *risks, *found]
        )
        log.info("BuildMaster is running: {line}", line=lines[0])
        for line in lines[1:]:
            if line.startswith(WARNING):
                log.warn("{line}", line=line)
        await self.audit.record(By("", PROCESS), "startMaster", MASTER)
        await self.outgoing.sweep()
        self._serves = True
        if self._lifetime.isReady:
            notifyState(lines, os.environ)
        else:
            self._lifetime.ready(lines)

    def _doubts(self, isSo: bool) -> None:
        """Another master may take over soon, or not any more."""
        if isSo:
            self.troubles.report("masters", SYMPTOM)  # now, not when somebody looks
            if self.config.whenStoreIsAway == CUT:
                cutAll(self.botmaster.slaves.values())
            else:
                cutHolders(self.botmaster.locks.table)
            if self.place.replacement is not None:
                self._parting.expect(self.place.replacement)
        else:
            self.troubles.clear("masters")
            self._parting.cancel()

    def _startFailed(self, why: Failure) -> None:
        if why.check(CancelledError) and self.botmaster.stopping:
            return  # it waited
        self._lifetime.failed(failedLines(why, serverOf(self.basedir)), self.botmaster.stopping)

    def standBy(self) -> None:
        """See L{IStandby}."""
        self.place.isStandby = True

    def whenOver(self) -> Deferred[list[str]]:
        """See L{IEnds}."""
        return self._lifetime.whenOver()

    def _reportMasters(self) -> dict[str, Any] | None:
        """The masters of the store, and the hand-over; None with a store in a file."""
        found = self.place.report()
        return None if found is None else {**found, "handOver": self._handOver.report()}

    def _placeLost(self, reason: str) -> None:
        """Another master has taken over: end, since nothing can be stored any more."""
        self.botmaster.stopping = True
        self._lifetime.end([f"{reason}: this one changes nothing more, and ends"])

    def whenReady(self) -> Deferred[list[str]]:
        """See L{IReadiness}.

        @return: fires with lines for the user when slaves can connect; fails with L{StartFailed} if the start
            failed.
        """
        return self._lifetime.whenReady()

    def _hungUp(self) -> None:
        """Reconfigure after SIGHUP, at once or at the end of the start."""
        if self._serves:
            self._reload()
        elif self._lifetime.isReady:
            log.info("SIGHUP ignored: a master that waits loads its configuration when it takes over")
        else:
            self._lifetime.afterStart(self._reload)

    def _reconfigured(self, outcome: dict[str, Any]) -> None:
        self.lastReconfig = {**outcome, "when": self.botmaster.now()}
        if outcome["applied"]:
            self.troubles.clear(STALE)
        self.botmaster.announcer.report("reconfigured", outcome)
        self.logins.changed()
        ensureDeferred(self._apart.tell())

    def _reload(self) -> None:
        reloadBegins(os.environ)
        work = self.reconfigurer.request().addCallback(self._reloaded)
        ensureDeferred(self.audit.carriedOut(By("", SIGNAL), "reconfig", MASTER, work)).addErrback(
            lambda why: None  # the master stops, and records that
        )

    def _reloaded(self, outcome: dict[str, Any]) -> dict[str, Any]:
        reloadEnds(os.environ)
        return outcome

    def recordAction(self, who: str, how: str, action: str, detail: str, address: str = "") -> None:
        """Record an action on the whole master, such as a change that somebody sends.

        @param how, address: see L{By}.
        """
        ensureDeferred(self.audit.record(By(who, how, address), action, MASTER, DONE, detail))

    @returnsDeferred
    async def stopService(self) -> None:
        """Close the ports, disconnect the slaves and stop all parts.

        @return: fires when everything has stopped.
        """
        self._hangups.release()
        if self._serves and self._locked:
            who = self.cleanStop.toRecord()
            detail = "" if who is None else f"after the running builds, as {who['who'] or 'somebody'} wants"
            await self.audit.record(By("", PROCESS), "stopMaster", MASTER, DONE, detail)
        self.cleanStop.end()
        self._handOver.stop()
        self._parting.stop()
        self.botmaster.stopping = True
        if self._waiting is not None:
            await self._waiting.stop()
        if self._checking is not None:
            self._checking.cancel()
        self.reconfigurer.stop()
        if self.control.running:
            await maybeDeferred(self.control.stopService)
        await self.applier.ports.closeAll()
        await self.botmaster.stopService()
        self.slavePort.stopAll()
        await super().stopService()
        await self.outgoing.stop()
        await self.botmaster.closeStore()
        await self.place.leave()
        if self._locked:
            self._locked = False
            lock.release(self.basedir)

    def pollers(self) -> list[PollingChangeSource]:
        """The change sources that look regularly, in the order of their start."""
        return [each for each in self.change_svc if isinstance(each, PollingChangeSource)]

    def sources(self) -> list[object]:
        """The running change sources, in the order of their start."""
        return list(self.change_svc)

    def describePorts(self) -> list[str]:
        """The open slave ports, in words."""
        return [str(port) for port in self.applier.ports.values()]

    def describePages(self) -> list[str]:
        """See L{ReportedMaster<buildbot.status.reported.ReportedMaster>}. Empty without pages."""
        servers = [each for each in self.config.status if isinstance(each, Reserving)]
        ports = [str(port) for each in servers for port in each.openPorts()]
        return [*([self.buildbotURL] if ports and self.buildbotURL else []), *ports]


registerAdapter(Control, BuildMaster, interfaces.IControl)
