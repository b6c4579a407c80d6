# -*- test-case-name: tests.unit.text.test_colour -*-
"""Colours for a terminal: for results, states and names."""

from __future__ import annotations

import re
from collections.abc import Callable

#: The codes of the colours, as every terminal since the VT340 knows them.
_CODES = {"bold": 1, "red": 31, "green": 32, "yellow": 33, "magenta": 35, "cyan": 36}
#: The colour of a result or a state, by its first word.
_WORDS = {
    **dict.fromkeys(("success", "successful", "connected", "ready", "done"), "green"),
    **dict.fromkeys(("warnings", "paused", "draining", "drained", "skipped", "cancelled", "retry"), "yellow"),
    **dict.fromkeys(("failed", "failure", "refused", "not", "absent", "stopped"), "red"),
    "exception": "magenta",
    "running": "cyan",
}
#: Takes a text and its colour.
Paint = Callable[[str, str], str]


class Painted(str):
    """A line with colours. All its other characters are harmless: it is printed as it is."""

    __slots__ = ()


def paint(text: str, colour: str) -> str:
    """The text in a colour; unchanged if the colour is empty."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if colour and text else text


def unpainted(text: str, colour: str) -> str:
    """The text."""
    return text


def colourOf(words: str) -> str:
    """The colour of a result or a state in words: C{"failed: compile"} is red. Empty if it has none.

    The last of several states counts: C{"connected, paused"} is yellow.
    """
    firsts = [re.match("[a-z]*", each) for each in words.partition(":")[0].split(", ")]
    colours = [_WORDS[found[0]] for found in firsts if found and found[0] in _WORDS]
    return colours[-1] if colours else ""
