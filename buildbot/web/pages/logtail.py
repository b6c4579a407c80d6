# -*- test-case-name: tests.stories.test_weblog -*-
"""The last lines of the log of a build's failed step, for the page of the build."""

from __future__ import annotations

from buildbot.logs.view import LogView
from buildbot.model.records import BuildRecord
from buildbot.status.build import BuildStatus
from buildbot.web.call import Call
from buildbot.web.logreading import ShownLog, liveOf
from buildbot.web.logs.failures import Failures
from buildbot.web.logs.painting import Painter, stateAfter
from buildbot.web.markup import NOTHING, Href, Markup, Template, join, link
from buildbot.web.pages.pieces import section
from buildbot.web.reading import failedLog

#: How many lines are shown.
LINES = 20

_LINES = Template('<div class="log"><div class="block short">\n{lines}</div></div><p>{more}</p>')


async def lastLines(call: Call, build: BuildRecord, status: BuildStatus | None) -> Markup:
    """The last lines of the first failed step; nothing without one, or if the visitor may not read logs."""
    found = failedLog(build)
    if found is None or not await call.may("viewLogs", build.builder):
        return NOTHING
    step, record = found
    directory = call.world.botmaster.resources.logs
    shown = ShownLog(build, status, step, record, directory, liveOf(status, record))
    to = call.to(*shown.segments)
    try:
        lines = await directory.views.soon(
            shown.place(), lambda view: _painted(view, to, shown.failures), True
        )
    except OSError:
        return NOTHING  # the log was deleted
    content = _LINES(lines=join(lines, Markup("\n")), more=link(to, f"The whole log {record.name}"))
    return section("failed-title", f"Last lines of {step.name}", content)


def _painted(view: LogView, to: Href, failures: Failures) -> list[Markup]:
    """The last lines. Blocks."""
    found = view.last(LINES)
    lines = (*found.lines, *found.unnumbered)
    first = lines[0].number if lines else None
    state = stateAfter(view.before(first)) if first else None
    return Painter(state, failures=failures, base=to).paint(lines)
