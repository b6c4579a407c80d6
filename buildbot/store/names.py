# -*- test-case-name: tests.unit.store.test_peek -*-
"""All values of a column that begins an index, each found by a search: fast also with many rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def valuesOf(execute: Callable[[str, Sequence[Any]], Any], column: str) -> list[str]:
    """The values of a column of the builds, in order."""
    names: list[str] = []
    first = execute(f"SELECT MIN({column}) FROM builds", ()).fetchone()[0]
    while first is not None:
        names.append(first)
        rows = execute(f"SELECT MIN({column}) FROM builds WHERE {column} > ?", (first,))
        first = rows.fetchone()[0]
    return names
