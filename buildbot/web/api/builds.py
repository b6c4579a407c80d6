# -*- test-case-name: tests.stories.test_webapi -*-
"""C{/api/v1/builds}, and the builds of one builder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

from buildbot.model.results import Results
from buildbot.model.rows import BuildFilter
from buildbot.model.sourcestamp import changesIn
from buildbot.status.report import reportRow
from buildbot.status.topics import BUILDERS, BUILDS, builderTopic, buildTopic
from buildbot.web.api.answers import badCursor, many, one, reading
from buildbot.web.call import Answer, Call
from buildbot.web.properties import withoutSecrets
from buildbot.web.reading import builderOf, buildOf, runningBuild
from buildbot.web.routes import Parameter

#: The keys of a log that clients need: the name of its file is the master's own.
_LOG = ("name", "length", "trouble", "html")
_CHANGE = (
    *("number", "who", "branch", "revision", "project", "repository", "category", "when", "comments"),
    *("files", "revlink", "codebase", "properties"),
)


def changeOf(record: dict[str, Any], maySeeProperties: bool, secrets: Collection[str]) -> dict[str, Any]:
    """A change, from its record. C{secrets} are struck out of its properties."""
    found = {key: record.get(key) for key in _CHANGE}
    found["files"] = list(found["files"] or ())
    for key in ("project", "repository", "codebase", "who", "comments"):
        found[key] = found[key] or ""
    if not maySeeProperties:
        del found["properties"]
    else:
        found["properties"] = withoutSecrets(found["properties"] or {}, secrets)
    return found


async def builds(call: Call) -> Answer:
    """Builds of all builders, or of that in the path."""
    if "builder" in call.values:
        builderOf(call)
        topics: tuple[str, ...] = (builderTopic(call.values["builder"]), BUILDERS)
    else:
        topics = (BUILDERS, BUILDS)
    wanted = _filter(call)

    async def make() -> tuple[str, Sequence[dict[str, Any]], str]:
        try:
            page = await call.world.store.getBuildRows(wanted, call.query["limit"], call.query["cursor"])
        except ValueError as why:
            raise badCursor(why) from None
        return "builds", [reportRow(row) for row in page.rows], page.next

    return await many(call, topics, make)


def _filter(call: Call) -> BuildFilter:
    """The conditions in the parameters."""
    asked = call.query
    names = (call.values["builder"],) if "builder" in call.values else asked["builder"]
    tags = asked.get("category", ())
    if tags:
        tagged = call.world.status.getBuilderNames(tags)
        names = tuple(name for name in tagged if not names or name in names)
    state: Literal["", "running", "finished"] = asked["state"] or ""
    return BuildFilter(
        builders=tuple(names) if names or tags else None,
        slave=asked["slave"],
        branch=asked["branch"],
        abbreviated=asked["revision"],
        results=tuple(Results.index(each) for each in asked["result"]),
        state=state,
        since=asked["since"],
        until=asked["until"],
    )


async def build(call: Call) -> Answer:
    """One build as a whole."""
    name, number = call.values["builder"], call.values["number"]
    maySee = await call.may("viewProperties", name)
    if number < 0:
        record, _ = await buildOf(call)
        number = record.number or 0
    isRunning = runningBuild(call.world, name, number) is not None

    async def make() -> dict[str, Any]:
        await buildOf(call)  # a missing one is told with a hint
        found = await call.world.master.commands["build"](name, number)
        source, secrets = found.pop("sourcestamp") or {}, call.world.config.secrets
        found["changes"] = [changeOf(each, maySee, secrets) for each in changesIn(source)]
        found["steps"] = [_step(each) for each in found["steps"]]
        found["requests"] = list(found["requests"])
        if not maySee:
            del found["properties"], found["sources"]
        else:
            found["properties"] = withoutSecrets(found["properties"] or {}, secrets)
        return dict(found)

    topics = (buildTopic(name, number), BUILDERS)
    return await one(call, topics, make, maySee, isRunning, number, ages=isRunning)


def _step(step: dict[str, Any]) -> dict[str, Any]:
    return {
        **step,
        "text": list(step["text"]),
        "logs": [{key: log[key] for key in _LOG} for log in step["logs"]],
    }


_FILTERS = (
    Parameter("slave", "Only builds on this slave."),
    Parameter("branch", "Only builds of this branch; empty is the main line."),
    Parameter("revision", "Only builds of this revision, or the beginning of a hash."),
    Parameter("result", "Only builds with these results.", repeated=True, choices=tuple(Results)),
    Parameter("state", "Only these builds.", choices=("running", "finished")),
    Parameter("since", "Only builds that started at this time or later, in seconds since 1970.", "number"),
    Parameter("until", "Only builds that started before this time, in seconds since 1970.", "number"),
)
ROUTES = (
    reading(
        "/builds",
        builds,
        "Builds of all builders, those with the latest start first.",
        "Builds",
        Parameter("builder", "Only builds of these builders.", repeated=True),
        Parameter("category", "Only builders of these categories or tags.", repeated=True),
        *_FILTERS,
        isList=True,
    ),
    reading(
        "/builders/{builder}/builds",
        builds,
        "The builds of a builder, those with the latest start first.",
        "Builds",
        *_FILTERS,
        isList=True,
    ),
    reading(
        "/builders/{builder}/builds/{number:int}",
        build,
        "A build with its steps, logs, changes and properties; -1 is the newest.",
        "WholeBuild",
    ),
)
