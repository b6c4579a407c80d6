"""The reactor of a command."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, passthru, succeed
from twisted.internet.error import ReactorNotRunning
from twisted.python.failure import Failure
from twisted.trial import unittest

from buildbot.scripts.inreactor import resultOf


class FakeReactor:
    """A reactor that runs one call, and is stopped once."""

    def __init__(self, afterwards: Callable[[], object] = lambda: None) -> None:
        self._calls: list[Callable[[], object]] = []
        self._afterwards = afterwards
        self._isStopped = False

    def callWhenRunning(self, call: Callable[[], object]) -> None:
        self._calls.append(call)

    def run(self) -> None:
        for call in self._calls:
            call()
        if not self._isStopped:
            self.stop()  # a signal has come
        self._afterwards()

    def stop(self) -> None:
        if self._isStopped:
            raise ReactorNotRunning
        self._isStopped = True


class ResultTests(unittest.SynchronousTestCase):
    """The result of some work in a reactor."""

    def test_result(self) -> None:
        """The result is returned, and the reactor stops."""
        self.assertEqual(resultOf(lambda: succeed(7), FakeReactor()), 7)

    def test_interrupted(self) -> None:
        """A signal interrupts the command, also if it ends the work as well: there is no further error."""
        for result in (None, 1, Failure(RuntimeError("it was killed"))):
            work: Deferred[Any] = Deferred()
            ends = partial(work.callback, result) if result is not None else int
            self.assertRaises(KeyboardInterrupt, resultOf, partial(passthru, work), FakeReactor(ends))
            if result is not None:
                self.assertIsNone(self.successResultOf(work))  # no error is left in it
