# -*- test-case-name: tests.stories.test_webapi -*-
"""What the command line on another machine asks for: the objects of the control socket."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from buildbot.control.client import ControlError
from buildbot.web.api.answers import ROOT
from buildbot.web.api.parts import public, slaveOf
from buildbot.web.call import Answer, Call, Problem
from buildbot.web.jsonanswers import asJSON
from buildbot.web.properties import withoutSecrets
from buildbot.web.reading import builderOf, buildOf
from buildbot.web.routes import Parameter, Route

#: The parameters of the command C{builds}.
_BUILDS = ("builder", "count", "slave", "branch", "revision", "failed", "since", "until")


def _fresh(found: Any) -> Answer:
    return replace(asJSON(found), cache="no-store")


def status(call: Call) -> Answer:
    """The state of the master and of its slaves, or of one."""
    name = call.query["slave"]
    if name is not None:
        slaveOf(replace(call, values={"slave": name}))
    return _fresh(call.world.master.commands["status"](name))


async def overview(call: Call) -> Answer:
    """The running, waiting and finished builds."""
    try:
        found = await call.world.master.commands["builds"](**{name: call.query[name] for name in _BUILDS})
    except ControlError as why:
        if call.query["builder"] is not None:
            builderOf(replace(call, values={"builder": call.query["builder"]}))
        if call.query["slave"] is not None:
            slaveOf(replace(call, values={"slave": call.query["slave"]}))
        raise Problem(503, "The master cannot answer", str(why)) from None
    return _fresh(found)


async def record(call: Call) -> Answer:
    """A build as C{buildbot log} needs it."""
    name = call.values["builder"]
    found, _ = await buildOf(call)
    number = found.number or 0
    try:
        value = await call.world.master.commands["build"](name, number)
    except ControlError as why:
        raise Problem(404, f"There is no build {number} of {name}", str(why)) from None
    if not await call.may("viewProperties", name):
        del value["properties"]
    else:
        value["properties"] = withoutSecrets(value["properties"] or {}, call.world.config.secrets)
    if not await call.may("admin"):
        value["steps"] = [
            {**step, "logs": [{**log, "filename": ""} for log in step["logs"]]} for step in value["steps"]
        ]
    return _fresh(value)


async def wholeChange(call: Call) -> Answer:
    """A change as C{buildbot change} needs it."""
    number = call.values["number"]
    try:
        value = await call.world.master.commands["change"](number)
    except ControlError as why:
        raise Problem(404, f"There is no change {number}", str(why)) from None
    if await call.may("viewProperties"):
        value["properties"] = withoutSecrets(value["properties"], call.world.config.secrets)
    else:
        del value["properties"]
    return _fresh(value)


async def request(call: Call) -> Answer:
    """A request of a builder, and the build that came of it."""
    name, number = builderOf(call).getName(), call.values["number"]
    try:
        return _fresh(await call.world.master.commands["request"](name, number))
    except ControlError as why:
        raise Problem(404, f"There is no request {number} of {name}", str(why)) from None


async def wholeSlave(call: Call) -> Answer:
    """A slave as C{buildbot slave} needs it."""
    name = call.values["slave"]
    try:
        value = await call.world.master.commands["slave"](name, call.query["count"])
    except ControlError as why:
        slaveOf(call)
        raise Problem(503, "The master cannot answer", str(why)) from None
    if value["slave"] is not None:
        value["slave"] = public(value["slave"], await call.may("admin"))
    return _fresh(value)


async def disk(call: Call) -> Answer:
    """What takes room."""
    try:
        return _fresh(await call.world.master.commands["disk"](**call.query))
    except ControlError as why:
        raise Problem(503, "The master cannot answer", str(why)) from None


async def audit(call: Call) -> Answer:
    """The latest actions."""
    asked = call.query
    command = call.world.master.commands["audit"]
    try:
        return _fresh(await command(asked["count"], asked["who"], asked["subject"], asked["cursor"]))
    except ControlError as why:
        raise Problem(400, "A parameter is wrong", str(why)) from None


def parameters(call: Call) -> Answer:
    """The ForceSchedulers of a builder."""
    return _fresh(call.world.master.commands["parameters"](builderOf(call).getName()))


ROUTES = (
    Route(
        f"{ROOT}/status",
        status,
        "What `buildbot status --json` prints, for those who administer the master.",
        (Parameter("slave", "Only this slave."),),
        action="admin",
        kind="json",
        strict=True,
        schema="Status",
    ),
    Route(
        f"{ROOT}/overview",
        overview,
        "What `buildbot builds --json` prints: running, waiting and finished builds.",
        (
            Parameter("builder", "Only builds of this builder."),
            Parameter("count", "The most finished builds.", "integer", default=20, least=0, most=1000),
            Parameter("slave", "Only builds on this slave."),
            Parameter("branch", "Only builds of this branch; empty is the main line."),
            Parameter("revision", "Only builds of this revision, or the beginning of a hash."),
            Parameter("failed", "Only failed and broken builds.", "flag", default=False),
            Parameter("since", "Only builds that started at this time or later.", "number"),
            Parameter("until", "Only builds that started before this time.", "number"),
        ),
        kind="json",
        strict=True,
        schema="Overview",
    ),
    Route(
        f"{ROOT}/builders/{{builder}}/builds/{{number:int}}/record",
        record,
        "What `buildbot log --json` prints of a build: all that is stored.",
        kind="json",
        strict=True,
        schema="Record",
    ),
    Route(
        f"{ROOT}/slaves/{{slave}}/record",
        wholeSlave,
        "What `buildbot slave --json` prints: a slave and its latest builds.",
        (Parameter("count", "The most finished builds.", "integer", default=10, least=0, most=1000),),
        kind="json",
        strict=True,
        schema="SlaveRecord",
    ),
    Route(
        f"{ROOT}/changes/{{number:int}}/record",
        wholeChange,
        "What `buildbot change --json` prints: a change, its builds, and the requests that wait with it.",
        kind="json",
        strict=True,
        schema="ChangeRecord",
    ),
    Route(
        f"{ROOT}/builders/{{builder}}/requests/{{number:int}}",
        request,
        "What became of a request of this builder: it waits, is built, was built or was cancelled.",
        kind="json",
        strict=True,
        schema="RequestState",
    ),
    Route(
        f"{ROOT}/disk",
        disk,
        "What `buildbot disk --json` prints: what takes room, and what will be removed; for administrators.",
        tuple(
            Parameter(name, f"A value to try for c['{name}'].", "integer", least=1)
            for name in ("buildHorizon", "buildDays", "logHorizon")
        ),
        action="admin",
        kind="json",
        strict=True,
        schema="Disk",
    ),
    Route(
        f"{ROOT}/audit",
        audit,
        "What `buildbot audit --json` prints: the latest actions, for administrators.",
        (
            Parameter("count", "The most actions.", "integer", default=100, least=1, most=1000),
            Parameter("cursor", "The value of next from the previous part.", default=""),
            Parameter("who", "Only actions of this user."),
            Parameter("subject", "Only actions on this, such as builder/NAME, slave/NAME or master."),
        ),
        action="admin",
        kind="json",
        strict=True,
        schema="Audit",
    ),
    Route(
        f"{ROOT}/builders/{{builder}}/parameters",
        parameters,
        "The ForceSchedulers of a builder, with their parameters.",
        kind="json",
        strict=True,
        schema="Parameters",
    ),
)
