# -*- test-case-name: tests.unit.schedulers.test_triggerable -*-
"""A scheduler that builds when a step of a build asks it to: see L{buildbot.steps.trigger}.

L{buildbot.schedulers.timed.NightlyTriggerable} builds at the next of its times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from buildbot.config.arguments import arguments
from buildbot.config.kinds import NAMES
from buildbot.model.records import BuildsetRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.process.triggering import NotTriggered, SchedulerStopped
from buildbot.schedulers import choice
from buildbot.schedulers.upstream import BaseUpstreamScheduler


class Asked:
    """I hold the answers that steps wait for, until their scheduler stops."""

    def __init__(self) -> None:
        self._open: dict[Deferred[BuildsetRecord | None], None] = {}

    def when(self, work: Deferred[BuildsetRecord | None]) -> Deferred[BuildsetRecord | None]:
        """Fires like C{work}; fails with L{SchedulerStopped} if L{stop} is called first."""
        answer: Deferred[BuildsetRecord | None] = Deferred()
        self._open[answer] = None

        def ended(result: Any) -> None:
            if self._open.pop(answer, self) is not self:
                answer.callback(result)

        work.addBoth(ended)
        return answer

    def stop(self) -> None:
        """Fail all open answers."""
        answers, self._open = self._open, {}
        for answer in answers:
            answer.errback(SchedulerStopped())


class Triggerable(BaseUpstreamScheduler):
    """I build the sources that the Trigger steps of builds pass to me, and nothing else."""

    compare_attrs = ("name", "builderNames", *choice.COMPARED, "reason")
    mergeRequests = True

    @arguments(builderNames=NAMES, **choice.KINDS)
    def __init__(
        self,
        name: str,
        builderNames: Sequence[str],
        properties: Mapping[str, Any] | None = None,
        reason: str | None = None,
        codebases: object = None,
    ) -> None:
        super().__init__(name)
        self.builderNames = list(builderNames)
        self.choice = choice.chosen(properties, codebases=codebases)
        default = f"The Triggerable scheduler named {name!r} triggered this build"
        self.reason = choice.reasonOf(reason, default, self)
        self._asked = Asked()

    def listBuilderNames(self) -> list[str]:
        """See L{BaseScheduler.listBuilderNames}."""
        return self.builderNames

    def trigger(
        self,
        ss: SourceStamp | None = None,
        set_props: Mapping[str, Any] | None = None,
        keys: Sequence[str] = (),
    ) -> Deferred[BuildsetRecord | None]:
        """Submit a build set; see L{buildbot.process.seams.CanTrigger}.

        @return: fires with the stored set. Fails with L{SchedulerStopped} if I am stopped first, and with
            L{NotTriggered} if none of my builders exists.
        """
        properties = {**self.choice.properties, **(set_props or {})}
        source = self.choice.completed(ss)
        bs = BuildSet(self.builderNames, source, self.reason, properties=properties, keys=keys)
        return self._asked.when(self._submit(bs)).addCallback(self._judged)

    def _judged(self, stored: BuildsetRecord | None) -> BuildsetRecord:
        if stored is None:
            raise NotTriggered(f"scheduler {self.name!r} cannot submit the builds: see the log of the master")
        return stored

    def cease(self) -> None:
        """See L{BaseScheduler.cease}."""
        super().cease()
        self._asked.stop()
