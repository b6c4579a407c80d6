# -*- test-case-name: tests.stories.test_webpages -*-
"""The list of all builders, with a strip of their last builds; and lists of the last builds of all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from urllib.parse import urlencode

from buildbot.model.results import EXCEPTION, FAILURE
from buildbot.model.rows import BuildFilter, BuildRow
from buildbot.status.build import BuildStatus
from buildbot.status.topics import BUILDERS, BUILDS, QUEUE
from buildbot.text.lasting import lasting
from buildbot.web.call import Answer, Call, Page, Part, redirect
from buildbot.web.lastrows import lastRowsOf
from buildbot.web.markup import NOTHING, Markup, Value, join, link
from buildbot.web.outage import Outage
from buildbot.web.pages.acting import selectLink
from buildbot.web.pages.boxes import Boxes
from buildbot.web.pages.changes import revision
from buildbot.web.pages.choice import NAMES, field, narrowed, pointIn, times, turning
from buildbot.web.pages.forms import Field, searchForm
from buildbot.web.pages.pieces import activity, paragraph, result, since, table, when
from buildbot.web.pages.standing import COUNT, judge
from buildbot.web.routes import Parameter, Route

PARAMETERS = (
    Parameter("builder", "Show only these builders.", repeated=True),
    Parameter("category", "Show only builders of these categories or tags.", repeated=True),
    Parameter("tag", "Show only builders of these categories or tags.", repeated=True),
    Parameter("branch", "Show only builds of these branches.", repeated=True),
)


def chosen(call: Call) -> list[str]:
    """The names of the builders that the query asks for, in the order of the configuration."""
    tags = (*call.query["category"], *call.query["tag"]) or call.world.options.categories
    wanted = set(call.query["builder"])
    names = call.world.status.getBuilderNames(tags)
    return [name for name in names if not wanted or name in wanted]


def isOnBranch(branch: str | None, branches: Sequence[str]) -> bool:
    """True if a query asks for this branch; "trunk" also stands for builds without a branch."""
    return not branches or branch in branches or (not branch and "trunk" in branches)


def ofBranches(rows: Sequence[BuildRow], branches: Sequence[str]) -> Sequence[BuildRow]:
    """The builds of some branches; C{rows} itself if none is given. See L{isOnBranch}."""
    return [row for row in rows if isOnBranch(row.branch, branches)] if branches else rows


def storedBranches(branches: Sequence[str]) -> tuple[str, ...]:
    """The branches of a query, as the store names them. "trunk" also finds builds without a branch."""
    return (*branches, *([""] if "trunk" in branches else []))


async def builders(call: Call) -> Page:
    """One line for each builder."""
    names = chosen(call)
    kept, boxes, outage = lastRowsOf(call), Boxes(call), Outage()
    found = await kept.of(call.world, names, COUNT, outage)
    rows: list[list[Value]] = []
    for name in names:
        if name not in call.world.botmaster.builders:
            continue  # removed meanwhile
        builder = call.world.status.getBuilder(name)
        now, running = builder.getState()
        last = ofBranches(found[name], call.query["branch"])
        shown = kept.once(name, COUNT, last, f"builders {call.root}", partial(_last, call, boxes, last))
        waiting = builder.countPendingBuilds()
        rows.append(
            [
                link(call.to("builders", name), name),
                activity("waiting" if now == "idle" and waiting else now),
                *shown,
                join((_running(call, name, each) for each in running), ", "),
                waiting or "",
            ]
        )
    heads = ("Builder", "State", "Last build", "Standing", f"Last {COUNT}", "Running", "Waiting")
    none = "No builder meets these conditions." if call.given else "There are no builders."
    content = table("Builders", heads, rows, "builder") if rows else paragraph(none)
    parts: list[Part | Markup] = [
        *outage.parts(),
        narrowed(call),
        Part("builders", content),
        await selectLink(call, names),
    ]
    return Page("Builders", parts, topics=(BUILDERS, BUILDS, QUEUE), ages=True, renews=outage.renewal())


def _last(call: Call, boxes: Boxes, rows: Sequence[BuildRow]) -> tuple[Value, ...]:
    """The last finished build of a builder, its standing, and its last builds."""
    over = next((row for row in rows if row.finished is not None), None)
    if over is None:
        return "", "", boxes.runs(rows)
    return buildLink(call, over), judge(rows).words(), boxes.runs(rows)


def buildLink(call: Call, row: BuildRow) -> Markup:
    """The result and the number of a build, as a link."""
    return result(row.results, f"#{row.number}", call.to("builders", row.builder, "builds", row.number))


def _running(call: Call, name: str, build: BuildStatus) -> Markup:
    number, (started, _) = build.getNumber(), build.getTimes()
    return join(
        [link(call.to("builders", name, "builds", number), f"#{number}"), since(started, call.world.now())],
        " ",
    )


def rowTable(call: Call, rows: Sequence[BuildRow], caption: str) -> Markup:
    """A table of builds of any builder."""
    lines = [
        [
            link(call.to("builders", row.builder), row.builder),
            buildLink(call, row),
            row.text,
            revision(call, row.revision),
            row.branch,
            row.who or row.reason,
            link(call.to("buildslaves", row.slave), row.slave),
            when(row.started),
            since(row.started, call.world.now())
            if row.finished is None
            else lasting(row.finished - row.started),
        ]
        for row in rows
    ]
    heads = ("Builder", "Build", "Outcome", "Revision", "Branch", "Why", "Slave", "Started", "Duration")
    return table(caption, heads, lines)


async def oneLinePerBuild(call: Call) -> Page:
    """The last builds of all builders."""
    names = chosen(call)
    own = call.values.get("builder")
    if own is not None:
        names = [own]  # it may be removed from the configuration
    count = call.query["numbuilds"] or call.world.options.numbuilds
    wanted = BuildFilter(
        builders=tuple(names),
        branches=storedBranches(call.query["branch"]),
        slave=call.query["slave"] or None,
        abbreviated=call.query["revision"] or None,
        results=(FAILURE, EXCEPTION) if call.query["failed"] else (),
        since=pointIn(call, "since"),
        until=pointIn(call, "until"),
    )
    page = await call.world.store.getBuildRows(wanted, count, call.query["cursor"])
    none = "No build meets these conditions." if call.given else "There are no builds."
    content: list[Value] = [
        rowTable(call, page.rows, "Builds, newest first") if page.rows else paragraph(none)
    ]
    content.append(turning(call, "builds", "cursor", page.next or None))
    isRemoved = own is not None and page.rows and own not in call.world.botmaster.builders
    note = paragraph("The configuration does not have this builder any more.") if isRemoved else NOTHING
    return Page(
        "Builds" if own is None else f"Builds of {own}",
        [note, _form(call), narrowed(call, NAMES[:-1]), Part("builds", join(content))],
        topics=(BUILDERS, BUILDS),
        ages=True,
        refresh=max(15, call.query["reload"]) if call.query["reload"] else 0,
    )


def _form(call: Call) -> Markup:
    """The form that chooses builds. What the address chooses besides stays chosen."""
    names = ("builder", "category", "tag", "numbuilds")
    kept = [Field(name, "", text, "hidden") for name in names for text in call.given.get(name, ()) if text]
    branch = next(iter(call.query["branch"]), "")
    fields = (
        *kept,
        field(call, "slave", "Slave"),
        Field("branch", "Branch (trunk is the main line)", branch),
        field(call, "revision", "Revision"),
        *times(call),
        Field("failed", "Only failures and exceptions", "true", "checkbox", isOn=call.query["failed"]),
    )
    return searchForm(call.to(*call.segments), "Choose builds", fields)


def oneBoxPerBuilder(call: Call) -> Answer:
    """The page of 0.7 with the last build of each builder: the list of builders has that."""
    known = {each.name for each in PARAMETERS}
    query = urlencode([(name, text) for name in known & set(call.given) for text in call.given[name]])
    return redirect(call.to("builders", query=query), 301)


_LINES = (
    *PARAMETERS,
    Parameter("numbuilds", "How many builds.", "integer", least=1, most=1000),
    Parameter("reload", "Seconds after which the page is loaded again; at least 15.", "integer"),
    Parameter("cursor", "Where an older page begins.", default=""),
    Parameter("slave", "Only builds on this slave."),
    Parameter("revision", "Only builds of this revision, or the beginning of its hash."),
    Parameter("failed", "Only failed and broken builds.", "flag", default=False),
    Parameter("since", "Only builds that began at this time or later."),
    Parameter("until", "Only builds that began before this time."),
)
ROUTES = (
    Route(
        "/builders", builders, "All builders: state, standing, last builds, running and waiting.", PARAMETERS
    ),
    Route("/one_line_per_build", oneLinePerBuild, "The last builds of all builders.", _LINES),
    Route("/one_line_per_build/{builder}", oneLinePerBuild, "The last builds of one builder.", _LINES),
    Route(
        "/one_box_per_builder",
        oneBoxPerBuilder,
        "The list of builders, at its old address.",
        PARAMETERS,
        kind="old",
    ),
)
