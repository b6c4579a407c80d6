# -*- test-case-name: tests.unit.process.test_builds -*-
"""Recover the builds and requests of the last process at a start (P1).

The store repairs its own damage before this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.logger import Logger

from buildbot.daemon.symptoms import Symptom
from buildbot.logs.directory import adopt
from buildbot.model.records import TAKEN_OVER, BuildRecord, BuildsetRecord
from buildbot.process.engine import BuildEngine
from buildbot.process.expectations import expectationsOf
from buildbot.process.readable import statesOf
from buildbot.process.resources import Resources
from buildbot.store.waiting import Waiting, WaitingPage
from buildbot.text.plural import counted

log = Logger()


class Recovery:
    """I recover the state of the last process.

    @ivar givenUp: the builds given up by this start: the master crashed too often during builds of their
        requests.
    """

    def __init__(self, resources: Resources, engine: BuildEngine) -> None:
        self._resources = resources
        self._engine = engine
        self.givenUp: Sequence[BuildRecord] = ()
        self._waiting: dict[str, Waiting] = {}
        self._hasTakenOver = False
        self._ended: Sequence[BuildsetRecord] = ()

    async def closeInterrupted(self, hasTakenOver: bool = False) -> None:
        """Close the interrupted builds, and count the waiting requests. The store must be open.

        @param hasTakenOver: True if the builds were those of another master, which this one has waited for.
        @raise StoreFailed: the store cannot be used.
        """
        self._hasTakenOver = hasTakenOver
        resources = self._resources
        if resources.partials is not None:
            resources.partials.sweep()
        store, logs = resources.store, resources.logs.directory
        text = (TAKEN_OVER,) if hasTakenOver else ()

        def amend(build: BuildRecord) -> BuildRecord:
            return adopt(build.altered(text=text), logs)

        for build in await store.interrupted(resources.now(), amend):
            name, number = build.builder, build.number
            if build.isGivenUp:
                self.givenUp = (*self.givenUp, build)
                log.error(
                    "build {number} of builder {name}: {why}",
                    name=name,
                    number=number,
                    why=" ".join(build.text),
                )
            else:
                log.warn(
                    "build {number} of builder {name} was interrupted by the end of the master",
                    name=name,
                    number=number,
                )
        self._ended = (*self._ended, *await store.giveUp(resources.now()))
        # Count now: requests that are submitted later are not of the last process.
        self._waiting = await store.countWaiting()

    async def resume(self) -> None:
        """Put the requests into the queues again, and give the builders their learned expectations."""
        engine, store = self._engine, self._resources.store
        for name, expectations in (await statesOf(store, "expectations", expectationsOf)).items():
            engine.expect(name, expectations)
        engine.buildsetsComplete(self._ended)
        waiting, self._waiting = self._waiting, {}
        known = {name: each for name, each in waiting.items() if name in engine.builders}
        for name, each in known.items():
            engine.builders[name].backlog.expect(each)
        orphaned = {name: each for name, each in waiting.items() if name not in known}
        if self._hasTakenOver:
            self._keep(orphaned)
            orphaned = {}
        for name, each in orphaned.items():
            await self._cancel(name, each.last)
        if orphaned:
            log.warn(
                "cancelled {requests} of builders that are no longer in the configuration",
                requests=counted(sum(each.count for each in orphaned.values()), "request"),
            )
        for name in known:
            if name in engine.builders:
                await engine.builders[name].backlog.filled()

    def _keep(self, orphaned: Mapping[str, Waiting]) -> None:
        """Tell of requests for builders that only the file of the master before has, perhaps."""
        if orphaned:
            requests = counted(sum(each.count for each in orphaned.values()), "request")
            symptom = Symptom(
                f"{requests} cannot be built: the master before had builders that this master.cfg has not",
                ", ".join(sorted(orphaned)),
                "correct master.cfg, and run `buildbot restart`; a restart without them cancels the requests",
            )
            self._resources.troubles.report("requests", symptom)

    async def _cancel(self, builder: str, last: int) -> None:
        """Cancel the requests of a builder that is not in the configuration, up to a number."""
        store, after = self._resources.store, 0
        while after < last:
            page: WaitingPage = await store.getWaiting(builder, after)
            found = [*(each.id for each in page.requests), *(each.id for each in page.unreadable)]
            numbers = [each for each in found if each <= last]
            self._engine.buildsetsComplete(await store.cancelRequests(numbers, self._resources.now()))
            after = last if page.last is None else page.last
