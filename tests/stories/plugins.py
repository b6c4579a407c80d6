"""Plug-ins for master.cfg files of the stories: slow, quick and broken ones."""

from __future__ import annotations

from twisted.application import service
from twisted.internet.defer import Deferred

from buildbot.util import ComparableMixin


class Quick(ComparableMixin, service.Service):
    """It starts at once."""


class Slow(ComparableMixin, service.Service):
    """It takes five seconds of the master's clock to start."""

    def setServiceParent(self, parent: service.IServiceCollection) -> Deferred[None]:  # type: ignore[override]
        super().setServiceParent(parent)
        started: Deferred[None] = Deferred()
        parent._reactor.callLater(5, started.callback, None)
        return started


class Broken(ComparableMixin, service.Service):
    """It does not start."""

    def startService(self) -> None:
        raise OSError("no")
