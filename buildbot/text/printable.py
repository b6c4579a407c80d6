# -*- test-case-name: tests.unit.text.test_printable -*-
"""Text of strangers (slaves, master.cfg, exceptions) made fit for a terminal or a log file.

This module does not cut, wrap or translate anything: what can be printed stays as it is.
"""

from __future__ import annotations

import re
import unicodedata

#: Characters that are never shown as they are, for a character class of a regular expression: they move the
#: cursor, end a line, reorder or hide what follows, or, like lone surrogates, cannot be encoded.
HARMFUL = (
    "\x00-\x1f\x7f-\x9f"  # controls of ASCII and Latin 1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks of direction
    "\u2028\u2029"  # separators of lines and paragraphs
    "\ufeff"  # byte order mark, of no width
    "\ud800-\udfff"  # surrogates
)
#: The same for text of several lines: newlines and tabs are harmless there.
HARMFUL_IN_LINES = re.compile(f"(?![\n\t])[{HARMFUL}]")


def plain(text: str) -> str:
    """The text with every character that could move a cursor or hide another one spelled out.

    Newlines and tabs stay. An undecodable byte that C{surrogateescape} kept shows as that byte.
    """
    return HARMFUL_IN_LINES.sub(_spelled, text)


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
