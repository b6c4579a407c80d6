# -*- test-case-name: tests.unit.text.test_undecoded -*-
"""Text of command lines and files that was not UTF-8.

Python puts a surrogate for each byte that it could not decode. Such a text cannot be sent as text.
"""

from __future__ import annotations

from typing import Any


def sendable(value: object) -> Any:
    """A text that was not UTF-8 as its original bytes; every other value unchanged."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogateescape")
    return value
