# -*- test-case-name: tests.unit.steps.test_steps -*-
"""Commands as lists of words, in which further lists may be: as in 0.8, their words take their place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def words(command: Any) -> Iterator[Any]:
    """The words of a command that is a list, also those of lists in it.

    A secret word, C{("obfuscated", real, shown)}, stays one. So does a tuple that only begins like one: it
    must not become plain words.
    """
    for each in command:
        if isinstance(each, (list, tuple)) and tuple(each[:1]) != ("obfuscated",):
            yield from words(each)
        else:
            yield each
