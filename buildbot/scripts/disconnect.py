# -*- test-case-name: tests.unit.scripts.test_ask -*-
"""The command C{disconnect}: the running master cuts one slave's connection.

The slave may connect again.
"""

from __future__ import annotations

from typing import Any

from buildbot.scripts.output import Config, askMaster, say, sayJSON


def disconnect(config: Config) -> int:
    """Cut the slave's connection. Status 0, also if there was none; fails if there is no such slave."""
    name = config["slave"]
    said: Any = askMaster(config, "disconnect", {"slave": name})
    if sayJSON(config, said):
        return 0
    if said["disconnected"]:
        say(config, f"slave {name} at {said['address']} was disconnected")
    else:
        say(config, f"slave {name} was not connected")
    return 0
