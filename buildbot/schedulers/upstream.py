# -*- test-case-name: tests.unit.schedulers.test_dependent -*-
"""
Schedulers that others can follow, and the one that follows.

When those build that are followed is for others to say.
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
from buildbot.schedulers.base import BaseScheduler
from buildbot.schedulers.built import Told, whatWasBuilt
from buildbot.status.request import BuildSetStatus
from buildbot.store.interface import StoreFailed
from buildbot.store.outbox import RETRY_AFTER

log = Logger()

#: How many sets a scheduler can be over before an older one is, for those that follow it to find that one
#: after a restart.
FOLLOWED = 400


@implementer(interfaces.IUpstreamScheduler)
class BaseUpstreamScheduler(BaseScheduler):
    """I am a scheduler that others can follow: they learn when a set of my builds has succeeded."""

    _watchers: Observers[Callable[[SourceStamp], object]] = NOBODY
    _told = Told()

    def startService(self) -> None:
        """See L{BaseScheduler.setServiceParent}."""
        self._findEngine().subscribeToBuilds(self)
        self._told = Told()
        super().startService()

    def cease(self) -> None:
        """See L{BaseScheduler.cease}."""
        if self.engine is not None:  # else it could not be started
            self.engine.unsubscribeFromBuilds(self)
        super().cease()

    def subscribeToSuccessfulBuilds(self, watcher: Any) -> None:
        """
        Call C{watcher(sourcestamp)} when a set of my builds has succeeded, with the source that was built.

        Of several sets that one build has served, it hears once.
        """
        self._watchers = self._watchers.plus(watcher)

    def unsubscribeToSuccessfulBuilds(self, watcher: Any) -> None:
        """Call it no more."""
        self._watchers = self._watchers.without(watcher)

    def buildsetComplete(self, record: BuildsetRecord) -> None:
        """See L{buildbot.process.buildevents.BuildEvents.subscribe}."""
        isHeard = self._watchers or type(self).buildSetFinished is not BaseUpstreamScheduler.buildSetFinished
        if record.scheduler == self.name and self.running and isHeard:
            self._logged(self._finished(record, self._generation))

    async def _finished(self, record: BuildsetRecord, generation: object) -> None:
        builds: Sequence[BuildRecord] | None = None
        while builds is None:
            try:
                builds = await self.engine.store.getBuildsOf(record.id)
            except StoreFailed as failed:
                self.storeFails(failed)
                await self.engine.sleep(RETRY_AFTER)
            if generation is not self._generation:
                return
        bss = setOf(record, self.listBuilderNames(), builds or ())
        if bss.getResults() == SUCCESS:
            bss.isRepeated = not self._told.isNew(bss.getSourceStamp(), builds or ())
        self.buildSetFinished(bss)

    def buildSetFinished(self, bss: BuildSetStatus) -> None:
        """A set of my builds is over."""
        if bss.getResults() == SUCCESS and not bss.isRepeated:
            for watcher in self._watchers:
                watcher(bss.getSourceStamp())


def setOf(
    record: BuildsetRecord, builderNames: Iterable[str], builds: Iterable[BuildRecord] = ()
) -> BuildSetStatus:
    """
    The set that a record is of, as far as that tells: it may be of an earlier process.

    @param builds: its builds; its source is what they have built.
    """
    source = whatWasBuilt(SourceStamp.fromRecord(record.sourcestamp), builds)
    found = BuildSetStatus(source, record.reason, list(builderNames), record.externalID)
    if record.complete is not None:
        found.complete(record.results in (SUCCESS, WARNINGS))
    return found


_UPSTREAM = Kind("another scheduler", interfaces.IUpstreamScheduler.providedBy)


class Dependent(BaseUpstreamScheduler):
    """
    I build what another scheduler has built successfully, on other builders.

    That is what its builds were of: where one of them served several sets, I build once what it has built.

    @ivar upstream: the other one.  The one that runs under its name counts, for a reconfig that changes
        neither of us leaves me with an object that is not used.
    """

    compare_attrs = ("name", "upstream", "builderNames")
    mergeRequests = True

    # What I have dealt with: all sets of my upstream up to a number, and of those above it these.
    _after: int | None = None
    _done: tuple[int, ...] = ()
    _early: tuple[BuildsetRecord, ...] = ()
    _isFollowing = False
    _isSubscribed = False

    @arguments(upstream=_UPSTREAM, builderNames=NAMES)
    def __init__(self, name: str, upstream: Any, builderNames: Sequence[str]) -> None:
        super().__init__(name)
        self.upstream: Any = upstream
        if upstream is not None and getattr(upstream, "name", None) == name:
            complain(self, ": upstream has the same name, so it would follow itself")
        self.builderNames = list(builderNames)
        self.reason = f"scheduler {name}"
        self._over: list[BuildsetRecord] = []
        self._followed = Told()
        self._again = self.newAlarm(self._followAgain)

    def listBuilderNames(self) -> list[str]:
        """The builders that I start."""
        return self.builderNames

    def getPendingBuildTimes(self) -> list[float]:
        """Those of my upstream: I build no earlier."""
        master: Any = self.parent
        running = {each.name: each for each in master or ()}
        times: list[float] = running.get(self.upstream.name, self.upstream).getPendingBuildTimes()
        return times

    def startService(self) -> None:
        """See L{BaseScheduler.setServiceParent}."""
        self._early = ()
        self._over, self._isFollowing = [], False
        if not isinstance(self.upstream, BaseUpstreamScheduler):
            self.upstream.subscribeToSuccessfulBuilds(self.upstreamBuilt)
            self._isSubscribed = True
        super().startService()

    def cease(self) -> None:
        """See L{BaseScheduler.cease}."""
        if self._isSubscribed:
            self._isSubscribed = False
            self.upstream.unsubscribeToSuccessfulBuilds(self.upstreamBuilt)
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
        """Which sets I have dealt with; if I did not follow this upstream, all that are over by now."""
        isKnown = record.get("upstream") == self.upstream.name
        after = record.get("after") if isKnown else None
        self._after = None if after is None else int(after)
        self._done = () if after is None else tuple(map(int, record["done"]))
        self._followed = Told(record.get("followed", ()) if isKnown else ())

    async def catchUp(self) -> None:
        """Find the sets that were completed while nobody listened: in a crash, or during a reconfig."""
        if not isinstance(self.upstream, BaseUpstreamScheduler):
            return
        sets = await self.engine.store.getBuildsetsOf(self.upstream.name, self._after or 0)
        over = [each for each in sets if each.complete is not None and each.id not in self._done]
        if self._after is None:
            heard = {each.id for each in self._early}
            self._done = tuple(each.id for each in over if each.id not in heard)
            self._after = 0
        else:
            self._early = (*self._early, *over)
            self._forget([each.id for each in sets])

    def _forget(self, numbers: Sequence[int]) -> None:
        """Of these sets, in their order, those before the first that is not done need no number each."""
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
        """A set of my upstream is over: they are dealt with one after the other."""
        self._over.append(record)
        if not self._isFollowing:
            self._followAgain()

    def _followAgain(self) -> None:
        self._isFollowing = True
        self._logged(self._follow(self._generation))

    async def _follow(self, generation: object) -> None:
        """Deal with the sets that are over."""
        while self._over:
            try:
                builds = await self.engine.store.getBuildsOf(self._over[0].id)
            except StoreFailed as failed:
                if generation is self._generation:
                    self.storeFails(failed)
                    self._again.set(self.engine.clock, RETRY_AFTER)
                return
            if generation is not self._generation:
                return
            self._dealWith(self._over.pop(0), builds)
        self._isFollowing = False

    def _dealWith(self, record: BuildsetRecord, builds: Sequence[BuildRecord]) -> None:
        """One set is over, and these were its builds."""
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
            except PLUGIN_ERRORS:  # of a subclass: it concerns no other set
                log.failure(
                    "scheduler {name} failed after build set {number} of its upstream",
                    name=self.name,
                    number=record.id,
                )

    def upstreamBuilt(self, ss: SourceStamp) -> None:
        """A set of my upstream has succeeded."""
        self.submit(BuildSet(self.builderNames, ss, self.reason))
