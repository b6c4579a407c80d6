# -*- test-case-name: tests.unit.control.test_buildcommands -*-
"""The commands of the control socket about builds: names, builds, build, force, parameters, stopbuild.

Each answer is made of plain values, and its size is limited. docs/reference/builds explains the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger

from buildbot.control.answers import buildFilter, wholeBuild
from buildbot.control.client import ControlError
from buildbot.control.forcing import Forms
from buildbot.control.refusals import MOST_NAMES, noBuilder, noSlave, stored
from buildbot.events.alarm import Alarm
from buildbot.events.coroutines import together
from buildbot.model.records import BuildRecord
from buildbot.model.rows import BuildFilter, BuildRow
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.builder import Builder
from buildbot.process.buildset import BuildSet
from buildbot.process.request import BuildRequest
from buildbot.slaves.botmaster import BotMaster
from buildbot.status.build import BuildStatus
from buildbot.status.report import (
    reportBuild,
    reportRequest,
    reportRunning,
    reportWaiting,
    runningBuilds,
)

log = Logger()

#: The most builds, and the most waiting requests, in one answer.
MOST = 1000
#: The seconds that the answer to C{force} waits for the build to start.
BEGIN_TIME = 2.0


class BuildCommands:
    """I carry out the commands about the builds of one master."""

    def __init__(self, botmaster: BotMaster, schedulers: Callable[[], Iterable[object]] = tuple) -> None:
        """@param schedulers: returns the running schedulers."""
        self._botmaster = botmaster
        self._forms = Forms(schedulers)

    def handlers(self) -> dict[str, Callable[..., object]]:
        """The handlers for the control socket: command -> method."""
        return {
            "names": self.names,
            "builds": self.builds,
            "build": self.build,
            "force": self.force,
            "parameters": self.parameters,
            "stopbuild": self.stopbuild,
        }

    # queries

    def names(self) -> dict[str, Any]:
        """The names of all builders and slaves, as a shell that completes a word needs them."""
        return {"builders": list(self._botmaster.builders), "slaves": list(self._botmaster.slaves)}

    async def builds(
        self,
        builder: str | None = None,
        count: int = 20,
        slave: str | None = None,
        branch: str | None = None,
        revision: str | None = None,
        failed: bool = False,
        since: float | None = None,
        until: float | None = None,
    ) -> dict[str, Any]:
        """The running builds, the waiting requests, and the finished builds, newest first.

        With a condition other than C{builder}, no requests are told.

        @param builder: the name of one builder; None: all builders.
        @param count: the most finished builds, and the most waiting requests; limited to MOST.
        @param branch: the branch; "" is the main line.
        @param revision: the whole revision, or the beginning of a hash.
        @param failed: True for failed and broken builds only.
        @param since: the earliest start; C{until}: the start must be earlier.
        """
        most = max(0, min(int(count), MOST))
        wanted = buildFilter(builder, slave, branch, revision, failed, since, until)
        over = await self._over(wanted, most) if most else []
        if builder is not None and builder not in self._botmaster.builders and not over:
            raise noBuilder(builder, self._botmaster.builders)
        running = [each for each in runningBuilds(self._botmaster) if _isWanted(wanted, each)]
        if slave is not None and self._botmaster.getPerspective(slave) is None and not (over or running):
            raise noSlave(slave, self._botmaster.slaves)
        isWhole = wanted == buildFilter(builder)
        builders = [b for b in self._botmaster.getBuilders() if isWhole and builder in (None, b.name)]
        names = {each.name for each in builders}
        waiting = [w for w in reportWaiting(self._botmaster) if w["builder"] in names]
        requests = [reportRequest(request) for b in builders for request in (*b.starting, *b.pending)[:most]]
        return {
            "running": [reportRunning(build) for build in running],
            "waiting": waiting,
            "requests": sorted(requests, key=lambda request: (request["submitted"], request["id"]))[:most],
            "finished": [reportBuild(record.toRecord()) for record in over],
            "storeTrouble": self._botmaster.health.trouble,
        }

    async def _over(self, wanted: BuildFilter, most: int) -> list[BuildRecord]:
        """The finished builds that a filter selects, at most C{most}."""
        store = self._botmaster.store
        name = wanted.builders[0] if wanted.builders else None
        if wanted == buildFilter(name):
            unfinished = len(runningBuilds(self._botmaster))
            found = await stored(store.getBuilds(name, most + unfinished))
            return [record for record in found if record.finished is not None][:most]
        page = await stored(store.getBuildRows(wanted, most))
        records = await stored(together([store.getBuild(row.builder, row.number) for row in page.rows]))
        return [record for record in records if record is not None]

    async def build(self, builder: str, number: int) -> dict[str, Any]:
        """One build, running or finished, with its steps and their logs."""
        for running in runningBuilds(self._botmaster):
            if (running.record.builder, running.number) == (builder, number):
                return wholeBuild(running.toRecord().toRecord(), reportRunning(running))
        found = await stored(self._botmaster.store.getBuild(builder, int(number)))
        if found is None:
            if builder not in self._botmaster.builders:
                raise noBuilder(builder, self._botmaster.builders)
            raise ControlError(f"builder {builder!r} has no build {number}")
        record = found.toRecord()
        return wholeBuild(record, reportBuild(record))

    # actions

    async def force(
        self,
        builder: str,
        branch: str | None = None,
        revision: str | None = None,
        reason: str = "",
        properties: Mapping[str, Any] | None = None,
        who: str = "",
        scheduler: str | None = None,
        params: Mapping[str, Any] | None = None,
        codebase: str | None = None,
    ) -> dict[str, Any]:
        """Request a build. The answer comes when the request is stored. If the build can begin soon, the
        answer comes when it has begun.

        @param who: the requester's name, for the reason.
        @param scheduler: the name of a ForceScheduler, which makes the build set.
        @param params: its parameters, by full name: a text, or a list of texts.
        @param codebase: that of the source; without a scheduler only, which says its own.
        @return: the numbers C{request} and C{build}. If C{build} is None, C{why} explains why the request
            waits.
        """
        target = self._builder(builder)
        told = (branch, revision, reason, properties, who, scheduler, params, codebase)
        buildset = await self.wished(builder, *told)
        await stored(self._botmaster.submitBuildSet(buildset))
        (request,) = buildset.requests
        log.info(
            "request {number} for builder {builder} received: {reason}",
            number=request.id,
            builder=builder,
            reason=buildset.reason,
        )
        number = await self.whenBegun(target, request)
        why = target.whyWaiting() if number is None else ""
        return {"builder": builder, "request": request.id, "build": number, "why": why}

    async def wished(
        self,
        builder: str,
        branch: str | None = None,
        revision: str | None = None,
        reason: str = "",
        properties: Mapping[str, Any] | None = None,
        who: str = "",
        scheduler: str | None = None,
        params: Mapping[str, Any] | None = None,
        codebase: str | None = None,
    ) -> BuildSet:
        """The build set that L{force} would submit. Raises L{ControlError} with all errors."""
        if scheduler is not None:
            if codebase:
                raise ControlError(f"scheduler {scheduler!r} says the codebase itself")
            said = {"branch": branch, "revision": revision, "reason": reason}
            wanted = self._forms.wanted(scheduler, builder, params or {}, said, properties or {}, who)
            return await stored(wanted)
        if params:
            raise ControlError("parameters belong to a scheduler: name it, with --scheduler")
        wish = ": ".join(filter(None, [f"forced by {who}" if who else "forced", reason]))
        source = SourceStamp(branch or None, revision or None, codebase=codebase or "")
        return BuildSet([builder], source, wish, properties=properties)

    def parameters(self, builder: str) -> dict[str, Any]:
        """The schedulers through which builds of a builder can be forced, with their parameters."""
        self._builder(builder)
        return {"builder": builder, "schedulers": self._forms.describe(builder)}

    async def whenBegun(self, builder: Builder, request: BuildRequest) -> int | None:
        """The number of the build for a request; None if it does not begin soon."""
        await self._botmaster.engine.priorities.settled()
        if builder.backlog.holds(request) or (request in builder.pending and not request.isChosen):
            return None  # no slave is available for it
        began: Deferred[int | None] = Deferred()

        def tell(number: int | None) -> None:
            if not began.called:
                began.callback(number)

        def observe(status: BuildStatus) -> None:
            tell(status.number)

        request.status.subscribe(observe)
        late = Alarm(lambda: tell(None))
        late.set(self._botmaster.clock, BEGIN_TIME)
        try:
            return await began
        finally:
            request.status.unsubscribe(observe)
            late.stop()

    async def stopbuild(
        self,
        builder: str,
        number: int | None = None,
        reason: str = "",
        who: str = "",
        pending: bool = False,
    ) -> dict[str, Any]:
        """Stop a running build.

        @param number: the number of the build; None: the only running build.
        @param pending: also cancel the waiting requests of the builder.
        @return: C{stopped}, the numbers of the builds, and C{cancelled}, those of the requests.
        """
        target = self._builder(builder)
        running = {build.build_status.number: build for build in target.building}
        chosen = [number] if number is not None else list(running)
        if number is not None and number not in running:
            raise ControlError(f"build {number} of {builder} is not running{_instead(running)}")
        if len(chosen) > 1:
            raise ControlError(
                f"several builds of {builder} are running: give the number of one{_instead(running)}"
            )
        if not chosen and not pending:
            raise ControlError(f"no build of {builder} is running")
        why = ": ".join(filter(None, [f"stopped by {who}" if who else "stopped", reason]))
        for each in chosen:
            log.info("build {number} of {builder} is {why}", number=each, builder=builder, why=why)
            running[each].stopBuild(why)
        cancelled = await self.cancelWaiting(target, who) if pending and target.waiting else []
        return {"builder": builder, "stopped": chosen, "cancelled": cancelled}

    async def cancelWaiting(self, target: Builder, who: str) -> list[int]:
        """Cancel all waiting requests of a builder. Returns their numbers."""
        by = f" by {who}" if who else ""
        count = target.waiting
        log.info(
            "waiting requests for builder {builder} cancelled{by}: {count}",
            builder=target.name,
            by=by,
            count=count,
        )
        numbers, isKept = await stored(ensureDeferred(target.cancelWaiting()))
        if not isKept:
            trouble = self._botmaster.health.trouble
            raise ControlError(
                f"the requests are cancelled, but this is not stored yet; the master retries: {trouble}"
            )
        return numbers

    def _builder(self, name: str) -> Builder:
        found: Builder | None = self._botmaster.builders.get(name)
        if found is None:
            raise noBuilder(name, self._botmaster.builders)
        return found


def _isWanted(wanted: BuildFilter, build: BuildStatus) -> bool:
    """True if a running build meets the conditions."""
    row = BuildRow.of(build.toRecord(), build.number)
    return replace(wanted, state="").accepts(row)


def _instead(numbers: Iterable[int]) -> str:
    """The running builds in brackets, for an error about another build."""
    names = ", ".join(map(str, sorted(numbers)[:MOST_NAMES]))
    return f" (running: {names})" if names else ""
