# -*- test-case-name: tests.stories.test_webapi -*-
"""C{/api/v1}: the master, its builders, slaves, changes, requests and schedulers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from buildbot.control.waiting import WaitingRequest, inMemory, reportAll, someWaiting, waitingRequest
from buildbot.model.rows import BuildRow, ChangeFilter, Standing, fromCursor, toCursor
from buildbot.process.builder import Builder
from buildbot.schedulers.outlook import reportSchedulers, schedulersOf
from buildbot.slaves.perspective import BotPerspective
from buildbot.status.report import reportRow, reportSlave
from buildbot.status.topics import (
    BUILDERS,
    BUILDS,
    CHANGES,
    MASTER,
    QUEUE,
    SLAVES,
    builderTopic,
    slaveTopic,
)
from buildbot.text.similar import closest
from buildbot.web.api.answers import badCursor, many, one, part, reading
from buildbot.web.api.builds import changeOf
from buildbot.web.call import Answer, Call, Problem, missing
from buildbot.web.lastrows import lastRowsOf
from buildbot.web.reading import builderOf
from buildbot.web.routes import Parameter

#: The keys of the master and of slaves that only administrators of the master see.
PRIVATE = frozenset(
    (
        "pid",
        "basedir",
        "ports",
        "pages",
        "refused",
        "guesses",
        "files",
        "pollers",
        "outgoing",
        "logStorage",
        "masters",
        "pagesOnly",
        "troubles",
        "address",
    )
)

#: The events of each slave in a list.
EVENTS = 3

_List = tuple[str, Sequence[dict[str, Any]], str]


def public(value: dict[str, Any], isAdmin: bool) -> dict[str, Any]:
    """The values of the master or of a slave that the visitor may see."""
    return value if isAdmin else {key: each for key, each in value.items() if key not in PRIVATE}


async def master(call: Call) -> Answer:
    """The master."""
    isAdmin = await call.may("admin")

    async def make() -> dict[str, Any]:
        found = call.world.master.commands["status"]()["master"]
        return public({**found, "running": len(found["running"])}, isAdmin)

    return await one(call, (BUILDERS, BUILDS, QUEUE, SLAVES, MASTER), make, isAdmin, ages=True)


# builders


async def builders(call: Call) -> Answer:
    """The builders."""

    async def make() -> _List:
        tags = (*call.query["category"], *call.query["tag"])
        names, following = part(call, call.world.status.getBuilderNames(tags or None))
        return "builders", await _builders(call, names), following

    return await many(call, (BUILDERS, BUILDS, QUEUE), make)


async def builder(call: Call) -> Answer:
    """One builder."""
    name = builderOf(call).getName()

    async def make() -> dict[str, Any]:
        return (await _builders(call, [name]))[0]

    return await one(call, (builderTopic(name), BUILDERS), make)


async def _builders(call: Call, names: Sequence[str]) -> list[dict[str, Any]]:
    standings = await lastRowsOf(call).standings(call.world, names)
    schedulers = schedulersOf(call.world.status.getSchedulers())
    return [_builder(call, name, standings[name], schedulers.get(name, [])) for name in names]


def _builder(call: Call, name: str, standing: Standing, schedulers: list[str]) -> dict[str, Any]:
    status, builder = call.world.status.getBuilder(name), call.world.botmaster.builders[name]
    state, running = status.getState()
    pending = len(builder.starting) + builder.waiting
    return {
        "name": name,
        "state": "waiting" if state == "idle" and pending else state,
        "category": status.category,
        "tags": status.getTags(),
        "slaves": status.slavenames,
        "schedulers": schedulers,
        "running": [each.getNumber() for each in running],
        "pending": pending,
        "why": builder.whyWaiting() if pending else "",
        "last": _row(standing.last),
        "good": _row(standing.good),
        "red": _row(standing.red),
    }


def _row(row: BuildRow | None) -> dict[str, Any] | None:
    return None if row is None else reportRow(row)


# slaves


async def slaves(call: Call) -> Answer:
    """The slaves."""
    isAdmin = await call.may("admin")

    async def make() -> _List:
        names, following = part(call, call.world.status.getSlaveNames())
        found = call.world.botmaster.slaves
        return "slaves", [_briefly(_slave(found[name], isAdmin)) for name in names], following

    return await many(call, (SLAVES, BUILDERS), make, isAdmin)


async def slave(call: Call) -> Answer:
    """One slave."""
    name, isAdmin = slaveOf(call), await call.may("admin")

    async def make() -> dict[str, Any]:
        return _slave(call.world.botmaster.slaves[name], isAdmin)

    return await one(call, (slaveTopic(name), SLAVES), make, isAdmin)


def slaveOf(call: Call) -> str:
    """The name of the slave in the path. A missing one is a L{Problem} 404."""
    name: str = call.values["slave"]
    if name not in call.world.botmaster.slaves:
        near = closest(name, call.world.botmaster.slaves)
        hint = f"Did you mean {near}?" if near else "The list of slaves has all names."
        raise Problem(404, f"There is no slave {name}", hint=hint)
    return name


def _slave(slave: BotPerspective, isAdmin: bool) -> dict[str, Any]:
    return public(reportSlave(slave), isAdmin)


def _briefly(slave: dict[str, Any]) -> dict[str, Any]:
    """A slave in a list, with its latest events only."""
    return {**slave, "events": slave["events"][-EVENTS:]}


# changes


async def changes(call: Call) -> Answer:
    """The changes."""
    asked = call.query
    names = ("branch", "who", "project", "repository", "author", "since", "until")
    wanted = ChangeFilter(**{name: asked[name] for name in names}, abbreviated=asked["revision"])

    async def make() -> _List:
        try:
            page = await call.world.store.getChangeRows(wanted, asked["limit"], asked["cursor"])
        except ValueError as why:
            raise badCursor(why) from None
        return "changes", [dict(vars(row)) for row in page.rows], page.next

    return await many(call, (CHANGES,), make)


async def change(call: Call) -> Answer:
    """One change."""
    number, maySee = call.values["number"], await call.may("viewProperties")

    async def make() -> dict[str, Any]:
        found = await call.world.store.getChange(number)
        if found is None:
            raise missing("change", number)
        return changeOf(found.toRecord(), maySee, call.world.config.secrets)

    return await one(call, (CHANGES,), make, maySee)


# requests


async def requests(call: Call) -> Answer:
    """The waiting requests."""

    async def make() -> _List:
        names = call.query["builder"]
        builders = [each for each in call.world.botmaster.getBuilders() if not names or each.name in names]
        if any(each.backlog.count for each in builders):
            found, following = await _someOf(call, builders)
        else:
            waiting = {str(each.number): each for each in sorted(inMemory(builders), key=_age)}
            numbers, following = part(call, list(waiting))
            found = [waiting[number] for number in numbers]
        return "requests", reportAll(found), following

    return await many(call, (QUEUE, BUILDERS), make)


async def request(call: Call) -> Answer:
    """One waiting request."""
    number = call.values["number"]

    async def make() -> dict[str, Any]:
        found = await waitingRequest(call.world.botmaster, number)
        if found is not None:
            return reportAll([found])[0]
        raise Problem(404, f"No request {number} waits", hint="It was built or cancelled, or never made.")

    return await one(call, (QUEUE, BUILDERS), make)


async def _someOf(call: Call, builders: Sequence[Builder]) -> tuple[list[WaitingRequest], str]:
    """A part of very many waiting requests, by their numbers, and the cursor of the next part."""
    try:
        place = fromCursor(call.query["cursor"], int, str)
        first, after = (0, 0) if place is None else (place[0], int(place[1]))
    except ValueError as why:
        raise badCursor(why) from None
    limit = call.query["limit"]
    found = await someWaiting(call.world.store, builders, after, limit + 1)
    following = toCursor(first + limit, str(found[limit - 1].number)) if len(found) > limit else ""
    return found[:limit], following


def _age(waiting: WaitingRequest) -> tuple[float, int]:
    return waiting.request.submitted, waiting.number


# schedulers


async def schedulers(call: Call) -> Answer:
    """The schedulers."""

    async def make() -> dict[str, Any]:
        known = call.world.status.getSchedulers()
        return {"schedulers": reportSchedulers(known, call.world.config.builders)}

    return await one(call, (BUILDERS, QUEUE, CHANGES, MASTER), make, ages=True)


_TAGS = (
    Parameter("category", "Only builders of these categories or tags.", repeated=True),
    Parameter("tag", "Only builders of these categories or tags.", repeated=True),
)
ROUTES = (
    reading("/master", master, "The master: its version, configuration, queue and store.", "Master"),
    reading(
        "/builders",
        builders,
        "The builders, each with its state and standing.",
        "Builders",
        *_TAGS,
        isList=True,
    ),
    reading("/builders/{builder}", builder, "One builder.", "Builder"),
    reading("/slaves", slaves, "The slaves.", "Slaves", isList=True),
    reading("/slaves/{slave}", slave, "One slave.", "Slave"),
    reading(
        "/changes",
        changes,
        "The changes, the newest first.",
        "ShortChanges",
        Parameter("branch", "Only changes of this branch; empty is the main line."),
        Parameter("who", "Only changes of this author."),
        Parameter("revision", "Only changes with this revision, or the beginning of a hash."),
        Parameter("project", "Only changes of this project."),
        Parameter("repository", "Only changes of this repository."),
        Parameter("author", "Only changes whose author has this text in the name."),
        Parameter("since", "Only changes that came at this time or later, in seconds since 1970.", "number"),
        Parameter("until", "Only changes that came before this time, in seconds since 1970.", "number"),
        isList=True,
    ),
    reading("/changes/{number:int}", change, "One change.", "Change"),
    reading(
        "/requests",
        requests,
        "The waiting requests, the oldest first.",
        "Requests",
        Parameter("builder", "Only requests for these builders.", repeated=True),
        isList=True,
    ),
    reading("/requests/{number:int}", request, "One waiting request.", "Request"),
    reading("/schedulers", schedulers, "The schedulers.", "Schedulers"),
)
