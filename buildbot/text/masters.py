# -*- test-case-name: tests.unit.scripts.test_status -*-
"""The masters of one store, as a line for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def mastersLine(masters: Mapping[str, Any]) -> str:
    """What one master and the others of its store do.

    @param masters: see L{ActivePlace.report<buildbot.buildmaster.standing.ActivePlace.report>}. The names may
        have any characters.
    """
    others = [
        f"{each['name']} {_standing(each, bool(masters['trouble']))}"
        f"{'' if each['release'] == masters['release'] else ' (buildbot ' + each['release'] + ')'},"
        f" heard {each['heard']:.0f} s ago"
        for each in masters["others"]
    ]
    trouble = f"; the database does not answer: {masters['trouble']}" if masters["trouble"] else ""
    if masters["state"] == "standby":
        active = any(each["state"] == "active" for each in masters["others"])
        told = "; ".join(others) if active else "; ".join([*others, "no master is active"])
        return f"standby, takes over when the active master is gone: {told}{trouble}"
    told = "; ".join(others) or "no other master waits"
    return f"active in epoch {masters['epoch']}: {told}{trouble}"


def _standing(other: Mapping[str, Any], isLost: bool) -> str:
    """What another master does.

    @param isLost: True if nobody can be heard, since the database does not answer.
    """
    if isLost:
        return "was active" if other["state"] != "standby" else "waited"
    if other["state"] != "standby":
        return "is active"
    return "waits" if other["isReady"] else "does not answer"
