# -*- test-case-name: tests.unit.text.test_printable -*-
"""Make untrusted text (of slaves, master.cfg, exceptions) safe for a terminal or a log file.

Printable characters stay unchanged. This module does not cut, wrap or translate text.
"""

from __future__ import annotations

import re
import unicodedata

#: Characters that are always escaped, for a character class of a regular expression. They move the cursor,
#: end a line, reorder or hide the text behind them, or, like lone surrogates, cannot be encoded.
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
    """The text with every harmful character escaped, as in "\\x1b".

    Newlines and tabs stay. A byte that C{surrogateescape} could not decode is shown as that byte.
    """
    if text.isprintable() or (text[-1:] == "\n" and text[:-1].isprintable()):
        return text  # most lines of a log
    return HARMFUL_IN_LINES.sub(_spelled, text)


def plainLine(text: str) -> str:
    """L{plain} for one line: each run of white space becomes one blank."""
    return plain(" ".join(text.split()))


def width(text: str) -> int:
    """The width of a plain line in terminal columns."""
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
