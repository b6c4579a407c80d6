# -*- test-case-name: tests.stories.test_try -*-
"""The base of try schedulers: they build the patches of developers, each in a build of its own.

L{buildbot.model.tryjob} has the jobs. The subclasses receive them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.config.arguments import arguments
from buildbot.config.kinds import NAMES, orNone
from buildbot.model.records import BuildsetRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.model.tryjob import BadJobfile, TryJob
from buildbot.process.buildset import BuildSet
from buildbot.schedulers.base import BaseScheduler
from buildbot.schedulers.choice import PROPERTIES
from buildbot.schedulers.triggerable import Asked
from buildbot.wire.dialect import text


class TryBase(BaseScheduler):
    """I submit the jobs of developers. I ignore changes.

    @ivar properties: the properties of all my builds. They go before those that a job asks for.
    """

    compare_attrs: Sequence[str] = ("name", "builderNames", "properties")

    @arguments(builderNames=NAMES, properties=orNone(PROPERTIES))
    def __init__(
        self, name: str, builderNames: Sequence[str], properties: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(name)
        self.builderNames = list(builderNames)
        self.properties = dict(properties or {})
        self._asked = Asked()

    def listBuilderNames(self) -> list[str]:
        """See L{BaseScheduler.listBuilderNames}."""
        return self.builderNames

    def filterBuilderList(self, builderNames: Sequence[str]) -> list[str]:
        """The builders for a job that names these; all of mine if it names none.

        @return: empty if one of them is not mine.
        """
        if any(name not in self.builderNames for name in builderNames):
            return []
        return list(builderNames) or list(self.builderNames)

    def buildSetOf(self, job: TryJob, user: str = "") -> BuildSet:
        """The build set of a job.

        @param user: the name that the developer has logged in with.
        @raise BadJobfile: it names a builder that is not mine.
        """
        builders = self.filterBuilderList(job.builderNames)
        if not builders:
            wanted = ", ".join(text(each, 60) for each in job.builderNames[:10]) or "a builder"
            raise BadJobfile(
                f"it asks for {wanted}; the builders are {', '.join(self.builderNames) or 'none'}"
            )
        source = SourceStamp(
            job.branch, job.baserev, job.patch, repository=job.repository, project=job.project
        )
        properties = {**job.properties, **self.properties}
        reason = reasonOf(job, user)
        return BuildSet(builders, source, reason, job.jobid, properties=properties, mergeRequests=False)

    async def keep(self, bs: BuildSet) -> BuildsetRecord | None:
        """Submit a build set, and wait until it is stored.

        @return: its record; None if it can never be stored.
        @raise SchedulerStopped: I was stopped first.
        """
        return await self._asked.when(self._submit(bs))

    def recorded(self, who: str, how: str, buildset: BuildSet) -> None:
        """Record who has sent a job."""
        master: Any = self.parent
        record = getattr(master, "recordAction", None)
        if record is not None:
            record(who, how, "try", f"scheduler {self.name}: {', '.join(buildset.builderNames)}")

    def cease(self) -> None:
        """See L{BaseScheduler.cease}."""
        super().cease()
        self._asked.stop()


def reasonOf(job: TryJob, user: str = "") -> str:
    """The reason of the builds of a job, for people."""
    author = user or job.who
    reason = f"'try' job from user {author}" if author else "'try' job"
    if job.who and job.who != author:
        reason += f" for {job.who}"
    return f"{reason} ({job.comment})" if job.comment else reason
