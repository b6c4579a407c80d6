# -*- test-case-name: tests.unit.schedulers.test_timed -*-
"""
Schedulers that build by the clock.

L{buildbot.schedulers.nightly} computes the times of nightly builds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from twisted.logger import Logger

from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.kinds import BRANCH, NAMES, SOME_SECONDS
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.schedulers.base import LONGEST_SLEEP
from buildbot.schedulers.nightly import FIELDS, NightlyTimes, Times, spelled
from buildbot.schedulers.upstream import BaseUpstreamScheduler
from buildbot.status.request import BuildSetStatus
from buildbot.store.outbox import RETRY_AFTER

log = Logger()

#: Seconds by which the clock may be set back without a nightly build being done again: a clock that follows
#: summer time is set back by an hour.
SMALL_STEP = 2 * 3600.0
#: Seconds within which a nightly scheduler notices that the clock on the wall was set.
LOOK_EVERY = 30.0
#: Seconds by which the clock must have moved for that.
JUMP = 30.0


class _TimedScheduler(BaseUpstreamScheduler):
    """
    I build the latest of a branch at certain times.

    If times pass while the master is down, I build once when it is up again.

    @ivar branch: None is the main line.
    """

    mergeRequests = True
    _kind = "timed"
    _due: float | None = None

    @arguments(builderNames=NAMES, branch=BRANCH)
    def __init__(self, name: str, builderNames: Sequence[str], branch: str | None) -> None:
        super().__init__(name)
        self.builderNames = list(builderNames)
        self.branch = branch
        self.reason = f"The {self._kind} scheduler named {name!r} triggered this build"
        self._alarm = self.newAlarm(self._wake)

    def listBuilderNames(self) -> list[str]:
        """The builders that I start."""
        return self.builderNames

    def getPendingBuildTimes(self) -> list[float]:
        """The next time."""
        return [] if self._due is None else [self.now() + self._due - self.time()]

    def time(self) -> float:
        """The time on the clock that I go by."""
        raise NotImplementedError

    def getPendingBuildsets(self) -> list[Any]:
        """See L{BaseScheduler.getPendingBuildsets}: the next one."""
        if self._due is None:
            return []
        return [BuildSetStatus(SourceStamp(branch=self.branch), self.reason, self.builderNames)]

    def nextTime(self, now: float) -> float:
        """When to build next, if a build begins now."""
        raise NotImplementedError

    def restored(self) -> None:
        """See L{BaseScheduler.restored}."""
        self.setTimer()

    def setTimer(self) -> None:
        """Wake up when it is time."""
        assert self._due is not None
        self._alarm.set(self.engine.clock, min(self._due - self.time(), LONGEST_SLEEP))

    def _wake(self) -> None:
        try:
            self._buildIfDue()
        except PLUGIN_ERRORS:  # of a subclass: this build is lost, but not those after it
            log.failure("scheduler {name} failed to submit its timed build", name=self.name)
            if self._isReady:
                self._alarm.set(self.engine.clock, RETRY_AFTER)
        else:
            if self._isReady:
                self.setTimer()

    def _buildIfDue(self) -> None:
        now = self.time()
        if self._due is None or self._due - now > 1e-3:  # two clocks differ by rounding
            return
        # A clock that lags may show a time before the one that was due: that must not be built again.
        self._due = self.nextTime(max(now, self._due))
        self.changed()
        if not self._submissions:  # else the last build set still waits for the disk, and serves as well
            self.doPeriodicBuild()

    def doPeriodicBuild(self) -> None:
        """It is time to build."""
        self.submit(BuildSet(self.builderNames, SourceStamp(branch=self.branch), self.reason))


class Periodic(_TimedScheduler):
    """I build every C{periodicBuildTimer} seconds; the first time at once."""

    compare_attrs = ("name", "builderNames", "periodicBuildTimer", "branch")

    _kind = "Periodic"

    @arguments(periodicBuildTimer=SOME_SECONDS)
    def __init__(
        self,
        name: str,
        builderNames: Sequence[str],
        periodicBuildTimer: float,
        branch: str | None = None,
    ) -> None:
        super().__init__(name, builderNames, branch)
        self.periodicBuildTimer = periodicBuildTimer
        self._last: float | None = None

    def nextTime(self, now: float) -> float:
        """When to build next, if a build begins now."""
        self._last = now
        return now + self.periodicBuildTimer

    def time(self) -> float:
        """The time on a clock that nobody sets."""
        return self.steady()

    def toRecord(self) -> dict[str, Any]:
        """See L{BaseScheduler.toRecord}."""
        return {"last": None if self._last is None else self.toWall(self._last)}

    def restore(self, record: Mapping[str, Any]) -> None:
        """Take over the time of the last build; the timer, as it is configured now, counts from there."""
        last = record.get("last")
        self._last = None if last is None else self.fromWall(last)
        self._due = self.steady() if self._last is None else self._last + self.periodicBuildTimer


class Nightly(_TimedScheduler):
    """
    I build whenever the clock on the wall shows certain times: see L{NightlyTimes}.

    After a jump of that clock I wait for LOOK_EVERY seconds, and believe it if it has not jumped back.
    """

    compare_attrs = ("name", "builderNames", "minute", "hour", "dayOfMonth", "month", "dayOfWeek", "branch")

    _ahead = 0.0
    _isUnsure = False

    _kind = "Nightly"

    @arguments(**{each.name: Kind(each.expected, each.fits, each.detail) for each in FIELDS})
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
    ) -> None:
        """
        Each of the five is a number, a list of numbers, or C{"*"}.  Monday is the C{dayOfWeek} 0.

        @raise TypeError: there are no such times.
        """
        super().__init__(name, builderNames, branch)
        given = (minute, hour, dayOfMonth, month, dayOfWeek)
        self._spelled = [spelled(each) for each in given]
        self.minute, self.hour, self.dayOfMonth, self.month, self.dayOfWeek = self._spelled
        try:
            self._times = NightlyTimes(*self._spelled)
        except ValueError as error:
            complain(self, f": {error}")

    def calculateNextRunTime(self) -> float:
        """The first of my times after now."""
        return self.calculateNextRunTimeFrom(self.now())

    def calculateNextRunTimeFrom(self, now: float) -> float:
        """The first of my times after C{now}."""
        return self._times.after(now)

    def isRunTime(self, timetuple: Sequence[int]) -> bool:
        """Whether that is one of my times; its first five numbers count."""
        year, month, day, hour, minute = timetuple[:5]
        return self._times.isRunTime(datetime(year, month, day, hour, minute))

    def nextTime(self, now: float) -> float:
        """When to build next, if a build begins now."""
        return self.calculateNextRunTimeFrom(now)

    def time(self) -> float:
        """The clock on the wall."""
        return self.now()

    def restored(self) -> None:
        """See L{BaseScheduler.restored}."""
        self._ahead = self.now() - self.steady()
        super().restored()

    def setTimer(self) -> None:
        """Wake up when it is time, or to see whether the clock was set."""
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
        return {"due": self._due, "times": self._spelled}

    def restore(self, record: Mapping[str, Any]) -> None:
        """Take over the next due time, also a missed one; begin anew if other times are configured."""
        now = self.now()
        due = record.get("due")
        if due is not None and (due <= now or record.get("times") == self._spelled):
            self._due = self.clampToClock(due, now)
        else:
            self._due = self.calculateNextRunTimeFrom(now)
