# -*- test-case-name: tests.unit.process.test_builds -*-
"""Completion: the base of builds, steps, logs, requests and build sets, which finish once."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from buildbot.events.observers import NOBODY, Observers


class Completion:
    """I finish once, and fire a Deferred for each waiter."""

    _waiting: Observers[Deferred[Any]] = NOBODY

    def isFinished(self) -> bool:
        """True after the end."""
        raise NotImplementedError

    def whatCame(self) -> Any:
        """The result of the waiters' Deferreds: myself."""
        return self

    def waitUntilFinished(self) -> Deferred[Any]:
        """Fires with L{whatCame} when I finish; at once if I have finished."""
        over: Deferred[Any] = Deferred()
        if self.isFinished():
            over.callback(self.whatCame())
        else:
            self._waiting = self._waiting.plus(over)
        return over

    def tellFinished(self) -> None:
        """Fire the Deferreds of all waiters: I have finished."""
        waiting, self._waiting = self._waiting, NOBODY
        for over in waiting:
            over.callback(self.whatCame())
