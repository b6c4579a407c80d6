# -*- test-case-name: tests.test_scripts_status -*-
"""The command C{status}: what the running master sees of its slaves, as a table, a page, or JSON.

What it says comes from strangers, too: nothing of it can move the cursor of the reader's terminal.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.daemon.plaintext import plainLine, width
from buildbot.scripts.words import Config, askMaster, say

_EVENTS = 20
#: How many columns of a terminal the builders of a slave may take in the table.
_ROOM = 30
_HEADINGS = ("SLAVE", "STATE", "SINCE", "ADDRESS", "VERSION", "BUILDERS")


def status(config: Config) -> int:
    """Say how the master, or one of its slaves, is. Status 0; fails without a master or such a slave."""
    name = config.get("slave")
    said: Any = askMaster(config, "status", {} if name is None else {"slave": name})
    if config.get("json"):
        print(json.dumps(said, indent=2))
    elif name is None:
        say({}, *masterPage(said["master"], said["slaves"], time.time()))
    else:
        say({}, *slavePage(said["slaves"][0], time.time()))
    return 0


def masterPage(master: Mapping[str, Any], slaves: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """The lines about a master and all its slaves."""
    project = f" ({plainLine(master['projectName'])})" if master.get("projectName") else ""
    builders, count = master["builders"], master["slaves"]
    lines = [
        f"buildmaster in {master['basedir']}{project}: pid {master['pid']}, {since(master['since'], now)}",
        f"buildbot {master['version']}, generation {master['generation']} of the configuration",
        f"slaves: {', '.join(master['ports']) or 'no port'}; {builders} builder{'s' * (builders != 1)}, "
        f"{master['connected']} of {count} slave{'s' * (count != 1)} connected",
    ]
    if slaves:
        lines += ["", *table(_HEADINGS, [_row(slave, now) for slave in slaves])]
    lines += [f"note on {plainLine(s['name'])}: {plainLine(s['note'])}" for s in slaves if s.get("note")]
    lines += [
        f"refused: {plainLine(each['name'])} from {plainLine(each['address'])} is not in c['bots'], "
        f"{each['logins']} time{'s' * (each['logins'] != 1)}, the latest at {moment(each['when'])}"
        for each in master.get("refused", ())
    ]
    return lines


def slavePage(slave: Mapping[str, Any], now: float) -> list[str]:
    """The lines about one slave, and its latest events."""
    facts = [
        ("slave", slave["name"]),
        ("state", _state(slave)),
        ("since", since(slave.get("since"), now).removeprefix("since ")),
        ("address", slave.get("address")),
        ("version", _version(slave)),
        ("admin", slave.get("admin")),
        ("host", slave.get("host")),
        ("builders", ", ".join(slave.get("builders") or ())),
        ("note", slave.get("note")),
    ]
    lines = [f"{name + ':':<9} {plainLine(str(value))}" for name, value in facts if value]
    events = list(slave.get("events") or ())[-_EVENTS:]
    lines += ["", "latest events:" if events else "no events yet"]
    return lines + [f"  {moment(event['when'])}  {plainLine(event['text'])}" for event in events]


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines in which every column is as wide as its widest cell."""
    cells = [list(map(plainLine, row)) for row in [headings, *rows]]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def moment(when: float) -> str:
    """A time (epoch seconds) on the reader's clock."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))


def since(when: float | None, now: float) -> str:
    """The word "since" and a time, and how long that is; "" if the time is not known."""
    if when is None:
        return ""
    passed = max(0, int(now - when))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if passed >= length:
            return f"since {moment(when)} ({passed // length} {unit})"
    return f"since {moment(when)} ({passed} s)"


def _row(slave: Mapping[str, Any], now: float) -> list[str]:
    return [
        slave["name"],
        _state(slave),
        since(slave.get("since"), now).removeprefix("since ") or "-",
        slave.get("address") or "-",
        _version(slave) or "-",
        _some(slave.get("builders") or ()) or "-",
    ]


def _state(slave: Mapping[str, Any]) -> str:
    """One word for where a slave stands; between the two ends, the one of its attachment's machine."""
    if slave["state"] == "ready":
        return "connected, being told" if slave.get("pending") else "connected"
    return "not connected" if slave["state"] == "absent" else str(slave["state"])


def _some(names: Sequence[str]) -> str:
    """As many names as a table has room for, and how many there are besides."""
    shown = list(names[:1])
    while len(shown) < len(names) and width(" ".join([*shown, names[len(shown)]])) <= _ROOM:
        shown.append(names[len(shown)])
    more = len(names) - len(shown)
    return " ".join([*shown, *([f"+{more}"] if more else [])])


def _version(slave: Mapping[str, Any]) -> str:
    generation, version = (str(slave.get(key) or "") for key in ("generation", "version"))
    return generation if version in generation else f"{generation} {version}"
