# -*- test-case-name: tests.stories.test_web -*-
"""A running web server: its door, its routes, and the objects that its requests share.

L{buildbot.web.service} has the arguments and the ports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.web import server

from buildbot.events.onuse import onUse
from buildbot.web.accesslog import AccessLog
from buildbot.web.accounts.door import Door, DoorSettings
from buildbot.web.accounts.logins import Logins
from buildbot.web.dispatch import Dispatcher, Elsewhere
from buildbot.web.hooks.logins import checkersOf
from buildbot.web.hooks.options import checkedDialects
from buildbot.web.http import Site
from buildbot.web.looking import Looking
from buildbot.web.requestcounts import RequestCounts
from buildbot.web.root import OwnFiles, Root
from buildbot.web.world import Parts, Settings, World

if TYPE_CHECKING:
    from buildbot.web import firstuse
    from buildbot.web.hooks import changehook, resource
else:  # a web server at which nobody looks has no pages in memory, and one without hooks none for them
    firstuse = onUse("buildbot.web.firstuse")
    changehook = onUse("buildbot.web.hooks.changehook")
    resource = onUse("buildbot.web.hooks.resource")


@dataclass(frozen=True)
class Plan:
    """The arguments of a web server, as checked values.

    @ivar dialects: the hooks of forges, with their options.
    @ivar hookLogins: the checkers of a login before each hook.
    @ivar files: the own files of the site.
    @ivar children: the own resources, by the first segment of their paths.
    @ivar site: an own site, in place of ours.
    @ivar log: gets a line for each request.
    """

    settings: Settings
    door: DoorSettings
    dialects: Mapping[str, Any]
    hookLogins: Any
    files: OwnFiles
    children: Mapping[bytes, Any]
    site: server.Site | None
    log: AccessLog


class Running:
    """I am a running web server. Its ports belong to its L{buildbot.web.service.WebStatus}."""

    def __init__(self, world: World, dispatcher: Dispatcher, site: Any, logins: Logins) -> None:
        self.world = world
        self.dispatcher = dispatcher
        self.site = site
        self._unwatch = logins.watch(dispatcher.staying.beat)

    def stop(self) -> None:
        """End all streams."""
        self._unwatch()
        self.dispatcher.staying.stop()
        self.world.parts.stop()


def serving(master: Any, plan: Plan, elsewhere: Elsewhere | None = None) -> Running:
    """Make a running web server. The logins of the master are loaded.

    @param master: the L{buildbot.buildmaster.service.BuildMaster}.
    @param elsewhere: see L{Dispatcher}.
    """
    clock = master.botmaster.clock
    door = Door(plan.door, master, master.logins)
    requests = RequestCounts()
    looking = Looking(clock, master.botmaster.resources.logs.lookers, left=lambda: world.parts.forget())
    hook = _hookOf(master, plan) if plan.dialects else None

    def others() -> list[object]:
        return [hook or _hookOf(master, plan), *firstuse.partsOf(master, requests)]

    world = World(master, clock, door, plan.settings, Parts(requests, looking, others=others))
    dispatcher = Dispatcher(world, lambda: firstuse.tablesOf(plan.settings), door, elsewhere)
    root = Root(dispatcher, plan.files)
    if hook is not None and hook.dialects:
        root.putChild(b"change_hook", resource.HookResource(hook))
    for name, child in (*plan.children.items(), *master.inner.items()):
        root.putChild(name, child)
    site: Any = plan.site or Site(root, clock, plan.log)
    if isinstance(site, Site):
        site.counts = requests
    return Running(world, dispatcher, site, master.logins)


def _hookOf(master: Any, plan: Plan) -> changehook.ChangeHook:
    """The hooks of forges."""
    botmaster = master.botmaster
    return changehook.ChangeHook(
        checkedDialects(plan.dialects).dialects,
        *(master, botmaster.resources.store, botmaster.now),
        checkers=checkersOf(plan.hookLogins)[0],
        pollers=master.pollers,
        told=lambda event, address, text: master.recordAction("", "hook", "sendChange", text, address),
    )
