# -*- test-case-name: tests.unit.web.test_words -*-
"""Words for a duration."""

from __future__ import annotations


def lasting(seconds: float) -> str:
    """A duration for people, such as "3 min 12 s"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 172800:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} days"
