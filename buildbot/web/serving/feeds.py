# -*- test-case-name: tests.stories.test_webfeeds -*-
"""C{/atom} and C{/rss}: feeds of builds that failed, or turned their builder red or green."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from buildbot.status.topics import BUILDERS, BUILDS
from buildbot.web import window
from buildbot.web.call import Answer, Call, Problem
from buildbot.web.feeds import atom as atomFormat
from buildbot.web.feeds import rss as rssFormat
from buildbot.web.feeds.entries import FeedHead, titled
from buildbot.web.feeds.views import CHOICES, FAILURES, BuildView
from buildbot.web.markup import Href
from buildbot.web.routes import Parameter, Route
from buildbot.web.serving.gathering import Tails, addressOf, answered, baseOf, finished
from buildbot.web.serving.unchanged import kept
from buildbot.web.window import Window

PARAMETERS = (
    Parameter("builder", "Only builds of these builders.", repeated=True),
    Parameter("show", "The old name of builder.", repeated=True),
    Parameter("category", "Only builders of these categories or tags.", repeated=True),
    Parameter("tag", "Only builders of these categories or tags.", repeated=True),
    Parameter("branch", "Only builds of these branches.", repeated=True),
    Parameter("committer", "Only builds with changes by these people.", repeated=True),
    Parameter("project", "Only builds of these projects.", repeated=True),
    *window.PARAMETERS,
    Parameter("only", "Which builds.", default=FAILURES, choices=CHOICES),
    Parameter("failures_only", "Only failed builds, as in older releases.", "flag", default=False),
)


async def atom(call: Call) -> Answer:
    """The feed as Atom 1.0."""
    return await _feed(call, "atom", atomFormat.atom, atomFormat.CONTENT_TYPE)


async def rss(call: Call) -> Answer:
    """The feed as RSS 2.0."""
    return await _feed(call, "rss", rssFormat.rss, rssFormat.CONTENT_TYPE)


async def _feed(
    call: Call, kind: str, written: Callable[[FeedHead, Sequence[BuildView]], bytes], type: bytes
) -> Answer:
    if kind not in call.world.options.feeds:
        raise Problem(404, "This master has no such feed", hint=f"WebStatus: provide_feeds needs {kind!r}.")
    asked = call.query
    tags = (*asked["category"], *asked["tag"])
    names = call.world.status.getBuilderNames(tags or call.world.options.categories)
    builders = (*asked["builder"], *asked["show"])
    wanted = [name for name in names if not builders or name in builders]
    readable = frozenset([name for name in wanted if await call.may("viewLogs", name)])

    async def make() -> Answer:
        only = FAILURES if asked["failures_only"] else asked["only"]
        span = Window.of(asked, call.world.now())
        builds = await finished(
            call.world, wanted, only, asked["branch"], asked["committer"], asked["project"], span
        )
        tails = call.world.part(Tails)
        builds = [
            await tails.added(call.world, each) if each.builder in readable else each for each in builds
        ]
        project = call.world.config.projectName
        title = titled(project, only, builders, tags, asked["branch"])
        head = FeedHead(title, baseOf(call), addressOf(call), call.world.master.since)
        return answered(written(head, builds), type)

    return await kept(call, (BUILDERS, BUILDS), make, tuple(sorted(readable)))


def links(call: Call) -> list[tuple[str, str, Href]]:
    """The feeds of a page, for feed readers: title, type and address."""
    found = []
    for kind, title, type in (
        ("atom", "Failed builds (Atom)", atomFormat.CONTENT_TYPE),
        ("rss", "Failed builds (RSS)", rssFormat.CONTENT_TYPE),
    ):
        if kind in call.world.options.feeds:
            found.append((title, type.decode().partition(";")[0], call.to(kind)))
    return found


ROUTES = (
    Route("/atom", atom, "The latest failed builds, as an Atom feed.", PARAMETERS, kind="feed"),
    Route("/rss", rss, "The latest failed builds, as an RSS feed.", PARAMETERS, kind="feed"),
)
