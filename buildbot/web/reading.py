# -*- test-case-name: tests.stories.test_web -*-
"""What handlers read: builders, builds and steps, running or stored. A missing one is a L{Problem} 404."""

from __future__ import annotations

from buildbot.model.records import BuildRecord, LogRecord, StepRecord
from buildbot.model.results import EXCEPTION, FAILURE
from buildbot.status.build import BuildStatus
from buildbot.status.builderstatus import BuilderStatus
from buildbot.status.report import runningBuilds
from buildbot.text.similar import closest
from buildbot.web.call import Answer, Call, Problem, missing, redirect
from buildbot.web.world import World

#: The lowest negative number of a build, as a count from the newest build.
FARTHEST = 1000


def builderOf(call: Call) -> BuilderStatus:
    """The builder named in the path."""
    name = call.values["builder"]
    try:
        return call.world.status.getBuilder(name)
    except KeyError:
        raise noBuilder(call.world, name) from None


def noBuilder(world: World, name: str) -> Problem:
    """The problem for an unknown or hidden builder."""
    near = closest(name, world.status.getBuilderNames())
    hint = f"Did you mean {near}?" if near else "The list of builders has all names."
    return Problem(404, f"There is no builder {name}", hint=hint)


def runningBuild(world: World, builder: str, number: int) -> BuildStatus | None:
    """The status of a running build; None if no running build has this number."""
    for build in runningBuilds(world.botmaster):
        if build.record.builder == builder and build.number == number:
            return build
    return None


async def buildOf(call: Call) -> tuple[BuildRecord, BuildStatus | None]:
    """The build of the path: its record, and its status if it is running.

    A negative number counts from the newest build: -1 is that.
    """
    name, number = call.values["builder"], call.values["number"]
    if number < 0:
        counted = await fromTheEnd(call.world, name, number)
        if counted is None:
            builderOf(call)
            raise Problem(404, f"{name} has no build {number}", hint="It has fewer builds.")
        number = counted
    running = runningBuild(call.world, name, number)
    if running is not None:
        return running.toRecord(), running
    record = await call.world.store.getBuild(name, number)
    if record is None:
        builderOf(call)
        newest = await fromTheEnd(call.world, name, -1)
        if newest is None:
            hint = "It has no builds."
        elif number > newest:
            hint = f"Its newest build is {newest}."
        else:
            hint = "Old builds are deleted after some time."
        raise Problem(404, f"{name} has no build {number}", hint=hint)
    return record, None


async def byItsNumber(call: Call, query: str) -> Answer | None:
    """From the page of a build that is counted from the newest one to the page with its number. Else the page
    would become that of another build while it is open. None for all other pages.

    @param query: the query of the address, without "?".
    """
    if "builder" not in call.values or call.values.get("number", 0) >= 0:
        return None
    number = (await buildOf(call))[0].number or 0
    place = call.route.path.strip("/").split("/").index("{number:int}")
    return redirect(call.to(*call.segments[:place], number, *call.segments[place + 1 :], query=query), 302)


async def fromTheEnd(world: World, builder: str, number: int) -> int | None:
    """The number of the build for a negative number: -1 is the newest. None: the builder has fewer builds."""
    if number < -FARTHEST:
        return None
    rows = (await world.store.getLastRows([builder], -number)).get(builder, [])
    return rows[-1].number if len(rows) == -number else None


def stepOf(call: Call, build: BuildRecord) -> StepRecord:
    """The step of the path, by its name, or by its position from 0."""
    wanted = call.values["step"]
    for step in build.steps:
        if step.name == wanted:
            return step
    if wanted.isdecimal() and int(wanted) < len(build.steps):
        return build.steps[int(wanted)]
    raise missing("step", f"{wanted} in this build")


def failedLog(build: BuildRecord) -> tuple[StepRecord, LogRecord] | None:
    """The first failed step with a log in text, and that log."""
    for step in build.steps:
        if step.results in (FAILURE, EXCEPTION):
            logs = [log for log in step.logs if not log.html and log.length != 0]
            if logs:
                return step, next((log for log in logs if log.name == "stdio"), logs[0])
    return None
