# -*- test-case-name: tests.test_scheduler_dependent -*-
"""
Schedulers that others can follow, and the one that follows.

When those build that are followed is for others to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from buildbot import interfaces
from buildbot.buildset import BuildSet
from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.kinds import NAMES
from buildbot.schedulers.base import BaseScheduler
from buildbot.sourcestamp import SourceStamp
from buildbot.status.records import BuildsetRecord

log = Logger()

#: How many sets a scheduler can be over before an older one is, for those that follow it to find that one
#: after a restart.
FOLLOWED = 400


@implementer(interfaces.IUpstreamScheduler)
class BaseUpstreamScheduler(BaseScheduler):
    """I am a scheduler that others can follow: they learn when a set of my builds has succeeded."""

    _watchers: tuple[Callable[[SourceStamp], object], ...] = ()

    def startService(self) -> None:
        """See L{BaseScheduler.setServiceParent}."""
        self._findYard().subscribeToBuilds(self)
        super().startService()

    def stopService(self) -> Deferred[Any]:
        """See L{BaseScheduler.stopService}."""
        if self.yard is not None:  # else it could not be started
            self.yard.unsubscribeFromBuilds(self)
        return super().stopService()

    def subscribeToSuccessfulBuilds(self, watcher: Any) -> None:
        """Call C{watcher(sourcestamp)} whenever a set of my builds has succeeded."""
        self._watchers = (*self._watchers, watcher)

    def unsubscribeToSuccessfulBuilds(self, watcher: Any) -> None:
        """Call it no more."""
        self._watchers = tuple(each for each in self._watchers if each != watcher)

    def buildsetComplete(self, record: BuildsetRecord) -> None:
        """See L{buildbot.buildyard.BuildYard.subscribeToBuilds}."""
        if record.scheduler == self.name and self.running:
            self.buildSetFinished(setOf(record, self.listBuilderNames()))

    def buildSetFinished(self, bss: BuildSet) -> None:
        """A set of my builds is over."""
        if bss.isSuccessful():
            for watcher in self._watchers:
                watcher(bss.getSourceStamp())


def setOf(record: BuildsetRecord, builderNames: Iterable[str]) -> BuildSet:
    """The set that a record is of, as far as that tells: it may be of an earlier process."""
    source = SourceStamp.fromRecord(record.sourcestamp)
    found = BuildSet(list(builderNames), source, record.reason, record.externalID, record.scheduler)
    found.record = record
    return found


_UPSTREAM = Kind("another scheduler", interfaces.IUpstreamScheduler.providedBy)


class Dependent(BaseUpstreamScheduler):
    """
    I build what another scheduler has built successfully, on other builders.

    @ivar upstream: the other one.  The one that runs under its name counts, for a reconfig that changes
        neither of us leaves me with an object that is not used.
    """

    compare_attrs = ("name", "upstream", "builderNames")
    mergeRequests = True

    # What I have dealt with: all sets of my upstream up to a number, and of those above it these.
    _after: int | None = None
    _done: tuple[int, ...] = ()
    _early: tuple[BuildsetRecord, ...] = ()

    @arguments(upstream=_UPSTREAM, builderNames=NAMES)
    def __init__(self, name: str, upstream: Any, builderNames: Sequence[str]) -> None:
        super().__init__(name)
        self.upstream: Any = upstream
        if upstream is not None and getattr(upstream, "name", None) == name:
            complain(self, ": upstream has the same name, so it would follow itself")
        self.builderNames = list(builderNames)
        self.reason = f"scheduler {name}"

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
        if not isinstance(self.upstream, BaseUpstreamScheduler):
            self.upstream.subscribeToSuccessfulBuilds(self.upstreamBuilt)
        super().startService()

    def stopService(self) -> Deferred[Any]:
        """See L{BaseScheduler.stopService}."""
        if not isinstance(self.upstream, BaseUpstreamScheduler):
            self.upstream.unsubscribeToSuccessfulBuilds(self.upstreamBuilt)
        return super().stopService()

    def toRecord(self) -> dict[str, Any]:
        """See L{BaseScheduler.toRecord}."""
        return {"upstream": self.upstream.name, "after": self._after, "done": list(self._done)}

    def takeUp(self, record: Mapping[str, Any]) -> None:
        """Which sets I have dealt with; if I did not follow this upstream, all that are over by now."""
        isKnown = record.get("upstream") == self.upstream.name
        after = record.get("after") if isKnown else None
        self._after = None if after is None else int(after)
        self._done = () if after is None else tuple(map(int, record["done"]))

    async def settle(self) -> None:
        """Find the sets that were completed while nobody listened: in a crash, or during a reconfig."""
        if not isinstance(self.upstream, BaseUpstreamScheduler):
            return
        sets = await self.yard.store.getBuildsetsOf(self.upstream.name, self._after or 0)
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

    def goOn(self) -> None:
        """See L{BaseScheduler.goOn}."""
        early, self._early = self._early, ()
        for record in early:
            self._upstreamDone(record)

    def buildsetComplete(self, record: BuildsetRecord) -> None:
        """See L{buildbot.buildyard.BuildYard.subscribeToBuilds}."""
        super().buildsetComplete(record)
        follows = isinstance(self.upstream, BaseUpstreamScheduler) and self.running
        if follows and record.scheduler == self.upstream.name:
            if self._ready:
                self._upstreamDone(record)
            else:
                self._early = (*self._early, record)

    def _upstreamDone(self, record: BuildsetRecord) -> None:
        if record.id in self._done:
            return
        self._done = tuple(sorted((*self._done, record.id)))
        if len(self._done) > FOLLOWED:
            self._forget(self._done[:-FOLLOWED])
        self.changed()
        bss = setOf(record, self.upstream.listBuilderNames())
        if bss.isSuccessful():
            try:
                self.upstreamBuilt(bss.getSourceStamp())
            except Exception:  # of a subclass: it concerns no other set
                log.failure("scheduler {name} after set {number}", name=self.name, number=record.id)

    def upstreamBuilt(self, ss: SourceStamp) -> None:
        """A set of my upstream has succeeded."""
        self.submit(BuildSet(self.builderNames, ss, self.reason))
