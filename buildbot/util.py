# -*- test-case-name: tests.test_util -*-
"""Small words that plug-ins and configurations of 0.7.5 import: comparison by value, times that may be None.

Nothing here waits or does anything to the outside; C{CancelableDeferred} is gone, for every Deferred of
today's Twisted can be cancelled.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from buildbot.sameness import sameClass, sameValue

#: What code that is not ours may raise where it is called. A plug-in that calls sys.exit() ends its own
#: work, not the master's.
PLUGIN_ERRORS = (Exception, SystemExit)

_Time = TypeVar("_Time", int, float)
_ABSENT = object()


class ComparableMixin:
    """I make objects of one class equal if they agree in the attributes that C{compare_attrs} names.

    An attribute that both lack agrees. Two classes of one module and name, and with the same text, are the
    same class: each load of master.cfg makes them anew. So a reconfig can tell what really changed.
    """

    compare_attrs: Sequence[str] = ()

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, ComparableMixin) or not sameClass(type(self), type(other)):
            return NotImplemented
        return sameValue(self._compared(), other._compared())

    def _compared(self) -> dict[str, object]:
        return {name: getattr(self, name, _ABSENT) for name in self.compare_attrs}

    def __hash__(self) -> int:
        """Equal objects have equal hashes. What is no plain value (a list, a class) does not count in it."""
        values = self._compared().values()
        plain = tuple(value for value in values if isinstance(value, (str, bytes, int, float)))
        return hash((type(self).__module__, type(self).__qualname__, plain))


def now() -> float:
    """The time: seconds since the epoch. For plug-ins only: our own rules are told what time it is."""
    return datetime.now().timestamp()


def earlier(old: _Time | None, new: _Time | None) -> _Time | None:
    """The smaller of two times; a time that is None does not count."""
    if old is None or new is None:
        return new if old is None else old
    return min(old, new)


def later(old: _Time | None, new: _Time | None) -> _Time | None:
    """The greater of two times; a time that is None does not count."""
    if old is None or new is None:
        return new if old is None else old
    return max(old, new)


class _Trapping(Protocol):
    """What L{ignoreStaleRefs} needs of a Twisted Failure, so that this module needs no Twisted."""

    def trap(self, *errorTypes: str) -> object: ...


def ignoreStaleRefs(failure: _Trapping) -> None:
    """An errback that swallows the two errors of a remote reference whose connection is gone.

    Any other failure goes on.
    """
    failure.trap("twisted.spread.pb.DeadReferenceError", "twisted.spread.pb.PBConnectionLost")


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that somebody may have meant by this one, capitals aside; "" if none is like it."""
    lower = {each.lower(): each for each in known}
    near = 0.7 if len(name) > 3 else 0.66  # two letters of three: tpc is tcp, but ports are no bots
    found = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=near)
    return lower[found[0]] if found else ""


def counted(count: float, word: str) -> str:
    """A number of things, in words; a whole number is told as such, whatever its type."""
    shown = int(count) if count == int(count) else count
    return f"{shown} {word}" if shown == 1 else f"{shown} {word}s"
