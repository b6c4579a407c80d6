# -*- test-case-name: tests.stories.test_webold -*-
"""C{/api/v2}: the resources that badges and dashboards of other releases read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

from buildbot.model.results import Results
from buildbot.model.rows import MOST_ROWS, BuildFilter, BuildRow
from buildbot.status.topics import BUILDERS, BUILDS
from buildbot.web.call import Answer, Call
from buildbot.web.feeds import v2
from buildbot.web.feeds.v2 import BadQuery
from buildbot.web.jsonanswers import asJSON
from buildbot.web.reading import buildOf
from buildbot.web.routes import Route
from buildbot.web.serving.unchanged import kept

_ROOT = "/api/v2"


class _Unknown(Exception):
    """There is no such builder."""


def idOf(name: str) -> int:
    """A number that stays, for a name."""
    return crc32(name.encode("utf-8", "surrogateescape")) & 0x7FFFFFFF


def _named(call: Call) -> str:
    """The builder of the path, by its name or number."""
    said = call.values["builder"]
    for name in call.world.status.getBuilderNames():
        if name == said or str(idOf(name)) == said:
            return name
    raise _Unknown


def _builder(call: Call, name: str) -> dict[str, object]:
    builder = call.world.status.getBuilder(name)
    tags = [*([builder.category] if builder.category else []), *builder.getTags()]
    return v2.builder(idOf(name), name, "", tags)


async def masters(call: Call) -> Answer:
    """The master."""
    return asJSON(v2.masters(call.world.config.projectName or "buildbot", call.world.now()))


async def builders(call: Call) -> Answer:
    """All builders."""
    return asJSON(v2.builders([_builder(call, name) for name in call.world.status.getBuilderNames()]))


def builder(call: Call) -> Answer:
    """One builder."""
    try:
        return asJSON(v2.builders([_builder(call, _named(call))]))
    except _Unknown:
        return asJSON(v2.error("no such builder"), 404)


async def builds(call: Call) -> Answer:
    """The builds of a builder. Those in ascending order are among the last 1,000."""

    try:
        name, query = _named(call), v2.query(call.given)
    except _Unknown:
        return asJSON(v2.error("no such builder"), 404)
    except BadQuery as why:
        return asJSON(v2.error(str(why)), 400)

    async def make() -> Answer:
        wanted = BuildFilter((name,), state=_STATES[query.complete])
        count = query.offset + query.limit if query.newestFirst else MOST_ROWS
        page = await call.world.store.getBuildRows(wanted, max(1, min(count, MOST_ROWS)))
        rows = sorted(page.rows, key=lambda row: row.number, reverse=query.newestFirst)
        chosen = rows[query.offset : query.offset + query.limit]
        total = None
        if query.complete is None:
            total = (await call.world.store.countBuilds()).get(name, 0)
        return asJSON(v2.builds([_build(row) for row in chosen], total))

    return await kept(call, (BUILDERS, BUILDS), make)


async def build(call: Call) -> Answer:
    """One build."""
    try:
        name = _named(call)
    except _Unknown:
        return asJSON(v2.error("no such builder"), 404)
    values: Mapping[str, Any] = {**call.values, "builder": name}
    record, _ = await buildOf(Call(call.world, call.route, values, root=call.root))
    return asJSON(v2.builds([_build(BuildRow.of(record, record.number or 0))], 1))


_STATES: dict[bool | None, Any] = {None: "", True: "finished", False: "running"}


def _build(row: BuildRow) -> v2.BuildRow:
    words = "building" if row.finished is None else row.text
    if not words and row.results is not None:
        words = Results[row.results]
    return v2.BuildRow(
        idOf(f"{row.builder}/{row.number}"),
        row.number,
        idOf(row.builder),
        row.started,
        row.finished,
        row.results,
        words,
    )


ROUTES = (
    Route(f"{_ROOT}/masters", masters, "The master, as in /api/v2 of other releases.", kind="json"),
    Route(f"{_ROOT}/builders", builders, "The builders, as in /api/v2 of other releases.", kind="json"),
    Route(f"{_ROOT}/builders/{{builder}}", builder, "One builder, by name or number.", kind="json"),
    Route(
        f"{_ROOT}/builders/{{builder}}/builds",
        builds,
        "Builds of a builder; limit, offset, order and complete choose them.",
        kind="json",
    ),
    Route(f"{_ROOT}/builders/{{builder}}/builds/{{number:int}}", build, "One build.", kind="json"),
)
