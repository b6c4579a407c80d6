# -*- test-case-name: tests.unit.store.test_store -*-
"""Read the rows of many keys with few statements: a database on the network answers each after a while."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from buildbot.store.seams import Cursor, Value

#: The most keys of one statement. SQLite before 3.32 takes 999 values.
MOST = 500


def among(
    execute: Callable[[str, Sequence[Value]], Cursor], statement: str, keys: Sequence[Value], *values: Value
) -> list[Any]:
    """All rows for some keys.

    @param statement: ends with C{IN}; the keys follow.
    @param values: for the other places of the statement, which are before the keys.
    """
    found: list[Any] = []
    for start in range(0, len(keys), MOST):
        some = keys[start : start + MOST]
        marks = ", ".join("?" * len(some))
        found += execute(f"{statement} ({marks})", (*values, *some))
    return found
