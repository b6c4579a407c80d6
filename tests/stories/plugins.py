"""Plug-ins for master.cfg files of the stories: slow, quick and broken ones."""

from __future__ import annotations

from typing import Any

from twisted.application import service
from twisted.internet.defer import Deferred
from zope.interface import implementer

from buildbot.changes.pb import PBChangeSource
from buildbot.config.compare import ComparableMixin
from buildbot.interfaces import IUpstreamScheduler
from buildbot.scheduler import Periodic


class Quick(ComparableMixin, service.Service):
    """A plug-in that starts at once."""


class Slow(ComparableMixin, service.Service):
    """A plug-in that takes five seconds of the master's clock to start."""

    def setServiceParent(self, parent: Any) -> Deferred[None]:
        super().setServiceParent(parent)
        started: Deferred[None] = Deferred()
        parent._reactor.callLater(5, started.callback, None)
        return started


class Broken(ComparableMixin, service.Service):
    """A plug-in that does not start."""

    def startService(self) -> None:
        raise OSError("no")


@implementer(IUpstreamScheduler)
class Foreign(ComparableMixin, service.Service):
    """A user's scheduler, which others follow by subscription."""

    compare_attrs = ("name", "builder")

    def __init__(self, name: str, builder: str) -> None:
        self.name = name
        self.builder = builder
        self.watchers: list[Any] = []

    def subscribeToSuccessfulBuilds(self, watcher: Any) -> None:
        self.watchers.append(watcher)

    def unsubscribeToSuccessfulBuilds(self, watcher: Any) -> None:
        self.watchers.remove(watcher)

    def listBuilderNames(self) -> list[str]:
        return [self.builder]

    def getPendingBuildTimes(self) -> list[float]:
        return []

    def addChange(self, change: Any) -> None:
        pass


class Watcher(ComparableMixin, service.Service):
    """A status target that subscribes to a scheduler. The comparison of two ignores the scheduler."""

    compare_attrs = ("title",)

    def __init__(self, title: str, scheduler: Any) -> None:
        self.title = title
        self.watched = {"first": [scheduler]}

    def startService(self) -> None:
        super().startService()
        self.watched["first"][0].subscribeToSuccessfulBuilds(self.hear)

    def stopService(self) -> None:
        super().stopService()
        self.watched["first"][0].unsubscribeToSuccessfulBuilds(self.hear)

    def hear(self, source: Any) -> None:
        pass


class Stubborn(Periodic):
    """A plug-in that fails to stop, before Periodic itself has stopped."""

    def stopService(self) -> Any:
        raise OSError("I do not stop")


class StubbornSource(PBChangeSource):
    """A source that fails to stop."""

    def stop(self) -> Any:
        raise OSError("I do not stop")
