"""Coroutine functions for callers that want a Deferred."""

from __future__ import annotations

import inspect

from twisted.internet.defer import Deferred
from twisted.trial import unittest

from buildbot.events.coroutines import ended, returnsDeferred


class Asker:
    """An object that waits for an answer, and doubles it."""

    def __init__(self) -> None:
        self.answer: Deferred[int] = Deferred()
        self.asked = 0

    @returnsDeferred
    async def double(self, factor: int = 2) -> int:
        """Twice as much."""
        self.asked += 1
        return factor * await self.answer


class ReturnsDeferredTests(unittest.SynchronousTestCase):
    """A coroutine method that returns a Deferred."""

    def test_begins(self) -> None:
        """The work starts with the call, even if nobody waits for the result."""
        asker = Asker()
        doubled = asker.double()
        self.assertEqual(asker.asked, 1)
        asker.answer.callback(21)
        self.assertEqual(self.successResultOf(doubled), 42)

    def test_fails(self) -> None:
        """The Deferred fails with the exception of the coroutine."""
        asker = Asker()
        doubled = asker.double(3)
        asker.answer.errback(ValueError("no"))
        self.failureResultOf(doubled, ValueError)

    def test_looks(self) -> None:
        """The name, parameters and docstring stay the same."""
        self.assertEqual((Asker.double.__name__, Asker.double.__doc__), ("double", "Twice as much."))
        self.assertEqual(list(inspect.signature(Asker.double).parameters), ["self", "factor"])


class EndedTests(unittest.SynchronousTestCase):
    """Waiting for the end of work whose result is for somebody else."""

    def test_result(self) -> None:
        """The end is known with the result, which those who wait for it still get."""
        work: Deferred[int] = Deferred()
        end = ended(work)
        self.assertNoResult(end)
        work.callback(5)
        self.assertEqual((self.successResultOf(end), self.successResultOf(work)), (None, 5))

    def test_failure(self) -> None:
        """A failure is an end too."""
        work: Deferred[int] = Deferred()
        end = ended(work)
        work.errback(ValueError("no"))
        self.successResultOf(end)
        self.failureResultOf(work, ValueError)
