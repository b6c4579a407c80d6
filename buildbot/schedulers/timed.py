# -*- test-case-name: tests.unit.schedulers.test_timed -*-
"""Schedulers that build at certain times.

L{buildbot.schedulers.nightly} computes the times of nightly builds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger

from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.kinds import BRANCH, FLAG, NAMES, SOME_SECONDS
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change
from buildbot.model.records import BuildsetRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.schedulers import choice
from buildbot.schedulers.base import LONGEST_SLEEP
from buildbot.schedulers.news import News
from buildbot.schedulers.nightly import FIELDS, NightlyTimes, Times, spelled
from buildbot.schedulers.triggerable import Asked
from buildbot.schedulers.upstream import BaseUpstreamScheduler
from buildbot.status.request import BuildSetStatus
from buildbot.store.outbox import RETRY_AFTER, untilKept

log = Logger()

#: The clock may be set back by this many seconds without a second nightly build. A clock that follows summer
#: time is set back by an hour.
SMALL_STEP = 2 * 3600.0
#: A nightly scheduler notices within this many seconds that the system clock was set.
LOOK_EVERY = 30.0
#: A smaller change of the clock does not count as a jump (in seconds).
JUMP = 30.0


class _TimedScheduler(BaseUpstreamScheduler):
    """I build the latest revision of a branch at certain times.

    If times pass while the master is down, I build once when it is up again.

    @ivar branch: None is the main line.
    """

    mergeRequests = True
    _kind = "timed"
    _due: float | None = None

    @arguments(builderNames=NAMES, branch=BRANCH, **choice.KINDS)
    def __init__(
        self,
        name: str,
        builderNames: Sequence[str],
        branch: str | None,
        properties: Mapping[str, Any] | None = None,
        reason: str | None = None,
        codebases: Any = None,
        change_filter: Any = None,
        onlyImportant: bool = False,
    ) -> None:
        super().__init__(name)
        self.builderNames = list(builderNames)
        self.branch = branch
        default = f"The {self._kind} scheduler named {name!r} triggered this build"
        self.reason = choice.reasonOf(reason, default, self)
        self.choice = choice.chosen(properties, None, change_filter, onlyImportant, codebases)
        self._alarm = self.newAlarm(self._wake)

    def listBuilderNames(self) -> list[str]:
        """See L{BaseScheduler.listBuilderNames}."""
        return self.builderNames

    def getPendingBuildTimes(self) -> list[float]:
        """Return the next time, in seconds since the epoch."""
        return [] if self._due is None else [self.now() + self._due - self.time()]

    def time(self) -> float:
        """The time of the clock that I use."""
        raise NotImplementedError

    def getPendingBuildsets(self) -> list[Any]:
        """See L{BaseScheduler.getPendingBuildsets}: the next set."""
        if self._due is None:
            return []
        return [BuildSetStatus(self.choice.latest(self.branch), self.reason, self.builderNames)]

    def nextTime(self, now: float) -> float:
        """Return the time of the next build, if a build starts now."""
        raise NotImplementedError

    def restored(self) -> None:
        """See L{BaseScheduler.restored}."""
        self.setTimer()

    def setTimer(self) -> None:
        """Set the timer for the next build."""
        assert self._due is not None
        self._alarm.set(self.engine.clock, min(self._due - self.time(), LONGEST_SLEEP))

    def _wake(self) -> None:
        try:
            self._buildIfDue()
        except PLUGIN_ERRORS:  # of a subclass: this build is lost, later ones are not
            log.failure("scheduler {name} failed to submit its timed build", name=self.name)
            if self._isReady:
                self._alarm.set(self.engine.clock, RETRY_AFTER)
        else:
            if self._isReady:
                self.setTimer()

    def _buildIfDue(self) -> None:
        now = self.time()
        if self._due is None or self._due - now > 1e-3:  # the two clocks differ by rounding
            return
        # A slow clock may show a time before the due time. Do not build again then.
        self._due = self.nextTime(max(now, self._due))
        self.changed()
        if not self._submissions:  # else a build set still waits to be stored: it is enough
            self.doPeriodicBuild()

    def doPeriodicBuild(self) -> None:
        """Submit a build set: it is time."""
        self._submitFor(self.choice.latest(self.branch))

    def _submitFor(self, source: SourceStamp) -> None:
        self.submit(BuildSet(self.builderNames, source, self.reason, properties=self.choice.properties))


class Periodic(_TimedScheduler):
    """I build every C{periodicBuildTimer} seconds. The first build starts at once."""

    compare_attrs = ("name", "builderNames", "periodicBuildTimer", "branch", "choice", "reason")

    _kind = "Periodic"

    @arguments(periodicBuildTimer=SOME_SECONDS)
    def __init__(
        self,
        name: str,
        builderNames: Sequence[str],
        periodicBuildTimer: float,
        branch: str | None = None,
        properties: Mapping[str, Any] | None = None,
        *,
        reason: str | None = None,
        codebases: object = None,
    ) -> None:
        super().__init__(name, builderNames, branch, properties, reason, codebases)
        self.periodicBuildTimer = periodicBuildTimer
        self._last: float | None = None

    def nextTime(self, now: float) -> float:
        """Return the time of the next build, if a build starts now."""
        self._last = now
        return now + self.periodicBuildTimer

    def time(self) -> float:
        """The time of a clock that cannot be set."""
        return self.steady()

    def toRecord(self) -> dict[str, Any]:
        """See L{BaseScheduler.toRecord}."""
        return {"last": None if self._last is None else self.toWall(self._last)}

    def restore(self, record: Mapping[str, Any]) -> None:
        """Restore the time of the last build. The timer of the present configuration counts from there."""
        last = record.get("last")
        self._last = None if last is None else self.fromWall(last)
        self._due = self.steady() if self._last is None else self._last + self.periodicBuildTimer


class Nightly(_TimedScheduler):
    """I build when the system clock shows certain times: see L{NightlyTimes}.

    After a jump of that clock I wait LOOK_EVERY seconds, and ignore the jump if the clock jumps back
    meanwhile.
    """

    compare_attrs = (
        *("name", "builderNames", "minute", "hour", "dayOfMonth", "month", "dayOfWeek", "branch"),
        *("fileIsImportant", "onlyIfChanged", "choice", "reason"),
    )

    _ahead = 0.0
    _isUnsure = False

    _kind = "Nightly"

    @arguments(
        onlyIfChanged=FLAG,
        **choice.KINDS,
        **{each.name: Kind(each.expected, each.isValid, each.detail) for each in FIELDS},
    )
    def __init__(
        self,
        name: str,
        builderNames: Sequence[str],
        minute: Times = 0,
        hour: Times = "*",
        dayOfMonth: Times = "*",
        month: Times = "*",
        dayOfWeek: Times = "*",
        branch: str | None = None,
        fileIsImportant: Callable[[Change], object] | None = None,
        onlyIfChanged: bool = False,
        properties: Mapping[str, Any] | None = None,
        *,
        change_filter: object = None,
        onlyImportant: bool = False,
        reason: str | None = None,
        codebases: object = None,
    ) -> None:
        """Each of the five is a number, a list of numbers, C{"*"}, or a text as in cron: see L{NightlyTimes}.
        Monday is the C{dayOfWeek} 0, but 1 in a text.

        @param onlyIfChanged: whether to skip a build if no change of my branch came since the last one. Then
            C{fileIsImportant} and C{change_filter} tell which changes count.
        @raise TypeError: no such time exists.
        """
        super().__init__(
            name, builderNames, branch, properties, reason, codebases, change_filter, onlyImportant
        )
        self.fileIsImportant = fileIsImportant
        self.onlyIfChanged = bool(onlyIfChanged)
        self._news = News(fileIsImportant, self.choice, name)
        given = (minute, hour, dayOfMonth, month, dayOfWeek)
        self._spelled = [spelled(each) for each in given]
        self.minute, self.hour, self.dayOfMonth, self.month, self.dayOfWeek = self._spelled
        try:
            self._times = NightlyTimes(*self._spelled)
        except ValueError as error:
            complain(self, f": {error}")

    @property
    def _watches(self) -> bool:
        return self.onlyIfChanged and super()._watches

    def addChange(self, change: Change) -> None:
        """See L{BaseScheduler.addChange}. Called only with C{onlyIfChanged}."""
        if change.branch == self._branchOf(change.codebase) and self._news.add(change):
            self.changed()

    def _branchOf(self, codebase: str) -> str | None:
        """The branch whose changes count: mine, or else that of the codebase."""
        if self.branch is not None or codebase not in self.choice.codebases:
            return self.branch
        branch: str | None = self.getCodebaseDict(codebase).get("branch")
        return branch

    def doPeriodicBuild(self) -> None:
        """Submit a build set, unless nothing has changed and I build changes only."""
        if not self.onlyIfChanged:
            super().doPeriodicBuild()
            return
        changes = self._news.take()
        sources = self.choice.sources(changes, self.getCodebaseDict)
        for number, source in enumerate(sources, 1):
            self._news.keep(choice.changesOf(sources[number:]))  # a crash must not lose them
            self._submitFor(source)
        if not changes:
            log.info("scheduler {name} does not build: nothing has changed", name=self.name)

    def getCodebaseDict(self, codebase: str) -> Mapping[str, Any]:
        """The branch, the repository and so on of a codebase without changes. Subclasses may override it."""
        said = self.choice.codebases[codebase]
        return said if said.get("branch") is not None else {**said, "branch": self.branch}

    def calculateNextRunTime(self) -> float:
        """Return my first time after now."""
        return self.calculateNextRunTimeFrom(self.now())

    def calculateNextRunTimeFrom(self, now: float) -> float:
        """Return my first time after C{now}."""
        return self._times.after(now)

    def isRunTime(self, timetuple: Sequence[int]) -> bool:
        """True if this is one of my times. The first five numbers of the tuple count."""
        year, month, day, hour, minute = timetuple[:5]
        return self._times.isRunTime(datetime(year, month, day, hour, minute))

    def nextTime(self, now: float) -> float:
        """Return the time of the next build, if a build starts now."""
        return self.calculateNextRunTimeFrom(now)

    def time(self) -> float:
        """The time of the system clock."""
        return self.now()

    def getPendingBuildTimes(self) -> list[float]:
        """Return the next time, in seconds since the epoch: a whole minute."""
        return [] if self._due is None else [self._due]

    def restored(self) -> None:
        """See L{BaseScheduler.restored}."""
        self._ahead = self.now() - self.steady()
        super().restored()
        if self._news.hasDropped:
            self.changed()

    def setTimer(self) -> None:
        """Set the timer for the next build, or for the next check of the clock."""
        assert self._due is not None
        wait = LOOK_EVERY if self._isUnsure else min(self._due - self.now(), LOOK_EVERY)
        self._alarm.set(self.engine.clock, wait)

    def _buildIfDue(self) -> None:
        before, self._ahead = self._ahead, self.now() - self.steady()
        self._isUnsure = abs(self._ahead - before) > JUMP
        if not self._isUnsure and self._due is not None:
            self._due = self.clampToClock(self._due, self.now())
            super()._buildIfDue()

    def clampToClock(self, due: float, now: float) -> float:
        """The due time, corrected after the system clock was set back."""
        if due <= self.calculateNextRunTimeFrom(now + SMALL_STEP):
            return due
        return self.calculateNextRunTimeFrom(now)

    def toRecord(self) -> dict[str, Any]:
        """See L{BaseScheduler.toRecord}."""
        news = {"news": self._news.toRecord()} if self.onlyIfChanged else {}
        return {"due": self._due, "times": self._spelled, **news}

    def restore(self, record: Mapping[str, Any]) -> None:
        """Restore the due time, also a missed one. Compute a new one if the configured times have changed."""
        now = self.now()
        self._news.restore(record.get("news") or {})
        due = record.get("due")
        if due is not None and (due <= now or record.get("times") == self._spelled):
            self._due = self.clampToClock(due, now)
        else:
            self._due = self.calculateNextRunTimeFrom(now)


class NightlyTriggerable(Nightly):
    """I build at my times. I build the last source that Trigger steps have passed to me since the last time.

    Without such a step since, I do not build.
    """

    _kind = "NightlyTriggerable"
    _wanted: tuple[SourceStamp, dict[str, Any]] | None = None

    @arguments()
    def __init__(
        self,
        name: str,
        builderNames: Sequence[str],
        minute: Times = 0,
        hour: Times = "*",
        dayOfMonth: Times = "*",
        month: Times = "*",
        dayOfWeek: Times = "*",
        reason: str | None = None,
        properties: Mapping[str, Any] | None = None,
        codebases: object = None,
    ) -> None:
        """The times are those of L{Nightly}."""
        times = (minute, hour, dayOfMonth, month, dayOfWeek)
        super().__init__(
            name, builderNames, *times, properties=properties, reason=reason, codebases=codebases
        )
        self._asked = Asked()

    def trigger(
        self,
        ss: SourceStamp | None = None,
        set_props: Mapping[str, Any] | None = None,
        keys: Sequence[str] = (),
    ) -> Deferred[BuildsetRecord | None]:
        """Build this at my next time; see L{buildbot.process.seams.CanTrigger}.

        @return: fires with None when that is stored. Fails with L{SchedulerStopped} if I am stopped first.
        """
        wanted = (self.choice.completed(ss), dict(set_props or {}))
        return self._asked.when(ensureDeferred(self._note(wanted, keys, self._generation)))

    async def _note(
        self, wanted: tuple[SourceStamp, dict[str, Any]], keys: Sequence[str], generation: object
    ) -> None:
        """Store the source to build, with retries until that succeeds."""
        store, sleep = self.engine.store, self.engine.resources.sleep

        def isOver() -> bool:
            return generation is not self._generation

        while not isOver() and (not self._isReady or self._submissions):
            await sleep(RETRY_AFTER)  # the state must not be stored before an earlier build set
        if isOver() or self._state is None:
            return
        self._wanted = wanted
        await untilKept(self._state.save, sleep, self.storeFails, isOver)
        for key in keys:
            await untilKept(partial(store.setState, key, 0), sleep, self.storeFails, isOver)

    def cease(self) -> None:
        """See L{BaseScheduler.cease}."""
        super().cease()
        self._asked.stop()

    def doPeriodicBuild(self) -> None:
        """Submit a build set, if a step has triggered me since the last one."""
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            log.info("scheduler {name} does not build: no step has triggered it", name=self.name)
            return
        source, properties = wanted
        properties = {**self.choice.properties, **properties}
        self.submit(BuildSet(self.builderNames, source, self.reason, properties=properties))

    def getPendingBuildTimes(self) -> list[float]:
        """Return the next time, if I shall build then."""
        return super().getPendingBuildTimes() if self._wanted else []

    def getPendingBuildsets(self) -> list[Any]:
        """See L{BaseScheduler.getPendingBuildsets}: the next set, if there is one."""
        return (
            [] if self._wanted is None else [BuildSetStatus(self._wanted[0], self.reason, self.builderNames)]
        )

    def toRecord(self) -> dict[str, Any]:
        """See L{BaseScheduler.toRecord}."""
        wanted = None if self._wanted is None else [self._wanted[0].toRecord(), self._wanted[1]]
        return {**super().toRecord(), "wanted": wanted}

    def restore(self, record: Mapping[str, Any]) -> None:
        """See L{Nightly.restore}."""
        super().restore(record)
        wanted = record.get("wanted")
        if wanted is not None:  # the codebases may be others than before
            wanted = (self.choice.completed(SourceStamp.fromRecord(wanted[0])), dict(wanted[1]))
        self._wanted = wanted
