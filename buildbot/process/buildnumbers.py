# -*- test-case-name: tests.unit.process.test_engine_keeping -*-
"""Build numbers never go back, also if the store is lost: no build gets a number that is used by a log file.

The store counts; see L{buildbot.store.interface.IStore.startBuild}.
"""

from __future__ import annotations

from collections.abc import Iterable

from buildbot.daemon.troubles import Symptom
from buildbot.logs.directory import nextNumber
from buildbot.process.resources import Resources


class BuildNumbers:
    """I compare the numbers in the store with those of the log files.

    @ivar floors: builder -> the least number for its next build, where it is known.
    @ivar lost: builder -> the numbers of builds with logs but without a record.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self.floors: dict[str, int] = {}
        self.lost: dict[str, str] = {}

    def least(self, builder: str) -> int:
        """The least number for the next build of a builder: above the numbers of all its log files."""
        if builder not in self.floors:
            self.floors[builder] = nextNumber(self._resources.logs.directory, builder)
        return self.floors[builder]

    def built(self, builder: str) -> None:
        """Stop reporting the missing builds of a builder, because it has a new build."""
        self.lost.pop(builder, None)

    async def compareLogs(self, builders: Iterable[str]) -> None:
        """Report logs of builds that are not in the store, as in a copy of a running master."""
        lost = self.lost
        for name in builders:
            floor = self.least(name)
            newest = await self._resources.store.getBuilds(name, 1) if floor else ()
            known = (newest[0].number or 0) + 1 if newest else 0
            if known < floor:
                lost[name] = f"{known} to {floor - 1}" if known < floor - 1 else str(known)
        if lost:
            symptom = Symptom(
                "there are logs of builds that the store does not know",
                "builds are lost, and perhaps changes and requests of the same time: "
                + ", ".join(f"{name} {numbers}" for name, numbers in lost.items()),
                "this may be a copy of a running master, or the store is older than the logs: see the page on"
                " backups. New builds get higher numbers; this note stays until each builder has built",
            )
            self._resources.troubles.report("lost builds", symptom, lambda: not lost)
