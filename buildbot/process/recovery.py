# -*- test-case-name: tests.unit.process.test_builds -*-
"""
What a start does about the builds and requests that the last process left (P1).

Damage to the store is repaired before, by the store itself.
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
    """
    I take over from the last process.

    @ivar givenUp: the builds that this start has given up: the master crashed too often while they ran.
    """

    def __init__(self, resources: Resources, engine: BuildEngine) -> None:
        self._resources = resources
        self._engine = engine
        self.givenUp: Sequence[BuildRecord] = ()
        self._left: Sequence[RequestRecord] = ()
        self._ended: Sequence[BuildsetRecord] = ()

    async def closeInterrupted(self) -> None:
        """
        Close the builds that were interrupted, and see which requests wait. The store is open.

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
        self._ended = await store.giveUp(resources.now())
        # Read now: whatever is submitted later was not left by the last process.
        self._left = await store.pendingRequests()

    async def takeUp(self) -> None:
        """Let the requests wait again, and give the builders what they have learned."""
        engine, store = self._engine, self._resources.store
        for name, expectations in (await statesOf(store, "expectations", expectationsOf)).items():
            engine.expect(name, expectations)
        engine.buildsetsComplete(self._ended)
        left, self._left = self._left, ()
        homeless = [each.id for each in left if each.builder not in engine.builders]
        waiting = {each.id: each for each in left if each.builder in engine.builders}
        requests = readable(BuildRequest.fromRecord, "request", waiting)
        for request in requests.values():
            engine.builders[request.getBuilderName()].submitBuildRequest(request)
        if homeless:
            log.warn(
                "cancelled {requests} of builders that are not in the configuration any more",
                requests=counted(len(homeless), "request"),
            )
        unreadable = [number for number in waiting if number not in requests]
        if homeless or unreadable:
            cancelled = await store.cancelRequests([*homeless, *unreadable], self._resources.now())
            engine.buildsetsComplete(cancelled)
