# -*- test-case-name: tests.unit.scripts.test_builds -*-
"""The command C{builds}: list running, waiting and finished builds.

Texts from slaves and committers are escaped: they cannot control the terminal.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.model.revision import revisionsFound
from buildbot.scripts.looking import look
from buildbot.scripts.output import Config, say, sayJSON, setting
from buildbot.scripts.tables import (
    brief,
    doing,
    duration,
    moment,
    name,
    outcome,
    shortened,
    table,
    terminalWidth,
    waitingLines,
)
from buildbot.text.printable import plainLine

_RUNNING = ("RUNNING", "SLAVE", "STEP", "FOR", "TO GO", "SOURCE", "REASON")
_FINISHED = ("BUILD", "RESULT", "SLAVE", "STARTED", "TOOK", "SOURCE", "REASON")
_CONDITIONS = ("builder", "slave", "branch", "revision", "failed", "since", "until")
#: The most characters of a text in a table.
_ROOM = 40
#: The most characters of a build's result: room for all words of the master.
_RESULT_ROOM = 60


def builds(config: Config) -> int:
    """Print the lists. Status 0; fails without a master that has run, or for an unknown builder."""
    count = setting(config, "count", int, 20)
    asked = {name: config[name] for name in _CONDITIONS if config.get(name)}
    if "failed" in asked:
        asked["failed"] = True
    if config.get("branch") == "":  # the main line
        asked["branch"] = ""
    said: Any = look(config, "builds", {"count": count, **asked})
    if sayJSON(config, said):
        return 0
    lines = buildsPage(said, time.time(), count, terminalWidth())
    if set(asked) - {"builder"} and not (said["running"] or said["finished"]):
        lines = ["no build meets these conditions"]
    say(config, *lines)
    return 0


def buildsPage(said: Mapping[str, Any], now: float, count: int = 20, room: int | None = None) -> list[str]:
    """Format the master's answer.

    @param count: the number of finished builds that was requested.
    @param room: the greatest width of a table.
    """
    running = [_runningRow(build, now) for build in said["running"]]
    finished = [_finishedRow(build) for build in said["finished"]]
    trouble = said.get("storeTrouble")
    told = plainLine(f"TROUBLE: no build starts, and finished builds are missing here: {trouble}")
    parts = [
        [told] if trouble else [],
        table(_RUNNING, running, room) if running else [],
        waitingLines(said["waiting"], now),
        table(_FINISHED, finished, room) if finished else [],
    ]
    lines: list[str] = []
    for part in parts:
        if part:
            lines += [*([""] if lines else []), *part]
    return lines or ["no builds yet" if count else "no build is running, and none is waiting"]


def buildTables(
    running: Sequence[Mapping[str, Any]],
    finished: Sequence[Mapping[str, Any]],
    now: float,
    room: int | None = None,
) -> list[str]:
    """Format running and finished builds, each in a table; empty without any."""
    first = table(_RUNNING, [_runningRow(build, now) for build in running], room) if running else []
    second = table(_FINISHED, [_finishedRow(build) for build in finished], room) if finished else []
    return [*first, *([""] if first and second else []), *second]


def _runningRow(build: Mapping[str, Any], now: float) -> list[str]:
    eta = build["eta"]
    return [
        name(build),
        build["slave"],
        (doing(build) or "-") + (", log not kept" if build.get("logTrouble") else ""),
        duration(build.get("lasts", now - build["started"])),
        "-" if eta is None else f"about {duration(eta)}",
        source(build),
        shortened(build["reason"], _ROOM),
    ]


def _finishedRow(build: Mapping[str, Any]) -> list[str]:
    lost = ", log incomplete" if build.get("logTrouble") else ""
    return [
        name(build),
        f"{shortened(outcome(build), _RESULT_ROOM)}{lost}",
        build["slave"],
        moment(build["started"]),
        duration(build["finished"] - build["started"]),
        source(build),
        shortened(build["reason"], _ROOM),
    ]


def gotRevision(build: Mapping[str, Any]) -> str | None:
    """The revision that the slave found, of the codebase of the summary; None if it is not known."""
    found: str | None = partsOf(build)[0]["gotRevision"]
    return found


def partsOf(build: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The facts about the source of each codebase. C{gotRevision} of each is the revision that was found."""
    parts = (build, *(build.get("beside") or ()))
    found = revisionsFound(build.get("gotRevision"), [each.get("codebase") or "" for each in parts])
    return [
        {**each, "gotRevision": revision, "beside": ()} for each, revision in zip(parts, found, strict=True)
    ]


def source(build: Mapping[str, Any]) -> str:
    """The source of a build, in a few words. Those of several codebases have their names."""
    parts = partsOf(build)
    if len(parts) == 1:
        return _sourceOf(build)
    named = (f"{part.get('codebase') or ''} {_sourceOf(part)}".lstrip() for part in parts)
    return shortened(", ".join(named), _ROOM * 2)


def _sourceOf(build: Mapping[str, Any]) -> str:
    changes = build["changes"]
    revision = build["revision"]
    if revision is None:
        revision = gotRevision(build)
    if changes:
        count = build.get("changeCount", len(changes))  # only the latest are listed by number
        what = f"change {changes[-1]}" if count == 1 else f"{count} changes up to {changes[-1]}"
        what = what if revision is None else f"{brief(revision)} ({what})"
    else:
        what = "latest" if revision is None else brief(revision)
    return shortened(what if build["branch"] is None else f"{what} in {build['branch']}", _ROOM)
