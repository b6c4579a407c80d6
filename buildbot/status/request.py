# -*- test-case-name: tests.unit.status.test_request -*-
"""The status of build requests and build sets.

L{buildbot.process.request} and L{buildbot.process.buildset} set it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
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
    """Call each observer. An exception is logged, and the others are still called."""
    for observer in observers:
        try:
            observer(news)
        except PLUGIN_ERRORS:
            log.failure("observer {observer!r} failed on {news!r}", observer=observer, news=news)


@implementer(interfaces.IBuildRequestStatus)
class BuildRequestStatus:
    """I am the status of one build request.

    @ivar brid: its ID in the store; None before it is in the queue.
    @ivar submitted: the time of its submission, in seconds since the epoch; 0 before it is in the queue.
    @ivar whenWatched: called when somebody begins to observe me, if it is not None.
    """

    __slots__ = ("_builds", "_observers", "brid", "builderName", "source", "submitted", "whenWatched")

    def __init__(self, source: SourceStamp, builderName: str | None) -> None:
        self.source = source
        self.builderName = builderName
        self.brid: int | None = None
        self.submitted = 0.0
        self._builds: tuple[BuildStatus, ...] = ()
        self._observers: Observers[Callable[[Any], object]] = NOBODY
        self.whenWatched: Callable[[], object] | None = None

    @property
    def isWatched(self) -> bool:
        """True if there are observers."""
        return bool(self._observers)

    def getSourceStamp(self) -> SourceStamp:
        """The source stamp of the request, with those of further codebases beside it."""
        return self.source

    def getSourceStamps(self) -> list[SourceStamp]:
        """The source stamps of all codebases, each alone, under a name of 0.8."""
        return self.source.each()

    def getBuilderName(self) -> str:
        """The name of the builder."""
        return self.builderName or ""

    def getSubmitTime(self) -> float:
        """The time of its submission, in seconds since the epoch; 0 before it is in the queue."""
        return self.submitted

    def getBuilds(self) -> list[BuildStatus]:
        """The L{buildbot.status.build.BuildStatus} of each build started for it, oldest first."""
        return list(self._builds)

    def subscribe(self, observer: Callable[[Any], object]) -> None:
        """Call C{observer(buildStatus)} for each build started for it; at once for earlier builds."""
        self._observers = self._observers.plus(observer)
        if self.whenWatched is not None:
            self.whenWatched()
        for build in self._builds:
            observer(build)

    def unsubscribe(self, observer: Callable[[Any], object]) -> None:
        """Stop the calls to this observer."""
        self._observers = self._observers.without(observer)

    def buildStarted(self, build: BuildStatus) -> None:
        """Add a build started for it, and call the observers; C{build} is its status."""
        self._builds = (*self._builds, build)
        tellEach(self._observers, build)


@implementer(interfaces.IBuildSetStatus)
class BuildSetStatus(Completion):
    """I am the status of one build set.

    @ivar isRepeated: True if another set shared a build with this one, so that followers of the scheduler
        have already seen the source.
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
        """The source stamp of the set, with those of further codebases beside it."""
        return self.source

    def getSourceStamps(self, absolute: bool = False) -> list[SourceStamp]:
        """The source stamps of all codebases, each alone, under a name of 0.8."""
        return self.source.each()

    def getBuilderNamesAndBuildRequests(self) -> Deferred[dict[str, BuildRequestStatus]]:
        """Fires at once, as in 0.8, with the requests by the names of their builders."""
        return succeed({request.getBuilderName(): request for request in self._requests})

    def getReason(self) -> str:
        """The reason for the set, in words."""
        return self.reason

    def getResults(self) -> int | None:
        """FAILURE once one of the builds has failed, SUCCESS once all have succeeded; None before."""
        return self.results

    def getID(self) -> str | None:
        """The ID given by the submitter, or None."""
        return self.id

    def getBuilderNames(self) -> list[str]:
        """The names of the set's builders."""
        return list(self.builderNames)

    def getBuildRequests(self) -> list[BuildRequestStatus]:
        """One L{BuildRequestStatus} for each builder."""
        return list(self._requests)

    def getResponsibleUsers(self) -> list[str]:
        """The authors of the Changes, without duplicates, in alphabetical order."""
        users: list[str] = self.source.blamelist()
        return users

    def getInterestedUsers(self) -> list[str]:
        """The users to notify: the authors of the Changes."""
        return self.getResponsibleUsers()

    @property
    def isWatched(self) -> bool:
        """True if somebody waits for my end, or for my success."""
        return bool(self._waiting or self._hopeful)

    def isFinished(self) -> bool:
        """True after the end of every build."""
        return self._isFinished

    def waitUntilSuccess(self) -> Deferred[Any]:
        """Fires with me at the first failed build, or after all builds have succeeded."""
        known: Deferred[Any] = Deferred()
        if self.results is not None:
            known.callback(self)
        else:
            self._hopeful = (*self._hopeful, known)
            if self.whenWatched is not None:
                self.whenWatched()
        return known

    # calls of the build set

    def setBuildRequestStatuses(self, buildRequestStatuses: Sequence[BuildRequestStatus]) -> None:
        """Set the statuses of the requests."""
        self._requests = list(buildRequestStatuses)

    def giveUpHope(self) -> None:
        """Set the result to FAILURE after the first failed build, and fire L{waitUntilSuccess}."""
        self.setResults(FAILURE)
        self.notifySuccessWatchers()

    def setResults(self, results: int) -> None:
        """Set the result of the set."""
        self.results = results

    def notifySuccessWatchers(self) -> None:
        """Fire the Deferreds of L{waitUntilSuccess}."""
        hopeful, self._hopeful = self._hopeful, ()
        for known in hopeful:
            known.callback(self)

    def notifyFinishedWatchers(self) -> None:
        """Mark the set as finished, and fire the Deferreds of C{waitUntilFinished}."""
        self._isFinished = True
        self.whenWatched = None  # it refers to the set, and the set to me
        if self._waiting:
            self.tellFinished()

    def complete(self, succeeded: bool) -> None:
        """Finish the set with SUCCESS or FAILURE, and fire all Deferreds."""
        self.setResults(SUCCESS if succeeded else FAILURE)
        self.notifySuccessWatchers()
        self.notifyFinishedWatchers()
