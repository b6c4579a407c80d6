# -*- test-case-name: tests.stories.test_webacts -*-
"""The commands about requests, changes and finished builds: request, rebuild, cancel, stopchange, ping.

Each answer is made of plain values. L{buildbot.control.buildcommands} has the commands for builds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger

from buildbot.control.buildcommands import BuildCommands
from buildbot.control.client import ControlError
from buildbot.control.refusals import noBuilder, stored
from buildbot.control.waiting import waitingRequest
from buildbot.model.records import wasInterrupted
from buildbot.model.results import RETRY
from buildbot.process.builder import Builder
from buildbot.process.buildercontrol import BuilderControl
from buildbot.process.request import BuildRequest
from buildbot.slaves.botmaster import BotMaster

log = Logger()


class RequestCommands:
    """I carry out these commands for one master."""

    def __init__(self, botmaster: BotMaster, builds: BuildCommands) -> None:
        self._botmaster = botmaster
        self._builds = builds

    def handlers(self) -> dict[str, Callable[..., object]]:
        """The handlers: command -> method."""
        return {
            "request": self.request,
            "rebuild": self.rebuild,
            "cancel": self.cancel,
            "stopchange": self.stopchange,
            "ping": self.ping,
        }

    async def request(self, builder: str, request: int) -> dict[str, Any]:
        """What has become of a request.

        @return: C{state}: C{waiting}, C{running}, C{finished} or C{cancelled}; C{build}, the number of its
            build or None; C{why}, why it waits.
        """
        target = self._builder(builder)
        said = {"builder": builder, "request": request, "build": None, "why": ""}
        unknown = ControlError(f"{builder} has no request {request}: it is too old, or there never was one")
        waiting = await stored(ensureDeferred(waitingRequest(self._botmaster, request)))
        if waiting is not None:
            if waiting.builder is not target:
                raise unknown
            return {**said, "state": "waiting", "why": target.whyWaiting()}
        for build in (*target.building, *target.ending):
            record = build.build_status.toRecord()
            if request in record.requests:
                return {**said, "state": "running", "build": record.number}
        store = self._botmaster.store
        buildset = await stored(store.getBuildsetOf(request))
        if buildset is None:
            raise unknown
        for record in await stored(store.getBuildsOf(buildset.id)):
            if request in record.requests:
                if record.builder != builder:
                    raise unknown
                if record.results != RETRY and not wasInterrupted(record.text):
                    return {**said, "state": "finished", "build": record.number}
                # A build that was lost is built again, unless its request was cancelled meanwhile.
                if await stored(store.findWaiting([request])):
                    return {**said, "state": "waiting", "build": record.number}
        return {**said, "state": "cancelled"}

    async def rebuild(
        self,
        builder: str,
        number: int,
        reason: str = "",
        who: str = "",
        absolute: bool = True,
        properties: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Build the source of a finished build again, with its properties.

        @param absolute: True: the revision that the slave checked out; False: the source as requested.
        @param properties: more properties; they count more.
        @return: as C{force}.
        """
        target = self._builder(builder)
        build = await stored(target.builder_status.fetchBuild(number))
        if build is None:
            raise ControlError(f"builder {builder!r} has no build {number}")
        if not build.isFinished():
            raise ControlError(
                f"build {number} of {builder} is still running: stop it, or wait until it ends"
            )
        by = f"rebuild of {number} by {who}" if who else f"rebuild of {number}"
        wish = ": ".join(filter(None, [by, reason]))
        again = BuilderControl(target).resubmitBuild(build, wish, properties, absolute)
        assert again is not None
        request = await stored(again)
        begun = await self._builds.whenBegun(target, request)
        why = target.whyWaiting() if begun is None else ""
        return {"builder": builder, "request": request.id, "build": begun, "why": why}

    async def cancel(self, builder: str, request: int | None = None, who: str = "") -> dict[str, Any]:
        """Cancel a waiting request; None: all that wait for the builder."""
        target = self._builder(builder)
        if request is None:
            if not target.waiting:
                raise ControlError(f"no request waits for {builder}")
            return {"builder": builder, "cancelled": await self._builds.cancelWaiting(target, who)}
        await stored(ensureDeferred(target.backlog.fetch([request])))
        chosen = [each for each in target.pending if request == each.id]
        if not chosen:
            raise ControlError(f"request {request} of {builder} does not wait: it was built or cancelled")
        await self._cancel(target, chosen, who)
        return {"builder": builder, "cancelled": [each.id for each in chosen]}

    async def stopchange(self, change: int, builder: str | None = None, who: str = "") -> dict[str, Any]:
        """Stop the builds of a change, and cancel its waiting requests.

        @param builder: only of this builder; None: of all.
        @return: C{stopped}, pairs of a builder and a build's number, and C{cancelled}, the IDs of requests.
        """
        chosen = [self._builder(builder)] if builder is not None else list(self._botmaster.builders.values())
        stopped: list[tuple[str, int]] = []
        cancelled: list[int] = []
        why = f"change {change} stopped" + (f" by {who}" if who else "")
        for target in chosen:
            await stored(ensureDeferred(target.backlog.fetchOf(change)))
            waiting = [each for each in target.pending if _has(each.source.allChanges(), change)]
            if waiting:
                await self._cancel(target, waiting, who)
                cancelled += [each.id for each in waiting if each.id is not None]
            for build in list(target.building):
                status = build.build_status
                if _has(status.getChanges(), change):
                    log.info(
                        "build {number} of {builder} is stopped: {why}",
                        number=status.number,
                        builder=target.name,
                        why=why,
                    )
                    build.stopBuild(why)
                    stopped.append((target.name, status.number))
        if not stopped and not cancelled:
            raise ControlError(f"no build of change {change} is running, and no request for it waits")
        return {"change": change, "stopped": stopped, "cancelled": cancelled}

    async def ping(self, builder: str) -> dict[str, Any]:
        """Ping all slaves of a builder. C{answered} is True if there is a slave and all have answered."""
        target = self._builder(builder)
        count = len(target.slaves)
        answered = await BuilderControl(target).ping()
        return {"builder": builder, "slaves": count, "answered": answered}

    async def _cancel(self, target: Builder, requests: list[BuildRequest], who: str) -> None:
        log.info(
            "waiting requests for builder {builder} cancelled{by}: {count}",
            builder=target.name,
            by=f" by {who}" if who else "",
            count=len(requests),
        )
        if not await target.cancelPending(requests):
            trouble = self._botmaster.health.trouble
            raise ControlError(
                f"the requests are cancelled, but this is not stored yet; the master retries: {trouble}"
            )

    def _builder(self, name: str) -> Builder:
        found: Builder | None = self._botmaster.builders.get(name)
        if found is None:
            raise noBuilder(name, self._botmaster.builders)
        return found


def _has(changes: Any, number: int) -> bool:
    return any(each.number == number for each in changes)
