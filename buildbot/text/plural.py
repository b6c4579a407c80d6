# -*- test-case-name: tests.unit.test_util -*-
"""Numbers of things, in words."""

from __future__ import annotations


def counted(count: float, word: str) -> str:
    """A number of things, in words; a whole number is told as such, whatever its type."""
    shown = int(count) if count == int(count) else count
    return f"{shown} {word}" if shown == 1 else f"{shown} {word}s"
