# -*- test-case-name: tests.unit.wire.test_budget -*-
"""
What peers may cost: accounts of the memory that is kept for them, and work that is done a slice at a time.

The unit of memory is one byte as the value stands in memory here, which can be many times what it was on the
wire. The unit of work is the second. Who keeps what, and who ends for it, is known elsewhere: the limits of
single values are in L{buildbot.wire.jelly} and L{buildbot.wire.banana}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

#: Bytes that all builds of one connection may keep together of what the slave says, the logs not counted.
PEER_MEMORY = 32 << 20
#: Bytes of them that one build may keep, and one command.
BUILD_MEMORY = 16 << 20
COMMAND_MEMORY = 4 << 20
#: Seconds that work for one peer may take at a time. Then all others come first.
SLICE = 0.02
#: Bytes of output that are handed on at a time to whoever reads it by lines.
PIECE = 8 * 1024

# What CPython needs besides the contents, on a machine of 64 bits.
_TEXT = 64
_CONTAINER = 64
_SLOT = 16
_ENTRY = 104


class BudgetExceeded(Exception):
    """A peer makes the master keep more than it may; the message says what of, and how much is allowed."""


class Budget:
    """
    I am an account of memory that is kept for a peer, for one of its builds, or for one of its commands.

    What I spend is also spent by the account above me.

    @ivar most: how many bytes I may spend.
    @ivar spent: how many bytes I have spent and not got back.
    """

    __slots__ = ("_above", "_what", "most", "spent")

    def __init__(self, what: str, most: int, above: Budget | None = None) -> None:
        """@param what: what I pay for, in words for the error."""
        self._what = what
        self.most = most
        self.spent = 0
        self._above = above

    def take(self, size: int) -> None:
        """
        Spend.

        @raise BudgetExceeded: it is too much for me, or for an account above me. Nothing is spent.
        """
        if self.spent + size > self.most:
            raise BudgetExceeded(f"{self._what} is more than {self.most >> 10} KiB")
        if self._above is not None:
            self._above.take(size)
        self.spent += size

    def giveBack(self, size: int) -> None:
        """What was kept is kept no longer."""
        self.spent -= size
        if self._above is not None:
            self._above.giveBack(size)

    def close(self) -> None:
        """All that was kept is kept no longer. Harmless when called again."""
        self.giveBack(self.spent)


def weigh(value: Any) -> int:
    """How many bytes a received value takes in memory, about; parts that stand in it twice count twice."""
    weight = 0
    waiting = [value]
    while waiting:
        each = waiting.pop()
        kind = type(each)
        if kind is bytes:
            weight += _TEXT + len(each)
        elif kind is str:
            weight += _TEXT + (len(each) if each.isascii() else 4 * len(each))
        elif kind is dict:
            weight += _CONTAINER + _ENTRY * len(each)
            waiting += each
            waiting += each.values()
        elif kind in _CONTAINERS:
            weight += _CONTAINER + _SLOT * len(each)
            waiting += each
        else:
            weight += _TEXT
    return weight


_CONTAINERS = frozenset({list, tuple, set, frozenset})


def workFor(end: float, work: Iterator[object], now: Callable[[], float]) -> bool:
    """
    Do a work until it is done, or until it is time for others.

    @param end: when that is.
    @param work: does a small part of it each time that its next item is asked for.
    @param now: tells the time.
    @return: whether all of it is done.
    """
    for _ in work:
        if now() >= end:
            return False
    return True


class Slices:
    """I am the answer to a call that takes long: the work, and what to answer when it is done."""

    __slots__ = ("answer", "work")

    def __init__(self, work: Iterator[object], answer: Any) -> None:
        """@param answer: the jelly to answer with."""
        self.work = work
        self.answer = answer
