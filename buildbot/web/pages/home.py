# -*- test-case-name: tests.stories.test_webpages -*-
"""The first page: broken builders, running builds, and waiting requests with their reasons."""

from __future__ import annotations

from buildbot.model.rows import BuildRow, Standing
from buildbot.status.report import reportWaiting, runningBuilds
from buildbot.status.topics import BUILDERS, BUILDS, QUEUE, SLAVES
from buildbot.text.plural import counted
from buildbot.web.call import Call, Page, Part
from buildbot.web.lastrows import lastRowsOf
from buildbot.web.markup import Markup, Value, join, link
from buildbot.web.outage import Outage
from buildbot.web.pages.builders import buildLink
from buildbot.web.pages.changes import revision
from buildbot.web.pages.failure import failureLink
from buildbot.web.pages.pieces import RENEWAL, paragraph, section, since, table, timeLeft, when
from buildbot.web.pages.standing import isRed
from buildbot.web.routes import Route
from buildbot.web.serving import feeds


async def home(call: Call) -> Page:
    """Broken builders, running builds, and waiting requests."""
    names = call.world.status.getBuilderNames(call.world.options.categories)
    outage = Outage()
    standings = await lastRowsOf(call).standings(call.world, names, outage)
    broken = [(name, each) for name, each in standings.items() if each.last is not None and isRed(each.last)]
    return Page(
        call.world.config.projectName or "Home",
        [
            *outage.parts(),
            Part("numbers", paragraph(_numbers(call, names, len(broken)))),
            Part("broken", section("broken-title", "Broken", _broken(call, broken))),
            Part("running", section("running-title", "Running", _running(call))),
            Part("waiting", section("waiting-title", "Waiting", _waiting(call))),
        ],
        topics=(BUILDERS, BUILDS, QUEUE, SLAVES),
        ages=True,
        renews=outage.renewal(RENEWAL if runningBuilds(call.world.botmaster) else 0.0),
        feeds=feeds.links(call),
    )


def _numbers(call: Call, names: list[str], broken: int) -> Markup:
    """The numbers of the master, in one line, with a link to the slaves that are not connected."""
    slaves = [slave.slave_status for slave in call.world.botmaster.slaves.values()]
    connected = sum(1 for slave in slaves if slave.isConnected())
    running = len(runningBuilds(call.world.botmaster))
    parts: list[Value] = [
        f"{broken} of {counted(len(names), 'builder')} broken",
        f"{counted(running, 'build')} running",
        f"{connected} of {counted(len(slaves), 'slave')} connected",
    ]
    if connected < len(slaves):
        offline = call.to("buildslaves", query="only=offline")
        parts.append(link(offline, f"{len(slaves) - connected} offline"))
    return join(parts, " · ")


def _broken(call: Call, broken: list[tuple[str, Standing]]) -> Markup:
    rows = [
        [
            link(call.to("builders", name), name),
            _build(call, standing.last),
            "" if standing.last is None else standing.last.text,
            _since(call, standing),
            _between(call, standing),
            "" if standing.red is None else standing.red.who,
            "" if standing.last is None else failureLink(call, standing.last),
        ]
        for name, standing in broken
    ]
    if not rows:
        return paragraph("No builder is broken.")
    heads = ("Builder", "Last build", "Why", "Since", "Last good … first bad", "Changes by", "Failing log")
    return table("Broken builders", heads, rows)


def _build(call: Call, row: BuildRow | None) -> Value:
    """A link to a build, with its result."""
    return "" if row is None else buildLink(call, row)


def _since(call: Call, standing: Standing) -> Value:
    """The first red build, and when it ended."""
    red = standing.red
    if red is None:
        return ""
    first = link(call.to("builders", red.builder, "builds", red.number), f"#{red.number}")
    return join([first, when(red.finished)], ", ")


def _between(call: Call, standing: Standing) -> Value:
    """The last good and the first bad revision."""
    if standing.red is None:
        return ""
    bad = revision(call, standing.red.revision)
    if standing.good is None:
        return join(filter(None, ["never good", bad]), " … ")
    return join([revision(call, standing.good.revision), bad], " … ") if bad else ""


def _running(call: Call) -> Markup:
    rows = []
    for build in runningBuilds(call.world.botmaster):
        name, number, step = build.getBuilder().getName(), build.getNumber(), build.getCurrentStep()
        rows.append(
            [
                link(call.to("builders", name), name),
                link(call.to("builders", name, "builds", number), f"#{number}"),
                "" if step is None else step.getName(),
                link(call.to("buildslaves", build.getSlavename()), build.getSlavename()),
                since(build.getTimes()[0], call.world.now()),
                timeLeft(build.getTimeLeft()),
            ]
        )
    if not rows:
        return paragraph("No build runs.")
    return table("Running builds", ("Builder", "Build", "Step", "Slave", "For", "Time left"), rows)


def _waiting(call: Call) -> Markup:
    rows = [
        [
            link(call.to("builders", each["builder"]), each["builder"]),
            each["requests"],
            since(call.world.now() - each["lasts"], call.world.now()),
            each["why"],
        ]
        for each in reportWaiting(call.world.botmaster)
    ]
    if not rows:
        return paragraph("Nothing waits.")
    return table("Waiting requests", ("Builder", "Requests", "For", "Why"), rows)


ROUTES = (Route("/", home, "What is broken and since when, what runs, what waits and why."),)
