# -*- test-case-name: tests.unit.scripts.test_grep -*-
"""The options of C{grep}."""

from __future__ import annotations

from collections.abc import Callable

from twisted.python import usage

from buildbot.scripts.arguments import RemoteBase, count
from buildbot.scripts.moments import pointIn

#: The most lines around each that a master on another machine gives.
MOST_REMOTE = 20


def _atMost(option: str, most: int) -> Callable[[str], int]:
    """Make a parser for an integer from 0 to C{most}. It raises ValueError for other values."""

    def read(text: str) -> int:
        value = count(option)(text)
        if value > most:
            raise ValueError(f"{option} must be at most {most}, not {value}")
        return value

    return read


class GrepOptions(RemoteBase):
    """The options of C{grep}."""

    synopsis = "[options] DIR PATTERN [BUILDER[/BUILD]]"
    optFlags = [
        ["ignore-case", "i", "Capital and small letters are the same."],
        ["fixed", "F", "PATTERN is a text, not a regular expression."],
        ["failed", "f", "Search only builds that failed or ended with an exception."],
        ["headers", "", "Also search what was said about the command, such as its environment."],
        ["list", "l", "Print only the names of the logs that have a matching line."],
        ["json", "j", "Print each line as a line of JSON."],
    ]
    optParameters = [
        ["since", "s", None, "Only builds that started since: 2h, 3d, 2026-11-30.", pointIn("--since")],
        ["step", "S", None, "Only steps with this name; * stands for any letters."],
        ["log", "L", None, "Only logs with this name; * stands for any letters."],
        ["context", "C", 0, "How many lines to print around each, at most 100.", _atMost("--context", 100)],
        ["count", "c", 1000, "End after so many matching lines.", count("--count")],
    ]
    longdesc = (
        "Searches the logs of builds, the newest first, for lines that match a regular expression of Python. "
        "Prints BUILDER/BUILD/STEP/LOG:LINE: and the line. The master may run or not."
    )

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: DIR PATTERN [BUILDER[/BUILD]]."""
        args = self._placed(args)
        if not 2 <= len(args) <= 3:
            raise usage.UsageError("give DIR, PATTERN and perhaps BUILDER or BUILDER/BUILD")
        self["basedir"], self["pattern"] = args[:2]
        self["where"] = args[2] if args[2:] else None
        if not self["pattern"]:
            raise usage.UsageError("the PATTERN is empty: give a text to search")
        if not self["count"]:
            raise usage.UsageError("--count must be at least 1")
        if self["url"] is not None and self["context"] > MOST_REMOTE:
            raise usage.UsageError(f"with --url, --context must be at most {MOST_REMOTE}")
