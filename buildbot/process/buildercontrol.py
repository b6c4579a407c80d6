# -*- test-case-name: tests.unit.control.test_plugins -*-
"""
What plug-ins may do to one builder, under the names of 0.7.5.

Nothing here checks whether a plug-in may do that: the owner of a BuilderControl may do all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from zope.interface import implementer

from buildbot import interfaces
from buildbot.process.request import BuildRequest
from buildbot.process.seams import MasterForBuilder, RequestQueue, SlaveForBuilder

_NO_REASON = "<rebuild, no reason given>"


class BuilderForControl(RequestQueue, Protocol):
    """The builder that is controlled: L{buildbot.process.builder.Builder}."""

    @property
    def botmaster(self) -> MasterForBuilder:
        """The master."""

    @property
    def slaves(self) -> Sequence[AskedSlave]:
        """The attached slaves."""

    @property
    def pending(self) -> Sequence[BuildRequest]:
        """The requests that wait, the oldest first."""

    @property
    def building(self) -> Sequence[Any]:
        """The builds that run."""


class AskedSlave(Protocol):
    """An attached slave of the builder."""

    @property
    def slave(self) -> SlaveForBuilder:
        """The slave itself."""

    def isAvailable(self) -> bool:
        """Whether a build could begin there now."""


@implementer(interfaces.IBuilderControl)
class BuilderControl:
    """I control one builder."""

    def __init__(self, original: BuilderForControl) -> None:
        """@param original: the L{buildbot.process.builder.Builder}."""
        self.original = original

    def requestBuild(self, req: Any) -> Deferred[BuildRequest]:
        """
        Put a request into the queue.

        @return: fires with the request once it is on disk, and waits; fails with
            L{buildbot.store.interface.StoreFailed} if it could not be stored: then nobody will build it.
        """
        return ensureDeferred(self.original.botmaster.engine.submitRequest(self.original, req))

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
        Build the source of a finished build again.

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
