# -*- test-case-name: tests.unit.process.test_builds -*-
"""What builds, steps, logs, requests and build sets share: each finishes once, and others wait for that."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from buildbot.events.observers import NOBODY, Observers


class Completion:
    """I finish once. Whoever waits for that is told, also after it has happened."""

    _waiting: Observers[Deferred[Any]] = NOBODY

    def isFinished(self) -> bool:
        """Whether that has happened."""
        raise NotImplementedError

    def whatCame(self) -> Any:
        """The result for those who wait: myself."""
        return self

    def waitUntilFinished(self) -> Deferred[Any]:
        """Fires once I am finished, at once if I am."""
        over: Deferred[Any] = Deferred()
        if self.isFinished():
            over.callback(self.whatCame())
        else:
            self._waiting = self._waiting.plus(over)
        return over

    def tellFinished(self) -> None:
        """Tell those who wait that I have finished."""
        waiting, self._waiting = self._waiting, NOBODY
        for over in waiting:
            over.callback(self.whatCame())
