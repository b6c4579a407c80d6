# -*- test-case-name: tests.unit.text.test_printable -*-
"""Text of strangers (slaves, master.cfg, exceptions) made fit for a terminal or a log file.

This module does not cut, wrap or translate anything: what can be printed stays as it is.
"""

from __future__ import annotations

import re
import unicodedata

# Control characters but tab and newline, the separators and the direction marks that reorder a
# line on the screen, and lone surrogates, which no stream can encode.
_TROUBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    """The text with every character that could move a cursor or hide another one spelled out.

    Newlines and tabs stay. An undecodable byte that C{surrogateescape} kept shows as that byte.
    """
    return _TROUBLE.sub(_spelled, text)


def plainLine(text: str) -> str:
    """L{plain} for what must stay one line: newlines and tabs become blanks."""
    return plain(" ".join(text.split()))


def width(text: str) -> int:
    """How many columns of a terminal a plain line takes."""
    return sum(_columns(char) for char in text)


def _spelled(match: re.Match[str]) -> str:
    code = ord(match.group())
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
