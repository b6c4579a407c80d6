# -*- test-case-name: tests.unit.status.test_receivers -*-
"""The base class of status receivers: it receives all events and ignores them."""

from __future__ import annotations

from typing import Any

from twisted.application import service
from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.compare import ComparableMixin


@implementer(interfaces.IStatusReceiver)
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


class StatusReceiverMultiService(StatusReceiver, service.MultiService, ComparableMixin):
    """I am a receiver for C{c['status']}: my parent is the BuildMaster."""

    def __init__(self) -> None:
        service.MultiService.__init__(self)
