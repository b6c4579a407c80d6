# -*- test-case-name: tests.stories.test_web -*-
"""A running web server: its door, its routes, and the objects that its requests share.

L{buildbot.web.service} has the arguments and the ports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twisted.python.logfile import LogFile
from twisted.web import server

from buildbot.logs.search import LogSearches
from buildbot.web.accounts.door import Door, DoorSettings
from buildbot.web.accounts.logins import Logins
from buildbot.web.api.events import EventStreams
from buildbot.web.api.repeats import Repeats
from buildbot.web.cache import PageCache
from buildbot.web.dispatch import Dispatcher
from buildbot.web.followers import Followers
from buildbot.web.hooks.changehook import ChangeHook
from buildbot.web.hooks.logins import checkersOf
from buildbot.web.hooks.options import checkedDialects
from buildbot.web.hooks.resource import HookResource
from buildbot.web.http import Site
from buildbot.web.lastforced import LastForced
from buildbot.web.live import Streams
from buildbot.web.outcomes import Outcomes
from buildbot.web.outlines import Outlines
from buildbot.web.pages.boxes import LastRows
from buildbot.web.pages.oldurls import OLD, ofWaterfall
from buildbot.web.pages.waterfall import BoxCache
from buildbot.web.root import OwnFiles, Root
from buildbot.web.serving.counting import Counting
from buildbot.web.serving.gathering import Tails
from buildbot.web.table import TABLE
from buildbot.web.world import Parts, Settings, World


@dataclass(frozen=True)
class Plan:
    """The arguments of a web server, as checked values.

    @ivar dialects: the hooks of forges, with their options.
    @ivar hookLogins: the checkers of a login before each hook.
    @ivar files: the own files of the site.
    @ivar children: the own resources, by the first segment of their paths.
    @ivar site: an own site, in place of ours.
    @ivar logLength: the bytes after which C{http.log} is renamed.
    @ivar oldLogs: the number of renamed logs that are kept.
    """

    settings: Settings
    door: DoorSettings
    dialects: Mapping[str, Any]
    hookLogins: Any
    files: OwnFiles
    children: Mapping[bytes, Any]
    site: server.Site | None
    logLength: int
    oldLogs: int


class Running:
    """I am a running web server. Its ports belong to its L{buildbot.web.service.WebStatus}."""

    def __init__(self, world: World, dispatcher: Dispatcher, site: Any, logins: Logins) -> None:
        self.world = world
        self.dispatcher = dispatcher
        self.site = site
        self._unwatch = logins.watch(dispatcher.staying.beat)
        self._logs = world.master.botmaster.resources.logs
        self._logs.readers.add(self)

    def stop(self) -> None:
        """End all streams."""
        self._unwatch()
        self._logs.readers.discard(self)
        self.dispatcher.staying.stop()
        self.world.parts.stop()


async def serving(master: Any, plan: Plan) -> Running:
    """Start a web server.

    @param master: the L{buildbot.buildmaster.service.BuildMaster}.
    """
    clock = master.botmaster.clock
    door = Door(plan.door, master, master.logins)
    await door.load()
    parts = _parts(master, plan)
    world = World(master, clock, door, plan.settings, parts)
    table = ofWaterfall(TABLE) if plan.settings.isWaterfall else TABLE
    dispatcher = Dispatcher(world, table, door, OLD)
    root = Root(dispatcher, plan.files)
    hooks = parts.get(ChangeHook)
    if hooks.dialects:
        root.putChild(b"change_hook", HookResource(hooks))
    for name, child in plan.children.items():
        root.putChild(name, child)
    site: Any = plan.site or Site(root, clock, _accessLog(master.basedir, plan))
    if isinstance(site, Site):
        site.counts = parts.get(Counting).requests
    return Running(world, dispatcher, site, master.logins)


def _parts(master: Any, plan: Plan) -> Parts:
    """The objects that the requests share."""
    botmaster = master.botmaster
    clock, store = botmaster.clock, botmaster.resources.store
    hooks = ChangeHook(
        checkedDialects(plan.dialects).dialects,
        *(master, store, botmaster.now),
        checkers=checkersOf(plan.hookLogins)[0],
        pollers=master.pollers,
        told=lambda event, address, text: master.recordAction("", "hook", "sendChange", text, address),
    )
    return Parts(
        LastForced(),
        TABLE,
        Streams(clock),
        Followers(clock),
        EventStreams(clock),
        Outlines(clock),
        LogSearches(clock, botmaster.resources.logs.views),
        BoxCache(),
        LastRows(),
        PageCache(master.status.topics),
        Tails(),
        Counting(clock),
        Repeats(),
        Outcomes(clock),
        hooks,
    )


def _accessLog(basedir: str, plan: Plan) -> Any:
    file = LogFile(
        *("http.log", basedir), rotateLength=plan.logLength, maxRotatedFiles=plan.oldLogs, defaultMode=0o600
    )
    return _BytesLog(file)


class _BytesLog:
    """I pass text or bytes to a log file."""

    def __init__(self, file: LogFile) -> None:
        self._file = file

    def write(self, data: str) -> None:
        """Append a line."""
        self._file.write(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
