# -*- test-case-name: tests.stories.test_senders,tests.stories.test_mail -*-
"""Tell a reporter each build and build set that ends, also those that ended before a kill of the master."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from buildbot.model.records import BuildsetRecord
from buildbot.reporters.following import Following
from buildbot.reporters.inforce import InForce
from buildbot.reporters.mark import MOST, Mark
from buildbot.reporters.sets import SetListener, endedSets
from buildbot.reporters.work import Work
from buildbot.status.build import BuildStatus


class Reporter(Protocol):
    """The part of a reporter that I use. It is a status receiver, too."""

    master: Any
    work: Work

    def follows(self, builder: Any, /) -> bool:
        """True if it follows a builder; C{builder} is its status."""

    def told(self, build: BuildStatus, results: int, /) -> Coroutine[Deferred[Any], Any, None]:
        """Tell the end of a build."""

    def toldSet(
        self, buildset: BuildsetRecord, builds: list[BuildStatus], /
    ) -> Coroutine[Deferred[Any], Any, None]:
        """Tell the end of a build set; C{builds} are those of its builders."""


class Ends:
    """I listen for one reporter, from L{begin} to L{end}. It is told one end after another.

    @ivar mark: knows which builds were told. The reporter notes them there.
    @ivar following: gives the reporter the events of the builders that it follows.
    """

    def __init__(
        self,
        reporter: Reporter,
        mark: Mark,
        tellsBuilds: bool,
        tellsSets: bool,
        most: int = MOST,
        begun: Callable[[], object] = lambda: None,
        whenQueued: Callable[[], Deferred[Any]] = lambda: succeed(None),
    ) -> None:
        """@param tellsBuilds: True to tell builds; C{tellsSets}: to tell build sets.
        @param most: the most builds of a builder that are told late, after a kill.
        @param begun: called when the configuration that has the reporter is in force.
        @param whenQueued: returns a Deferred that fires when everything told by now is on disk.
        """
        master = reporter.master
        self.mark = mark
        self.following = Following(reporter, reporter.follows, master.getStatus().getBuilder)  # type: ignore[arg-type]
        self._reporter = reporter
        self._tellsBuilds, self._tellsSets, self._most = tellsBuilds, tellsSets, most
        self._whenQueued = whenQueued
        self._status: Any = master.getStatus()
        self._resources: Any = master.botmaster.resources
        self._events: Any = master.botmaster.events
        self._inForce = InForce(reporter, master, begun)
        self._sets = SetListener(self._setEnded)

    def begin(self) -> None:
        """Listen to the master."""
        self._since = float(self._resources.now())
        self._reporter.work.do(self._catchUp())  # all events wait for it, so that messages are in order
        self._inForce.look()
        self._status.subscribe(self._reporter)
        if self._tellsSets:
            self._events.subscribe(self._sets)

    async def end(self) -> bool:
        """Stop listening, when what has ended is told. Returns False if that takes too long."""
        clock: IReactorTime = self._resources.clock
        self._inForce.end()
        isDone = await self._reporter.work.isDone(clock)  # builds may end meanwhile: no successor listens yet
        self._status.unsubscribe(self._reporter)
        self._status.unsubscribe(self.following)
        self._events.unsubscribe(self._sets)
        return isDone and await self._reporter.work.isDone(clock)

    async def _catchUp(self) -> None:
        """Tell what an earlier process has not told."""
        if not await self._inForce.whenKnown():
            return
        mine = [each for each in self._status.getBuilderNames() if self._follows(each)]
        missed = await self.mark.missed(self._status.fetchBuilds, mine, self._since, self._most)
        if self._tellsBuilds:
            for build in missed:
                await self._reporter.told(build, build.getResults() or 0)
        if self._tellsSets:
            for each in await endedSets(self._resources.store, missed, self._since):
                await self._setTold(each)
        self._whenQueued().addBoth(lambda result: self.mark.caughtUp())

    def _follows(self, name: str) -> bool:
        return self._reporter.follows(self._status.getBuilder(name))

    def buildEnded(self, build: BuildStatus, results: int) -> None:
        """Tell a build, after what has ended before it. The reporter calls me for each event."""
        if self._tellsBuilds:
            self._reporter.work.do(self._reporter.told(build, results))

    def _setEnded(self, record: BuildsetRecord) -> None:
        self._reporter.work.do(self._setTold(record))

    async def _setTold(self, record: BuildsetRecord) -> None:
        await self._reporter.toldSet(record, await self._buildsOf(record))

    async def _buildsOf(self, record: BuildsetRecord) -> list[BuildStatus]:
        """The builds of a set, of the builders that the reporter follows."""
        records: Sequence[Any] = await self._resources.store.getBuildsOf(record.id)
        ended = [await self._status.fetchBuild(each.builder, each.number) for each in records]
        return [each for each in ended if each is not None and self._reporter.follows(each.getBuilder())]
