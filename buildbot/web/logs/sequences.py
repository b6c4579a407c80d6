# -*- test-case-name: tests.unit.web.logs.test_ansi -*-
"""The control sequences of terminals (ECMA-48) in a text.

A sequence ends in its line, and has a longest length: another escape is no sequence, and is shown as it is.
"""

from __future__ import annotations

import re

from buildbot.web.markup import href

#: The longest text of an operating system command, in characters.
LONGEST_COMMAND = 4095
_STRING = f"[^\x00-\x1f\x7f]{{0,{LONGEST_COMMAND}}}"
#: A sequence; the group is all of it behind its escape.
BODY = re.compile(
    "\x1b("
    r"\[[0-?]{0,256}[ -/]{0,8}[@-~]"
    rf"|\]{_STRING}(?:\x07|\x1b\\)"
    rf"|[PX^_]{_STRING}\x1b\\"
    r"|[ -/]{1,8}[0-~]"
    r"|[0-OQ-WYZ\\`-~]"
    ")"
)
#: The beginning of a sequence at the end of a text.
_UNFINISHED = re.compile(rf"\x1b(?:\[[0-?]{{0,256}}[ -/]{{0,8}}|[\]PX^_]{_STRING}\x1b?|[ -/]{{0,8}})\Z")
#: Sequences that move the cursor in its line, or erase text in front of it.
_MOVE = re.compile(r"\[(\d{0,9})([CDGK])\Z")
#: A sequence that sets or ends a link (OSC 8).
_LINK = re.compile(r"\]8;[^;]*;([^\x07\x1b]*)")


def unfinished(text: str) -> int:
    """Where an incomplete sequence at the end of a text begins; the length of the text if there is none."""
    if "\x1b" not in text:
        return len(text)
    match = _UNFINISHED.search(text, max(0, len(text) - LONGEST_COMMAND - 3))
    return match.start() if match else len(text)


def isMove(body: str) -> bool:
    """True if a sequence moves the cursor, or erases text in front of it."""
    return body[-1] in "CDGK" and body not in ("[K", "[0K") and _MOVE.match(body) is not None


def moveOf(body: str) -> tuple[str, int] | None:
    """The letter and the number of a sequence that moves the cursor or erases; None for another one."""
    match = _MOVE.match(body)
    return (match[2], int(match[1] or 0)) if match else None


def linkOf(body: str, link: str) -> str:
    """The link after a sequence, if it was C{link} before; empty without a link to a web page."""
    match = _LINK.match(body)
    if match is None:
        return link
    address = match[1]
    isWeb = address[:8].lower().startswith(("http://", "https://"))
    return address if isWeb and href(address) != "#" else ""
