"""Waits that can be abandoned."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.trial import unittest

from buildbot.process.waits import Over, Waits


class WaitsTests(unittest.SynchronousTestCase):
    """A build can go on without a result that never comes."""

    def setUp(self) -> None:
        self.late: list[Any] = []
        self.waits = Waits(lambda why: self.late.append(why.value))

    def wait(self) -> tuple[Deferred[str], Deferred[str]]:
        """Start to wait; return the Deferred and the list for the result."""
        waited: Deferred[str] = Deferred()
        return waited, ensureDeferred(self.waits.result(waited))

    def test_comes(self) -> None:
        """A result or failure before the abandonment is passed on."""
        good, result = self.wait()
        bad, failure = self.wait()
        good.callback("done")
        bad.errback(ValueError("x"))
        self.assertEqual(self.successResultOf(result), "done")
        self.failureResultOf(failure, ValueError)
        self.waits.giveUp()
        self.assertEqual(self.late, [])

    def test_givenUp(self) -> None:
        """All waits are abandoned at once; a later failure is logged, a later result is dropped."""
        waiting = [self.wait() for _ in range(3)]
        self.waits.giveUp()
        for _, result in waiting:
            self.failureResultOf(result, Over)
        error = ValueError("late")
        waiting[0][0].callback("late")
        waiting[1][0].errback(error)
        waiting[2][0].errback(CancelledError())
        self.assertEqual(self.late, [error])
