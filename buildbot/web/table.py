# -*- test-case-name: tests.stories.test_web -*-
"""All routes of the site."""

from __future__ import annotations

from buildbot.web import live
from buildbot.web.api import actions, commandline, events, openapi
from buildbot.web.api import builds as apiBuilds
from buildbot.web.api import parts as apiParts
from buildbot.web.call import Answer, Call, Problem
from buildbot.web.pages import (
    about,
    acts,
    build,
    builder,
    builders,
    change,
    changes,
    configuration,
    console,
    deliveries,
    disk,
    failure,
    grid,
    home,
    log,
    login,
    logsearch,
    logtext,
    manyacts,
    queue,
    revisions,
    schedulers,
    search,
    slaveacts,
    slaves,
    tokens,
    waterfall,
    waterfallhelp,
)
from buildbot.web.routes import Route, Table
from buildbot.web.serving import feeds, health, metrics, monitors, old08, v2, xmlrpc
from buildbot.web.static import named


def _static(call: Call) -> Answer:
    """A file with a hash in its name: it never changes."""
    file = named(call.values["file"])
    if file is None:
        raise Problem(404, "There is no such file", hint="Load the page again: its files have new names.")
    return Answer(file.content, file.type, cache="public, max-age=31536000, immutable")


TABLE = Table(
    [
        Route("/static/{file}", _static, "The style sheet, the script and the icon.", kind="file", action=""),
        *home.ROUTES,
        *builders.ROUTES,
        *builder.ROUTES,
        *build.ROUTES,
        *failure.ROUTES,
        *log.ROUTES,
        *logsearch.ROUTES,
        *logtext.ROUTES,
        *changes.ROUTES,
        *change.ROUTES,
        *slaves.ROUTES,
        *waterfall.ROUTES,
        *waterfallhelp.ROUTES,
        *grid.ROUTES,
        *console.ROUTES,
        *queue.ROUTES,
        *schedulers.ROUTES,
        *revisions.ROUTES,
        *search.ROUTES,
        *about.ROUTES,
        *configuration.ROUTES,
        *deliveries.ROUTES,
        *disk.ROUTES,
        *login.ROUTES,
        *acts.ROUTES,
        *manyacts.ROUTES,
        *slaveacts.ROUTES,
        *tokens.ROUTES,
        *live.ROUTES,
        *apiParts.ROUTES,
        *apiBuilds.ROUTES,
        *commandline.ROUTES,
        *actions.ROUTES,
        *events.ROUTES,
        *openapi.ROUTES,
        *feeds.ROUTES,
        *monitors.ROUTES,
        *health.ROUTES,
        *metrics.ROUTES,
        *old08.ROUTES,
        *v2.ROUTES,
        *xmlrpc.ROUTES,
    ]
)
