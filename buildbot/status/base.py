# -*- test-case-name: tests.unit.status.test_receivers -*-
"""Receivers of status to derive from: they are told all that happens, and make nothing of it."""

from __future__ import annotations

from typing import Any

from twisted.application import service
from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.compare import ComparableMixin


@implementer(interfaces.IStatusReceiver)
class StatusReceiver:
    """I am told what happens; subclasses override what they want to hear."""

    def buildsetSubmitted(self, buildset: Any) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def builderAdded(self, builderName: str, builder: Any) -> Any:
        """See L{interfaces.IStatusReceiver}."""

    def builderChangedState(self, builderName: str, state: str) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """See L{interfaces.IStatusReceiver}."""

    def buildETAUpdate(self, build: Any, ETA: float | None) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def stepStarted(self, build: Any, step: Any) -> Any:
        """See L{interfaces.IStatusReceiver}."""

    def stepETAUpdate(
        self,
        build: Any,
        step: Any,
        ETA: float | None,
        expectations: list[tuple[str, float | None, float | None]],
    ) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def logStarted(self, build: Any, step: Any, log: Any) -> Any:
        """See L{interfaces.IStatusReceiver}."""

    def logChunk(self, build: Any, step: Any, log: Any, channel: int, text: str) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def logFinished(self, build: Any, step: Any, log: Any) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def stepFinished(self, build: Any, step: Any, results: tuple[int | None, list[str]]) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def buildFinished(self, builderName: str, build: Any, results: int) -> None:
        """See L{interfaces.IStatusReceiver}."""

    def builderRemoved(self, builderName: str) -> None:
        """See L{interfaces.IStatusReceiver}."""


class StatusReceiverMultiService(StatusReceiver, service.MultiService, ComparableMixin):
    """I am a receiver for C{c['status']}: my parent is the BuildMaster."""

    def __init__(self) -> None:
        service.MultiService.__init__(self)
