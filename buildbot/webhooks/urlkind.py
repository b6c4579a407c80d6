# -*- test-case-name: tests.stories.test_webhook -*-
"""The kinds of arguments that are addresses of web servers, and tokens for them."""

from __future__ import annotations

from urllib.parse import urlsplit

from buildbot.config.arguments import Kind
from buildbot.config.kinds import isText


def _isUrl(value: object) -> bool:
    if not isinstance(value, str) or not isText(value) or not value.isascii() or not value.isprintable():
        return False
    if " " in value:
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


#: Errors do not show the value: it may have a password, or a secret in its path.
URL = Kind(
    "an address that begins with https:// or http://", _isUrl, isSecret=True, standIn="http://localhost/"
)

#: Text with other characters cannot be in a header. Python would name it in an error, with the token.
TOKEN = Kind(
    "text of ASCII characters without blanks or line breaks",
    lambda value: isText(value) and value.isascii() and value.isprintable() and value.split() == [value],
    isSecret=True,
    standIn="x",
)
