# -*- test-case-name: tests.stories.test_webfeeds -*-
"""The states of builders for monitors, READMEs and lamps: C{/cctray.xml}, C{/badge} and C{/png}."""

from __future__ import annotations

from collections.abc import Sequence

from buildbot.model.rows import BuildFilter
from buildbot.status.topics import BUILDERS, BUILDS, QUEUE, builderTopic
from buildbot.web.call import Answer, Call, Problem
from buildbot.web.feeds import badge as badges
from buildbot.web.feeds import cctray as cctrayFormat
from buildbot.web.feeds import png as pngFormat
from buildbot.web.feeds.badge import Badge, badgeOf, unknownBadge
from buildbot.web.feeds.views import BuilderView, isDecisive
from buildbot.web.lastrows import lastRowsOf
from buildbot.web.routes import Parameter, Route
from buildbot.web.serving.gathering import answered, baseOf, lastFinished, viewOf
from buildbot.web.serving.unchanged import kept

#: The last builds among which the last finished, and the last green or red one are looked for.
LAST = 20
#: What proxies of images need to ask again each time.
_FRESH = "no-cache, max-age=0"
#: Pages of other sites show badges, so browsers may load badges from there.
_ANYWHERE = (("Cross-Origin-Resource-Policy", "cross-origin"),)
#: The formats of a badge, by the end of its address.
_SVG, _JSON = ".svg", ".json"


async def cctray(call: Call) -> Answer:
    """The builders, for CCTray and its like."""

    async def make() -> Answer:
        tags = (*call.query["category"], *call.query["tag"]) or call.world.options.categories
        asked = call.query["builder"]
        names = [name for name in call.world.status.getBuilderNames(tags) if not asked or name in asked]
        views = await _builders(call, names)
        return answered(cctrayFormat.cctray(baseOf(call), views), cctrayFormat.CONTENT_TYPE)

    return await kept(call, (BUILDERS, BUILDS, QUEUE), make)


async def _builders(call: Call, names: Sequence[str]) -> list[BuilderView]:
    found = await lastRowsOf(call).of(call.world, names, LAST)
    views = []
    for name in names:
        builder = call.world.status.getBuilder(name)
        state, _ = builder.getState()
        isWaiting = state == "idle" and builder.countPendingBuilds()
        rows = found[name]
        views.append(
            BuilderView(
                name,
                "waiting" if isWaiting else state,
                builder.category,
                lastFinished(rows),
                lastFinished(rows, decisive=True),
            )
        )
    return views


async def _builder(call: Call, name: str, branch: str | None) -> BuilderView | None:
    """One builder with the last finished build (of a branch); None if there is no such builder."""
    if name not in call.world.status.getBuilderNames():
        return None
    state, _ = call.world.status.getBuilder(name).getState()
    wanted = BuildFilter((name,), branch="" if branch == "trunk" else branch, state="finished")
    page = await call.world.store.getBuildRows(wanted, 1)
    last = viewOf(page.rows[0]) if page.rows else None
    return BuilderView(name, state, None, last, last if last and isDecisive(last.results) else None)


async def badge(call: Call) -> Answer:
    """The badge of a builder, as an image or as values for shields.io."""
    file = call.values["badge"]
    name, form = next(
        ((file.removesuffix(each), each) for each in (_SVG, _JSON) if file.endswith(each)), (file, "")
    )
    if not form:
        raise Problem(
            404, "There is no such badge", hint=f"Add {_SVG} or {_JSON} to the name of the builder."
        )
    label, branch = call.query["label"], call.query["branch"]

    async def make() -> Answer:
        view = await _builder(call, name, branch)
        if view is None:
            return _drawn(call, unknownBadge(name, label), form, 404)
        return _drawn(call, badgeOf(view, label, branch), form)

    return await kept(call, (builderTopic(name), BUILDERS), make)


def _drawn(call: Call, shown: Badge, form: str, status: int = 200) -> Answer:
    if form == _JSON:
        return Answer(badges.shields(shown), badges.JSON_TYPE.decode(), status, _ANYWHERE, cache=_FRESH)
    image = badges.svg(shown, call.query["style"])
    return Answer(image, badges.CONTENT_TYPE.decode(), status, _ANYWHERE, cache=_FRESH)


async def png(call: Call) -> Answer:
    """The last result of a builder as a small image, as in 0.8."""
    name, size = call.query["builder"], call.query["size"]
    if not name:
        raise Problem(400, "A parameter is missing", "The parameter builder names the builder.")

    async def make() -> Answer:
        isKnown = name in call.world.status.getBuilderNames()
        image = pngFormat.png(await _resultFor(call, name) if isKnown else None, size)
        status = 200 if isKnown else 404
        return Answer(image, pngFormat.CONTENT_TYPE.decode(), status, _ANYWHERE, cache=_FRESH)

    return await kept(call, (builderTopic(name), BUILDERS), make)


async def _resultFor(call: Call, builder: str) -> int | None:
    """The result of the build with the number or revision of the address; else of the last build."""
    number, store = call.query["number"], call.world.store
    wanted = BuildFilter((builder,), revision=call.query["revision"] or None, state="finished")
    if number >= 0:
        build = await store.getBuild(builder, number)
        return None if build is None else build.results
    rows = (await store.getBuildRows(wanted, -number)).rows
    return rows[-1].results if len(rows) == -number else None


_CHOICE = (
    Parameter("builder", "Only these builders.", repeated=True),
    Parameter("category", "Only builders of these categories or tags.", repeated=True),
    Parameter("tag", "Only builders of these categories or tags.", repeated=True),
)
ROUTES = (
    Route("/cctray.xml", cctray, "The states of builders for CCTray and its like.", _CHOICE, kind="feed"),
    Route("/cc.xml", cctray, "The same as /cctray.xml.", _CHOICE, kind="feed"),
    Route(
        "/badge/{badge}",
        badge,
        "The badge of a builder: NAME.svg is an image, NAME.json are values for shields.io.",
        (
            Parameter("branch", "Only builds of this branch."),
            Parameter("label", "The text on the left; without it, the name of the builder."),
            Parameter("style", "The style of the image.", default="flat", choices=badges.STYLES),
        ),
        kind="feed",
    ),
    Route(
        "/png",
        png,
        "The last result of a builder as a small image.",
        (
            Parameter("builder", "The name of the builder."),
            Parameter(
                "number",
                "The number of a build; a negative one counts from the last finished one.",
                "integer",
                default=-1,
                least=-100,
            ),
            Parameter("revision", "Only builds of this revision."),
            Parameter("size", "The size.", default="normal", choices=tuple(pngFormat.SIZES)),
        ),
        kind="feed",
    ),
)
