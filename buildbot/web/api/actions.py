# -*- test-case-name: tests.stories.test_webapi -*-
"""The actions of C{/api/v1}: each is a command of the command line, with its checks and its answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from buildbot.changes.changedict import BadChange, changeFrom
from buildbot.control.audit import MASTER
from buildbot.control.client import ControlError
from buildbot.control.protocol import COMMANDS, BadRequest, understand
from buildbot.control.recording import Recorded, recordOf
from buildbot.control.waiting import waitingRequest
from buildbot.web.api.answers import ROOT
from buildbot.web.api.parts import slaveOf
from buildbot.web.api.repeats import Repeats
from buildbot.web.call import Answer, Call, Problem
from buildbot.web.jsonanswers import asJSON
from buildbot.web.markup import Href
from buildbot.web.pages.acting import Deed, carriedOut
from buildbot.web.reach import reached
from buildbot.web.reading import builderOf
from buildbot.web.routes import Route

#: The commands that name the person.
_SIGNED = frozenset(
    (
        *("force", "stopbuild", "rebuild", "cancel", "stopchange", "pause", "drain"),
        *("reconfig", "shutdown", "cancelshutdown"),
    )
)

Params = dict[str, Any]


async def _act(
    call: Call, command: str, params: Params, where: Callable[[Params], Href] | None = None
) -> Answer:
    """Carry out a command with the values of the body.

    @param where: the address of what it has made, from its answer.
    """
    wanted = _checked(command, {**_body(call), **params}, call)
    recorded = recordOf(command, wanted) or Recorded(command, MASTER, "dry run")
    builder = wanted.get("builder")
    deed = Deed(
        *(recorded.action, recorded.subject, builder, wanted.get("branch"), recorded.detail),
        reach=await reached(call, command, wanted),
    )

    async def act() -> Answer:
        try:
            found = await carriedOut(call, deed, lambda: call.world.master.commands[command](**wanted))
        except ControlError as why:
            status = 503 if call.world.botmaster.health.trouble else 409
            raise Problem(status, "This is not possible now", str(why)) from None
        headers = () if where is None else (("Location", str(where(found))),)
        answer = asJSON(found, 202, headers)
        return Answer(answer.body, answer.type, answer.status, answer.headers, cache="no-store")

    repeats = call.world.part(Repeats)
    return await repeats.once(call, act)


def _body(call: Call) -> Params:
    """The JSON object of the body; empty without a body."""
    if not call.body.strip():
        return {}
    if call.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        said = call.headers.get("content-type") or "no type"
        hint = "Send one JSON object, with the header Content-Type: application/json."
        raise Problem(415, "The body is not JSON", f"It came as {said[:100]}.", hint)
    try:
        value = json.loads(call.body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Problem(400, "The body is wrong", "It must be one JSON object.")
    return value


def _checked(command: str, params: Mapping[str, Any], call: Call) -> Params:
    """The parameters of a command, all known and of the right kinds."""
    signed = {"who": call.who.name} if command in _SIGNED else {}
    line = json.dumps({**params, **signed, "command": command}).encode()
    try:
        return understand(line, COMMANDS)[1]
    except BadRequest as why:
        raise Problem(400, "The body is wrong", f"{why}.") from None


def _made(call: Call, found: Params) -> Href:
    """The build that an action has begun, or the request that waits."""
    if found["build"] is None:
        return call.to("api", "v1", "requests", found["request"])
    return call.to("api", "v1", "builders", found["builder"], "builds", found["build"])


async def reconfig(call: Call) -> Answer:
    """Read the configuration again, and apply all of it or nothing."""
    return await _act(call, "reconfig", {})


def _ofMaster(command: str) -> Callable[[Call], Any]:
    async def act(call: Call) -> Answer:
        return await _act(call, command, {})

    return act


async def force(call: Call) -> Answer:
    """Force a build."""
    return await _act(call, "force", {"builder": builderOf(call).getName()}, partial(_made, call))


async def rebuild(call: Call) -> Answer:
    """Build the source of a finished build again."""
    params = {"builder": builderOf(call).getName(), "number": call.values["number"]}
    return await _act(call, "rebuild", params, partial(_made, call))


async def stop(call: Call) -> Answer:
    """Stop a build; without a number in the path, the only running build of the builder."""
    params: Params = {"builder": builderOf(call).getName()}
    if "number" in call.values:
        params["number"] = call.values["number"]
    return await _act(call, "stopbuild", params)


async def ping(call: Call) -> Answer:
    """Ping the slaves of a builder."""
    return await _act(call, "ping", {"builder": builderOf(call).getName()})


async def cancel(call: Call) -> Answer:
    """Cancel a waiting request."""
    number = call.values["number"]
    found = await waitingRequest(call.world.botmaster, number)
    if found is not None and not found.isStarting:
        return await _act(call, "cancel", {"builder": found.builder.name, "request": number})
    raise Problem(404, f"No request {number} waits", hint="It was built or cancelled, or never made.")


async def cancelAll(call: Call) -> Answer:
    """Cancel all requests that wait for a builder."""
    return await _act(call, "cancel", {"builder": builderOf(call).getName()})


async def stopChange(call: Call) -> Answer:
    """Stop the builds of a change."""
    return await _act(call, "stopchange", {"change": call.values["number"]})


def _change(call: Call, found: Params) -> Href:
    """The change that was taken."""
    return call.to("api", "v1", "changes", found["change"])


async def sendChange(call: Call) -> Answer:
    """Take a change."""
    try:
        changeFrom(_checked("sendchange", _body(call), call))
    except BadChange as why:
        raise Problem(400, "The body is wrong", f"{why}.") from None
    return await _act(call, "sendchange", {}, partial(_change, call))


def _ofSlave(command: str) -> Callable[[Call], Any]:
    async def act(call: Call) -> Answer:
        return await _act(call, command, {"slave": slaveOf(call)})

    return act


def _acting(path: str, handler: Callable[[Call], Any], about: str, schema: str) -> Route:
    return Route(ROOT + path, handler, about, (), "POST", kind="json", strict=True, schema=schema)


ROUTES = (
    _acting("/builders/{builder}/force", force, "Force a build.", "Forced"),
    _acting("/builders/{builder}/stop", stop, "Stop the only running build of a builder.", "Stopped"),
    _acting("/builders/{builder}/ping", ping, "Ping the slaves of a builder.", "Pinged"),
    _acting("/builders/{builder}/builds/{number:int}/stop", stop, "Stop a running build.", "Stopped"),
    _acting(
        "/builders/{builder}/builds/{number:int}/rebuild",
        rebuild,
        "Build the source of a finished build again.",
        "Forced",
    ),
    _acting("/builders/{builder}/cancel", cancelAll, "Cancel all requests that wait.", "Cancelled"),
    _acting("/requests/{number:int}/cancel", cancel, "Cancel a waiting request.", "Cancelled"),
    _acting("/changes", sendChange, "Take a change, and give it to the schedulers.", "SentChange"),
    _acting(
        "/changes/{number:int}/stop",
        stopChange,
        "Stop the builds of a change, and cancel its waiting requests.",
        "StoppedChange",
    ),
    _acting(
        "/reconfig",
        reconfig,
        "Read master.cfg again. If it has errors, the answer has them, and nothing is changed.",
        "Reconfigured",
    ),
    _acting(
        "/shutdown",
        _ofMaster("shutdown"),
        "Start no further builds, and stop the master once the running ones have ended.",
        "Shutdown",
    ),
    _acting(
        "/shutdown/cancel",
        _ofMaster("cancelshutdown"),
        "Do not stop the master, and start builds again.",
        "ShutdownCancelled",
    ),
    _acting("/slaves/{slave}/pause", _ofSlave("pause"), "Start no further builds on a slave.", "Paused"),
    _acting(
        "/slaves/{slave}/drain",
        _ofSlave("drain"),
        "Pause a slave, and disconnect it once it is idle.",
        "Paused",
    ),
    _acting("/slaves/{slave}/unpause", _ofSlave("unpause"), "End the pause of a slave.", "Unpaused"),
    _acting(
        "/slaves/{slave}/disconnect",
        _ofSlave("disconnect"),
        "Disconnect a slave; it will usually connect again.",
        "Disconnected",
    ),
)
