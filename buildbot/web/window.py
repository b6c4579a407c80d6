# -*- test-case-name: tests.unit.web.test_window -*-
"""The time window of an address, with the parameters of 0.7.12, and the windows before and after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from buildbot.web.routes import Parameter

#: The parameters of a page that shows a time.
PARAMETERS = (
    Parameter("first_time", "Show nothing older, in seconds since the epoch.", "time"),
    Parameter("last_time", "Show nothing newer, in seconds since the epoch.", "time"),
    Parameter("show_time", "Show this many seconds; it wins over first_time.", "number", least=1),
)
_NAMES = frozenset(each.name for each in PARAMETERS)


@dataclass(frozen=True)
class Window:
    """A time window. Times are seconds since the epoch.

    @ivar first: the earliest time; None: any.
    @ivar last: the latest time; None: now.
    @ivar span: the length in the address; None: the address has none.
    """

    first: float | None = None
    last: float | None = None
    span: float | None = None

    @classmethod
    def of(cls, query: Mapping[str, Any], now: float) -> Window:
        """The time window of the parameters of an address."""
        first, last, span = (query[each.name] for each in PARAMETERS)
        if span is not None:
            first = (now if last is None else last) - span
        return cls(first, last, span)

    def touches(self, start: float, end: float) -> bool:
        """True if the time from C{start} to C{end} overlaps me."""
        return (self.first is None or end >= self.first) and (self.last is None or start <= self.last)

    def older(self, oldest: float | None) -> Window | None:
        """The window before me.

        @param oldest: the start of the oldest item on the page; None: the page is empty.
        """
        last = self.first if self.first is not None else oldest
        if last is None:
            return None
        return Window(None if self.span or self.first is None else self._start(last), last, self.span)

    def newer(self, oldest: float | None, now: float) -> Window | None:
        """The window after me; None if I reach to the present."""
        if self.last is None:
            return None
        begin = self.first if self.first is not None else oldest
        length = max(self.last - begin, 1.0) if begin is not None else 3600.0
        last = self.last + length
        if last >= now:
            return Window(None, None, self.span)
        return Window(None if self.span or self.first is None else self.last, last, self.span)

    def query(self, given: Mapping[str, Sequence[str]]) -> str:
        """The query of the address that shows me.

        @param given: the parameters of the present address. The query keeps all but the time parameters.
        """
        pairs = [(name, text) for name, texts in given.items() if name not in _NAMES for text in texts]
        for name, value in (("first_time", self.first), ("last_time", self.last), ("show_time", self.span)):
            if value is not None:
                pairs.append((name, str(int(value))))
        return urlencode(pairs)

    def _start(self, last: float) -> float | None:
        """The start of a window of my length that ends at C{last}; None if I have no end."""
        if self.last is None or self.first is None:
            return None
        return last - (self.last - self.first)


#: All time up to now.
ALWAYS = Window()
