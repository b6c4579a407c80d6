# -*- test-case-name: tests.unit.irc.test_wording -*-
"""What the bot says about builds. Names and texts of strangers get no line breaks and no colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from buildbot.irc.notices import NAMES
from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS
from buildbot.text.printable import plainLine

#: The colours of mIRC, by the names that 0.8 has for them.
COLORS = {"BLACK": 1, "NAVY_BLUE": 2, "GREEN": 3, "RED": 4, "MAROON": 5, "PURPLE": 6, "ORANGE": 7, "GRAY": 14}
_COLOR_OF = {
    SUCCESS: "GREEN",
    WARNINGS: "ORANGE",
    FAILURE: "RED",
    EXCEPTION: "PURPLE",
    RETRY: "NAVY_BLUE",
    SKIPPED: "NAVY_BLUE",
    CANCELLED: "NAVY_BLUE",
}
#: The most characters of one text of others, and the most names in a list.
_LONGEST, _MOST = 200, 30


def maybeColorize(text: str, color: str, useColors: bool) -> str:
    """The text in a colour, if colours are wanted.

    @param color: a name of L{COLORS}; other names mean no colour.
    """
    number = COLORS.get(color)
    return f"\x03{number:02d}{text}\x0f" if useColors and number is not None else text


def told(text: object, most: int = _LONGEST) -> str:
    """Text of others in a message: one line, without control characters, and not long."""
    line = plainLine(str(text))
    return line if len(line) <= most else f"{line[: most - 3]}..."


def listed(names: Iterable[object], most: int = _MOST) -> str:
    """Names with commas between them; a long list is cut."""
    all = list(names)
    more = f" and {len(all) - most} more" if len(all) > most else ""
    return ", ".join(told(each, 60) for each in all[:most]) + more


def resultOf(build: Any, useColors: bool) -> str:
    """The result of a finished build, and the words about it."""
    results = build.getResults()
    name = maybeColorize(NAMES.get(results, "unknown").title(), _COLOR_OF.get(results, ""), useColors)
    words = told(" ".join(build.getText()))
    return f"{name} [{words}]" if words else name


def nameOf(build: Any, useRevisions: bool) -> str:
    """The name of a build: its number, or the revisions that it has."""
    builder = told(build.getBuilder().getName())
    revisions = revisionsOf(build)
    if useRevisions and revisions:
        return f"build of {builder} containing revision(s) [{listed(revisions, 10)}]"
    return f"build #{build.getNumber()} of {builder}"


def revisionsOf(build: Any) -> list[str]:
    """The revisions of the changes in a build, without repetitions."""
    return list(dict.fromkeys(str(each.revision) for each in build.getChanges() if each.revision is not None))


def began(build: Any, useRevisions: bool) -> str:
    """A build has started."""
    revisions = [] if useRevisions else revisionsOf(build)
    including = f", including [{listed(revisions, 10)}]" if revisions else ""
    return f"{nameOf(build, useRevisions)} started{including}"


def ended(build: Any, url: str | None, useRevisions: bool, useColors: bool, blames: bool) -> str:
    """A build has ended."""
    said = f"{nameOf(build, useRevisions)} is complete: {resultOf(build, useColors)}"
    if url:
        said += f" - {url}"
    users: Sequence[str] = build.getResponsibleUsers() if blames else ()
    if users and build.getResults() in (FAILURE, EXCEPTION, WARNINGS):
        said += f" - blamelist: {listed(users, 10)}"
    return said


def lasting(seconds: float) -> str:
    """A number of seconds in words: "45 s", "3 min 20 s", "2 h 5 min", "3 days"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    if whole < 2 * 86400:
        return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 // 60 else "")
    return f"{whole // 86400} days"
