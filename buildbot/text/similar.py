# -*- test-case-name: tests.unit.test_util -*-
"""Find the known name nearest to an unknown one, for "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable


def closest(name: str, known: Iterable[str], least: float | None = None) -> str:
    """The known name most similar to C{name}, ignoring case; "" if none is similar.

    @param least: the least likeness, below 1; by default one that suits short names too.
    """
    from difflib import get_close_matches  # rarely needed: only when somebody has misspelt a name

    lower = {each.lower(): each for each in known}
    near = least or (
        0.7 if len(name) > 3 else 0.66
    )  # "tpc" is near to "tcp", but "ports" is not near to "bots"
    found = get_close_matches(name.lower(), lower, n=1, cutoff=near)
    return lower[found[0]] if found else ""
