# -*- test-case-name: tests.unit.web.test_properties -*-
"""Strike known passwords out of text."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Shorter passwords are removed only as whole words: they may be part of a word by chance.
LONG = 8
#: Replaces a password in messages.
STRUCK = "********"


def struckOut(text: str, secrets: Iterable[str]) -> str:
    """The text without some passwords. A short password is removed only as a whole word."""
    for secret in sorted(secrets, key=len, reverse=True):
        word = re.escape(secret) if len(secret) >= LONG else rf"(?<!\w){re.escape(secret)}(?!\w)"
        text = re.sub(word, STRUCK, text)
    return text
