# -*- test-case-name: tests.unit.logstorage.test_storage -*-
"""Run functions that block in a thread of their own, which does not keep the process alive."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from buildbot.events.reactors import ThreadReactor
from buildbot.outgoing.calls import inDaemonThread

_Result = TypeVar("_Result")


class Threads:
    """I call functions in threads."""

    def __init__(
        self,
        clock: IReactorTime,
        inThread: Callable[[Callable[[], None]], object] = inDaemonThread,
    ) -> None:
        """@param clock: the reactor.
        @param inThread: runs a function in a thread.
        """
        self._reactor = cast(ThreadReactor, clock)
        self.inThread = inThread
        self._isStopped = False

    def call(self, function: Callable[[], _Result]) -> Deferred[_Result]:
        """Call a function. Fires with its result or its error; never, if I am stopped before."""
        done: Deferred[_Result] = Deferred()

        def ended(outcome: _Result | Failure) -> None:
            if not done.called and not self._isStopped:
                done.callback(outcome)

        def work() -> None:
            outcome: _Result | Failure
            try:
                outcome = function()
            except BaseException:
                outcome = Failure()
            self._reactor.callFromThread(ended, outcome)

        self.inThread(work)
        return done

    def resume(self) -> None:
        """Call functions again after L{stop}."""
        self._isStopped = False

    def stop(self) -> None:
        """Ignore the results of all calls from now on."""
        self._isStopped = True
