# -*- test-case-name: tests.stories.test_webreach -*-
"""The builders and branches that an action affects. Rules by builder and branch must allow all of them.

A request does not always name the branch. A ForceScheduler may set it. A rebuild takes it from its build.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from buildbot.control.buildcommands import BuildCommands
from buildbot.control.client import ControlError
from buildbot.control.waiting import branchesWaiting, waitingOf, waitingRequest
from buildbot.model.sourcestamp import SourceStamp, sourcesIn
from buildbot.store.interface import StoreFailed
from buildbot.web.call import Call
from buildbot.web.seen import whole

#: A builder and a branch, each or None.
Reached = tuple[str | None, str | None]


async def reached(call: Call, command: str, wanted: Mapping[str, Any]) -> tuple[Reached, ...]:
    """The builders and branches that a command affects; empty if only its builder is known."""
    builder: Any = wanted.get("builder")
    if command == "force":
        return await _ofForce(call, wanted)
    if command in ("rebuild", "stopbuild"):
        return await _ofBuild(call, builder, wanted.get("number"))
    if command == "cancel":
        return await _ofCancel(call, builder, wanted.get("request"))
    if command == "stopchange":
        return await _ofChange(call, builder, wanted["change"])
    return ()


async def _ofForce(call: Call, wanted: Mapping[str, Any]) -> tuple[Reached, ...]:
    commands = BuildCommands(call.world.botmaster, call.world.status.getSchedulers)
    names = ("builder", "branch", "revision", "reason", "properties", "who", "scheduler", "params")
    try:
        made = await commands.wished(**{name: wanted[name] for name in names if name in wanted})
    except (ControlError, StoreFailed):
        return ()  # the command itself reports the error
    return _once(_branches(wanted["builder"], made.source))


async def _ofBuild(call: Call, builder: str, number: int | None) -> tuple[Reached, ...]:
    running = _builder(call, builder).building if builder in call.world.botmaster.builders else []
    statuses = [each.build_status for each in running]
    found = [each for each in statuses if number in (None, each.number)]
    if found or number is None:
        return _once(reach for each in found for reach in _branches(builder, each.source))
    record = await call.world.store.getBuild(builder, number)
    source = None if record is None else record.sourcestamp
    return () if source is None else _once((builder, each.get("branch")) for each in sourcesIn(source))


async def _ofCancel(call: Call, builder: str, number: int | None) -> tuple[Reached, ...]:
    target = _builder(call, builder)
    if number is None:
        found = await branchesWaiting(call.world.store, target)
        return _once((builder, each) for each in found)
    waiting = await waitingRequest(call.world.botmaster, number)
    isIt = waiting is not None and waiting.builder is target and not waiting.isStarting
    return _once(_branches(builder, waiting.request.source)) if waiting is not None and isIt else ()


async def _ofChange(call: Call, builder: str | None, number: int) -> tuple[Reached, ...]:
    master = whole(call.world).botmaster
    found: list[Reached] = []
    for waiting in await waitingOf(master, number):
        found += _branches(waiting.builder.name, waiting.request.source)
    for target in master.builders.values():
        for build in target.building:
            if _has(build.build_status.source, number):
                found += _branches(target.name, build.build_status.source)
    return _once(each for each in found if builder in (None, each[0]))


def _has(source: SourceStamp, number: int) -> bool:
    return any(change.number == number for change in source.allChanges())


def _branches(builder: str | None, source: SourceStamp) -> Iterator[Reached]:
    """The builder, with the branch of each codebase."""
    return ((builder, each.branch) for each in source.each())


def _builder(call: Call, name: str) -> Any:
    return call.world.botmaster.builders[name]


def _once(found: Iterator[Reached]) -> tuple[Reached, ...]:
    # some sources ignore blanks around the name of a branch
    return tuple(dict.fromkeys((builder, (branch or "").strip() or None) for builder, branch in found))
