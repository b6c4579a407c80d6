# -*- test-case-name: tests.unit.process.test_builds -*-
"""
A wish for one build on one builder, while the process lives; the store keeps it.

Which request meets which slave is decided by L{buildbot.process.queue}.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from zope.interface import implementer

from buildbot import interfaces
from buildbot.events.observers import NOBODY, Observers
from buildbot.model.completion import Completion
from buildbot.model.properties import Properties
from buildbot.model.records import RequestRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.status.request import BuildRequestStatus, tellEach


class CancelsRequests(Protocol):
    """The builder that a request waits for."""

    def cancelBuildRequest(self, req: BuildRequest, /) -> bool:
        """Cancel a request; False if it does not wait any more."""


@implementer(interfaces.IBuildRequestControl)
class BuildRequest(Completion):
    """
    I am one request for a build.

    @ivar status: what status receivers see of me, a L{BuildRequestStatus}.
    @ivar id: my number in the store; None until I am submitted.
    @ivar attempts: how many of my builds were lost with their slave.
    @ivar interruptions: how many of my builds were running when the master was killed or crashed.
    @ivar mergeable: whether I may share a build with other requests, if the builder's rule allows it, too.
    @ivar lostOn: the names of the slaves that were lost with my builds.
    @ivar isOver: whether I was built or cancelled.
    @ivar isChosen: whether a slave was chosen for me, and is being asked for a sign of life.
    @ivar arrived: when I came to the builder, by the clock of the timers.
    @ivar builder: the L{buildbot.process.builder.Builder} that I wait for, or am built by.
    """

    id: int | None = None
    attempts = 0
    interruptions = 0
    mergeable = True
    builder: CancelsRequests | None = None
    submitted = 0.0
    lostOn: frozenset[str] = frozenset()
    _observers: Observers[Any] = NOBODY
    _running: tuple[Any, ...] = ()
    _came: Any = None
    isOver = False
    isChosen = False
    arrived = 0.0

    def __init__(self, reason: str, source: SourceStamp, builderName: str | None = None) -> None:
        self.reason = reason
        self.status = BuildRequestStatus(source, builderName)
        self.properties = Properties()

    @classmethod
    def fromRecord(cls, record: RequestRecord, source: SourceStamp | None = None) -> BuildRequest:
        """
        The request that the store knows.

        @param source: the source to build; if None it is made from the record.
        """
        source = source or SourceStamp.fromRecord(record.sourcestamp)
        request = cls(record.reason, source, record.builder)
        request.id = record.id
        request.attempts = record.attempts
        request.interruptions = record.interruptions
        request.mergeable = record.mergeable
        request.submitted = record.submitted
        request.properties.update(record.properties, "request")
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
    def builderName(self) -> str | None:
        """The name of the builder."""
        return self.status.builderName

    @builderName.setter
    def builderName(self, builderName: str | None) -> None:
        self.status.builderName = builderName

    @property
    def startCount(self) -> int:
        """How many builds have begun for this request."""
        return len(self.status.getBuilds())

    def canBeMergedWith(self, other: BuildRequest) -> bool:
        """Whether one build may serve both requests."""
        if not self.source.canBeMergedWith(other.source):
            return False
        mine, others = self.properties, other.properties
        return (not mine and not others) or dict(mine) == dict(others)  # whoever has set them

    def mergeWith(self, others: Iterable[BuildRequest]) -> SourceStamp:
        """The source of a build that serves this request and others."""
        return self.source.mergeWith([other.source for other in others])

    def mergeReasons(self, others: Iterable[BuildRequest]) -> str:
        """The reasons of this request and others, each once."""
        reasons = [self.reason, *(other.reason for other in others)]
        return ", ".join(dict.fromkeys(reason for reason in reasons if reason))

    def getSourceStamp(self) -> SourceStamp:
        """The source to build."""
        return self.source

    def getBuilderName(self) -> str:
        """The name of the builder."""
        return self.status.getBuilderName()

    def subscribe(self, observer: Any) -> None:
        """Call C{observer(build)}, an L{interfaces.IBuildControl}, for each build that is begun for me.

        Of those that were begun before, for the one that runs.
        """
        self._observers = self._observers.plus(observer)
        for build in self._running:
            observer(build)

    def unsubscribe(self, observer: Any) -> None:
        """Do not call this observer any more."""
        self._observers = self._observers.without(observer)

    def isFinished(self) -> bool:
        """Whether the request was built or cancelled."""
        return self.isOver

    def whatCame(self) -> Any:
        """The status of the build that served the request; None if the request was cancelled."""
        return self._came

    def cancel(self) -> None:
        """Cancel the request, if no build has begun."""
        if self.builder is not None:
            self.builder.cancelBuildRequest(self)

    # what the builder tells

    def requestSubmitted(self, builder: CancelsRequests) -> None:
        """The request waits for this builder now."""
        self.builder = builder

    def buildStarted(self, build: Any, buildstatus: Any) -> None:
        """A build has begun for the request."""
        self._running = (build,)
        self.status.buildStarted(buildstatus)
        tellEach(self._observers, build)

    def finished(self, buildstatus: Any) -> None:
        """The request is over: this build has served it. None: it was cancelled."""
        self._came = buildstatus
        self._running = ()
        self.isOver = True
        self.tellFinished()
