# -*- test-case-name: tests.stories.test_webpages -*-
"""The page of one builder: its state, its queue and why it waits, its slaves, and its last builds."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from urllib.parse import urlencode

from buildbot.control.audit import aboutBuilder
from buildbot.model.records import BuildRecord
from buildbot.model.rows import BuildFilter, BuildRow
from buildbot.status.report import runningBuilds
from buildbot.status.slave import SlaveStatus
from buildbot.status.topics import CHANGES, SLAVES, builderTopic
from buildbot.text.lasting import lasting
from buildbot.web.call import Answer, Call, Page, Part, redirect
from buildbot.web.lastrows import lastRowsOf
from buildbot.web.markup import NOTHING, Markup, Value, join, link
from buildbot.web.pages.acting import doneHere, loginOffer
from buildbot.web.pages.acts import builderForms, cancelForm
from buildbot.web.pages.blame import Broken, brokenSince
from buildbot.web.pages.boxes import Boxes
from buildbot.web.pages.builders import buildLink
from buildbot.web.pages.changes import revision
from buildbot.web.pages.choice import turning
from buildbot.web.pages.pieces import activity, facts, paragraph, result, section, since, table, when
from buildbot.web.pages.revisions import changeRows
from buildbot.web.pages.sources import branchIn, revisionOf
from buildbot.web.pages.standing import COUNT, judge
from buildbot.web.reading import noBuilder
from buildbot.web.routes import Parameter, Route


async def _hasBuilds(call: Call, name: str) -> bool:
    """True if the store has builds of a builder with this name."""
    try:
        found = await call.world.store.getBuildRows(BuildFilter(builders=(name,)), 1)
    except ValueError:  # nothing can have such a name
        return False
    return bool(found.rows)


#: The most waiting requests on the page; the queue has all of them.
MOST_WAITING = 100


async def builderPage(call: Call) -> Page | Answer:
    """One builder. The address of one that is removed from the configuration leads to its builds."""
    name = call.values["builder"]
    if name not in call.world.botmaster.builders:
        if await _hasBuilds(call, name):
            return redirect(call.to("one_line_per_build", name))
        raise noBuilder(call.world, name)
    count = call.query["numbuilds"] or call.world.options.numbuilds
    store = call.world.store
    before = call.query["before"]
    found = await store.getBuilds(name, count + 1, before)
    records, isMore = found[:count], len(found) > count
    last = (await lastRowsOf(call).of(call.world, [name], COUNT))[name]
    broken = await brokenSince(store, name)
    mayCancel = await call.may("cancelRequest", name)
    mayForce = await call.may("forceBuild", name) or bool(await loginOffer(call, ("forceBuild",), name))
    return Page(
        name,
        [
            Part("summary", _summary(call, name, last)),
            await builderForms(call, name),
            Part("broken", NOTHING if broken is None else _broken(call, broken, mayForce)),
            Part("queue", section("queue-title", "Waiting", _queue(call, name, mayCancel))),
            Part("slaves", section("slaves-title", "Slaves", _slaves(call, name))),
            Part("builds", section("builds-title", "Builds", _builds(call, name, records, isMore))),
            Part("done", await doneHere(call, aboutBuilder(name))),
        ],
        topics=(builderTopic(name), SLAVES, CHANGES),
        ages=True,
        trail=(("Builders", call.to("builders")),),
    )


def _summary(call: Call, name: str, last: Sequence[BuildRow]) -> Markup:
    status = call.world.status.getBuilder(name)
    setup = call.world.config.builders[name]
    return facts(
        ("State", activity(status.getState()[0])),
        ("Standing", judge(last).words()),
        (f"Last {COUNT}", Boxes(call).strip(last) if last else None),
        ("Description", setup.description),
        ("Category", _tagged(call, [setup.category] if setup.category else [])),
        ("Tags", _tagged(call, setup.tags)),
        ("Build directory", setup.builddir),
    )


def _tagged(call: Call, tags: Iterable[str]) -> Markup:
    """Categories or tags, as links to their builders."""
    return join([link(call.to("builders", query=urlencode({"tag": each})), each) for each in tags], ", ")


def _broken(call: Call, broken: Broken, mayForce: bool) -> Markup:
    """The last good and the first bad build, and the changes between them.

    @param mayForce: whether the visitor may force a build, perhaps after a login.
    """
    good, red = broken.good, broken.red
    content: list[Value] = [
        facts(
            ("Last good", "never" if good is None else _one(call, good)),
            ("First bad", _one(call, red)),
        )
    ]
    if broken.changes:
        content.append(changeRows(call, broken.changes, "Changes since the last good build"))
        middle = broken.middle()
        if middle is not None and mayForce:
            query = urlencode({"revision": middle.revision, "branch": middle.branch or ""})
            to = call.to("builders", red.builder, "force", query=query)
            content.append(paragraph(link(to, f"Build the middle of them: {middle.revision}")))
    else:
        content.append(paragraph("The changes between them are not known."))
    return section("broken-title", "Broken", join(content))


def _one(call: Call, row: BuildRow) -> Markup:
    """A build: its result, its revision and its end."""
    return join([buildLink(call, row), revision(call, row.revision), when(row.finished)], " ")


def _queue(call: Call, name: str, mayCancel: bool) -> Markup:
    builder = call.world.botmaster.builders[name]
    waiting = [*builder.starting, *builder.pending]
    count = len(builder.starting) + builder.waiting
    if not count:
        return paragraph("Nothing waits.")
    rows: list[list[Value]] = [
        [
            each.id,
            each.reason,
            when(each.submitted),
            since(each.submitted, call.world.now()),
            *([cancelForm(call, name, each.id or 0)] if mayCancel else []),
        ]
        for each in waiting[:MOST_WAITING]
    ]
    heads = ("Request", "Reason", "Since", "For", *(["Act"] if mayCancel else []))
    why = builder.whyWaiting() or "its build is about to start"
    return join(
        [
            paragraph(f"{count} waiting: {why}"),
            table("Waiting requests", heads, rows),
            paragraph(link(call.to("queue", query=urlencode({"builder": name})), f"All {count} of them"))
            if count > len(rows)
            else NOTHING,
            cancelForm(call, name, "all", "Cancel all") if mayCancel else NOTHING,
        ]
    )


def _slaves(call: Call, name: str) -> Markup:
    busy = {build.getSlavename() for build in runningBuilds(call.world.botmaster)}
    rows = [
        [
            link(call.to("buildslaves", each.getName()), each.getName()),
            join([activity(_activityOf(each, busy)), _instanceOf(call, each.getName())], " "),
        ]
        for each in call.world.status.getBuilder(name).getSlaves()
    ]
    return table("Slaves of the builder", ("Slave", "State"), rows)


def _instanceOf(call: Call, name: str) -> str:
    """The state of the instance of a latent slave, in words; empty for other slaves."""
    instance = call.world.botmaster.slaves[name].instance
    return "" if instance is None else str(instance.words())


def _activityOf(slave: SlaveStatus, busy: Container[str]) -> str:
    """The activity of a slave; C{busy} has the names of the building slaves."""
    if not slave.isConnected():
        return "offline"
    return "building" if slave.getName() in busy else "idle"


def _builds(call: Call, name: str, records: list[BuildRecord], isMore: bool) -> Markup:
    """The builds of one page, with links to the newest and to older ones."""
    isOlder = call.query["before"] is not None
    content: list[Value] = [
        buildTable(call, records, f"Builds of {name}, newest first")
        if records
        else paragraph("There are no older builds." if isOlder else "There are no builds.")
    ]
    content.append(turning(call, "builds", "before", records[-1].number if isMore else None))
    return join(content)


def buildTable(call: Call, records: list[BuildRecord], caption: str) -> Markup:
    """A table of builds, given as records."""
    rows = [
        [
            result(
                each.results, f"#{each.number}", call.to("builders", each.builder, "builds", each.number or 0)
            ),
            " ".join(each.text),
            revisionOf(call, each, isShort=True),
            branchIn(each.sourcestamp or {}),
            each.reason,
            link(call.to("buildslaves", each.slave), each.slave),
            when(each.started),
            since(each.started, call.world.now())
            if each.finished is None
            else lasting(each.finished - each.started),
        ]
        for each in records
    ]
    heads = ("Build", "Outcome", "Revision", "Branch", "Reason", "Slave", "Started", "Duration")
    return table(caption, heads, rows)


ROUTES = (
    Route(
        "/builders/{builder}",
        builderPage,
        "One builder: state, queue and why it waits, slaves, last builds.",
        (
            Parameter("numbuilds", "How many builds.", "integer", least=1, most=1000),
            Parameter("maxsearch", "It has no effect; old addresses have it."),
            Parameter("before", "Only builds with a lower number.", "number"),
        ),
    ),
)
