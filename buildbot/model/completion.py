# -*- test-case-name: tests.unit.process.test_builds -*-
"""What builds, steps, logs, requests and sets have in common: each is finished once, and some wait for it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred


class Completion:
    """I am finished once; whoever waits for that, before or after, is told."""

    # a tuple, since most of the time, for most of them, it is empty
    _waiting: tuple[Deferred[Any], ...] = ()

    def isFinished(self) -> bool:
        """Whether I am."""
        raise NotImplementedError

    def whatCame(self) -> Any:
        """What is told to those who wait: myself."""
        return self

    def waitUntilFinished(self) -> Deferred[Any]:
        """Fires once I am finished, at once if I am."""
        over: Deferred[Any] = Deferred()
        if self.isFinished():
            over.callback(self.whatCame())
        else:
            self._waiting = (*self._waiting, over)
        return over

    def tellFinished(self) -> None:
        """I am: tell those who wait."""
        waiting, self._waiting = self._waiting, ()
        for over in waiting:
            over.callback(self.whatCame())
