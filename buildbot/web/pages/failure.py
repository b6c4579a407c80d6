# -*- test-case-name: tests.stories.test_webfailure -*-
"""The address that leads from a failed build to the log of its failed step, at the failing line.

So lists can link to the failing line without reading builds and logs.
"""

from __future__ import annotations

from buildbot.model.rows import BuildRow
from buildbot.web.call import Answer, Call, redirect
from buildbot.web.logreading import ShownLog, liveOf
from buildbot.web.logs.outline import Outlined
from buildbot.web.markup import Markup, link
from buildbot.web.outlines import Outlines
from buildbot.web.pages.build import buildPath
from buildbot.web.reading import buildOf, failedLog
from buildbot.web.routes import Route


async def failure(call: Call) -> Answer:
    """Go to the log of the first failed step, at its first failing line; without such a log, to the build."""
    build, status = await buildOf(call)
    found = failedLog(build)
    if found is None:
        return redirect(call.to(*buildPath(build)))
    step, record = found
    directory = call.world.botmaster.resources.logs
    shown = ShownLog(build, status, step, record, directory, liveOf(status, record))
    line = await _failingLine(call, shown) if await call.may("viewLogs", build.builder) else 0
    if not line:
        return redirect(call.to(*shown.segments))
    return redirect(call.to(*shown.segments, query=f"line={line}", anchor=f"L{line}"))


async def _failingLine(call: Call, shown: ShownLog) -> int:
    """The number of the first failing line; 0 if the search finds none in time."""
    outlines = call.world.part(Outlines)
    views, place = shown.directory.views, shown.place()
    try:
        outlined = await views.soon(
            place, lambda view: Outlined() if view.isPart else outlines.of(view), True
        )
    except OSError:
        return 0  # the log was deleted
    lines = outlined.failing or outlined.last
    return lines[0].number if lines else 0


def failureLink(call: Call, row: BuildRow) -> Markup:
    """A link to the failing log of a build."""
    to = call.to("builders", row.builder, "builds", row.number, "failure")
    return link(to, f"log of #{row.number}")


ROUTES = (
    Route(
        "/builders/{builder}/builds/{number:int}/failure",
        failure,
        "Leads to the log of the first failed step of a build, at its first failing line.",
        kind="way",
    ),
)
