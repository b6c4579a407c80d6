# -*- test-case-name: tests.unit.control.test_plugins -*-
"""Control of one builder for plug-ins, under the names of 0.7.5.

This module does not check permissions: a caller with a BuilderControl can use all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults, succeed
from zope.interface import implementer

from buildbot import interfaces
from buildbot.process.request import BuildRequest
from buildbot.process.seams import BuilderForEngine, MasterForBuilder, SlaveForBuilder

_NO_REASON = "<rebuild, no reason given>"


class BuilderForControl(BuilderForEngine, Protocol):
    """The controlled builder: L{buildbot.process.builder.Builder}."""

    @property
    def botmaster(self) -> MasterForBuilder: ...

    @property
    def slaves(self) -> Sequence[AskedSlave]:
        """The attached slaves."""

    @property
    def pending(self) -> Sequence[BuildRequest]:
        """The waiting requests, oldest first."""

    @property
    def building(self) -> Sequence[Any]:
        """The running builds."""


class AskedSlave(Protocol):
    """An attached slave of the builder."""

    @property
    def slave(self) -> SlaveForBuilder: ...

    def isAvailable(self) -> bool:
        """True if a build could start there now."""


@implementer(interfaces.IBuilderControl)
class BuilderControl:
    """I control one builder."""

    def __init__(self, original: BuilderForControl) -> None:
        """@param original: the L{buildbot.process.builder.Builder}."""
        self.original = original

    def requestBuild(self, req: Any) -> Deferred[BuildRequest]:
        """Submit a request.

        @return: fires with the request when it is on disk and in the queue. Fails with
            L{buildbot.store.interface.StoreFailed} if it could not be stored; then it is not built.
        """
        return ensureDeferred(self.original.botmaster.engine.submitRequest(self.original, req))

    def requestBuildSoon(self, req: object) -> Deferred[BuildRequest]:
        """Submit a request if its build can start at once.

        @return: see L{requestBuild}.
        @raise NoSlaveError: no slave is attached.
        @raise BuilderInUseError: all attached slaves are busy or paused.
        """
        slaves = self.original.slaves
        if not slaves:
            raise interfaces.NoSlaveError(self.original.name)
        if not any(slave.isAvailable() for slave in slaves):
            raise interfaces.BuilderInUseError(self.original.name)
        return self.requestBuild(req)

    def resubmitBuild(
        self,
        bs: Any,
        reason: str = _NO_REASON,
        extraProperties: Mapping[str, Any] | None = None,
        absolute: bool = True,
    ) -> Deferred[BuildRequest] | None:
        """Build the source of a finished build again, with the properties of its request.

        @param bs: an L{interfaces.IBuildStatus}.
        @param extraProperties: more properties; they count more.
        @param absolute: build the revision that the slave checked out, if a step has told it; else the
            source as it was requested.
        @return: see L{requestBuild}; None if that build has not finished.
        """
        if not bs.isFinished():
            return None
        request = BuildRequest(reason, bs.getSourceStamp(absolute), self.original.name)
        return ensureDeferred(self._again(bs, request, extraProperties or {}))

    rebuildBuild = resubmitBuild

    async def _again(self, bs: Any, request: BuildRequest, extra: Mapping[str, Any]) -> BuildRequest:
        """Submit a request with the properties of those that a build served."""
        store = self.original.botmaster.resources.store
        for each in bs.getRequestIds():
            buildset = await store.getBuildsetOf(each)
            if buildset is not None:
                request.properties.update(buildset.properties, buildset.propertySource)
        request.properties.update(extra, "rebuild")
        return await self.requestBuild(request)

    def getPendingBuilds(self) -> list[BuildRequest]:
        """The waiting requests, oldest first."""
        return list(self.original.pending)

    def getPendingBuildRequestControls(self) -> Deferred[list[BuildRequest]]:
        """Fires with the result of L{getPendingBuilds}, under a name of 0.8."""
        return succeed(self.getPendingBuilds())

    def getBuild(self, number: int) -> Any:
        """The running build of this number, an L{interfaces.IBuildControl}; None if there is none."""
        return next((b for b in self.original.building if b.build_status.number == number), None)

    def ping(self, timeout: float = 30) -> Deferred[bool]:
        """Ping every attached slave of the builder.

        @return: fires with True if there is a slave and all slaves have answered.
        """
        slaves = [slave.slave for slave in self.original.slaves]
        answers: Deferred[list[bool]] = gatherResults([slave.isAnswering(timeout) for slave in slaves])
        return answers.addCallback(lambda lives: bool(lives) and all(lives))
