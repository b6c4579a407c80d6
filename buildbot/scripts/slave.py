# -*- test-case-name: tests.unit.scripts.test_slave -*-
"""The command C{slave}: one slave, with its state, its builds and its events.

Texts from slaves and committers are escaped: they cannot control the terminal.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from buildbot.scripts.builds import buildTables
from buildbot.scripts.looking import look
from buildbot.scripts.output import Config, say, sayJSON
from buildbot.scripts.status import slavePage
from buildbot.scripts.tables import terminalWidth
from buildbot.text.printable import plainLine


def slave(config: Config) -> int:
    """Show one slave. Status 0; fails for an unknown slave."""
    name = str(config["slave"])
    said: Any = look(config, "slave", {"slave": name, "count": config["count"]})
    if not sayJSON(config, said):
        say(config, *slaveLines(name, said, time.time(), terminalWidth()))
    return 0


def slaveLines(name: str, said: Mapping[str, Any], now: float, room: int | None = None) -> list[str]:
    """Format the answer of the master.

    @param room: the width of the terminal.
    """
    if said["slave"] is None:
        head, events = [f"slave: {plainLine(name)}, of which only the builds are stored"], []
    else:
        lines = slavePage({"address": None, **said["slave"]}, now)
        at = lines.index("")  # the events follow
        head, events = lines[:at], lines[at:]
    builds = buildTables(said["running"], said["finished"], now, room) or ["no builds yet"]
    return [*head, "", *builds, *events]
