# -*- test-case-name: tests.unit.text.test_urls -*-
"""Remove the passwords from URLs, for people and for records."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

#: Replaces a password.
STRUCK = "XXXX"
#: The part of a URL before its host. A user without a password is no secret.
_CREDENTIALS = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://)([^\s/@:]*):([^\s/]*)@")

#: The same, to find out quickly that a long text has none.
_MAYBE = re.compile(r"://[^\s/@:]*:[^\s/]*@")


def withoutPasswords(text: str) -> str:
    """The text with the password of each URL replaced: C{https://me:secret@host/} has C{XXXX} for it."""
    return _CREDENTIALS.sub(rf"\1\2:{STRUCK}@", text) if "://" in text else text


def struck(value: Any) -> Any:
    """A JSON value without the passwords of URLs in its texts and keys."""
    if isinstance(value, str):
        return withoutPasswords(value)
    if isinstance(value, Mapping):
        return {struck(key): struck(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [struck(each) for each in value]
    return value


def struckJSON(value: object, **options: Any) -> str:
    """A JSON value as text, without the passwords of URLs. C{options} are those of L{json.dumps}.

    JSON escapes no character that marks a password. So only values that have one are searched piece by piece.
    """
    text = json.dumps(value, default=_asDictionary, **options)
    return json.dumps(struck(value), **options) if _MAYBE.search(text) else text


def _asDictionary(value: object) -> object:
    """A mapping as JSON can have it. Raises TypeError."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"JSON cannot have {value!r}")


def splitCredentials(url: str) -> tuple[str, tuple[str, str] | None]:
    """The URL of a web server without its user and password, and these.

    Other URLs, and those without a password, stay unchanged, and have None.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, None
    if parts.scheme not in ("http", "https") or not parts.password:
        return url, None
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host).geturl(), (unquote(parts.username or ""), unquote(parts.password))
