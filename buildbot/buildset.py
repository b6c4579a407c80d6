# -*- test-case-name: tests.test_builds -*-
"""
Builds that are wanted together: the same source on one builder or several.

The store keeps it; here is what those who wait for it hold on to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from buildbot import interfaces
from buildbot.finishing import Finishing
from buildbot.process.request import BuildRequest
from buildbot.sourcestamp import SourceStamp
from buildbot.status.records import BuildsetRecord
from buildbot.status.results import SUCCESS, WARNINGS


@implementer(interfaces.IBuildSetStatus)
class BuildSet(Finishing):
    """
    I am one set of builds.

    @ivar builderNames: where they are built.
    @ivar bsid: what whoever asked calls it, or None.
    @ivar scheduler: the name of the scheduler that asked; None for a person.
    @ivar state: what the store remembers in the same instant: see L{IStore.addBuildset}.
    @ivar mergeRequests: False: each of my requests gets a build of its own. None: as my scheduler says.
    @ivar isRepeated: whether those who follow the scheduler know of this source: another set shared a build.
    @ivar requests: the L{BuildRequest}s, once it was submitted.
    """

    record: BuildsetRecord | None = None
    isRepeated = False

    def __init__(
        self,
        builderNames: Sequence[str],
        source: SourceStamp,
        reason: str | None = None,
        bsid: str | None = None,
        scheduler: str | None = None,
        properties: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        mergeRequests: bool | None = None,
    ) -> None:
        self.builderNames = list(builderNames)
        self.source = source
        self.reason = reason or ""
        self.bsid = bsid
        self.scheduler = scheduler
        self.properties = dict(properties or {})
        self.state = dict(state or {})
        self.mergeRequests = mergeRequests
        self.requests: list[BuildRequest] = []

    def getSourceStamp(self) -> SourceStamp:
        """What is built."""
        return self.source

    def getReason(self) -> str:
        """Why, in words."""
        return self.reason

    def getResults(self) -> int | None:
        """The worst of all; None before all are done."""
        return None if self.record is None else self.record.results

    def getID(self) -> str | None:
        """What whoever asked calls it."""
        return self.bsid

    def getBuilderNames(self) -> list[str]:
        """Where it is built."""
        return list(self.builderNames)

    def getBuildRequests(self) -> list[BuildRequest]:
        """The requests, one a builder."""
        return list(self.requests)

    def isFinished(self) -> bool:
        """Whether all are done."""
        return self.record is not None and self.record.complete is not None

    def getResponsibleUsers(self) -> list[str]:
        """Who made the Changes, each once, in alphabetical order."""
        return self.source.blamelist()

    def getInterestedUsers(self) -> list[str]:
        """Who wants to know of it: the same."""
        return self.getResponsibleUsers()

    def waitUntilSuccess(self) -> Deferred[object]:
        """The same: fires with me once all are done, or, in 0.7.5's words, it can be told."""
        return self.waitUntilFinished()

    def isSuccessful(self) -> bool:
        """Whether all are done, and none is worse than warnings."""
        results = self.getResults()
        return self.isFinished() and results in (SUCCESS, WARNINGS)

    # what the yard tells

    def submitted(self, record: BuildsetRecord, requests: Sequence[BuildRequest]) -> None:
        """It is on disk, and waits."""
        self.record = record
        self.requests = list(requests)

    def complete(self, record: BuildsetRecord) -> None:
        """All are done."""
        self.record = record
        self.tellFinished()
