# -*- test-case-name: tests.unit.status.test_request -*-
"""What is known of a wish for builds: one of one builder, or a set of them on several.

What becomes of it is told from outside: see L{buildbot.process.request} and L{buildbot.process.buildset}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.observers import NOBODY, Observers
from buildbot.model.completion import Completion
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.status.build import BuildStatus

log = Logger()


def tellEach(observers: Sequence[Callable[[Any], object]], news: object) -> None:
    """Call each observer; one that raises keeps no other from hearing of it."""
    for observer in observers:
        try:
            observer(news)
        except PLUGIN_ERRORS:
            log.failure("observer {observer!r} failed on {news!r}", observer=observer, news=news)


@implementer(interfaces.IBuildRequestStatus)
class BuildRequestStatus:
    """I am what is known of one request."""

    __slots__ = ("_builds", "_observers", "builderName", "source")

    def __init__(self, source: SourceStamp, builderName: str | None) -> None:
        self.source = source
        self.builderName = builderName
        self._builds: tuple[BuildStatus, ...] = ()
        self._observers: Observers[Callable[[Any], object]] = NOBODY

    def getSourceStamp(self) -> SourceStamp:
        """What is to be built."""
        return self.source

    def getBuilderName(self) -> str:
        """The builder that is to build it."""
        return self.builderName or ""

    def getBuilds(self) -> list[BuildStatus]:
        """The builds that were begun for it, the oldest first: L{buildbot.status.build.BuildStatus}."""
        return list(self._builds)

    def subscribe(self, observer: Callable[[Any], object]) -> None:
        """Call C{observer(buildStatus)} for each build that is begun for it, old ones included."""
        self._observers = self._observers.plus(observer)
        for build in self._builds:
            observer(build)

    def unsubscribe(self, observer: Callable[[Any], object]) -> None:
        """Call it no more."""
        self._observers = self._observers.without(observer)

    def buildStarted(self, build: BuildStatus) -> None:
        """A build was begun for it; C{build} is its status."""
        self._builds = (*self._builds, build)
        tellEach(self._observers, build)


@implementer(interfaces.IBuildSetStatus)
class BuildSetStatus(Completion):
    """I am what is known of one set of builds.

    @ivar isRepeated: whether those who follow the scheduler know of this source: another set shared a build.
    """

    isRepeated = False

    def __init__(
        self, source: SourceStamp, reason: str, builderNames: Sequence[str], bsid: str | None = None
    ) -> None:
        self.source = source
        self.reason = reason
        self.builderNames = builderNames
        self.id = bsid
        self.results: int | None = None
        self._requests: Sequence[BuildRequestStatus] = ()
        self._isFinished = False
        self._hopeful: tuple[Deferred[Any], ...] = ()

    def __repr__(self) -> str:
        return f"<BuildSetStatus {self.reason[:60]!r} on {', '.join(self.builderNames)}>"

    def getSourceStamp(self) -> SourceStamp:
        """What is built."""
        return self.source

    def getReason(self) -> str:
        """Why, in words."""
        return self.reason

    def getResults(self) -> int | None:
        """FAILURE once one of the builds has failed, SUCCESS once all have succeeded; None before."""
        return self.results

    def getID(self) -> str | None:
        """What whoever asked calls it."""
        return self.id

    def getBuilderNames(self) -> list[str]:
        """Where it is built."""
        return list(self.builderNames)

    def getBuildRequests(self) -> list[BuildRequestStatus]:
        """One L{BuildRequestStatus} for each builder."""
        return list(self._requests)

    def getResponsibleUsers(self) -> list[str]:
        """Who made the Changes, each once, in alphabetical order."""
        users: list[str] = self.source.blamelist()
        return users

    def getInterestedUsers(self) -> list[str]:
        """Who wants to know of it: the same."""
        return self.getResponsibleUsers()

    def isFinished(self) -> bool:
        """Whether every build is over."""
        return self._isFinished

    def waitUntilSuccess(self) -> Deferred[Any]:
        """Fires with me once the outcome is known: at the first failure, or when all have succeeded."""
        known: Deferred[Any] = Deferred()
        if self.results is not None:
            known.callback(self)
        else:
            self._hopeful = (*self._hopeful, known)
        return known

    # what the set tells

    def setBuildRequestStatuses(self, buildRequestStatuses: Sequence[BuildRequestStatus]) -> None:
        """These are my requests."""
        self._requests = list(buildRequestStatuses)

    def giveUpHope(self) -> None:
        """One of the builds has failed, so the whole has."""
        self.setResults(FAILURE)
        self.notifySuccessWatchers()

    def setResults(self, results: int) -> None:
        """What came of the whole."""
        self.results = results

    def notifySuccessWatchers(self) -> None:
        """The outcome is known: tell those who wait for it."""
        hopeful, self._hopeful = self._hopeful, ()
        for known in hopeful:
            known.callback(self)

    def notifyFinishedWatchers(self) -> None:
        """Every build is over: tell those who wait for that."""
        self._isFinished = True
        self.tellFinished()

    def complete(self, succeeded: bool) -> None:
        """Every build is over, and that is what came of them."""
        self.setResults(SUCCESS if succeeded else FAILURE)
        self.notifySuccessWatchers()
        self.notifyFinishedWatchers()
