# -*- test-case-name: tests.unit.scripts.test_changes -*-
"""The commands C{changes} and C{change}: the changes that a master has received, and what became of one.

Texts from committers are escaped: they cannot control the terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.scripts.looking import look
from buildbot.scripts.output import Config, say, sayJSON
from buildbot.scripts.tables import (
    brief,
    duration,
    factLines,
    moment,
    name,
    outcome,
    shortened,
    table,
    terminalWidth,
)
from buildbot.text.plural import counted
from buildbot.text.printable import plainLine

#: The most changes, and the most of one answer.
MOST, PART = 10_000, 1000
_HEADINGS = ("CHANGE", "WHEN", "WHO", "REVISION", "BRANCH", "CODEBASE", "COMMENTS")
_BUILDS = ("BUILD", "RESULT", "SLAVE", "STARTED", "TOOK")
_FILTERS = ("branch", "author", "revision", "project", "repository", "since", "until")
#: The most characters of a comment, and of a name, in a table.
_COMMENTS, _ROOM = 60, 40


def changes(config: Config) -> int:
    """Print the changes, the newest first. Status 0, even without any."""
    found = _latest(config, int(str(config["count"])))
    if sayJSON(config, found):
        return 0
    if found:
        say(config, *changesTable(found, terminalWidth()))
    else:
        chosen = any(config[each] is not None for each in _FILTERS)
        say(config, "no change meets these conditions" if chosen else "no changes yet")
    return 0


def _latest(config: Config, count: int) -> list[dict[str, Any]]:
    """The newest changes, asked for in parts."""
    found: list[dict[str, Any]] = []
    asked = {each: config[each] for each in _FILTERS if config[each] is not None}
    cursor = ""
    while len(found) < min(count, MOST):
        more = {"cursor": cursor} if cursor else {}
        said: Any = look(
            config, "changes", {"count": min(count - len(found), PART), **asked, **more}, bool(cursor)
        )
        found += said["changes"]
        cursor = said.get("next") or ""
        if not cursor:
            break
    return found


def changesTable(changes: Sequence[Mapping[str, Any]], room: int | None = None) -> list[str]:
    """Format a list of changes. Codebases have a column if a change has one.

    @param room: the width of the terminal.
    """
    rows = [_row(each) for each in changes]
    place = _HEADINGS.index("CODEBASE")
    kept = [n for n in range(len(_HEADINGS)) if n != place or any(row[n] for row in rows)]
    return table([_HEADINGS[n] for n in kept], [[row[n] for n in kept] for row in rows], room)


def _row(change: Mapping[str, Any]) -> list[str]:
    return [
        str(change["number"]),
        moment(change["came"]),
        shortened(change["who"], _ROOM),
        brief(change["revision"] or "-"),
        shortened(change["branch"] or "-", _ROOM),
        shortened(change.get("codebase") or "", _ROOM),  # masters of earlier versions do not tell it
        shortened(change["summary"], _COMMENTS),
    ]


def change(config: Config) -> int:
    """Print one change, with all its builds. Status 0; fails if there is none of this number."""
    said: Any = look(config, "change", {"number": config["number"]})
    if not sayJSON(config, said):
        say(config, *changePage(said, terminalWidth()))
    return 0


def changePage(change: Mapping[str, Any], room: int | None = None) -> list[str]:
    """Format one change.

    @param room: the width of the terminal.
    """
    properties = change.get("properties") or {}
    facts = [
        ("change", str(change["number"])),
        ("who", change["who"]),
        ("when", moment(change["when"])),
        *((key, change[key]) for key in ("revision", "branch", "category")),
        *((key, change[key]) for key in ("project", "repository", "codebase")),
        ("link", change["revlink"]),
        *((f"property {key}", str(value[0])) for key, value in sorted(properties.items())),
    ]
    lines = factLines(facts, room)
    lines += ["", *(f"  {plainLine(each)}".rstrip() for each in change["comments"].splitlines())]
    files = change["files"]
    lines += ["", f"{counted(len(files), 'file')}:" if files else "it names no files"]
    lines += [f"  {plainLine(each)}" for each in files]
    return [*lines, "", *_became(change, room)]


def _became(change: Mapping[str, Any], room: int | None) -> list[str]:
    """What became of a change: its builds, its waiting requests, the schedulers that will build it."""
    lines = [
        plainLine(f"waits for {each['builder']} (request {each['id']}): {each['why']}")
        for each in change["waiting"]
    ]
    lines += [plainLine(f"the scheduler {each} will build it") for each in change["pending"]]
    if change["builds"]:
        lines += table(_BUILDS, list(map(buildRow, change["builds"])), room)
    return lines or ["no build has it"]


def buildRow(build: Mapping[str, Any]) -> Sequence[str]:
    """A build in a table, running or finished: its name, its result, its slave, its start, its duration."""
    words = {**build, "text": " ".join(build["text"]).split()}  # in a list of builds it is one text
    return (
        name(build),
        shortened(outcome(words), _COMMENTS) if build["result"] else "running",
        build["slave"],
        moment(build["started"]),
        "" if build["finished"] is None else duration(build["finished"] - build["started"]),
    )
