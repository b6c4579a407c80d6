# -*- test-case-name: tests.stories -*-
"""
The build master as one service: configuration, slave ports, slaves, control socket.

It puts the parts together and hands each what it needs; each part is elsewhere:
the slaves in L{buildbot.slaves.botmaster}, who may log in in L{buildbot.slaves.realm},
how a configuration is applied in L{buildbot.reconfig.apply}.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.application import service
from twisted.cred.portal import Portal
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, maybeDeferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.components import registerAdapter
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot import interfaces
from buildbot.changes.changes import Change, ChangeMaster
from buildbot.config.model import ConfigErrors, MasterConfig
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.control.buildcommands import BuildCommands, thereAre
from buildbot.control.debug import DebugAccount
from buildbot.control.plugins import Control
from buildbot.control.protocol import COMMANDS
from buildbot.control.server import ControlError, ControlServer
from buildbot.daemon import lock, pidfile
from buildbot.daemon.clock import makeMonotonic
from buildbot.daemon.diskroom import roomTrouble
from buildbot.daemon.readiness import IReadiness, StartFailed, notify
from buildbot.daemon.troubles import ITroubled
from buildbot.events.eventual import eventual
from buildbot.files.plain import NotPlain
from buildbot.logs.directory import LOGS
from buildbot.reconfig.apply import Applier
from buildbot.reconfig.childload import LoadReport
from buildbot.reconfig.fileload import readConfig
from buildbot.reconfig.loading import Loading, loadingBy
from buildbot.reconfig.parent import PluginParent
from buildbot.reconfig.plugins import STOPPING, Refused
from buildbot.reconfig.reconfigurer import LOAD_TIME, ConfigFile, Reconfigurer
from buildbot.slaves.botmaster import BotMaster
from buildbot.slaves.perspective import BotPerspective
from buildbot.slaves.realm import Dispatcher
from buildbot.status.master import Status
from buildbot.status.report import failingBuilders, reportMaster, reportSlave
from buildbot.store.interface import SchemaTooNew, StoreFailed
from buildbot.store.recovery import setAsides
from buildbot.store.sqlite import FILE, SqliteStore
from buildbot.text.plural import counted
from buildbot.wire import listeners
from buildbot.wire.login import LoginRoot
from buildbot.wire.slaveport import SlavePortFactory

log = Logger()

#: Seconds that C{buildbot reconfig} waits for slaves to accept their new builder lists.
TELLING = 1.0


@implementer(IReadiness, ITroubled)
class BuildMaster(PluginParent):
    """
    I am one build master, living in one directory.

    @ivar config: the configuration in force.
    @ivar applier: applies configurations to my parts.
    @ivar reconfigurer: reconfigures me on request.
    @ivar since: when I started, in seconds since the epoch.
    """

    def __init__(
        self,
        basedir: str,
        configFileName: str = "master.cfg",
        reactor: Any = None,
        store: Any = None,
        loading: Loading | None = None,
    ) -> None:
        """
        @param configFileName: relative to C{basedir}.
        @param store: an L{IStore}; without one, a file in C{basedir}.
        @param loading: how the file is loaded; without it, in a child process and a thread.
        """
        super().__init__()
        if reactor is None:
            from twisted.internet import reactor

            makeMonotonic(reactor)
        self.setName("buildmaster")
        self.basedir = os.path.abspath(basedir)
        self._file = ConfigFile(self.basedir, configFileName)
        self._loading = loading or loadingBy(reactor)
        self.since = time.time()
        self._reactor = reactor
        self.botmaster = BotMaster(reactor)
        self.botmaster.parent = self
        self.botmaster.useStore(self.basedir, store or SqliteStore(self.basedir, reactor))
        self.troubles = self.botmaster.troubles
        self.troubles.watch("state.sqlite", lambda: setAsides(os.path.join(self.basedir, FILE)))
        self.troubles.watch("disk", partial(roomTrouble, self.basedir))
        logs = os.path.join(self.basedir, LOGS)
        self.troubles.watch("disk of logs", partial(roomTrouble, logs, self.basedir))
        self.troubles.watch("buildbot.lock", lambda: lock.trouble(self.basedir))
        self.troubles.watch("twistd.pid", lambda: pidfile.pidTrouble(os.path.realpath(self.basedir)))
        self.change_svc = ChangeMaster()
        self.change_svc.setServiceParent(self)
        self.dispatcher = Dispatcher(self.botmaster)
        portal = Portal(self.dispatcher, [self.dispatcher])
        self.slavePort = SlavePortFactory(lambda broker: LoginRoot(portal, broker), reactor)
        self.applier = Applier(
            self.botmaster,
            listeners.PortSet(reactor, self.slavePort),
            self,
            self.change_svc,
            DebugAccount,
            reactor,
        )
        self.reconfigurer = Reconfigurer(self.applier, self._file, self._loading)
        self.status = Status(self.botmaster, self.basedir, self.allSchedulers)
        handlers: dict[str, Callable[..., object]] = {
            "status": self.controlStatus,
            "reconfig": self.controlReconfig,
            "progress": self.reconfigurer.progress,
            "disconnect": self.controlDisconnect,
            **BuildCommands(self.botmaster).handlers(),
        }
        self.control = ControlServer(self.basedir, handlers, reactor, COMMANDS)
        self._ready: Deferred[list[str]] = Deferred()
        self._watched = False
        self._locked = False
        self._checking: Deferred[LoadReport] | None = None
        self._oldSIGHUP: Any = None
        self._hangups = 0

    # what 0.7.5 offered as attributes

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""
        return self.botmaster.config

    @property
    def generation(self) -> int:
        """How many configurations have been in force."""
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
        """The status of everything here."""
        return self.status

    def addChange(self, change: Change) -> Deferred[Change]:
        """
        Somebody committed something.

        @return: fires with the Change and its number, once it is on disk (P2); then the schedulers learn of
            it. Fails with StoreFailed if it could not be kept.
        """
        return ensureDeferred(self._addChange(change))

    async def _addChange(self, change: Change) -> Change:
        stored: Change = await self.botmaster.store.addChange(change.bounded(), self.botmaster.now())
        log.info("received {change!r}", change=stored)
        for scheduler in self.allSchedulers():
            eventual(self._reactor, self._tellScheduler, scheduler, stored)
        return stored

    def _tellScheduler(self, scheduler: Any, change: Change) -> None:
        try:
            # A scheduler that only implements IScheduler has no change feed.
            getattr(scheduler, "changeAdded", scheduler.addChange)(change)
        except PLUGIN_ERRORS:
            log.failure(
                "scheduler {name} failed to take change {number}", name=scheduler.name, number=change.number
            )

    def submitBuildSet(self, bs: Any) -> Deferred[Any]:
        """
        Builds are wanted; see L{buildbot.process.engine.BuildEngine.submitBuildSet}.

        @param bs: a L{buildbot.process.buildset.BuildSet}.
        """
        return ensureDeferred(self.botmaster.submitBuildSet(bs))

    def allSchedulers(self) -> list[Any]:
        """
        C{c['schedulers']}, those that run.

        A reconfig leaves one alone that is equal to what the file says now, and starts others before the
        file is in force; so the file's own objects are not asked, but for those that have no life.
        """
        running = [child for child in self if hasattr(child, "listBuilderNames")]
        return running + [each for each in self.config.schedulers if not service.IService.providedBy(each)]

    def loadTheConfigFile(self, configFile: str | None = None) -> Deferred[dict[str, Any]]:
        """
        Reconfigure from the configuration file, as SIGHUP does.

        @param configFile: another file to take from now on, unless it is refused.
        @return: fires with the outcome: see L{Reconfigurer.request}.
        """

        def keep(outcome: dict[str, Any]) -> dict[str, Any]:
            if outcome["applied"]:
                self.configFileName = configFile or self.configFileName
            return outcome

        path = configFile and os.path.join(self.basedir, configFile)
        return self.reconfigurer.request(path=path).addCallback(keep)

    # life

    def startService(self) -> None:
        """Load the configuration, open the ports, say that all is ready; see L{whenReady}."""
        super().startService()
        self._catchSIGHUP()
        ensureDeferred(self._start()).addErrback(self._startFailed)

    async def _start(self) -> None:
        lock.hold(self.basedir)
        self._locked = True
        # Both at once, for a start should be quick: what the child refuses, a reconfig would refuse.
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
        await self.botmaster.openStore()
        await self.applier.applyFirst(config)
        await self.botmaster.resume()
        await maybeDeferred(self.control.startService)
        slaves, builders = len(config.slaves), len(config.builders)
        lines = [
            f"slaves: {', '.join(self.describePorts())}; {counted(builders, 'builder')}, "
            f"0 of {counted(slaves, 'slave')} connected",
            *[
                f"warning: {warning}"
                for warning in [*config.warnings, *self.applier.warnings(), *self._found()]
            ],
        ]
        log.info("BuildMaster is running: {line}", line=lines[0])
        for line in lines[1:]:
            log.warn("{line}", line=line)
        self._ready.callback(lines)

    def _found(self) -> list[str]:
        """What a start has found in the directory that an admin should know of."""
        origin = lock.copiedFrom(self.basedir)
        copied = (
            f"this directory was copied from {origin} while a master ran there: what was written meanwhile"
            " may be missing or torn; `buildbot backup` makes copies that are whole"
        )
        troubles = [each.symptom for each in self.troubles.current()]
        return [*([copied] if origin else []), *(f"{each.what}: {each.why}" for each in troubles)]

    def _startFailed(self, why: Failure) -> None:
        if isinstance(why.value, ConfigErrors):
            lines = [str(error) for error in why.value.errors]
        elif why.check(Refused, lock.AlreadyRunning, SchemaTooNew, NotPlain):
            lines = str(why.value).splitlines()
        elif why.check(StoreFailed):
            cure = "see that the disk has room and can be written, and start again"
            lines = [f"changes, requests and builds cannot be kept: {why.value}", cure]
        else:
            log.failure("starting the master failed", why)
            lines = [f"internal error: {why.getErrorMessage()}"]
        if self._watched:
            self._ready.errback(StartFailed(lines))
        elif not self.botmaster.stopping:
            # run by a plain twistd: nobody else would say so and end the process
            log.error("the master cannot start: {lines}", lines="; ".join(lines))
            eventual(self._reactor, self._reactor.stop)

    def whenReady(self) -> Deferred[list[str]]:
        """
        See L{IReadiness}.

        @return: fires with lines for the user once slaves can connect; fails with
            L{StartFailed} if they never will.
        """
        self._watched = True
        mine: Deferred[list[str]] = Deferred()

        def both(result: Any) -> Any:
            mine.callback(result)
            return None if isinstance(result, Failure) else result

        self._ready.addBoth(both)
        return mine

    def _catchSIGHUP(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._oldSIGHUP = signal.signal(signal.SIGHUP, self._gotSIGHUP)

    def _gotSIGHUP(self, number: int, frame: object) -> None:
        """Many signals in a row are one: the file is read after the last of them."""
        self._hangups += 1
        if self._hangups == 1:
            self._reactor.callFromThread(self._hangUp)

    def _hangUp(self) -> None:
        self._hangups = 0
        if not self._ready.called:
            self._ready.addCallback(self._reload)
        else:
            self._reload(None)

    def _reload(self, result: Any) -> Any:
        """Reconfigure, and tell systemd (C{Type=notify-reload}) how long it lasts."""
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}", os.environ)
        self.reconfigurer.request().addCallback(lambda outcome: notify("READY=1", os.environ))
        return result

    def stopService(self) -> Deferred[Any]:
        """
        Close the ports and cut the slaves.

        @return: fires when all is quiet.
        """
        if self._oldSIGHUP is not None:
            signal.signal(signal.SIGHUP, self._oldSIGHUP)
            self._oldSIGHUP = None
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        self.botmaster.stopping = True
        if self._checking is not None:
            self._checking.cancel()
        self.reconfigurer.stop()
        if self.control.running:
            await maybeDeferred(self.control.stopService)
        await self.applier.ports.closeAll()
        await self.botmaster.stopService()
        self.slavePort.stopAll()
        await maybeDeferred(super().stopService)
        await self.botmaster.closeStore()
        if self._locked:
            self._locked = False
            lock.release(self.basedir)

    def describePorts(self) -> list[str]:
        """The open slave ports, in words."""
        return [str(port) for port in self.applier.ports.values()]

    # what the command line asks

    def controlStatus(self, slave: str | None = None) -> dict[str, Any]:
        """The state of the master and of all slaves, or of one."""
        return {"master": reportMaster(self), "slaves": [reportSlave(s) for s in self._choose(slave)]}

    async def controlReconfig(
        self,
        dryRun: bool = False,
        timeout: float | None = None,
        drain: bool = False,
        who: str = "",
        hungUp: Deferred[None] | None = None,
    ) -> dict[str, Any]:
        """
        Reconfigure; see L{Reconfigurer.request}.

        @param hungUp: fires if the asker goes before the answer comes.
        @return: the outcome.  Slaves get TELLING seconds to accept their new lists
            before it calls them pending (R10).
        """
        asked = self.reconfigurer.request(dryRun, timeout, drain, who=str(who))
        if hungUp is not None:
            hungUp.addCallback(lambda ignored: asked.cancel())
        outcome = await asked
        patience = TELLING
        while outcome["pending"] and patience > 0:
            await deferLater(self._reactor, 0.05, lambda: None)
            patience -= 0.05
            slaves = self.botmaster.slaves
            told = [slaves[name] for name in outcome["pending"] if name in slaves]
            outcome["pending"] = [slave.slavename for slave in told if slave.isPending()]
        if outcome["applied"]:
            for perspective in self.botmaster.failing():
                outcome["warnings"] += failingBuilders(perspective)
        return outcome

    async def controlDisconnect(self, slave: str) -> dict[str, Any]:
        """Cut one slave; it will probably come back."""
        (perspective,) = self._choose(slave)
        address = perspective.slave_status.address
        connected = perspective.slave is not None
        await perspective.disconnect("disconnected by the administrator")
        return {"disconnected": connected, "address": address if connected else None}

    def _choose(self, name: str | None) -> Sequence[BotPerspective]:
        if name is None:
            return list(self.botmaster.slaves.values())
        perspective = self.botmaster.getPerspective(name)
        if perspective is None:
            raise ControlError(f"no slave {name!r} in c['bots']{thereAre(self.botmaster.slaves)}")
        return [perspective]


registerAdapter(Control, BuildMaster, interfaces.IControl)
