# -*- test-case-name: tests.unit.scripts.test_ask -*-
"""The command C{disconnect}: close the connection of one slave.

The slave may reconnect.
"""

from __future__ import annotations

from typing import Any

from buildbot.scripts.output import Config, askMaster, say, sayJSON


def disconnect(config: Config) -> int:
    """Disconnect the slave. Status 0, also if it was not connected; fails for an unknown slave."""
    name = config["slave"]
    said: Any = askMaster(config, "disconnect", {"slave": name})
    if sayJSON(config, said):
        return 0
    if said["disconnected"]:
        say(config, f"slave {name} at {said['address']} was disconnected")
    else:
        say(config, f"slave {name} was not connected")
    return 0
