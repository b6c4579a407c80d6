# -*- test-case-name: tests.unit.schedulers.test_restart -*-
"""
The state of one scheduler in the store, under its name.

What the state is made of is the business of the scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from buildbot.events.alarm import Alarm
from buildbot.store.interface import UNREADABLE, StoreFailed

#: Seconds within which a changed state is stored, if no build set is submitted meanwhile.
SAVE_WITHIN = 10.0


class SavedState:
    """
    I store what a scheduler has to know in the next process, from one start to the next stop.

    @ivar key: where the store keeps it.
    """

    def __init__(
        self,
        name: str,
        store: Any,
        clock: IReactorTime,
        record: Callable[[], Mapping[str, Any]],
        isBusy: Callable[[], bool],
    ) -> None:
        """
        @param record: makes the state, as JSON can hold it.
        @param isBusy: whether build sets wait to be stored. Then the state has to wait as well: a crash would
            lose build sets whose changes it calls seen.
        """
        self.key = f"scheduler/{name}"
        self._store = store
        self._clock = clock
        self._record = record
        self._isBusy = isBusy
        self._alarm = Alarm(self._save)
        self._isStopped = False

    @property
    def unreadableKey(self) -> str:
        """Where the store keeps a state that makes no sense."""
        return f"{UNREADABLE}/{self.key}"

    def load(self) -> Deferred[Any]:
        """Fires with what was stored last; with None if the name is new."""
        found: Deferred[Any] = self._store.getState(self.key)
        return found

    def putAside(self, record: object) -> Deferred[None]:
        """Keep a state that makes no sense; fires once it is stored."""
        kept: Deferred[None] = self._store.setState(self.unreadableKey, record)
        return kept

    def save(self) -> Deferred[None]:
        """Store the state now; fires once that is done, or fails with StoreFailed."""
        saving: Deferred[None] = self._store.setState(self.key, self._record())
        return saving

    def changed(self) -> None:
        """Store the state soon."""
        if not self._alarm.isSet and not self._isStopped:
            self._alarm.set(self._clock, SAVE_WITHIN)

    def flush(self) -> Deferred[None]:
        """Store the state now if it has changed; fires when the store has answered."""
        saving = self._save() if self._alarm.isSet else None
        return saving or succeed(None)

    def stop(self) -> None:
        """Store nothing more."""
        self._isStopped = True
        self._alarm.stop()

    def _save(self) -> Deferred[None] | None:
        self._alarm.stop()
        if self._isBusy():
            self.changed()
            return None
        return self.save().addErrback(self._notSaved)

    def _notSaved(self, why: Failure) -> None:
        why.trap(StoreFailed)
        self.changed()
