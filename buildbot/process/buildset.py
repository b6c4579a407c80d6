# -*- test-case-name: tests.unit.process.test_builds -*-
"""Build sets: requests for the same source on one or several builders.

The store keeps a set's record. The objects here are for its submitter, who may wait for the results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from buildbot.model.records import REQUEST, BuildsetRecord
from buildbot.model.results import SUCCESS, WARNINGS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.request import BuildRequest
from buildbot.status.build import BuildStatus
from buildbot.status.request import BuildSetStatus

_GOOD = (SUCCESS, WARNINGS)


class BuildSet:
    """I am one build set.

    @ivar status: my status, a L{BuildSetStatus}.
    @ivar builderNames: the names of the builders.
    @ivar bsid: the ID given by the submitter, or None.
    @ivar scheduler: the name of the scheduler that submitted me; None for a person.
    @ivar state: scheduler state to store in the same transaction: see L{IStore.addBuildset}.
    @ivar keys: keys under which the store keeps my number: see L{IStore.addBuildset}.
    @ivar mergeRequests: False: each of my requests gets a build of its own. None: the scheduler decides.
    @ivar propertySource: the source of my properties in the builds, in words for people.
    @ivar requests: the L{BuildRequest}s, after the submission.
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
        propertySource: str = REQUEST,
        keys: Sequence[str] = (),
    ) -> None:
        self.builderNames = list(builderNames)
        self.source = source
        self.reason = reason or ""
        self.bsid = bsid
        self.scheduler = scheduler
        self.properties = dict(properties or {})
        self.state = dict(state or {})
        self.mergeRequests = mergeRequests
        self.propertySource = propertySource
        self.keys = tuple(keys)
        self.requests: list[BuildRequest] = []
        self.status = BuildSetStatus(source, self.reason, self.builderNames, bsid)

    def getSourceStamp(self) -> SourceStamp:
        """The source stamp, with those of further codebases beside it."""
        return self.source

    def getBuildRequests(self) -> list[BuildRequest]:
        """The requests, one per builder."""
        return list(self.requests)

    def getResults(self) -> int | None:
        """The worst result of all requests; None before all are done."""
        return None if self.record is None else self.record.results

    def isFinished(self) -> bool:
        """True if all requests are done."""
        return self.record is not None and self.record.complete is not None

    def isSuccessful(self) -> bool:
        """True if all requests are done, with no result worse than WARNINGS."""
        return self.isFinished() and self.getResults() in _GOOD

    def waitUntilFinished(self) -> Deferred[BuildSetStatus]:
        """Fires with my status when all requests are done."""
        return self.status.waitUntilFinished()

    def waitUntilSuccess(self) -> Deferred[BuildSetStatus]:
        """Fires with my status at the first failed build, or after all builds have succeeded."""
        return self.status.waitUntilSuccess()

    # called by the engine

    def submitted(self, record: BuildsetRecord, requests: Sequence[BuildRequest]) -> None:
        """Take over the stored record and the requests."""
        self.record = record
        self.requests = list(requests)
        self.status.setBuildRequestStatuses([request.status for request in requests])
        for request in requests:
            request.ended = self._requestDone

    def _requestDone(self, build: BuildStatus | None) -> None:
        """Update the status after the end of a request; C{build} is None if it was cancelled."""
        if build is None or build.results not in _GOOD:
            self.status.giveUpHope()

    def complete(self, record: BuildsetRecord) -> None:
        """Finish: all requests are done."""
        self.record = record
        self.status.complete(self.isSuccessful())
