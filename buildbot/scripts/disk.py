# -*- test-case-name: tests.unit.scripts.test_disk -*-
"""The command C{disk}: what takes room on a master, and what its limits will remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.scripts.looking import look
from buildbot.scripts.output import Config, say, sayJSON
from buildbot.scripts.tables import duration, shortened, size, table, terminalWidth
from buildbot.text.plural import counted

#: The options with limits to try -> their keys in the configuration.
_TRIED = {"build-horizon": "buildHorizon", "build-days": "buildDays", "log-horizon": "logHorizon"}
_HEADINGS = ("BUILDER", "LOGS", "SHARE", "BUILDS", "WITH LOGS")
#: The most characters of a name in a table.
_ROOM = 60


def disk(config: Config) -> int:
    """Show what takes room. Status 0."""
    tried = {key: config[option] for option, key in _TRIED.items() if config.get(option) is not None}
    said: Any = look(config, "disk", tried)
    if not sayJSON(config, said):
        say(config, *diskPage(said, int(str(config["count"])), terminalWidth(), tried))
    return 0


def diskPage(
    said: Mapping[str, Any], most: int, room: int | None = None, tried: Mapping[str, object] | None = None
) -> list[str]:
    """Format the answer of the master.

    @param most: the most builders to name.
    @param room: the width of the terminal.
    @param tried: limits that are tried: key of the configuration -> value.
    """
    server = said.get("server")
    trouble = said.get("storeTrouble")
    parts = [
        ("-", f"changes, requests and builds: in {server}, not on this disk")
        if server
        else (size(said["store"]), "changes, requests and builds (state.sqlite)"),
        *([(size(said["store"]), "an old state.sqlite, not in use")] if server and said["store"] else []),
        (f"{size(said['logs'])}", f"logs of {counted(_builds(said), 'build')}"),
        *([(size(said["stored"]), "logs in object storage, not on this disk")] if said.get("stored") else []),
        (f"{size(said['twistdLog'])}", "twistd.log, with its older parts"),
    ]
    if said["free"] is not None:
        parts.append((size(said["free"]), "free on the disk"))
    lines = table(("ROOM", "WHAT"), parts, room)
    builders = said["builders"][:most]
    if builders:
        lines += ["", *table(_HEADINGS, [_row(each, said["logs"]) for each in builders], room)]
        left = len(said["builders"]) - len(builders)
        lines += [f"and {counted(left, 'more builder')}"] if left else []
    limits = [*_limits(said["keeps"], bool(server)), *_goes(said["goes"], tried or {})]
    unknown = [f"the store does not answer, so its builds are not counted: {trouble}"] if trouble else []
    return [*lines, "", *limits, *unknown]


def _builds(said: Mapping[str, Any]) -> int:
    return sum(each["withLogs"] for each in said["builders"])


def _row(builder: Mapping[str, Any], total: int) -> Sequence[str]:
    share = f"{100 * builder['logs'] / total:.0f} %" if total else "-"
    name = shortened(builder["builder"], _ROOM)
    builds = "-" if builder["builds"] is None else str(builder["builds"])
    return (name, size(builder["logs"]), share, builds, str(builder["withLogs"]))


def _limits(keeps: Mapping[str, Any] | None, hasServer: bool) -> list[str]:
    """The limits in force; a stopped master and one that waits do not know them."""
    if keeps is None:
        return [f"what is removed is known only to {'the active' if hasServer else 'a running'} master"]
    kept = (
        "all builds"
        if keeps["builds"] is None
        else f"the last {counted(keeps['builds'], 'build')} of each builder"
    )
    days = "" if keeps["days"] is None else f", none older than {counted(keeps['days'], 'day')}"
    lines = [f"kept: {kept}{days}"]
    if keeps["logsOf"] is not None:
        lines.append(f"kept: the logs of the last {counted(keeps['logsOf'], 'build')} of each builder")
    if keeps["logs"] is not None:
        lines.append(f"kept: at most {size(keeps['logs'])} of logs")
    return lines


def _goes(goes: Mapping[str, Any] | None, tried: Mapping[str, object]) -> list[str]:
    """What the next removal will remove, or would remove with other limits."""
    if goes is None:
        return []
    when = "" if goes["wait"] is None else f" in {duration(goes['wait'])}"
    parts = [
        counted(goes[key], word) for key, word in (("builds", "build"), ("changes", "change")) if goes[key]
    ]
    parts += [f"the logs of {counted(goes['logsOf'], 'further build')}"] if goes["logsOf"] else []
    ofLogs = f": {size(goes['size'])} of logs"
    if tried:
        named = " and ".join(f"c['{key}'] = {value}" for key, value in tried.items())
        return [f"{named} would remove {', '.join(parts) + ofLogs if parts else 'nothing'}"]
    if not parts:
        return [f"nothing is removed at the next removal{when}"]
    return [f"the next removal{when} removes {', '.join(parts)}{ofLogs}"]
