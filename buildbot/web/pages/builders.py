# -*- test-case-name: tests.stories.test_web -*-
"""The list of all builders."""

from __future__ import annotations

from buildbot.status.topics import BUILDERS, BUILDS, QUEUE
from buildbot.web.call import Call, Page, Part
from buildbot.web.markup import Value, join, link
from buildbot.web.pages.pieces import activity, result, since, table
from buildbot.web.routes import Parameter, Route

PARAMETERS = (
    Parameter("builder", "Show only these builders.", repeated=True),
    Parameter("category", "Show only builders of these categories or tags.", repeated=True),
    Parameter("tag", "Show only builders of these categories or tags.", repeated=True),
    Parameter("branch", "Show only the last builds of these branches.", repeated=True),
)


def chosen(call: Call) -> list[str]:
    """The names of the builders that the query asks for, in the order of the configuration."""
    tags = (*call.query["category"], *call.query["tag"]) or call.world.options.categories
    wanted = set(call.query["builder"])
    names = call.world.status.getBuilderNames(tags)
    return [name for name in names if not wanted or name in wanted]


def builders(call: Call) -> Page:
    """One line for each builder."""
    rows: list[list[Value]] = []
    for name in chosen(call):
        builder = call.world.status.getBuilder(name)
        now, running = builder.getState()
        last = builder.getLastFinishedBuild()
        rows.append(
            [
                link(call.to("builders", name), name),
                activity(now),
                ""
                if last is None
                else result(
                    last.getResults(),
                    f"#{last.getNumber()}",
                    call.to("builders", name, "builds", last.getNumber()),
                ),
                join(
                    [
                        join(
                            [
                                link(
                                    call.to("builders", name, "builds", each.getNumber()),
                                    f"#{each.getNumber()}",
                                ),
                                since(each.getTimes()[0], call.world.now()),
                            ],
                            " ",
                        )
                        for each in running
                    ],
                    ", ",
                ),
                len(builder.getPendingBuilds()) or "",
            ]
        )
    heads = ("Builder", "State", "Last build", "Running", "Waiting")
    return Page(
        "Builders",
        [Part("builders", table("Builders", heads, rows))],
        topics=(BUILDERS, BUILDS, QUEUE),
        ages=True,
    )


ROUTES = (
    Route("/builders", builders, "All builders: state, last result, running and waiting builds.", PARAMETERS),
)
