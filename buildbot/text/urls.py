# -*- test-case-name: tests.unit.text.test_urls -*-
"""Remove the passwords from URLs, for people and for records."""

from __future__ import annotations

import re

#: Replaces a password.
STRUCK = "XXXX"
#: The part of a URL before its host. A user without a password is no secret.
_CREDENTIALS = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://)([^\s/@:]*):([^\s/]*)@")


def withoutPasswords(text: str) -> str:
    """The text with the password of each URL replaced: C{https://me:secret@host/} has C{XXXX} for it."""
    return _CREDENTIALS.sub(rf"\1\2:{STRUCK}@", text)
