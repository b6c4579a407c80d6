# -*- test-case-name: tests.unit.process.test_builds -*-
"""A build request in memory; the store keeps its record.

L{buildbot.process.queue} assigns requests to slaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from zope.interface import implementer

from buildbot import interfaces
from buildbot.events.observers import NOBODY, Observers
from buildbot.model.completion import Completion
from buildbot.model.properties import Properties
from buildbot.model.records import REQUEST, RequestRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.status.build import BuildStatus
from buildbot.status.request import BuildRequestStatus, tellEach


class CancelsRequests(Protocol):
    """The part of the builder that a request uses."""

    def cancelBuildRequest(self, req: BuildRequest, /) -> bool:
        """Cancel a request. Returns False if it is no longer waiting."""


@implementer(interfaces.IBuildRequestControl)
class BuildRequest(Completion):
    """I am one request for a build.

    @ivar status: my status for status receivers, a L{BuildRequestStatus}.
    @ivar id: my ID in the store; None until I am submitted.
    @ivar attempts: the number of my builds that were lost with their slave.
    @ivar interruptions: the number of my builds that were running when the master was killed or crashed.
    @ivar mergeable: whether I may share a build with other requests, if the builder's rule allows it.
    @ivar propertySource: the source of my properties in my builds, in words for people.
    @ivar lostOn: the names of the slaves that were lost during my builds.
    @ivar isOver: True after I was built or cancelled.
    @ivar isChosen: True while the slave that was chosen for me is pinged.
    @ivar arrived: the time of my arrival at the builder, by the clock of the timers.
    @ivar ended: called with the status of my build, or None, before those who wait for me; from my build set.
    @ivar builder: my L{buildbot.process.builder.Builder}.
    """

    id: int | None = None
    attempts = 0
    interruptions = 0
    mergeable = True
    propertySource = REQUEST
    builder: CancelsRequests | None = None
    submitted = 0.0
    lostOn: frozenset[str] = frozenset()
    _observers: Observers[Any] = NOBODY
    _running: tuple[Any, ...] = ()
    _came: Any = None
    isOver = False
    isChosen = False
    arrived = 0.0
    ended: Callable[[Any], object] | None = None

    def __init__(self, reason: str, source: SourceStamp, builderName: str | None = None) -> None:
        self.reason = reason
        self.status = BuildRequestStatus(source, builderName)
        self.properties = Properties()

    @property
    def submittedAt(self) -> float:
        """The time when I was requested, in seconds since the epoch, for functions of 0.8."""
        return self.submitted

    @classmethod
    def fromRecord(cls, record: RequestRecord, source: SourceStamp | None = None) -> BuildRequest:
        """The request of a stored record.

        @param source: the source to build; if None it is made from the record.
        """
        source = source or SourceStamp.fromRecord(record.sourcestamp)
        request = cls(record.reason, source, record.builder)
        request.id = record.id
        request.attempts = record.attempts
        request.interruptions = record.interruptions
        request.mergeable = record.mergeable
        request.submitted = record.submitted
        request.propertySource = record.propertySource
        request.properties.update(record.properties, record.propertySource)
        return request

    def __repr__(self) -> str:
        return f"<BuildRequest {self.id} for {self.builderName}: {self.reason[:60]!r}>"

    @property
    def source(self) -> SourceStamp:
        """The source to build."""
        source: SourceStamp = self.status.source
        return source

    @source.setter
    def source(self, source: SourceStamp) -> None:
        self.status.source = source

    @property
    def sources(self) -> dict[str, SourceStamp]:
        """The source stamps by their codebases, as in 0.8."""
        return {each.codebase or "": each for each in self.source.each()}

    @property
    def builderName(self) -> str | None:
        """The name of the builder."""
        return self.status.builderName

    @builderName.setter
    def builderName(self, builderName: str | None) -> None:
        self.status.builderName = builderName

    @property
    def startCount(self) -> int:
        """The number of builds started for this request."""
        return len(self.status.getBuilds())

    def canBeMergedWith(self, other: BuildRequest) -> bool:
        """True if one build may serve both requests: same source and properties."""
        if not self.source.canBeMergedWith(other.source):
            return False
        mine, others = self.properties, other.properties
        return (not mine and not others) or dict(mine) == dict(others)  # from any source

    def mergeWith(self, others: Iterable[BuildRequest]) -> SourceStamp:
        """The source of a build that serves this request and others."""
        return self.source.mergeWith([other.source for other in others])

    def mergeReasons(self, others: Iterable[BuildRequest]) -> str:
        """The reasons of this request and others, without duplicates."""
        reasons = [self.reason, *(other.reason for other in others)]
        return ", ".join(dict.fromkeys(reason for reason in reasons if reason))

    def getSourceStamp(self) -> SourceStamp:
        """The source to build."""
        return self.source

    def getBuilderName(self) -> str:
        """The name of the builder."""
        return self.status.getBuilderName()

    def subscribe(self, observer: Any) -> None:
        """Call C{observer(build)} with the L{interfaces.IBuildControl} of each build started for me.

        It is called at once for a build that is already running.
        """
        self._observers = self._observers.plus(observer)
        if self.whenWatched is not None:
            self.whenWatched()
        for build in self._running:
            observer(build)

    def unsubscribe(self, observer: object) -> None:
        """Stop the calls to this observer."""
        self._observers = self._observers.without(observer)

    @property
    def isWatched(self) -> bool:
        """True if somebody waits for my build, or observes me or my status."""
        return bool(self._waiting or self._observers or self.status.isWatched)

    def isFinished(self) -> bool:
        """True if the request was built or cancelled."""
        return self.isOver

    def outcome(self) -> Any:
        """The status of the build that served the request; None if the request was cancelled."""
        return self._came

    def cancel(self) -> None:
        """Cancel the request if it is still waiting."""
        if self.builder is not None:
            self.builder.cancelBuildRequest(self)

    # called by the builder

    def requestSubmitted(self, builder: CancelsRequests) -> None:
        """Set the builder: the request is in its queue."""
        self.builder = builder
        self.status.brid, self.status.submitted = self.id, self.submitted

    def buildStarted(self, build: interfaces.IBuildControl, buildstatus: BuildStatus) -> None:
        """Report a build started for the request to status and observers."""
        self._running = (build,)
        self.status.buildStarted(buildstatus)
        if self._observers:
            tellEach(self._observers, build)

    def finished(self, buildstatus: BuildStatus | None) -> None:
        """Finish the request with the status of its build; None: it was cancelled."""
        self._came = buildstatus
        self._running = ()
        self.isOver = True
        ended, self.ended = self.ended, None  # it holds the set, which holds me
        if ended is not None:
            ended(buildstatus)
        if self._waiting:
            self.tellFinished()
