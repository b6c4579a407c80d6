# -*- test-case-name: tests.unit.web.feeds.test_xmltext -*-
"""Text and times in XML documents."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import format_datetime

from buildbot.text.urls import withoutPasswords

DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
#: The characters that XML 1.0 cannot have.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "\r": "&#13;"}
_IN_TEXT = str.maketrans(_SPECIAL)
_IN_ATTRIBUTE = str.maketrans({**_SPECIAL, "\n": "&#10;", "\t": "&#9;"})
#: The last second of the year 9999, which is the last that dates can tell.
_LAST = 253402300799


def possible(text: str) -> str:
    """The text without passwords of URLs. U+FFFD replaces each character that XML forbids."""
    return _FORBIDDEN.sub("\ufffd", withoutPasswords(text))


def text(value: object) -> str:
    """A value as the content of an element."""
    return possible(str(value)).translate(_IN_TEXT)


def attribute(value: object) -> str:
    """A value as the value of an attribute, without quotes."""
    return possible(str(value)).translate(_IN_ATTRIBUTE)


def element(tag: str, value: object, **attributes: object) -> str:
    """An element that holds text."""
    return f"<{tag}{_attributes(attributes)}>{text(value)}</{tag}>"


def empty(tag: str, **attributes: object) -> str:
    """An element without content."""
    return f"<{tag}{_attributes(attributes)}/>"


def rfc3339(when: float) -> str:
    """Seconds since 1970 as C{2026-11-29T13:00:00Z}."""
    return _date(when).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc822(when: float) -> str:
    """Seconds since 1970 as C{Sun, 29 Nov 2026 13:00:00 GMT}."""
    return format_datetime(_date(when), usegmt=True)


def _attributes(attributes: dict[str, object]) -> str:
    return "".join(f' {name}="{attribute(value)}"' for name, value in attributes.items())


def _date(when: float) -> datetime:
    return datetime.fromtimestamp(int(min(max(when, 0), _LAST)), timezone.utc)
