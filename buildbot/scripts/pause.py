# -*- test-case-name: tests.unit.scripts.test_builds -*-
"""The commands C{pause}, C{drain} and C{unpause}: stop and resume builds on a slave.

The master stores the user, time and reason; C{status} shows them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from buildbot.scripts.following import throughRestart
from buildbot.scripts.output import CommandFailed, Config, askMaster, basedir, loginName, say, sayJSON
from buildbot.scripts.progress import Progress
from buildbot.scripts.tables import duration
from buildbot.scripts.takenover import successorOf
from buildbot.text.plural import counted

#: Seconds between two questions whether a slave is idle.
POLL = 1.0


def pause(config: Config) -> int:
    """Pause a slave: no further build starts there. Status 0; fails for an unknown slave."""
    return _keepFrom(config, "pause")


def drain(config: Config) -> int:
    """Pause a slave, and disconnect it once it is idle. Status 0; fails for an unknown slave.

    With C{wait}, returns when it is idle; fails if somebody ends the pause meanwhile.
    """
    status = _keepFrom(config, "drain")
    return _whenDrained(config) if config.get("wait") else status


def _whenDrained(config: Config) -> int:
    """Wait until no build runs on a draining slave, whichever master is active by then."""
    name, told = str(config["slave"]), None
    try:
        with Progress(config) as progress:
            begun = time.monotonic()
            while True:
                slave = _slave(config, name)
                if slave["paused"] is None:
                    raise CommandFailed(f"slave {name} was unpaused: it builds again")
                if not slave["running"]:
                    break
                count = counted(slave["running"], "build")
                if told is not None and slave["running"] != told and not config.get("json"):
                    progress.clear()
                    say(config, f"{count} still running there")
                told = slave["running"]
                progress.show(f"waiting for {count} on {name} for {duration(time.monotonic() - begun)}")
                time.sleep(POLL)
    except KeyboardInterrupt:
        undo = "`buildbot unpause` lets it build again"
        raise CommandFailed(f"interrupted; slave {name} is still draining: {undo}", status=130) from None
    if not sayJSON(config, slave):
        say(config, f"slave {name} is idle: drained, safe to switch off")
    return 0


def _slave(config: Config, name: str) -> Mapping[str, Any]:
    """A slave in the answer to C{status}; also of a master that is being restarted, or was replaced."""
    params = {"slave": name}

    def ask() -> Any:
        return askMaster({**config, "quiet": True}, "status", params)

    def instead() -> tuple[Any, float]:
        if config.get("url"):
            return None, 0.0
        successor = successorOf(basedir(config))
        return successor.answer("status", params, bool(config.get("quiet"))), successor.patience

    said = throughRestart(config, ask, f"slave {name} stays paused until `buildbot unpause`", instead=instead)
    (slave,) = said["slaves"]
    return dict(slave)


def _keepFrom(config: Config, verb: str) -> int:
    params = {"slave": config["slave"], "who": loginName(), "why": config.get("reason") or ""}
    said: Any = askMaster(config, verb, params)
    if config.get("wait") and config.get("json"):
        return 0  # its end is printed instead
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
