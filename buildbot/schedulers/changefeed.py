# -*- test-case-name: tests.unit.schedulers.test_changefeed -*-
"""The changes of one scheduler: each change once, in order, also those that came while the master was down.

The store has every change before a scheduler is notified. So the feed only remembers the number of the last
change, and reads missed changes from the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.model.change import Change
from buildbot.schedulers.taking import MOST_STARTS, Taking
from buildbot.store.interface import IStore, StoreFailed
from buildbot.store.outbox import RETRY_AFTER

log = Logger()


class FollowsChanges(Protocol):
    """The attributes and methods of a scheduler that L{ChangeFeed} uses."""

    name: str

    def addChange(self, change: Change) -> None:
        """Take a change."""

    def changed(self) -> None:
        """Called when the number of the last change has changed. The state includes it."""

    def storeFails(self, reason: object) -> None:
        """Called when a change cannot be read now. The feed retries later."""


class ChangeFeed:
    """I give a scheduler its changes, from one start to the next stop.

    @ivar seen: the number of the last change that the scheduler has taken.
    """

    def __init__(self, scheduler: FollowsChanges, store: IStore, clock: IReactorTime) -> None:
        self.seen = 0
        self._scheduler = scheduler
        self._store = store
        self._clock = clock
        self._retry = Alarm(self._catchUpLater)
        self._isReading = self._isStopped = False

    def stop(self) -> None:
        """Stop: give the scheduler no more changes."""
        self._isStopped = True
        self._retry.stop()

    def changeAdded(self, change: Change) -> None:
        """Called when the master has stored a change. Calls may be out of order, repeated or missing."""
        if self._isReading and change.number is not None:
            return  # the loop that reads the store finds it
        if change.number is None or change.number == self.seen + 1:
            self._give(change)
        elif change.number > self.seen:
            self._catchUpLater()

    def _catchUpLater(self) -> None:
        ensureDeferred(self.catchUp()).addErrback(
            lambda why: log.failure("scheduler {name} failed", why, name=self._scheduler.name)
        )

    async def catchUp(self, isStart: bool = False) -> None:
        """Give the scheduler all changes in the store that it has not taken.

        @param isStart: True at the start, when one of the changes may have crashed the last process.
        """
        if self._isReading:
            return
        self._isReading = True
        try:
            while True:
                changes = await self._store.getChangesAfter(self.seen)
                if self._isStopped or not changes:
                    return
                if isStart:
                    await self._giveAtStart(changes)
                    continue
                for change in changes:
                    self._give(change)
        except StoreFailed as failed:
            if not self._isStopped:
                self._scheduler.storeFails(failed)
                self._retry.set(self._clock, RETRY_AFTER)
        finally:
            self._isReading = False

    async def _giveAtStart(self, changes: Sequence[Change]) -> None:
        """Give changes to the scheduler. Each attempt is counted on disk first.

        @raise StoreFailed: the count cannot be stored.
        """
        key = f"taking/{self._scheduler.name}"
        taking = Taking(await self._store.getState(key), [change.number or 0 for change in changes])
        groups = [[change] for change in changes] if taking.isSuspicious else [list(changes)]
        for group in groups:
            if self._isStopped:
                return
            numbers = [change.number or 0 for change in group]
            if taking.isToSkip(numbers[0]):
                self._leaveOut(numbers[0])
            else:
                taking.begin(numbers)
                await self._store.setState(key, taking.toRecord())
                if self._isStopped:
                    return
                for change in group:
                    self._give(change)
            for number in numbers:
                taking.taken(number)
        await self._store.setState(key, taking.toRecord())

    def _leaveOut(self, number: int) -> None:
        self.seen = number
        self._scheduler.changed()
        log.error(
            "scheduler {name} skips change {number}: the master was killed or crashed in each of {count}"
            " starts while it took that change",
            **{"name": self._scheduler.name, "number": number, "count": MOST_STARTS},
        )

    def _give(self, change: Change) -> None:
        if change.number is not None:
            self.seen = change.number
        try:
            self._scheduler.addChange(change)
        except PLUGIN_ERRORS:
            log.failure(
                "scheduler {name} failed to take change {number}",
                name=self._scheduler.name,
                number=change.number,
            )
        self._scheduler.changed()
