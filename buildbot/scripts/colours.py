# -*- test-case-name: tests.unit.scripts.test_colours -*-
"""Whether the lines of this command are in colours.

This module remembers the choice, because a command has one standard output.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from buildbot.text.colour import Paint, Painted, colourOf, paint, unpainted
from buildbot.text.printable import plain

#: The values of --color.
AUTO, ALWAYS, NEVER = WHEN = ("auto", "always", "never")

_isOn = False


def choose(when: str, environment: Mapping[str, str] = os.environ) -> None:
    """Choose colours for standard output.

    C{auto} chooses them for a terminal that can show them, unless the environment has C{NO_COLOR}.
    """
    global _isOn
    isTerminal = sys.stdout.isatty() and environment.get("TERM", "dumb") != "dumb"
    _isOn = when == ALWAYS or (when == AUTO and isTerminal and not environment.get("NO_COLOR"))


def painter() -> Paint:
    """The function that paints a text, or leaves it as it is."""
    return paint if _isOn else unpainted


def line(*parts: str | tuple[str, str]) -> str:
    """A line of parts: texts, and pairs of a text and its colour."""
    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    return Painted("".join(painter()(plain(text), colour) for text, colour in pairs))


def withOutcome(before: str, words: str, after: str = "") -> str:
    """A line with a result or a state, which has its colour."""
    return line(before, (words, colourOf(words)), after)
