# -*- test-case-name: tests.unit.test_util -*-
"""Functions for values, under their names in C{buildbot.util} of 0.8."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


def makeList(input: Any) -> list[Any]:
    """A list of the items; of a single text, one with this text; of None, an empty one. As in 0.8."""
    if input is None:
        return []
    return [input] if isinstance(input, str) else list(input)


def naturalSort(l: list[str]) -> list[str]:  # noqa: E741 code of 0.8 may name it
    """Sort a list of texts in place, with numbers in them by their value, and return it. As in 0.7.12."""
    l.sort(key=_byNumbers)
    return l


def _byNumbers(text: str) -> list[tuple[int, Any]]:
    parts: Iterable[str] = re.split(r"(\d+)", text)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]


def ascii2unicode(x: str | bytes | None) -> str | None:
    """The text of bytes in ASCII; text and None as they are. As in 0.8.

    @raise UnicodeDecodeError: they are not ASCII.
    """
    return x.decode("ascii") if isinstance(x, bytes) else x
