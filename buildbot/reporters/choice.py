# -*- test-case-name: tests.unit.reporters.test_choice -*-
"""The builders that a reporter follows."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any


def isChosen(builder: Any, builders: Container[str] | None, categories: Iterable[str] | None) -> bool:
    """True if a reporter follows a builder.

    @param builder: its status.
    @param builders: only the builders with these names; None: all.
    @param categories: only the builders with one of these as category or tag; None: all.
    """
    if builders is not None and builder.getName() not in builders:
        return False
    return categories is None or not set(categories).isdisjoint((builder.category, *builder.getTags()))
