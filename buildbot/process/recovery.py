# -*- test-case-name: tests.unit.process.test_builds -*-
"""Recover the builds and requests of the last process at a start (P1).

The store repairs its own damage before this.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from buildbot.logs.directory import adopt
from buildbot.model.records import BuildRecord, BuildsetRecord, RequestRecord
from buildbot.process.engine import BuildEngine
from buildbot.process.expectations import expectationsOf
from buildbot.process.readable import readable, statesOf
from buildbot.process.request import BuildRequest
from buildbot.process.resources import Resources
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
        self._left: Sequence[RequestRecord] = ()
        self._ended: Sequence[BuildsetRecord] = ()

    async def closeInterrupted(self) -> None:
        """Close the interrupted builds, and read the waiting requests. The store must be open.

        @raise StoreFailed: the store cannot be used.
        """
        resources = self._resources
        if resources.partials is not None:
            resources.partials.sweep()
        store, logs = resources.store, resources.logs.directory
        for build in await store.interrupted(resources.now(), lambda each: adopt(each, logs)):
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
        # Read now: requests that are submitted later are not of the last process.
        ended, unreadable, left = await store.giveUp(resources.now()), [], []
        for name in await store.countWaiting():
            after: int | None = 0
            while after is not None:
                requests, bad, after = await store.getWaiting(name, after)
                left += requests
                unreadable += bad
        if unreadable:
            ended += await store.giveUp(resources.now(), unreadable)
        self._ended, self._left = ended, sorted(left, key=lambda request: request.id)

    async def resume(self) -> None:
        """Put the requests into the queues again, and give the builders their learned expectations."""
        engine, store = self._engine, self._resources.store
        for name, expectations in (await statesOf(store, "expectations", expectationsOf)).items():
            engine.expect(name, expectations)
        engine.buildsetsComplete(self._ended)
        left, self._left = self._left, ()
        orphaned = [each.id for each in left if each.builder not in engine.builders]
        waiting = {each.id: each for each in left if each.builder in engine.builders}
        requests = readable(BuildRequest.fromRecord, "request", waiting)
        for request in requests.values():
            engine.builders[request.getBuilderName()].submitBuildRequest(request)
        if orphaned:
            log.warn(
                "cancelled {requests} of builders that are no longer in the configuration",
                requests=counted(len(orphaned), "request"),
            )
        unreadable = [number for number in waiting if number not in requests]
        if orphaned or unreadable:
            cancelled = await store.cancelRequests([*orphaned, *unreadable], self._resources.now())
            engine.buildsetsComplete(cancelled)
