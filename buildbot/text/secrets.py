# -*- test-case-name: tests.unit.web.test_properties -*-
"""Strike known passwords out of text, and recognise secrets by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

#: Shorter passwords are removed only as whole words: they may be part of a word by chance.
LONG = 8
#: Replaces a password in messages.
STRUCK = "********"
#: A value is secret if its name has one of these words, or one of these pairs of neighbouring words.
_WORDS = frozenset(("password", "passwd", "passphrase", "pwd", "secret", "secrets", "token", "credentials"))
_PAIRS = frozenset((("api", "key"), ("private", "key"), ("access", "key"), ("secret", "key")))
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def struckOut(text: str, secrets: Iterable[str]) -> str:
    """The text without some passwords. A short password is removed only as a whole word."""
    for secret in sorted(secrets, key=len, reverse=True):
        word = re.escape(secret) if len(secret) >= LONG else rf"(?<!\w){re.escape(secret)}(?!\w)"
        text = re.sub(word, STRUCK, text)
    return text


def isSecret(name: str) -> bool:
    """True if a value is secret according to its name, such as C{deployPassword}."""
    words = [each.lower() for each in _WORD.findall(name)]
    return not _WORDS.isdisjoint(words) or not _PAIRS.isdisjoint(pairwise(words))
