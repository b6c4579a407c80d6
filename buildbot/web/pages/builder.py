# -*- test-case-name: tests.stories.test_webpages -*-
"""The page of one builder: its state, its queue and why it waits, its slaves, and its last builds."""

from __future__ import annotations

from buildbot.model.records import BuildRecord
from buildbot.status.topics import SLAVES, builderTopic
from buildbot.web.call import Call, Page, Part
from buildbot.web.markup import Markup, Value, join, link
from buildbot.web.pages.build import revisionOf
from buildbot.web.pages.pieces import activity, facts, lasting, paragraph, result, section, since, table, when
from buildbot.web.reading import builderOf
from buildbot.web.routes import Parameter, Route


async def builderPage(call: Call) -> Page:
    """One builder."""
    status = builderOf(call)
    name = status.getName()
    count = call.query["numbuilds"] or call.world.options.numbuilds
    records = await call.world.store.getBuilds(name, count, call.query["before"])
    return Page(
        name,
        [
            Part("summary", _summary(call, name)),
            Part("queue", section("queue-title", "Waiting", _queue(call, name))),
            Part("slaves", section("slaves-title", "Slaves", _slaves(call, name))),
            Part("builds", section("builds-title", "Builds", _builds(call, name, records, count))),
        ],
        topics=(builderTopic(name), SLAVES),
        ages=True,
        trail=(("Builders", call.to("builders")),),
    )


def _summary(call: Call, name: str) -> Markup:
    status = call.world.status.getBuilder(name)
    setup = call.world.config.builders[name]
    return facts(
        ("State", activity(status.getState()[0])),
        ("Category", setup.category),
        ("Tags", ", ".join(setup.tags)),
        ("Build directory", setup.builddir),
    )


def _queue(call: Call, name: str) -> Markup:
    builder = call.world.botmaster.builders[name]
    waiting = [*builder.starting, *builder.pending]
    if not waiting:
        return paragraph("Nothing waits.")
    rows: list[list[Value]] = [
        [each.id, each.reason, when(each.submitted), lasting(call.world.now() - each.submitted)]
        for each in waiting[:100]
    ]
    why = builder.whyWaiting() or "its build is about to start"
    return join(
        [
            paragraph(f"{len(waiting)} waiting: {why}"),
            table("Waiting requests", ("Request", "Reason", "Since", "For"), rows),
        ]
    )


def _slaves(call: Call, name: str) -> Markup:
    rows = [
        [
            link(call.to("buildslaves", each.getName()), each.getName()),
            activity("idle" if each.isConnected() else "offline"),
        ]
        for each in call.world.status.getBuilder(name).getSlaves()
    ]
    return table("Slaves of the builder", ("Slave", "State"), rows)


def _builds(call: Call, name: str, records: list[BuildRecord], count: int) -> Markup:
    if not records:
        return paragraph("There are no builds.")
    content: list[Value] = [buildTable(call, records, f"Builds of {name}, newest first")]
    if len(records) == count:
        query = f"before={records[-1].number}&numbuilds={count}"
        content.append(paragraph(link(call.to("builders", name, query=query), "Older builds")))
    return join(content)


def buildTable(call: Call, records: list[BuildRecord], caption: str) -> Markup:
    """A table of builds, given as records."""
    rows = [
        [
            result(
                each.results, f"#{each.number}", call.to("builders", each.builder, "builds", each.number or 0)
            ),
            " ".join(each.text),
            revisionOf(call, each),
            (each.sourcestamp or {}).get("branch"),
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
            Parameter("before", "Only builds with a lower number.", "number"),
        ),
    ),
)
