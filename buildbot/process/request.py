# -*- test-case-name: tests.test_builds -*-
"""
A wish for one build on one builder, while the process lives; the store keeps it.

Which request meets which slave is decided by L{buildbot.process.queue}.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.logger import Logger
from zope.interface import implementer

from buildbot import interfaces
from buildbot.finishing import Finishing
from buildbot.process.properties import Properties
from buildbot.sourcestamp import SourceStamp
from buildbot.status.records import RequestRecord

log = Logger()


@implementer(interfaces.IBuildRequestControl, interfaces.IBuildRequestStatus)
class BuildRequest(Finishing):
    """
    I am one wish for a build.

    @ivar source: what is to be built.
    @ivar id: my number in the store; None before I was submitted.
    @ivar attempts: how many builds were begun for me and lost with their slave.
    @ivar interruptions: how many builds were running for me when the master was killed or crashed.
    @ivar mergeable: whether one build may serve me along with others, if the builder's rule says so too.
    @ivar lostOn: the slaves that were lost with them.
    @ivar isOver: whether I wait for nothing any more.
    @ivar isChosen: whether a slave was found for me, and is asked for a sign of life.
    @ivar builder: the L{buildbot.process.builder.Builder} that I wait for, or am built by.
    """

    id: int | None = None
    attempts = 0
    interruptions = 0
    mergeable = True
    builder: Any = None
    submitted = 0.0
    lostOn: frozenset[str] = frozenset()
    _subscribers: tuple[Any, ...] = ()
    status: Any = None
    isOver = False
    isChosen = False

    def __init__(self, reason: str, source: SourceStamp, builderName: str | None = None) -> None:
        self.reason = reason
        self.source = source
        self.builderName = builderName
        self.properties = Properties()
        self.builds: list[Any] = []

    @classmethod
    def fromRecord(cls, record: RequestRecord) -> BuildRequest:
        """The request that the store knows."""
        request = cls(record.reason, SourceStamp.fromRecord(record.sourcestamp), record.builder)
        request.id = record.id
        request.attempts = record.attempts
        request.interruptions = record.interruptions
        request.mergeable = record.mergeable
        request.submitted = record.submitted
        request.properties = Properties(record.properties, "request")
        return request

    def __repr__(self) -> str:
        return f"<BuildRequest {self.id} for {self.builderName}: {self.reason[:60]!r}>"

    def canBeMergedWith(self, other: BuildRequest) -> bool:
        """Whether one build may serve both of us."""
        same = dict(self.properties) == dict(other.properties)  # whoever has set them
        return same and self.source.canBeMergedWith(other.source)

    def mergeWith(self, others: Iterable[BuildRequest]) -> SourceStamp:
        """What a build that serves all of us builds."""
        return self.source.mergeWith([other.source for other in others])

    def mergeReasons(self, others: Iterable[BuildRequest]) -> str:
        """Why, for all of us: each reason once."""
        reasons = [self.reason, *(other.reason for other in others)]
        return ", ".join(dict.fromkeys(reason for reason in reasons if reason))

    def getSourceStamp(self) -> SourceStamp:
        """What is to be built."""
        return self.source

    def getBuilderName(self) -> str:
        """The builder that is to build it."""
        return self.builderName or ""

    def getBuilds(self) -> list[Any]:
        """The builds that were begun for me, each a L{buildbot.status.build.BuildStatus}."""
        return list(self.builds)

    def subscribe(self, observer: Any) -> None:
        """Call C{observer(buildstatus)} for each build that is begun for me, old ones included."""
        self._subscribers = (*self._subscribers, observer)
        for build in self.builds:
            observer(build)

    def unsubscribe(self, observer: Any) -> None:
        """Call it no more."""
        self._subscribers = tuple(each for each in self._subscribers if each is not observer)

    def isFinished(self) -> bool:
        """Whether I wait for nothing any more."""
        return self.isOver

    def whatCame(self) -> Any:
        """The status of the build that served me, or None if I was cancelled."""
        return self.status

    def cancel(self) -> None:
        """Wish for it no longer, if no build has begun."""
        if self.builder is not None:
            self.builder.cancelBuildRequest(self)

    # what the builder tells

    def requestSubmitted(self, builder: Any) -> None:
        """I wait for this builder now."""
        self.builder = builder

    def buildStarted(self, build: Any, buildstatus: Any) -> None:
        """A build was begun for me."""
        self.builds.append(buildstatus)
        for observer in self._subscribers:
            try:
                observer(buildstatus)
            except Exception:
                log.failure("telling {observer!r} of {build!r}", observer=observer, build=build)

    def finished(self, buildstatus: Any) -> None:
        """The build that served me is over; None: I was cancelled."""
        self.status = buildstatus
        self.isOver = True
        self.tellFinished()
