# -*- test-case-name: tests.unit.wire.test_budget -*-
"""Limit the cost of peers: accounts for memory, and long work in slices.

Memory is counted in bytes of the master's memory, which can be many times the size on the wire. Work is
counted in seconds. L{buildbot.wire.jelly} and L{buildbot.wire.banana} have the limits of single values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from buildbot.wire.banana import Expression

#: The most bytes of slave data that all builds of one connection may hold, without logs.
PEER_MEMORY = 32 << 20
#: The most bytes of these for one build, and for one command.
BUILD_MEMORY = 16 << 20
COMMAND_MEMORY = 4 << 20
#: The most seconds of work for one peer at a time. Then the others are served.
SLICE = 0.02
#: The bytes of output in one piece for observers that read lines.
PIECE = 8 * 1024

# The overhead of CPython, besides the contents, on a machine of 64 bits.
_TEXT = 64
_CONTAINER = 64
_SLOT = 16
_ENTRY = 104


class BudgetExceeded(Exception):
    """The data of a peer exceeds its memory limit; the message names the data and the limit."""


class Budget:
    """I count the memory used for a peer, for one of its builds, or for one of its commands.

    My bytes count in the account above me too.

    @ivar most: the limit in bytes.
    @ivar spent: the bytes in use now.
    """

    __slots__ = ("_above", "_what", "most", "spent")

    def __init__(self, what: str, most: int, above: Budget | None = None) -> None:
        """@param what: the use of this memory, in words for the error."""
        self._what = what
        self.most = most
        self.spent = 0
        self._above = above

    def take(self, size: int) -> None:
        """Count C{size} more bytes.

        @raise BudgetExceeded: this exceeds my limit or that of an account above me. Nothing is counted.
        """
        if self.spent + size > self.most:
            raise BudgetExceeded(f"{self._what} is more than {self.most >> 10} KiB")
        if self._above is not None:
            self._above.take(size)
        self.spent += size

    def giveBack(self, size: int) -> None:
        """Count C{size} bytes less: they were freed."""
        self.spent -= size
        if self._above is not None:
            self._above.giveBack(size)

    def close(self) -> None:
        """Free all bytes of this account. A second call does nothing."""
        self.giveBack(self.spent)


def weigh(value: object) -> int:
    """The approximate memory of a received value in bytes. Repeated parts count each time."""
    weight = 0
    waiting: list[Any] = [value]
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
    """Run work until it is done or the time is C{end}.

    @param work: an iterator that does a small part of the work for each item.
    @param now: returns the time.
    @return: True if the work is done.
    """
    for _ in work:
        if now() >= end:
            return False
    return True


class Slices:
    """I am the answer to a long call: the work, and the result to send afterwards."""

    __slots__ = ("answer", "work")

    def __init__(self, work: Iterator[object], answer: Expression) -> None:
        """@param answer: the jelly to answer with."""
        self.work = work
        self.answer = answer
