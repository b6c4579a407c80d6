# -*- test-case-name: tests.stories.test_web -*-
"""The web server of C{c['status']}: C{WebStatus}, as in 0.8. L{buildbot.web.running} runs it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted._version import __version__ as twistedVersion
from twisted.application import service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.versions import Version

from buildbot.config import secrets
from buildbot.config.arguments import arguments, complain, remember
from buildbot.config.kinds import COUNT, FLAG, NAMES, TEXT, orNone
from buildbot.config.ports import BadPort, describe, inOneForm
from buildbot.daemon.logfile import MAX_ROTATED_FILES, ROTATE_LENGTH
from buildbot.events.coroutines import ended, returnsDeferred
from buildbot.events.onuse import onUse
from buildbot.status.base import StatusReceiverMultiService
from buildbot.web.accesslog import AccessLog
from buildbot.web.accounts.accounts import FILE as ACCOUNTS
from buildbot.web.accounts.authz import AUTH, openSentences, rightsOf
from buildbot.web.accounts.proxies import BadProxies, Proxies, proxiesOf
from buildbot.web.accounts.rights import Rights
from buildbot.web.argumentkinds import ANY, AUTHZ, FEEDS, ORIGINS, PORT
from buildbot.web.asleep import Asleep
from buildbot.web.hooks.logins import CHANGE_HOOK_AUTH
from buildbot.web.hooks.options import CHANGE_HOOK_DIALECTS, checkedDialects
from buildbot.web.oldpages.subclassed import Subclassed
from buildbot.web.oldpages.templates import templateDoubts
from buildbot.web.pages.outside import COMMENT_LINK, NAME_LINK, REVLINK
from buildbot.web.port import WebPort
from buildbot.web.warming import Warming
from buildbot.wire.listeners import CannotOpen, Reserving, SlavePort

if TYPE_CHECKING:
    from twisted.web import server

    from buildbot.web import dispatch, root, running, world
    from buildbot.web.accounts import door
else:  # a reconfiguration reads master.cfg in a child process, which starts no web server
    door = onUse("buildbot.web.accounts.door")
    root = onUse("buildbot.web.root")
    running = onUse("buildbot.web.running")
    world = onUse("buildbot.web.world")

log = Logger()

#: Twisted releases before this one have published holes in their web server.
OLDEST_TWISTED = Version("Twisted", 24, 7, 0)


class WebStatus(Subclassed, Reserving, StatusReceiverMultiService):
    """I serve the pages, the API and the feeds of a master.

    I stay as I am over a reconfig that does not change my arguments; open pages and streams stay open.

    @ivar elsewhere: the master, if I am in a process that only serves pages.
    @ivar logsIn: the directory of my log; "": that of the master.
    """

    compare_attrs: Sequence[str] = (
        *(
            "http_port",
            "distrib_port",
            "allowForce",
            "public_html",
            "numbuilds",
            "num_events",
            "num_events_max",
        ),
        *(
            "auth",
            "order_console_by_time",
            "changecommentlink",
            "revlink",
            "projects",
            "repositories",
            "authz",
            "hosts",
            "trustedProxies",
            "userHeader",
            "allowed_origins",
        ),
        *("logRotateLength", "maxRotatedFiles", "change_hook_dialects", "provide_feeds", "change_hook_auth"),
        *("ownPages", "head_elements"),
    )

    @arguments(
        http_port=PORT,
        distrib_port=ANY,
        allowForce=orNone(FLAG),
        public_html=TEXT,
        site=ANY,
        numbuilds=COUNT,
        num_events=COUNT,
        num_events_max=orNone(COUNT),
        auth=AUTH,
        order_console_by_time=FLAG,
        changecommentlink=COMMENT_LINK,
        revlink=REVLINK,
        projects=NAME_LINK,
        repositories=NAME_LINK,
        authz=AUTHZ,
        logRotateLength=orNone(COUNT),
        maxRotatedFiles=orNone(COUNT),
        change_hook_dialects=orNone(CHANGE_HOOK_DIALECTS),
        provide_feeds=FEEDS,
        jinja_loaders=ANY,
        change_hook_auth=orNone(CHANGE_HOOK_AUTH),
        hosts=orNone(NAMES),
        trustedProxies=orNone(NAMES),
        userHeader=orNone(TEXT),
        allowed_origins=ORIGINS,
    )
    def __init__(
        self,
        http_port: int | str | None = None,
        distrib_port: int | str | None = None,
        allowForce: bool | None = None,
        public_html: str = "public_html",
        site: server.Site | None = None,
        numbuilds: int = 20,
        num_events: int = 200,
        num_events_max: int | None = None,
        auth: Any = None,
        order_console_by_time: bool = False,
        changecommentlink: Any = None,
        revlink: Any = None,
        projects: Any = None,
        repositories: Any = None,
        authz: Any = None,
        logRotateLength: int | None = None,
        maxRotatedFiles: int | None = None,
        change_hook_dialects: Mapping[str, Any] | None = None,
        provide_feeds: Sequence[str] | None = None,
        jinja_loaders: Any = None,
        change_hook_auth: Any = None,
        hosts: Sequence[str] | None = None,
        trustedProxies: Sequence[str] | None = None,
        userHeader: str | None = None,
        allowed_origins: Sequence[str] = (),
    ) -> None:
        """@param http_port: the port to listen on: a number, or a strports description.
        @param distrib_port: not supported: C{twisted.web.distrib} runs pickles of its clients.
        @param allowForce: True to allow all actions to everybody, or, with C{auth}, to everybody who logs in.
        @param public_html: the directory of own files, relative to the master's.
        @param site: a C{twisted.web.server.Site} of your own, in place of ours; its root is yours.
        @param numbuilds: the lines in lists of builds.
        @param num_events: the rows of the waterfall.
        @param num_events_max: the most rows that a URL may ask for.
        @param order_console_by_time: ignored: the console shows changes in the order of their arrival.
        @param revlink: the addresses of revisions on another site. See L{buildbot.web.pages.outside}.
        @param changecommentlink: the links in comments of changes.
        @param projects: the addresses of projects.
        @param repositories: the addresses of repositories.
        @param jinja_loaders: ignored: the pages have no templates.
        @param change_hook_dialects: the hooks of forges: a dict of dialects and their options.
        @param change_hook_auth: the checkers of a login before each hook.
        @param authz: the rights of people: an C{Authz}; not together with C{allowForce} or C{auth}.
        @param hosts: further host names of the site, besides the one in C{buildbotURL}.
        @param trustedProxies: addresses or networks of proxies whose headers count, or C{"unix"}.
        @param userHeader: the header in which such a proxy names the user, such as C{X-Remote-User}.
        @param allowed_origins: other sites whose pages may read the API, feeds and badges, without a login.
        """
        StatusReceiverMultiService.__init__(self)
        remember(self)
        self.http_port = self._described(http_port)
        self.distrib_port = distrib_port
        self.allowForce = allowForce
        self.public_html = public_html
        self.numbuilds = numbuilds
        self.num_events = num_events
        self.num_events_max = num_events_max
        self.auth = auth
        self.order_console_by_time = self.orderConsoleByTime = order_console_by_time
        self.changecommentlink = changecommentlink
        self.revlink = revlink
        self.projects = projects
        self.repositories = repositories
        self.authz = authz
        self.logRotateLength = logRotateLength
        self.maxRotatedFiles = maxRotatedFiles
        self.change_hook_dialects = dict(change_hook_dialects or {})
        self.provide_feeds = provide_feeds
        self.change_hook_auth = change_hook_auth
        self.hosts = list(hosts or ())
        self.trustedProxies = list(trustedProxies or ())
        self.userHeader = userHeader
        self.allowed_origins = list(allowed_origins)
        self._proxies = self._checkedProxies()
        loading = secrets.current.get()
        self._basedir = loading.basedir if loading is not None else "."
        self._givenSite = site
        self._children: dict[bytes, Any] = {}
        self.ownPages: dict[bytes, Any] = {}
        self._port = WebPort()
        self._asleep = Asleep(self._makeSite)
        self._log: AccessLog
        self._warming: Warming | None = None
        self._logs: Any = None
        self._running: running.Running | None = None
        self._starting: Deferred[None] | None = None
        self.logsIn = ""
        self.elsewhere: dispatch.Elsewhere | None = None
        if num_events_max is not None and num_events_max < num_events:
            complain(self, ": num_events_max must be at least num_events", "num_events_max", num_events_max)
        if authz is not None and (allowForce is not None or auth is not None):
            complain(self, ": write either authz= or allowForce= and auth=", "authz", authz)
        self.addUsualPages()
        self._idle = ["distrib_port does nothing: leave it out"] if distrib_port is not None else []
        if jinja_loaders:
            self._idle.append("jinja_loaders does nothing: the pages have no templates")

    def listenOn(self, port: int | str) -> None:
        """Listen on another port than the one in the file. Call this before the start."""
        self.http_port = self._described(port)

    def _described(self, port: int | str | None) -> str | None:
        """The strports description of a port, in one form: other words for the same port are no change."""
        try:
            return None if port is None else inOneForm(describe(port))
        except BadPort as error:
            complain(self, f": http_port: {error}", "http_port", port)
            return None

    def _checkedProxies(self) -> Proxies:
        """The trusted proxies, and the header in which they name the user."""
        try:
            return proxiesOf(self.trustedProxies, self.userHeader)
        except BadProxies as error:
            complain(self, f": {error}", "trustedProxies", self.trustedProxies)
            return Proxies()

    def settings(self) -> world.Settings:
        """My arguments, for the pages."""
        feeds = ("atom", "rss", "json") if self.provide_feeds is None else self.provide_feeds
        return world.Settings(
            numbuilds=self.numbuilds,
            numEvents=self.num_events,
            numEventsMax=self.num_events_max,
            orderConsoleByTime=bool(self.order_console_by_time),
            revlink=self.revlink,
            changecommentlink=self.changecommentlink,
            projects=self.projects,
            repositories=self.repositories,
            feeds=frozenset(feeds),
            hasStyle=self._has("buildbot.css"),
            hasIcon=self._has("favicon.ico"),
            headElements=tuple(map(str, self.head_elements)),
            origins=frozenset(self.allowed_origins),
        )

    def _has(self, name: str) -> bool:
        """True if the site has a file of its own with this name."""
        return name.encode() in self._children or self._ownFiles().has(name)

    def _ownFiles(self) -> root.OwnFiles:
        master: Any = self.parent
        return root.OwnFiles(os.path.join(master.basedir, self.public_html))

    @property
    def configurationDoubts(self) -> list[str]:
        """Probable mistakes, as sentences for the author of the configuration."""
        checked = checkedDialects(self.change_hook_dialects, hasLogin=bool(self.change_hook_auth))
        hooks = [f"change_hook_dialects: {each}" for each in checked.doubts]
        mine = [
            *self._idle,
            *hooks,
            *openSentences(self._rights(True)),
            *self._headerDoubts(),
            *self.subclassDoubts,
        ]
        mine += templateDoubts(self._basedir)
        return [f"{type(self).__name__}: {each}" for each in mine]

    @property
    def takesLogins(self) -> bool:
        """True if people log in to my pages: there are accounts, an C{auth}, or a proxy that names them."""
        auth = self.auth if self.authz is None else self.authz.auth
        return (
            auth is not None or bool(self.userHeader) or os.path.exists(os.path.join(self._basedir, ACCOUNTS))
        )

    def _headerDoubts(self) -> list[str]:
        if self.authz is None or not self.authz.useHttpHeader or self.userHeader:
            return []
        return ["Authz(useHttpHeader=True) needs userHeader= and trustedProxies= of the WebStatus"]

    def getStatus(self) -> Any:
        """The status of the master."""
        master: Any = self.parent
        return master.status

    def openPorts(self) -> list[SlavePort]:
        """See L{Reserving}."""
        return self._port.listening()

    def describePorts(self) -> list[str]:
        """Describe the open ports, one line each."""
        return [str(port) for port in self._port.listening()]

    def portNumber(self) -> int:
        """The number of the first open TCP port."""
        hosts: list[Any] = [port.listening.getHost() for port in self._port.listening()]
        return int(hosts[0].port)

    # start and stop

    async def reserve(self, parent: Any, old: Iterable[object]) -> None:
        """Open my port, or take the open port of an old web server. See L{Reserving}."""
        others = list(old)
        for each in others:
            if isinstance(each, WebStatus) and each._port.mayPass and each.http_port == self.http_port:
                self._port.borrow(each._port)
                return
        used = {number for each in others for number in _numbers(getattr(each, "http_port", None))}
        if self.http_port is not None and used.isdisjoint(_numbers(self.http_port)):
            await self._port.open(parent.botmaster.clock, self.http_port)

    async def release(self) -> None:
        """Close my port, or give back a port that I have not taken yet."""
        await self._port.release()

    def setServiceParent(self, parent: Any) -> Any:
        """Join the master.

        @return: if the master is running, a Deferred that fires when the port is open, or fails with
            L{CannotOpen}.
        """
        self._starting = None
        StatusReceiverMultiService.setServiceParent(self, parent)
        return self._starting

    def startService(self) -> Deferred[None]:
        """Open the port. Fires when it is open; fails with L{CannotOpen}."""
        self._starting = self._start()
        return self._starting

    @property
    def site(self) -> Any:
        """The site, which is made when somebody needs it; before the start, the own site or None."""
        if self.running:
            return self._asleep.wake()
        return self._givenSite if self._asleep.site is None else self._asleep.site

    @site.setter
    def site(self, site: Any) -> None:
        if self.running:
            self._asleep.site = site
        else:
            self._givenSite = site

    @property
    def dispatcher(self) -> Any:
        """It answers the requests of all routes."""
        self._asleep.wake()
        return None if self._running is None else self._running.dispatcher

    @returnsDeferred
    async def _start(self) -> None:
        if twistedVersion < OLDEST_TWISTED:
            raise CannotOpen(
                f"the web server needs Twisted {OLDEST_TWISTED.public()} or later, because earlier ones have "
                f"published security holes; this is {twistedVersion.public()}"
            )
        service.MultiService.startService(self)
        master: Any = self.parent
        clock, self._logs = master.botmaster.clock, master.botmaster.resources.logs
        await master.logins.load(master.botmaster.now())
        if not self.running:
            return
        limits = self.logRotateLength or ROTATE_LENGTH, self.maxRotatedFiles or MAX_ROTATED_FILES
        self._log = AccessLog(self.logsIn or master.basedir, clock, master.troubles, *limits)
        self._asleep = Asleep(self._makeSite, unused=self._log.close)
        self._logs.readers.add(self)
        self._warming = Warming(clock, wake=self._asleep.wake)
        self._warming.start()
        if self._givenSite is not None or type(self).setupSite is not Subclassed.setupSite:
            self._asleep.wake()  # other code has a part in the site
        if self.http_port is not None:
            if not self._port.listening():
                await self._port.open(clock, self.http_port)
                if not self.running:
                    await self._port.release()
                    return
            if self._givenSite is None:
                self._log.open()
            self._port.take(self._asleep)
            log.info("web pages at {port}", port=", ".join(self.describePorts()))

    def _makeSite(self) -> Any:
        self._running = running.serving(self.parent, self._plan(), self.elsewhere)
        site = self._asleep.site = self._running.site
        site.buildbot_service = self
        self.setupSite()  # it may use my site, or exchange it
        if self.http_port is not None:
            self._asleep.site.doStart()
        if not self.running:  # I have stopped, and answer until the next server has the port
            self._running.stop()
        return self._asleep.site

    def _plan(self) -> running.Plan:
        """My arguments, as checked values."""
        auth = self.auth if self.authz is None else self.authz.auth
        return running.Plan(
            settings=self.settings(),
            door=door.DoorSettings(self._rights, auth, self._proxies, tuple(self.hosts)),
            dialects=self.change_hook_dialects,
            hookLogins=self.change_hook_auth,
            files=self._ownFiles(),
            children=self._children,
            site=self._givenSite,
            log=self._log,
        )

    def _rights(self, canLogIn: bool) -> Rights:
        """Who may do what."""
        return rightsOf(self.authz, self.allowForce, self.auth, canLogIn)

    @returnsDeferred
    async def stopService(self) -> None:
        """Close the port and all connections. If another web server takes the port, I answer until then.

        If I am still starting, I do not become ready; the stop waits for the end of the start.
        """
        self.running = 0
        if self._starting is not None:
            await ended(self._starting)
        if self._warming is not None:
            self._warming.stop()
        if self._logs is not None:
            self._logs.readers.discard(self)
        if self._running is not None:
            self._running.stop()
        await self._port.end()
        stopped = service.MultiService.stopService(self)
        if stopped is not None:
            await stopped


def _numbers(description: object) -> set[str]:
    """The numbers in the description of a port."""
    return set(re.findall(r"\d+", description)) if isinstance(description, str) else set()
