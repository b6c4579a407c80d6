# -*- test-case-name: tests.stories.test_webreach -*-
"""The builders and branches that an action affects. Rules by builder and branch must allow all of them.

A request does not always name the branch. A ForceScheduler may set it. A rebuild takes it from its build.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from buildbot.control.buildcommands import BuildCommands
from buildbot.control.client import ControlError
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
        waiting = _builder(call, builder).pending
        chosen = [each for each in waiting if wanted.get("request") in (None, each.id)]
        return _once((builder, each.source.branch) for each in chosen)
    if command == "stopchange":
        return _once(_ofChange(call, builder, wanted["change"]))
    return ()


async def _ofForce(call: Call, wanted: Mapping[str, Any]) -> tuple[Reached, ...]:
    commands = BuildCommands(call.world.botmaster, call.world.status.getSchedulers)
    names = ("builder", "branch", "revision", "reason", "properties", "who", "scheduler", "params")
    try:
        made = await commands.wished(**{name: wanted[name] for name in names if name in wanted})
    except (ControlError, StoreFailed):
        return ()  # the command itself reports the error
    return _once(iter([(wanted["builder"], made.source.branch)]))


async def _ofBuild(call: Call, builder: str, number: int | None) -> tuple[Reached, ...]:
    running = _builder(call, builder).building if builder in call.world.botmaster.builders else []
    statuses = [each.build_status for each in running]
    found = [each for each in statuses if number in (None, each.number)]
    if found or number is None:
        return _once((builder, each.source.branch) for each in found)
    record = await call.world.store.getBuild(builder, number)
    source = None if record is None else record.sourcestamp
    return () if source is None else _once(iter([(builder, source.get("branch"))]))


def _ofChange(call: Call, builder: str | None, number: int) -> Iterator[Reached]:
    for target in whole(call.world).botmaster.builders.values():
        if builder in (None, target.name):
            sources = [each.source for each in target.pending]
            sources += [each.build_status.source for each in target.building]
            for source in sources:
                if any(change.number == number for change in source.changes):
                    yield target.name, source.branch


def _builder(call: Call, name: str) -> Any:
    return call.world.botmaster.builders[name]


def _once(found: Iterator[Reached]) -> tuple[Reached, ...]:
    # some sources ignore blanks around the name of a branch
    return tuple(dict.fromkeys((builder, (branch or "").strip() or None) for builder, branch in found))
