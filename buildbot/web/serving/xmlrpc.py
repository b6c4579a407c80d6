# -*- test-case-name: tests.stories.test_webold -*-
"""C{/xmlrpc}: the six questions of Buildbot 0.7.6 to 0.8.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildbot.model.found import builtIn
from buildbot.model.records import BuildRecord
from buildbot.model.rows import MOST_ROWS, BuildFilter, BuildRow
from buildbot.status.urls import buildPath
from buildbot.store.interface import StoreFailed
from buildbot.web.call import Answer, Call
from buildbot.web.feeds import xmlrpc
from buildbot.web.feeds.xmlrpc import FAILED, Refused, StepRow
from buildbot.web.reading import fromTheEnd, runningBuild
from buildbot.web.routes import Route
from buildbot.web.serving.gathering import baseOf, tailOf


async def answer(call: Call) -> Answer:
    """The answer to a question, or a fault. Both have status 200."""
    try:
        method, arguments = xmlrpc.question(call.body)
        body = xmlrpc.answer(await _METHODS[method](call, *arguments))
    except Refused as refused:
        body = xmlrpc.fault(refused)
    except StoreFailed as failed:
        body = xmlrpc.fault(Refused(FAILED, f"the store does not work: {failed.reason}"))
    return Answer(body, xmlrpc.CONTENT_TYPE.decode(), cache="no-store")


async def _allBuilders(call: Call) -> list[str]:
    return xmlrpc.getAllBuilders(call.world.status.getBuilderNames())


async def _lastResult(call: Call, builder: str) -> str:
    wanted = BuildFilter((_known(call, builder),), state="finished")
    page = await call.world.store.getBuildRows(wanted, 1)
    return xmlrpc.getLastBuildResults(_row(page.rows[0]) if page.rows else None)


async def _lastBuilds(call: Call, builder: str, number: int) -> list[Any]:
    rows = await _last(call, [_known(call, builder)], number)
    return xmlrpc.getLastBuilds(rows[0], number)


async def _lastBuildsOfAll(call: Call, number: int) -> list[Any]:
    rows = await _last(call, call.world.status.getBuilderNames(), number)
    return xmlrpc.getLastBuildsAllBuilders(rows, number)


async def _inInterval(call: Call, start: int, stop: int) -> list[Any]:
    wanted = BuildFilter(since=start, until=stop + 1, byEnd=True)
    page = await call.world.store.getBuildRows(wanted, MOST_ROWS)
    return xmlrpc.getAllBuildsInInterval(map(_row, page.rows), start, stop)


async def _build(call: Call, builder: str, number: int) -> dict[str, object]:
    counted = number if number >= 0 else await fromTheEnd(call.world, _known(call, builder), number)
    record = None if counted is None else await _recordOf(call, builder, counted)
    if counted is None or record is None:
        raise Refused(FAILED, f"there is no build {number} of {_known(call, builder)}")
    errors = {}
    if record.finished is not None and await call.may("viewLogs", builder):
        step, lines = await tailOf(call.world, builder, counted)
        errors = {step: "\n".join(lines)} if lines else {}
    return xmlrpc.getBuild(_whole(call, record, counted, errors))


async def _recordOf(call: Call, builder: str, number: int) -> BuildRecord | None:
    running = runningBuild(call.world, builder, number)
    return await call.world.store.getBuild(builder, number) if running is None else running.toRecord()


_METHODS: dict[str, Any] = {
    "getAllBuilders": _allBuilders,
    "getLastBuildResults": _lastResult,
    "getLastBuilds": _lastBuilds,
    "getLastBuildsAllBuilders": _lastBuildsOfAll,
    "getAllBuildsInInterval": _inInterval,
    "getBuild": _build,
}


def _known(call: Call, builder: str) -> str:
    if builder not in call.world.status.getBuilderNames():
        raise Refused(FAILED, f"there is no builder {builder[:100]}")
    return builder


async def _last(call: Call, names: list[str], number: int) -> list[list[xmlrpc.BuildRow]]:
    """The last builds of some builders, each list with the oldest first."""
    count = min(max(number, 1), max(1, MOST_ROWS // max(1, len(names)))) + 1  # one may be running
    found = await call.world.store.getLastRows(names, min(count, MOST_ROWS)) if names else {}
    return [[_row(row) for row in reversed(found[name])] for name in names]


def _row(row: BuildRow) -> xmlrpc.BuildRow:
    return xmlrpc.BuildRow(
        row.builder,
        row.number,
        row.started,
        row.finished,
        row.branch,
        row.revision,
        row.results,
        (row.text,),
        row.reason,
        row.slave,
    )


def _whole(call: Call, record: BuildRecord, number: int, errors: Mapping[str, str]) -> xmlrpc.BuildRow:
    source = record.sourcestamp or {}
    return xmlrpc.BuildRow(
        record.builder,
        number,
        record.started,
        record.finished,
        source.get("branch"),
        builtIn(source, (record.properties or {}).get("got_revision"))[0][1],
        record.results,
        record.text,
        record.reason,
        record.slave,
        baseOf(call) + buildPath(record.builder, number),
        [StepRow(each.name, each.started, each.finished, each.results, each.text) for each in record.steps],
        [f"{step.name}/{log.name}" for step in record.steps for log in step.logs],
        errors,
    )


ROUTES = (
    Route("/xmlrpc", answer, "Six questions of 0.7.6 to 0.8.1, as XML-RPC.", method="POST", kind="file"),
)
