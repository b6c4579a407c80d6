# -*- test-case-name: tests.unit.process.test_builds -*-
"""
Builds that are wanted together: the same source on one builder or several.

The store keeps it; here is what those who wait for it hold on to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from buildbot.model.records import BuildsetRecord
from buildbot.model.results import SUCCESS, WARNINGS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.request import BuildRequest
from buildbot.status.request import BuildSetStatus

_GOOD = (SUCCESS, WARNINGS)


class BuildSet:
    """
    I am one set of builds.

    @ivar status: what others may know of me, a L{BuildSetStatus}.
    @ivar builderNames: where they are built.
    @ivar bsid: what whoever asked calls it, or None.
    @ivar scheduler: the name of the scheduler that asked; None for a person.
    @ivar state: what the store remembers in the same instant: see L{IStore.addBuildset}.
    @ivar mergeRequests: False: each of my requests gets a build of its own. None: as my scheduler says.
    @ivar requests: the L{BuildRequest}s, once it was submitted.
    """

    record: BuildsetRecord | None = None

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
        self.status = BuildSetStatus(source, self.reason, self.builderNames, bsid)

    def getSourceStamp(self) -> SourceStamp:
        """What is built."""
        return self.source

    def getBuildRequests(self) -> list[BuildRequest]:
        """The requests, one a builder."""
        return list(self.requests)

    def getResults(self) -> int | None:
        """The worst of all; None before all are done."""
        return None if self.record is None else self.record.results

    def isFinished(self) -> bool:
        """Whether all are done."""
        return self.record is not None and self.record.complete is not None

    def isSuccessful(self) -> bool:
        """Whether all are done, and none is worse than warnings."""
        return self.isFinished() and self.getResults() in _GOOD

    def waitUntilFinished(self) -> Deferred[BuildSetStatus]:
        """Fires with my status once all are done."""
        return self.status.waitUntilFinished()

    def waitUntilSuccess(self) -> Deferred[BuildSetStatus]:
        """Fires with my status at the first failure, or when all have succeeded."""
        return self.status.waitUntilSuccess()

    # what the engine tells

    def submitted(self, record: BuildsetRecord, requests: Sequence[BuildRequest]) -> None:
        """It is on disk, and waits."""
        self.record = record
        self.requests = list(requests)
        self.status.setBuildRequestStatuses([request.status for request in requests])
        for request in requests:
            request.waitUntilFinished().addCallback(self._requestDone)

    def _requestDone(self, build: Any) -> None:
        """One of the requests is done: with this build, or None if it was cancelled."""
        if build is None or build.getResults() not in _GOOD:
            self.status.giveUpHope()

    def complete(self, record: BuildsetRecord) -> None:
        """All are done."""
        self.record = record
        self.status.complete(self.isSuccessful())
