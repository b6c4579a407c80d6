# -*- test-case-name: tests.unit.config.test_linepatterns -*-
"""The check of regular expressions that are searched in every line of a log: are they quick enough?

Python's C{re} can take for ever with some expressions, and cannot be interrupted. So an expression must have
a simple shape. The worst search takes some hundredths of a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

try:
    from re import _constants as _names  # type: ignore[attr-defined]
    from re import _parser  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_constants as _names
    import sre_parse as _parser

#: The number of characters at the start of a line in which an expression is searched.
LONGEST_LINE = 200
#: The most expressions of one step, and the most characters of one.
MOST, LONGEST = 50, 500
#: The most ways in which the repeats of an expression can fit a line, and of one for the beginning of a line.
_WAYS, _WAYS_AT_BEGINNING = LONGEST_LINE**2, LONGEST_LINE**3
_KINDS = tuple(
    getattr(_names, name)
    for name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
    if hasattr(_names, name)
)


def trouble(pattern: str) -> str:
    """The reason why an expression cannot be used, in words; empty if it can be."""
    if len(pattern) > LONGEST:
        return f"it has more than {LONGEST} characters"
    try:
        parsed = _parser.parse(pattern)
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"it is not a valid pattern: {error}"
    shape = _Shape(parsed)
    return shape.trouble()


class _Shape:
    """I count the risky parts of an expression."""

    def __init__(self, parsed: Any) -> None:
        first = tuple(parsed[0]) if len(parsed) else ()
        self._isAtBeginning = first == (_names.AT, _names.AT_BEGINNING)
        self._isNested = self._isReferring = False
        self._ways = 1
        self._take(parsed, False)

    def trouble(self) -> str:
        """The reason against this shape; empty if there is none."""
        if self._isNested:
            return "a repeated group has a repeat or alternatives in it: that can take for ever"
        if self._isReferring:
            return "it refers to a group of itself: that can take for ever"
        if self._ways > (_WAYS_AT_BEGINNING if self._isAtBeginning else _WAYS):
            return "it has too many repeats: use * and + at most twice, or three times after ^"
        return ""

    def _take(self, parts: Any, isRepeated: bool) -> None:
        """Look at a part of the expression."""
        for kind, value in parts:
            if kind in _KINDS:
                least, most, inner = value
                if most > least:
                    self._isNested = self._isNested or isRepeated
                    self._ways *= min(LONGEST_LINE, most - least + 1)
                self._take(inner, isRepeated or most > 1)
                continue
            if kind is _names.BRANCH and isRepeated:
                self._isNested = True
            if kind in (_names.GROUPREF, _names.GROUPREF_EXISTS):
                self._isReferring = True
            for inner in _inside(value):
                self._take(inner, isRepeated)


def _inside(value: Any) -> Iterator[Any]:
    """The parts inside of a part."""
    if isinstance(value, _parser.SubPattern):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _inside(each)
