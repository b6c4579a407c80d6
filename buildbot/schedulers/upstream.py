# -*- test-case-name: tests.unit.schedulers.test_dependent -*-
"""Schedulers that others can follow, and Dependent, which follows one.

The other modules of this folder decide when a followed scheduler builds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any

from twisted.logger import Logger
from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.kinds import NAMES
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.observers import NOBODY, Observers
from buildbot.model.records import BuildRecord, BuildsetRecord
from buildbot.model.results import SUCCESS, WARNINGS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.schedulers import choice
from buildbot.schedulers.base import BaseScheduler
from buildbot.schedulers.built import Told, whatWasBuilt
from buildbot.status.request import BuildSetStatus
from buildbot.store.outbox import Outbox, untilKept

log = Logger()

#: The most build sets of a scheduler that may end before an older one. After a restart, a follower misses a
#: set that ends later than that.
FOLLOWED = 400
#: The most sets of the upstream that are read at a time.
SOME = 1000


@implementer(interfaces.IUpstreamScheduler)
class BaseUpstreamScheduler(BaseScheduler):
    """I am a scheduler that others can follow. I notify them when one of my build sets has succeeded."""

    _watchers: Observers[Callable[[SourceStamp], object]] = NOBODY
    _told = Told()

    def startService(self) -> None:
        """See L{BaseScheduler.setServiceParent}."""
        self._findEngine().events.subscribe(self)
        self._told = Told()
        super().startService()

    def cease(self) -> None:
        """See L{BaseScheduler.cease}."""
        if self.engine is not None:  # else the start has failed
            self.engine.events.unsubscribe(self)
        super().cease()

    def subscribeToSuccessfulBuilds(self, watcher: Any) -> None:
        """Call C{watcher(sourcestamp)} when one of my build sets has succeeded, with the source that was
        built.

        Several sets that shared one build count once.
        """
        self._watchers = self._watchers.plus(watcher)

    def unsubscribeToSuccessfulBuilds(self, watcher: Any) -> None:
        """Stop calling a watcher."""
        self._watchers = self._watchers.without(watcher)

    def buildsetComplete(self, record: BuildsetRecord) -> None:
        """See L{buildbot.process.buildevents.BuildEvents.subscribe}."""
        isHeard = self._watchers or type(self).buildSetFinished is not BaseUpstreamScheduler.buildSetFinished
        if record.scheduler == self.name and self.running and isHeard:
            self._logged(self._finished(record, self._generation))

    async def _finished(self, record: BuildsetRecord, generation: object) -> None:
        builds: Sequence[BuildRecord] | None = await untilKept(
            lambda: self.engine.store.getBuildsOf(record.id),
            self.engine.resources.sleep,
            self.storeFails,
            lambda: generation is not self._generation,
        )
        if generation is not self._generation:
            return
        bss = setOf(record, self.listBuilderNames(), builds or ())
        if bss.getResults() == SUCCESS:
            bss.isRepeated = not self._told.isNew(bss.getSourceStamp(), builds or ())
        self.buildSetFinished(bss)

    def buildSetFinished(self, bss: BuildSetStatus) -> None:
        """Notify the watchers: one of my build sets has ended."""
        if bss.getResults() == SUCCESS and not bss.isRepeated:
            for watcher in self._watchers:
                try:
                    watcher(bss.getSourceStamp())
                except PLUGIN_ERRORS:  # of a plug-in; the other watchers are notified
                    log.failure(
                        "{watcher!r} failed, which follows scheduler {name}", name=self.name, watcher=watcher
                    )


def setOf(
    record: BuildsetRecord, builderNames: Iterable[str], builds: Iterable[BuildRecord] = ()
) -> BuildSetStatus:
    """Make the status of a build set from its record, which may be of an earlier process.

    @param builds: its builds; they determine the source.
    """
    source = whatWasBuilt(SourceStamp.fromRecord(record.sourcestamp), builds)
    found = BuildSetStatus(source, record.reason, list(builderNames), record.externalID)
    if record.complete is not None:
        found.complete(record.results in (SUCCESS, WARNINGS))
    return found


_UPSTREAM = Kind("another scheduler", interfaces.IUpstreamScheduler.providedBy)


class Dependent(BaseUpstreamScheduler):
    """I build, on other builders, the source that another scheduler, my upstream, has built successfully.

    If one build of my upstream served several sets, I build once.

    @ivar upstream: the other scheduler, as configured. I look it up by name among the running schedulers:
        after a reconfig that changes neither of us, this object is not the running one.
    """

    compare_attrs = ("name", "upstream", "builderNames", "properties", "reason")
    mergeRequests = True

    # The handled sets of my upstream: all up to a number, and these above it.
    _after: int | None = None
    _done: tuple[int, ...] = ()
    _early: tuple[BuildsetRecord, ...] = ()
    _isSubscribed = False
    _reading: Outbox[BuildsetRecord, list[BuildRecord]] | None = None

    @arguments(upstream=_UPSTREAM, builderNames=NAMES, **choice.KINDS)
    def __init__(
        self,
        name: str,
        upstream: object,
        builderNames: Sequence[str],
        properties: Mapping[str, Any] | None = None,
        *,
        reason: str | None = None,
        codebases: object = None,
    ) -> None:
        super().__init__(name)
        self.upstream: Any = upstream
        if upstream is not None and getattr(upstream, "name", None) == name:
            complain(self, ": upstream has the same name, so it would follow itself")
        self.builderNames = list(builderNames)
        self.properties = dict(properties or {})
        self.reason = choice.reasonOf(reason, f"scheduler {name}", self)
        self._followed = Told()

    def listBuilderNames(self) -> list[str]:
        """See L{BaseScheduler.listBuilderNames}."""
        return self.builderNames

    def getPendingBuildTimes(self) -> list[float]:
        """Return the times of my upstream: I build no earlier."""
        master: Any = self.parent
        running = {each.name: each for each in master or ()}
        times: list[float] = running.get(self.upstream.name, self.upstream).getPendingBuildTimes()
        return times

    def startService(self) -> None:
        """See L{BaseScheduler.setServiceParent}."""
        self._early = ()
        if not isinstance(self.upstream, BaseUpstreamScheduler):
            self.upstream.subscribeToSuccessfulBuilds(self.upstreamBuilt)
            self._isSubscribed = True
        engine = self._findEngine()
        self._reading = Outbox(
            engine.clock, lambda record: engine.store.getBuildsOf(record.id), 1, self.storeFails
        )
        super().startService()

    def cease(self) -> None:
        """See L{BaseScheduler.cease}."""
        if self._isSubscribed:
            self._isSubscribed = False
            self.upstream.unsubscribeToSuccessfulBuilds(self.upstreamBuilt)
        if self._reading is not None:
            self._reading.stop()
        super().cease()

    def toRecord(self) -> dict[str, Any]:
        """See L{BaseScheduler.toRecord}."""
        return {
            "upstream": self.upstream.name,
            "after": self._after,
            "done": list(self._done),
            "followed": self._followed.toRecord(),
        }

    def restore(self, record: Mapping[str, Any]) -> None:
        """Restore the handled sets. If the upstream is new, count all ended sets as handled."""
        isKnown = record.get("upstream") == self.upstream.name
        after = record.get("after") if isKnown else None
        self._after = None if after is None else int(after)
        self._done = () if after is None else tuple(map(int, record["done"]))
        self._followed = Told(record.get("followed", ()) if isKnown else ())

    async def catchUp(self) -> None:
        """Find the sets that ended while I did not listen: in a crash, or during a reconfig."""
        if not isinstance(self.upstream, BaseUpstreamScheduler):
            return
        isNew, handled = self._after is None, set(self._done)
        numbers: list[int] = []
        over: list[BuildsetRecord] = []
        last: int | None = self._after or 0
        while last is not None:
            sets = await self.engine.store.getBuildsetsOf(self.upstream.name, last, SOME)
            last = sets[-1].id if len(sets) == SOME else None
            numbers += [each.id for each in sets]
            ended = [each for each in sets if each.complete is not None and each.id not in handled]
            if isNew:
                handled.update(each.id for each in ended)
            else:
                over += ended
        if isNew:
            self._done = tuple(sorted(handled - {each.id for each in self._early}))
            self._after = 0
        self._early = (*self._early, *over)
        self._forget(numbers)

    def _forget(self, numbers: Sequence[int]) -> None:
        """Advance C{_after} over the leading run of handled sets."""
        settled = list(takewhile(set(self._done).__contains__, numbers))
        if settled:
            self._after = max(self._after or 0, settled[-1])
            self._done = tuple(number for number in self._done if number > settled[-1])

    def restored(self) -> None:
        """See L{BaseScheduler.restored}."""
        early, self._early = self._early, ()
        for record in early:
            self._upstreamDone(record)

    def buildsetComplete(self, record: BuildsetRecord) -> None:
        """See L{buildbot.process.buildevents.BuildEvents.subscribe}."""
        super().buildsetComplete(record)
        follows = isinstance(self.upstream, BaseUpstreamScheduler) and self.running
        if follows and record.scheduler == self.upstream.name:
            if self._isReady:
                self._upstreamDone(record)
            else:
                self._early = (*self._early, record)

    def _upstreamDone(self, record: BuildsetRecord) -> None:
        """Read the builds of a set of my upstream that has ended, one set after the other."""
        if self._reading is not None:
            reading = self._reading.add(record)
            reading.addCallback(lambda builds: self._dealWith(record, builds)).addErrback(self._failed)

    def _dealWith(self, record: BuildsetRecord, builds: Sequence[BuildRecord]) -> None:
        """Submit a build set if a set of my upstream has succeeded.

        @param builds: the builds of that set.
        """
        if record.id in self._done:
            return
        self._done = tuple(sorted((*self._done, record.id)))
        if len(self._done) > FOLLOWED:
            self._forget(self._done[:-FOLLOWED])
        self.changed()
        bss = setOf(record, self.upstream.listBuilderNames(), builds)
        if bss.getResults() == SUCCESS and self._followed.isNew(bss.getSourceStamp(), builds):
            try:
                self.upstreamBuilt(bss.getSourceStamp())
            except PLUGIN_ERRORS:  # of a subclass; other sets are not affected
                log.failure(
                    "scheduler {name} failed after build set {number} of its upstream",
                    name=self.name,
                    number=record.id,
                )

    def upstreamBuilt(self, ss: SourceStamp) -> None:
        """Submit a build set for a source that my upstream has built successfully."""
        self.submit(BuildSet(self.builderNames, ss, self.reason, properties=self.properties))
