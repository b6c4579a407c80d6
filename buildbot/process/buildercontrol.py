# -*- test-case-name: tests.unit.control.test_plugins -*-
"""
What plug-ins may do to one builder, under the names of 0.7.5.

Whether they may is not asked here: who holds one of these may do all of it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from zope.interface import implementer

from buildbot import interfaces
from buildbot.process.request import BuildRequest

_NO_REASON = "<rebuild, no reason given>"


@implementer(interfaces.IBuilderControl)
class BuilderControl:
    """I let one builder be told what to do."""

    def __init__(self, original: Any) -> None:
        """@param original: the L{buildbot.process.builder.Builder}."""
        self.original = original

    def requestBuild(self, req: Any) -> Deferred[BuildRequest]:
        """
        Put a request at the end of the queue.

        @return: fires with it once it is on disk, and waits; fails with
            L{buildbot.store.interface.StoreFailed} if it could not be kept: then nobody will build it.
        """
        return ensureDeferred(self._request(req))

    async def _request(self, req: BuildRequest) -> BuildRequest:
        builder, engine = self.original, self.original.botmaster
        _, (kept,) = await engine.store.addBuildset(
            *(req.reason, req.source.toRecord(), [builder.name], req.properties, None, None, engine.now()),
            *(None, req.mergeable),
        )
        req.id, req.submitted, req.builderName = kept.id, kept.submitted, kept.builder
        engine.builders.get(builder.name, builder).submitBuildRequest(req)
        return req

    def requestBuildSoon(self, req: Any) -> Deferred[BuildRequest]:
        """
        Put a request in the queue if it can begin at once.

        @return: see L{requestBuild}.
        @raise NoSlaveError: no slave is connected.
        @raise BuilderInUseError: all of them are busy.
        """
        slaves = self.original.slaves
        if not slaves:
            raise interfaces.NoSlaveError(self.original.name)
        if not any(slave.isAvailable() for slave in slaves):
            raise interfaces.BuilderInUseError(self.original.name)
        return self.requestBuild(req)

    def resubmitBuild(self, bs: Any, reason: str = _NO_REASON) -> Deferred[BuildRequest] | None:
        """
        Build once more what a build that is over was of.

        @param bs: an L{interfaces.IBuildStatus}.
        @return: see L{requestBuild}; None if that build is not over.
        """
        if not bs.isFinished():
            return None
        return self.requestBuild(BuildRequest(reason, bs.getSourceStamp(), self.original.name))

    def getPendingBuilds(self) -> list[BuildRequest]:
        """The requests that wait, the oldest first."""
        return list(self.original.pending)

    def getBuild(self, number: int) -> Any:
        """The running build of this number, an L{interfaces.IBuildControl}; None if there is none."""
        return next((b for b in self.original.building if b.build_status.number == number), None)

    def ping(self, timeout: float = 30) -> Deferred[bool]:
        """
        Ask every connected slave of the builder for a sign of life.

        @return: fires with whether there is one, and all have answered.
        """
        slaves = [slave.slave for slave in self.original.slaves]
        answers: Deferred[list[bool]] = gatherResults([slave.isAnswering(timeout) for slave in slaves])
        return answers.addCallback(lambda lives: bool(lives) and all(lives))
