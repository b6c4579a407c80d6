# -*- test-case-name: tests.unit.test_util -*-
"""Which known name somebody may have meant by an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that somebody may have meant by this one, capitals aside; "" if none is like it."""
    lower = {each.lower(): each for each in known}
    near = 0.7 if len(name) > 3 else 0.66  # two letters of three: tpc is tcp, but ports are no bots
    found = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=near)
    return lower[found[0]] if found else ""
