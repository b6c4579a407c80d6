# -*- test-case-name: tests.unit.test_util -*-
"""Words for a number of things."""

from __future__ import annotations


def counted(count: float, word: str) -> str:
    """The count with its word, as in "1 build" and "2 builds". A whole float is shown as an integer."""
    shown = int(count) if count == int(count) else count
    return f"{shown} {word}" if shown == 1 else f"{shown} {word}s"
