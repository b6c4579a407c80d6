# -*- test-case-name: tests.stories.test_web -*-
"""The first page: what is broken, what runs, what waits and why."""

from __future__ import annotations

from buildbot.status.report import reportWaiting, runningBuilds
from buildbot.status.topics import BUILDERS, BUILDS, QUEUE
from buildbot.web.call import Call, Page, Part
from buildbot.web.markup import Markup, link
from buildbot.web.pages.pieces import lasting, paragraph, result, section, since, table
from buildbot.web.routes import Route

#: The results that need attention.
_RED = (2, 4)


def home(call: Call) -> Page:
    """What is broken, what runs, and what waits."""
    return Page(
        call.world.config.projectName or "Home",
        [
            Part("broken", section("broken-title", "Broken", _broken(call))),
            Part("running", section("running-title", "Running", _running(call))),
            Part("waiting", section("waiting-title", "Waiting", _waiting(call))),
        ],
        topics=(BUILDERS, BUILDS, QUEUE),
        ages=True,
    )


def _broken(call: Call) -> Markup:
    rows = []
    for name in call.world.status.getBuilderNames():
        last = call.world.status.getBuilder(name).getLastFinishedBuild()
        if last is not None and last.getResults() in _RED:
            number = last.getNumber()
            rows.append(
                [
                    link(call.to("builders", name), name),
                    result(last.getResults(), f"#{number}", call.to("builders", name, "builds", number)),
                    " ".join(last.getText()),
                    ", ".join(last.getResponsibleUsers()),
                ]
            )
    if not rows:
        return paragraph("No builder is broken.")
    return table("Broken builders", ("Builder", "Last build", "Why", "Changes by"), rows)


def _running(call: Call) -> Markup:
    rows = []
    for build in runningBuilds(call.world.botmaster):
        name, number, step = build.getBuilder().getName(), build.getNumber(), build.getCurrentStep()
        eta = build.getETA()
        rows.append(
            [
                link(call.to("builders", name), name),
                link(call.to("builders", name, "builds", number), f"#{number}"),
                "" if step is None else step.getName(),
                build.getSlavename(),
                since(build.getTimes()[0], call.world.now()),
                "" if eta is None else lasting(eta),
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
            lasting(each["lasts"]),
            each["why"],
        ]
        for each in reportWaiting(call.world.botmaster)
    ]
    if not rows:
        return paragraph("Nothing waits.")
    return table("Waiting requests", ("Builder", "Requests", "For", "Why"), rows)


ROUTES = (Route("/", home, "What is broken, what runs, what waits and why."),)
