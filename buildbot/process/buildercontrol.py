# -*- test-case-name: tests.unit.control.test_plugins -*-
"""Control of one builder for plug-ins, under the names of 0.7.5.

This module does not check permissions: a caller with a BuilderControl can use all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
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

    def resubmitBuild(self, bs: Any, reason: str = _NO_REASON) -> Deferred[BuildRequest] | None:
        """Build the source of a finished build again.

        @param bs: an L{interfaces.IBuildStatus}.
        @return: see L{requestBuild}; None if that build has not finished.
        """
        if not bs.isFinished():
            return None
        return self.requestBuild(BuildRequest(reason, bs.getSourceStamp(), self.original.name))

    def getPendingBuilds(self) -> list[BuildRequest]:
        """The waiting requests, oldest first."""
        return list(self.original.pending)

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
