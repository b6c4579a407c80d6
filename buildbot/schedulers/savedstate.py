# -*- test-case-name: tests.unit.schedulers.test_restart -*-
"""The state of one scheduler in the store, under its name.

The scheduler decides the content of the state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from buildbot.events.alarm import Alarm
from buildbot.store.interface import UNREADABLE, IStore, StoreFailed

#: A changed state is stored within this many seconds, if no build set is submitted before.
SAVE_WITHIN = 10.0


class SavedState:
    """I store the state of a scheduler for the next process, from one start to the next stop.

    @ivar key: the key of the state in the store.
    @ivar isDirty: True if the state has changed since it was last stored, and will be stored soon.
    """

    def __init__(
        self,
        name: str,
        store: IStore,
        clock: IReactorTime,
        record: Callable[[], Mapping[str, Any]],
        unstored: Callable[[], int],
    ) -> None:
        """@param record: returns the state, as JSON can hold it.
        @param unstored: returns the number of build sets that wait to be stored. The state waits for them:
            it counts their changes as seen, so a crash would lose the build sets.
        """
        self.key = f"scheduler/{name}"
        self._store = store
        self._clock = clock
        self._record = record
        self._unstored = unstored
        self._alarm = Alarm(self._save)
        self._isStopped = self.isDirty = False

    @property
    def unreadableKey(self) -> str:
        """The key of an invalid state that was put aside."""
        return f"{UNREADABLE}/{self.key}"

    def load(self) -> Deferred[Any]:
        """Fires with the stored state; with None if the name is new."""
        found: Deferred[Any] = self._store.getState(self.key)
        return found

    def putAside(self, record: object) -> Deferred[None]:
        """Store an invalid state under L{unreadableKey}. Fires when it is stored."""
        kept: Deferred[None] = self._store.setState(self.unreadableKey, record)
        return kept

    def save(self) -> Deferred[None]:
        """Store the state now. Fires when it is stored; fails with StoreFailed."""
        saving: Deferred[None] = self._store.setState(self.key, self._record())
        return saving

    def changed(self) -> None:
        """Store the state soon."""
        if not self.isDirty and not self._isStopped:
            self.isDirty = True
            self._alarm.set(self._clock, SAVE_WITHIN)

    def flush(self) -> Deferred[None]:
        """Store the state now if it has changed. Fires when that has succeeded or failed."""
        self._alarm.stop()
        saving = self._save() if self.isDirty else None
        return saving or succeed(None)

    def stop(self) -> None:
        """Stop: store nothing more."""
        self._isStopped, self.isDirty = True, False
        self._alarm.stop()

    def _save(self) -> Deferred[None] | None:
        self.isDirty = False
        if self._unstored():
            self.changed()
            return None
        return self._store.setState(self.key, self._record()).addErrback(self._notSaved)

    def _notSaved(self, why: Failure) -> None:
        why.trap(StoreFailed)
        self.changed()
