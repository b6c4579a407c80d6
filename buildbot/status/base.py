# -*- test-case-name: tests.unit.status.test_receivers -*-
"""The base class of status receivers: it receives all events and ignores them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.application import service
from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.compare import ComparableMixin


@implementer(interfaces.IMasterReceiver)
class StatusReceiver:
    """I receive all events; subclasses override the methods they need."""

    def buildsetSubmitted(self, buildset: interfaces.IBuildSetStatus) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def builderAdded(self, builderName: str, builder: interfaces.IBuilderStatus) -> Any:
        """See L{interfaces.IStatusReceiver}."""

    def builderChangedState(self, builderName: str, state: str) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def buildStarted(self, builderName: str, build: interfaces.IBuildStatus) -> Any:
        """See L{interfaces.IStatusReceiver}."""

    def buildETAUpdate(self, build: interfaces.IBuildStatus, ETA: float | None) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def stepStarted(self, build: interfaces.IBuildStatus, step: interfaces.IBuildStepStatus) -> Any:
        """See L{interfaces.IStatusReceiver}."""

    def stepETAUpdate(
        self,
        build: interfaces.IBuildStatus,
        step: interfaces.IBuildStepStatus,
        ETA: float | None,
        expectations: list[tuple[str, float | None, float | None]],
    ) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def logStarted(
        self, build: interfaces.IBuildStatus, step: interfaces.IBuildStepStatus, log: interfaces.IStatusLog
    ) -> Any:
        """See L{interfaces.IStatusReceiver}."""

    def logChunk(
        self,
        build: interfaces.IBuildStatus,
        step: interfaces.IBuildStepStatus,
        log: interfaces.IStatusLog,
        channel: int,
        text: str,
    ) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def logFinished(
        self, build: interfaces.IBuildStatus, step: interfaces.IBuildStepStatus, log: interfaces.IStatusLog
    ) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def stepFinished(
        self,
        build: interfaces.IBuildStatus,
        step: interfaces.IBuildStepStatus,
        results: tuple[int | None, list[str]],
    ) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def buildFinished(self, builderName: str, build: interfaces.IBuildStatus, results: int) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def builderRemoved(self, builderName: str) -> None:
        """See L{interfaces.IStatusReceiver}."""

    # events of later releases

    def requestSubmitted(self, request: interfaces.IBuildRequestStatus) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def requestCancelled(
        self, builder: interfaces.IBuilderStatus, request: interfaces.IBuildRequestStatus
    ) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def requestReturned(
        self, builder: interfaces.IBuilderStatus, request: interfaces.IBuildRequestStatus
    ) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def buildsetComplete(self, buildset: interfaces.IBuildSetStatus) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def stepTextChanged(
        self, build: interfaces.IBuildStatus, step: interfaces.IBuildStepStatus, text: list[str]
    ) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def stepText2Changed(
        self, build: interfaces.IBuildStatus, step: interfaces.IBuildStepStatus, text2: list[str]
    ) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def changeAdded(self, change: Any) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def slaveConnected(self, slaveName: str) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def slaveDisconnected(self, slaveName: str) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def slavePaused(self, slaveName: str) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def slaveUnpaused(self, slaveName: str) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def slaveChanged(self, slaveName: str) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def reconfigured(self, outcome: Mapping[str, Any]) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def troubleBegan(self, trouble: Mapping[str, Any]) -> None:
        """See L{interfaces.IMasterReceiver}."""

    def troubleEnded(self, subject: str) -> None:
        """See L{interfaces.IMasterReceiver}."""


#: The name of 0.8.7 and later.
StatusReceiverBase = StatusReceiver


class StatusReceiverMultiService(StatusReceiver, service.MultiService, ComparableMixin):
    """I am a receiver for C{c['status']}: my parent is the BuildMaster.

    @ivar master: the BuildMaster, as in 0.8.6 and later; None before I have a parent.
    """

    master: Any = None

    def __init__(self) -> None:
        service.MultiService.__init__(self)

    def setServiceParent(self, parent: Any) -> Any:
        """Join the BuildMaster."""
        self.master = getattr(parent, "master", parent)
        return service.MultiService.setServiceParent(self, parent)


class StatusReceiverService(StatusReceiver, service.Service, ComparableMixin):
    """I am a receiver for C{c['status']} without child services, as in 0.8.7 and later.

    @ivar master: the BuildMaster; None before I have a parent.
    """

    master: Any = None

    def setServiceParent(self, parent: Any) -> Any:
        """Join the BuildMaster."""
        self.master = getattr(parent, "master", parent)
        return service.Service.setServiceParent(self, parent)
