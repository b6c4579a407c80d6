"""Hashes of passwords that cost little, for tests that log in often."""

from __future__ import annotations

from typing import Any

from buildbot.web.accounts import checking, passwords


def hashQuickly(case: Any) -> None:
    """Until the end of a test, a hash costs a thousandth; so does the check of a name without an account."""
    case.patch(passwords, "LN", 4)
    case.patch(passwords, "P", 1)
    case.patch(checking, "NO_ACCOUNT", passwords.Scrypt(4, passwords.R, 1, bytes(16), bytes(32)))
