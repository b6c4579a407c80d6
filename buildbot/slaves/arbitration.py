# -*- test-case-name: tests.unit.slaves.test_botmaster -*-
"""
Two living processes with one name: the newcomer waits until it is known whether the other answers.

When that is necessary is a rule of L{buildbot.slaves.conflict}; what a verdict leads to is the business
of L{buildbot.slaves.perspective}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime

from buildbot.slaves.conflict import Squabble
from buildbot.wire.peers import SlavePeer

#: Seconds that the one who has the name may take to answer while a newcomer waits (D1).
ARBITRATION_TIME = 10.0


class Arbiter:
    """
    I hold back the newcomers of one name, one at a time.

    @ivar candidate: the newcomer that waits for the verdict; None if there is none.
    """

    __slots__ = ("_began", "_clock", "_judge", "_squabble", "_timer", "candidate")

    def __init__(self, clock: IReactorTime, judge: Callable[[SlavePeer, float], None]) -> None:
        """
        @param judge: is called when the time is over, with the newcomer, and with the time by the clock
            since when the other should have been heard of.
        """
        self._clock = clock
        self._judge = judge
        self._squabble = Squabble()
        self._timer: Any = None
        self._began = 0.0
        self.candidate: SlavePeer | None = None

    def isNeeded(self) -> bool:
        """Whether a squabble is on: one takeover more would be too many."""
        return self._squabble.isOn(self._clock.seconds())

    def takeover(self) -> None:
        """A newcomer has displaced a connection that was not lost yet."""
        self._squabble = self._squabble.takeover(self._clock.seconds())

    def wait(self, newcomer: SlavePeer) -> SlavePeer | None:
        """
        Let a newcomer wait for the verdict.

        A still newer one takes its place and shares its verdict: the holder has the whole of
        ARBITRATION_TIME to answer, however many come.

        @return: the one that has waited so far, if any: it is in vain.
        """
        before, self.candidate = self.candidate, newcomer
        if before is None:
            self._began = self._clock.seconds()
            self._timer = self._clock.callLater(ARBITRATION_TIME, self._late)
        return before

    def end(self) -> SlavePeer | None:
        """There is nothing to judge any more; return the newcomer that waited for it, if any."""
        candidate, self.candidate = self.candidate, None
        if self._timer is not None:
            if self._timer.active():
                self._timer.cancel()
            self._timer = None
        return candidate

    def keep(self, holder: str, newcomer: str) -> bool:
        """
        The one at the address C{holder} keeps the name.

        @return: whether to speak of it; that is, not too often.
        """
        self._squabble, due = self._squabble.mention(self._clock.seconds(), holder, newcomer)
        return due

    def _late(self) -> None:
        candidate, began = self.end(), self._began
        if candidate is not None:
            self._judge(candidate, began)
