# -*- test-case-name: tests.unit.irc.test_harmless -*-
"""Text from and for IRC: decoded, cut into lines, and without line breaks and colours of strangers."""

from __future__ import annotations

import re

#: The most bytes of text in one message. A line may have 512 bytes, with our full name and the channel.
LONGEST = 380
_BREAKS = re.compile("[\r\n\0]+")
#: Capital letters and their small ones in names, as the servers compare them.
_FOLDING = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ[]\\~", "abcdefghijklmnopqrstuvwxyz{}|^")


def decoded(line: bytes) -> str:
    """The text of a line: UTF-8, or else Latin 1, in which all bytes mean something."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def oneLine(text: str) -> str:
    """The text without what ends a line of the protocol."""
    return _BREAKS.sub(" ", text)


def folded(name: str) -> str:
    """The name of a channel or a person in small letters, to compare it with others."""
    return name.translate(_FOLDING)


def isChannel(name: str) -> bool:
    """True for the name of a channel, False for that of a person."""
    return name[:1] in ("#", "&", "+", "!")


def pieces(text: str, most: int = LONGEST) -> list[str]:
    """The text in pieces of at most C{most} bytes of UTF-8, cut at blanks if possible."""
    found = []
    rest = text.encode("utf-8", "replace")
    while len(rest) > most:
        end = rest.rfind(b" ", most // 2, most + 1)
        if end < 0:
            end = most
            while rest[end] & 0xC0 == 0x80:  # within a character
                end -= 1
        found.append(rest[:end].decode())
        rest = rest[end:].lstrip(b" ")
    if rest or not found:
        found.append(rest.decode())
    return found
