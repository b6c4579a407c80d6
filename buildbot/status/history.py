# -*- test-case-name: tests.unit.status.test_history -*-
"""Finished builds from the store, as statuses that plug-ins and pages can ask like those of running builds.

A status is made of a record when it is asked for, and a bounded number of them is kept. Lists of many builds
are made of records: that is faster.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from buildbot import interfaces
from buildbot.logs.live import LogDirectory
from buildbot.model.records import BuildRecord, StepRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.status.announcer import Announcer
from buildbot.status.build import BuildStatus
from buildbot.status.step import colorOf
from buildbot.store.interface import IStore

#: The most statuses that are kept.
MOST = 200


class Keeps(Protocol):
    """The resources of the master: the L{buildbot.process.resources.Resources}."""

    @property
    def store(self) -> IStore: ...
    @property
    def logs(self) -> LogDirectory: ...
    @property
    def announcer(self) -> Announcer: ...


def finishedBuild(
    record: BuildRecord,
    builder: interfaces.IBuilderStatus,
    logs: LogDirectory,
    announcer: Announcer,
    kind: type[BuildStatus] = BuildStatus,
) -> BuildStatus:
    """The status of a stored build. The store keeps only started steps.

    @param kind: the class of the status.
    """
    build = kind(builder, record, logs, announcer)
    build.source = SourceStamp.fromRecord(record.sourcestamp or {})
    build.changes = build.source.allChanges()
    build.blamelist = build.source.blamelist()
    build.properties = dict(record.properties or {})
    build.sources = record.sources
    build.testResults = {each.name: each for each in record.tests}
    build.setText(record.text)
    build.results = record.results
    for each in record.steps:
        _addStep(build, each, logs)
    build.finished = record.finished
    return build


def _addStep(build: BuildStatus, record: StepRecord, logs: LogDirectory) -> None:
    step = build.addStepWithName(record.name)
    step.started, step.finished = record.started, record.finished
    step.results = record.results
    step.color = "yellow" if record.results is None else colorOf(record.results)
    step.setText(record.text)
    step.urls = dict(record.urls or {})
    step.hidden = record.hidden
    step.statistics = record.statistics or {}
    step.logs = [logs.finished(step, log) for log in record.logs]


class History:
    """I make the statuses of stored builds, and keep the last ones.

    A caller that has to have a status at once gets it only if somebody has fetched it before.
    """

    def __init__(self, resources: Keeps) -> None:
        self._resources = resources
        self._kept: OrderedDict[tuple[str, int], BuildStatus] = OrderedDict()

    def known(self, builder: str, number: int) -> BuildStatus | None:
        """A build that was fetched before, and is still kept."""
        build = self._kept.get((builder, number))
        if build is not None:
            self._kept.move_to_end((builder, number))
        return build

    async def fetch(self, builder: interfaces.IBuilderStatus, number: int) -> BuildStatus | None:
        """A finished build; None if the store does not have it, or it still runs.

        @raise StoreFailed: the store cannot be read.
        """
        name = builder.getName()
        known = self.known(name, number)
        if known is not None:
            return known
        record = await self._resources.store.getBuild(name, number)
        return None if record is None or record.finished is None else self._keep(record, builder)

    async def fetchLast(
        self, builder: interfaces.IBuilderStatus, count: int, before: int | None = None
    ) -> list[BuildStatus]:
        """The last finished builds of a builder, newest first.

        @param before: only builds with lower numbers.
        @raise StoreFailed: the store cannot be read.
        """
        records = await self._resources.store.getBuilds(builder.getName(), count, before)
        return [self._keep(record, builder) for record in records if record.finished is not None]

    def forget(self, builder: str, number: int) -> None:
        """Read a build again when it is next asked for: its record has changed."""
        self._kept.pop((builder, number), None)

    def _keep(self, record: BuildRecord, builder: interfaces.IBuilderStatus) -> BuildStatus:
        assert record.number is not None
        known = self.known(record.builder, record.number)
        if known is not None:
            return known
        build = finishedBuild(record, builder, self._resources.logs, self._resources.announcer)
        self._kept[record.builder, record.number] = build
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return build
