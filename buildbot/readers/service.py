# -*- test-case-name: tests.stories.test_readers -*-
"""A process that only serves pages: the web servers of master.cfg on what the master tells and stores.

It starts no build, no scheduler and no slave, holds no lock of the master, and writes nothing but its own
logs. It may be started and killed at any time, before or after the master. docs/architecture/readers explains
it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot import version
from buildbot.config.kept import isEqual
from buildbot.config.model import ConfigErrors, MasterConfig
from buildbot.control.audit import Audit
from buildbot.control.auditcommands import AuditCommands
from buildbot.control.buildcommands import BuildCommands
from buildbot.control.lookingcommands import LookingCommands
from buildbot.control.requestcommands import RequestCommands
from buildbot.daemon.readiness import IReadiness, StartFailed
from buildbot.daemon.troubles import ITroubled
from buildbot.events.coroutines import returnsDeferred
from buildbot.readers.elsewhere import PATIENCE, Elsewhere, NoHooks
from buildbot.readers.farmaster import FarMaster
from buildbot.readers.following import Following, OtherRelease
from buildbot.readers.link import Link
from buildbot.readers.linking import Links
from buildbot.readers.mirror import Mirror
from buildbot.readers.passing import LARGEST_BODY
from buildbot.readers.states import UsedStates
from buildbot.readers.storedlogs import SharedBucket, StoredLogs
from buildbot.reconfig.fileload import loadInThread
from buildbot.reconfig.parent import PluginParent
from buildbot.reconfig.reconfigurer import LOAD_TIME
from buildbot.slaves.botmaster import BotMaster
from buildbot.status.master import Status
from buildbot.status.report import reportSlave, reportWork
from buildbot.status.topics import BUILDERS, BUILDS, SLAVES, builderTopic, slaveTopic
from buildbot.store.interface import IStore
from buildbot.web.accounts.logins import Logins
from buildbot.web.service import WebStatus
from buildbot.wire.listeners import CannotOpen

log = Logger()

#: What is known of a master that has never answered.
_UNKNOWN: Mapping[str, Any] = {
    **dict.fromkeys(("pid", "since", "shutdown", "storeTrouble", "files", "logStorage")),
    **{
        name: []
        for name in (
            "ports",
            "pages",
            "refused",
            "guesses",
            "givenUp",
            "pollers",
            "outgoing",
            "troubles",
            "pagesOnly",
        )
    },
    "version": version,
    "generation": 0,
    "keeps": {"builds": None, "days": None},
}


@dataclass(frozen=True)
class Place:
    """Where a process with pages works.

    @ivar basedir: the directory of the master; C{configFile}: its configuration file, relative to it.
    @ivar home: the directory of the process's own logs.
    @ivar port: the port of the web server, in place of the one in the file; "": that one.
    """

    basedir: str
    configFile: str
    home: str
    port: str = ""


@implementer(IReadiness, ITroubled)
class ReaderMaster(PluginParent):
    """I am the master, as web servers read it: see L{buildbot.web.world.WatchedMaster} for the attributes.

    @ivar absence: since when the master is away, as a sentence; "" while it is there.
    @ivar inner: see L{BuildMaster<buildbot.buildmaster.service.BuildMaster>}.
    """

    def __init__(
        self,
        place: Place,
        reactor: Any,
        store: IStore,
        link: Any = None,
        now: Callable[[], float] = time.time,
        load: Callable[[], Deferred[MasterConfig]] | None = None,
        links: Links | None = None,
    ) -> None:
        """@param store: the store of the master, for reading.
        @param link: asks the master; None: through its control socket.
        @param load: loads the configuration; None: from the file, in a thread.
        @param links: ask the active master of a shared store, in place of C{link}.
        """
        super().__init__()
        self.setName("pages")
        self.basedir = os.path.abspath(place.basedir)
        self._place = place
        path = os.path.join(self.basedir, place.configFile)
        self._load = load or (lambda: loadInThread(path, self.basedir, LOAD_TIME, reactor))
        self._link = links.acting if links else link or Link(self.basedir, reactor)
        telling = links.telling if links else link or Link(self.basedir, reactor)
        self._links = links
        self._mirror = Mirror(self.basedir, reactor, store, now)
        self.botmaster = cast(BotMaster, self._mirror)
        self.status = Status(self.botmaster, self.basedir)
        self.audit = Audit(self._mirror.store, now)
        self.logins = Logins(UsedStates(self._mirror.store, self._used))
        self.troubles = self._mirror.resources.troubles
        self._stored = StoredLogs(self._mirror.logs.directory)
        self._bucket = SharedBucket(store)
        self._far = None if links is None else FarMaster(self._mirror.logs.directory, links.logs.ask, reactor)
        name = f"{socket.gethostname()}:{os.path.realpath(place.home)} (pid {os.getpid()})"
        self._following = Following(telling.ask, self, self._mirror, reactor, name)
        self._started = now()
        self._version: tuple[Any, ...] = ()  # of the configuration in force
        self._generation = 0
        self._ready: Deferred[list[str]] = Deferred()
        self.absence = ""
        self.inner: Mapping[bytes, Any] = {b"change_hook": NoHooks()}
        builds = BuildCommands(self.botmaster, self.status.getSchedulers)
        self.commands: dict[str, Callable[..., Any]] = {
            **AuditCommands(self.audit).handlers(),
            **builds.handlers(),
            **RequestCommands(self.botmaster, builds).handlers(),
            **LookingCommands(self.botmaster, self.status.getSchedulers).handlers(),
            "status": self._status,
        }

    # the attributes of a master

    @property
    def config(self) -> MasterConfig:
        """The configuration that the pages use."""
        return self._mirror.config

    @property
    def generation(self) -> int:
        """The number of configurations since the start of this process."""
        return self._generation

    @property
    def since(self) -> float:
        """The time of the master's start; of my own before the master has told."""
        found: float = self._mirror.process.get("since", self._started)
        return found

    @property
    def lastReconfig(self) -> dict[str, Any] | None:
        """The last reconfig of the master."""
        return self._mirror.lastReconfig

    @property
    def cleanStop(self) -> Any:
        """Whether the master stops after the running builds."""
        found = self._mirror.process.get("shutdown")
        return SimpleNamespace(isOn=found is not None, toRecord=lambda: found)

    @property
    def outgoing(self) -> Any:
        """The messages of the master to other servers."""
        return SimpleNamespace(toRecords=lambda: list(self._mirror.process.get("outgoing", ())))

    def describePorts(self) -> list[str]:
        """The slave ports of the master, in words."""
        return list(self._mirror.process.get("ports", ()))

    def describePages(self) -> list[str]:
        """See L{ReportedMaster<buildbot.status.reported.ReportedMaster>}: those of the master."""
        return list(self._mirror.process.get("pages", ()))

    def sources(self) -> Sequence[object]:
        """The change sources: none run here."""
        return ()

    pollers = sources

    def recordAction(self, who: str, how: str, action: str, detail: str, address: str = "") -> None:
        """Record nothing: the master records all actions."""

    def subscribe(self, target: object) -> None:
        """Tell a receiver nothing: builds and their receivers are in the master."""

    unsubscribe = subscribe

    def _status(self, slave: str | None = None) -> dict[str, Any]:
        """The command C{status}."""
        slaves = self._mirror.slaves
        chosen = slaves.values() if slave is None else [slaves[slave]] if slave in slaves else []
        counts = {
            "builders": len(self.config.builders),
            "slaves": len(slaves),
            "connected": sum(1 for each in slaves.values() if each.slave_status.isConnected()),
            "projectName": self.config.projectName,
        }
        told = self._mirror.process or _UNKNOWN
        master = {"masters": None, **told, **counts, **reportWork(self._mirror)}
        return {"master": master, "slaves": [reportSlave(each) for each in chosen]}

    # start and stop

    def startService(self) -> None:
        """Load the configuration, ask the master, and open the ports."""
        super().startService()
        ensureDeferred(self._start()).addErrback(self._startFailed)

    async def _start(self) -> None:
        config = await self._load()
        await self._mirror.store.open()
        await self._findLogs()
        first = self._following.first()
        self._mirror.configure(config)
        self._generation = 1
        ensureDeferred(self._following.run()).addErrback(self._stopped)
        await first
        if not self.running:
            return
        servers = self._servers(self.config)
        if not servers:
            raise StartFailed(
                [f"{self._place.configFile} has no WebStatus in c['status']: there are no pages"]
            )
        for each in servers:
            await self._open(each)
        ports = [port for each in servers for port in each.describePorts()]
        lines = [f"pages: {', '.join(ports)}", *([self.absence] if self.absence else [])]
        self._ready.callback(lines)

    async def _open(self, server: WebStatus) -> None:
        opening = server.setServiceParent(self)
        if opening is not None:
            await opening

    def _startFailed(self, why: Failure) -> None:
        error = why.value
        if isinstance(error, ConfigErrors):
            lines = [str(each) for each in error.errors]
        elif isinstance(error, StartFailed):
            lines = error.lines
        elif isinstance(error, CannotOpen):
            hint = "give the pages a port of their own, with --http-port"
            lines = [str(error), *([hint] if not self._place.port else [])]
        else:
            log.failure("starting the pages failed", why)
            lines = [f"internal error: {why.getErrorMessage()}"]
        if not self._ready.called:
            self._ready.errback(StartFailed(lines))

    def _stopped(self, why: Failure) -> None:
        log.failure("the master is not followed any more", why)

    def whenReady(self) -> Deferred[list[str]]:
        """See L{IReadiness}."""
        return self._ready

    @returnsDeferred
    async def stopService(self) -> None:
        """Close the ports, and end all streams."""
        self._mirror.resources.stopping = True
        self._following.stop()
        self._stored.stop()
        if self._mirror.logs.far is not None and self._far is not None:
            self._far.unmount()
        await super().stopService()
        await self._mirror.store.close()

    def _largest(self) -> int:
        """The most bytes of a body that goes on to the master."""
        return LARGEST_BODY if self._links is None else self._links.acting.largest()

    # the configuration

    def _servers(self, config: MasterConfig) -> list[WebStatus]:
        """The web servers of a configuration, prepared for this process.

        With a port of our own there is only the first one that has a port.
        """
        found = [each for each in config.status if isinstance(each, WebStatus)]
        for each in found:
            port, caughtUp = each.http_port or "", self._following.caughtUp
            away = Elsewhere(self._link, port, caughtUp, lambda: self.absence, self._largest)
            each.elsewhere = away
            each.logsIn = self._place.home
            each.change_hook_dialects = {}  # forges send their pushes to the master
        if self._place.port:
            found = [each for each in found if each.http_port is not None][:1]
            for each in found:
                each.listenOn(self._place.port)
        return found

    async def _follow(self, version: tuple[Any, ...]) -> None:
        """Use the configuration that the master uses now."""
        try:
            config = await self._load()
        except ConfigErrors as why:
            log.warn("the pages keep their old configuration: {why}", why=why)
            return
        self._mirror.configure(config)
        self._generation += 1
        self._version = version
        if not self._ready.called:
            return
        running = [each for each in self if isinstance(each, WebStatus)]
        wanted = self._servers(config)
        stay = [old for old in running if any(isEqual(old, new) for new in wanted)]
        fresh = [new for new in wanted if not any(isEqual(old, new) for old in running)]
        for each in fresh:
            try:
                await each.reserve(self, running)
            except CannotOpen as why:
                log.error("a web server of the new configuration cannot start: {why}", why=why)
                fresh = [other for other in fresh if other is not each]
        for old in running:
            if not any(old is each for each in stay):
                await old.disownServiceParent()
        for each in fresh:
            await self._open(each)
        self.logins.changed()  # a visitor may have lost a right

    # what the master tells

    async def take(self, told: Mapping[str, Any]) -> None:
        """See L{Follower<buildbot.readers.following.Follower>}."""
        master = told["master"]
        if master["version"] != version:
            raise OtherRelease(f"it runs release {master['version']}, these pages {version}: restart them")
        configuration = (master["pid"], master["since"], master["generation"])
        if configuration != self._version:
            if self._version:
                await self._follow(configuration)
            self._version = configuration
            if self._far is not None:
                self._far.logs.forget()
        if told["logins"] != self._following.logins:
            await self.logins.load(self._mirror.now(), again=True)
        await self._findLogs()
        unsettled, pending = self._mirror.unsettled, self._mirror.pending
        self._mirror.take(told)
        for each in told["events"]:
            if each["event"] == "buildFinished":
                self._ended(each["data"]["builder"], each["data"]["number"])
        isBack, self.absence = bool(self.absence), ""
        topics = self.status.topics
        if told["isWhole"] or isBack:
            for builder in self._mirror.builders.values():
                builder.forget()  # the ends of builds may be missing
            topics.reset()
            return
        for each in told["events"]:
            isReconfig = each["event"] == "reconfigured" and each["data"]["applied"]
            topics.happened(each["event"], each["topics"], each["data"], everywhere=isReconfig)
        again = [*map(builderTopic, unsettled), *map(slaveTopic, pending)]
        touched = [*told["touched"], *([*again, BUILDERS, BUILDS, SLAVES] if again else [])]
        if touched:
            topics.touch(*touched)

    async def _findLogs(self) -> None:
        """Read logs where the active master has them: on this machine, or on another one."""
        far = self._far if self._links is not None and not await self._links.telling.isNear() else None
        logs = self._mirror.logs
        if far is None:
            if logs.far is not None and self._far is not None:
                self._far.unmount()
            self._stored.look()
        elif logs.far is None:
            self._stored.stop()
            far.mount()
        if far is not None:
            far.logs.stored = await self._bucket.look(self.config.logStorage)
        logs.far = far

    def _ended(self, builder: str, number: int) -> None:
        self._mirror.resources.history.forget(builder, number)
        if builder in self._mirror.builders:
            self._mirror.builders[builder].forget()

    def away(self, why: str) -> None:
        """See L{Follower<buildbot.readers.following.Follower>}."""
        then = time.strftime("%H:%M", time.localtime(self._mirror.now()))
        shown = (
            "running builds and slaves are shown as they were then"
            if self._version
            else "running builds and slaves are not known yet"
        )
        self.absence = f"The master is away since {then} ({why}): {shown}. Finished builds can be read."
        log.warn("the master is away: {why}", why=why)
        self.status.topics.reset()

    def _used(self, key: str) -> None:
        """Tell the master that a session or a token was used."""
        telling = ensureDeferred(self._link.ask("used", {"key": key}, PATIENCE))
        telling.addErrback(lambda why: log.info("the master does not know of a use: {why}", why=why.value))
