# -*- test-case-name: tests.unit.process.test_builds -*-
"""Completion: the base of builds, steps, logs, requests and build sets, which finish once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred

from buildbot.events.observers import NOBODY, Observers


class Completion:
    """I finish once, and fire a Deferred for each waiter.

    @ivar whenWatched: called when somebody begins to wait; by who keeps me only as long as somebody does.
    """

    whenWatched: Callable[[], object] | None = None
    _waiting: Observers[Deferred[Any]] = NOBODY

    def isFinished(self) -> bool:
        """True after the end."""
        raise NotImplementedError

    def outcome(self) -> Any:
        """The result of the waiters' Deferreds: myself."""
        return self

    def waitUntilFinished(self) -> Deferred[Any]:
        """Fires with L{outcome} when I finish; at once if I have finished. Who cancels it is forgotten."""
        done: Deferred[Any] = Deferred(self._forget)
        if self.isFinished():
            done.callback(self.outcome())
        else:
            self._waiting = self._waiting.plus(done)
            if self.whenWatched is not None:
                self.whenWatched()
        return done

    def tellFinished(self) -> None:
        """Fire the Deferreds of all waiters: I have finished."""
        waiting, self._waiting = self._waiting, NOBODY
        for done in waiting:
            if not done.called:  # else another waiter has cancelled it just now
                done.callback(self.outcome())

    def _forget(self, done: Deferred[Any]) -> None:
        self._waiting = self._waiting.without(done)


class Finishes(Protocol):
    """Something that finishes once, such as a L{Completion}."""

    def waitUntilFinished(self) -> Deferred[Any]: ...


def atEnd(thing: Finishes, call: Callable[[], object]) -> Callable[[], None]:
    """Call C{call()} when something finishes.

    @return: a function that forgets the call. Who leaves earlier must use it: the thing may live for hours.
    """
    waiting = thing.waitUntilFinished()
    waiting.addCallbacks(lambda result: call(), lambda why: why.trap(CancelledError))
    return waiting.cancel
