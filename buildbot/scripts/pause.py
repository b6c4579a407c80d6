# -*- test-case-name: tests.unit.scripts.test_builds -*-
"""The commands C{pause}, C{drain} and C{unpause}: stop and resume builds on a slave.

The master stores the user, time and reason; C{status} shows them.
"""

from __future__ import annotations

from typing import Any

from buildbot.scripts.output import Config, askMaster, loginName, say, sayJSON
from buildbot.text.plural import counted


def pause(config: Config) -> int:
    """Pause a slave: no further build starts there. Status 0; fails for an unknown slave."""
    return _keepFrom(config, "pause")


def drain(config: Config) -> int:
    """Pause a slave, and disconnect it once it is idle. Status 0; fails for an unknown slave."""
    return _keepFrom(config, "drain")


def _keepFrom(config: Config, verb: str) -> int:
    params = {"slave": config["slave"], "who": loginName(), "why": config.get("reason") or ""}
    said: Any = askMaster(config, verb, params)
    if not sayJSON(config, said):
        running = said["running"]
        goesOn = f"; {counted(running, 'build')} still running there" if running else ""
        say(config, f"slave {said['slave']} is {said['kind']}{goesOn}")
    return 0


def unpause(config: Config) -> int:
    """End the pause of a slave. Status 0, also if it was not paused; fails for an unknown slave."""
    said: Any = askMaster(config, "unpause", {"slave": config["slave"]})
    if not sayJSON(config, said):
        now = "is no longer paused" if said["unpaused"] else "was not paused"
        say(config, f"slave {said['slave']} {now}")
    return 0
