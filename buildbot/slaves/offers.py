# -*- test-case-name: tests.unit.slaves.test_offers -*-
"""The builder lists of one slave: the last list sent, its time, and whether the slave has accepted it.

L{buildbot.wire.offers} sends a list, and finds the builders that fail on the slave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

if TYPE_CHECKING:
    from buildbot.slaves.seams import ShownSlave

log = Logger()

#: Shared by all slaves: an empty set takes 216 bytes.
_NONE: frozenset[str] = frozenset()


class BuilderOffers:
    """I know the builder lists that one slave was sent.

    Each list has a number. Only the answer to the last one counts.

    @ivar sentAt: the time when the first of the lists that are not accepted yet was sent, by the clock.
    @ivar halfMade: all builders that ever failed on this slave.
    """

    __slots__ = ("_accepted", "_clock", "_last", "_number", "_slave", "_waiting", "halfMade", "sentAt")

    def __init__(self, clock: IReactorTime, slave: ShownSlave) -> None:
        self._clock = clock
        self._slave = slave
        self._number = self._accepted = 0
        self._last: Sequence[tuple[str, str]] = ()
        # tuples, because for most slaves they are empty most of the time
        self._waiting: tuple[Deferred[None], ...] = ()
        self.halfMade = _NONE
        self.sentAt = 0.0

    @property
    def isPending(self) -> bool:
        """True if a list was sent and is not accepted yet."""
        return self._accepted != self._number

    def isTold(self, builders: Sequence[tuple[str, str]]) -> bool:
        """True if this very list was the last one sent, and none of its builders has failed."""
        return self._last == builders and not self._slave.slave_status.failing

    def begin(self) -> None:
        """Reset the numbers: a new connection is served, without a list so far."""
        self._number = self._accepted = 0

    def end(self) -> None:
        """Forget the last list: the connection is gone."""
        self._last = ()
        if self._slave.slave_status.failing:
            self._slave.slave_status.failing = {}

    def sent(self, builders: Sequence[tuple[str, str]]) -> int:
        """Record that a list is being sent.

        @param builders: (builder name, build directory) pairs.
        @return: the number of the list.
        """
        if not self.isPending:
            self.sentAt = self._clock.seconds()
        self._number += 1
        self._last = builders
        return self._number

    def accept(self, number: int, failing: Mapping[str, str]) -> bool:
        """Record that the slave has accepted a list.

        @param failing: builder name -> the reason why the slave cannot make it.
        @return: True if it was the last list. The answer to an older one is ignored.
        """
        if number != self._number:
            return False
        self._accepted = number
        self._tellFailing(failing)
        return True

    def _tellFailing(self, failing: Mapping[str, str]) -> None:
        """Log and show the builders that fail on the slave. The slave can still build for the others."""
        slave = self._slave
        known = slave.slave_status.failing
        for name in [name for name in failing if failing[name] != known.get(name)]:
            told = f"builder {name} cannot be used there: {failing[name]}"
            slave.happened(told)
            log.error("slave {name}: {told}", name=slave.slavename, told=told)
        for name in [name for name in known if name not in failing]:
            log.info("slave {name}: builder {builder} can be used again", name=slave.slavename, builder=name)
        if failing or known:
            slave.slave_status.failing = failing
            self.halfMade = self.halfMade.union(failing)

    def whenSettled(self) -> Deferred[None]:
        """Fires with None when the slave has accepted the last list, or is gone."""
        settled: Deferred[None] = Deferred()
        self._waiting = (*self._waiting, settled)
        return settled

    def settled(self) -> None:
        """Fire the Deferreds of L{whenSettled}."""
        waiting, self._waiting = self._waiting, ()
        for waiter in waiting:
            waiter.callback(None)
