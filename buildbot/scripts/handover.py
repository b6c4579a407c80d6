# -*- test-case-name: tests.unit.scripts.test_handover,tests.integration.test_standby -*-
"""The command C{handover}: let another master, which waits, take over from the active one."""

from __future__ import annotations

import time
from typing import Any

from buildbot.control import client
from buildbot.daemon import lock
from buildbot.scripts.farlogs import whatWaits
from buildbot.scripts.output import CommandFailed, Config, askMaster, loginName, say, usable, waiting
from buildbot.scripts.stop import Target
from buildbot.text.plural import counted

#: Seconds between two looks whether the hand-over is still wanted.
_LOOK = 1.0
#: The most seconds for the other master to become active, and between two looks at that.
_PATIENCE = 30.0
_POLL = 0.2


def handOver(config: Config) -> int:
    """Hand over, and wait until the other master is active. Status 0 if it is.

    @raise CommandFailed: nobody can take over, or the hand-over was taken back.
    """
    here = usable(config)
    found = lock.holder(here)
    timeout = config.get("timeout")
    asked: dict[str, object] = {"who": loginName(), "now": bool(config.get("now"))}
    said: Any = askMaster(config, "handover", asked if timeout is None else {**asked, "timeout": timeout})
    after = f" after {counted(said['running'], 'running build')}" if said["running"] else ""
    if said["since"] is not None:
        say(config, f"{said['since'] or 'somebody'} has asked for this before")
    say(config, f"{said['to']} takes over {_when(config, said['running'])}")
    if found is None:
        return 0
    logs = whatWaits(here)
    with Target(here, found) as target, waiting(config, f"{said['to']} to take over{after}"):
        while not target.whenGone(_LOOK):
            logs = whatWaits(here, logs)
            why = _whyNot(here)
            if why:
                raise CommandFailed(f"the hand-over was {why}")
        name = _whoIsActive(here)
    say(config, f"{name} is active; the master in {here} has stopped")
    say(config, *filter(None, [logs]))
    return 0


def _when(config: Config, running: int) -> str:
    """When the other master takes over, in words."""
    if not running:
        return "now: no build is running"
    if config.get("now"):
        return f"now: {counted(running, 'running build')} will be begun anew"
    ends = "ends" if running == 1 else "end"
    timeout = config.get("timeout")
    after = "" if timeout is None else f", or after {timeout:g} s"
    return f"once {counted(running, 'running build')} {ends}{after}"


def _whyNot(here: str) -> str:
    """What has become of the hand-over, in words, if the master runs and does not stop; else ""."""
    try:
        said: Any = client.request(here, "status", {}, 10.0)
    except (client.ControlError, client.NotRunning, OSError):
        return ""  # it stops, or is busy
    if said["master"].get("shutdown") is not None:
        return ""
    why = ((said["master"].get("masters") or {}).get("handOver") or {}).get("givenUp")
    return f"given up: {why}" if why else "taken back"


def _whoIsActive(here: str) -> str:
    """The name of the active master of the store, once there is one. Raises L{CommandFailed}."""
    from buildbot.cluster.looking import activeOf  # it is slow to import
    from buildbot.store.interface import StoreFailed
    from buildbot.store.place import placeOf

    giveUp = time.monotonic() + _PATIENCE
    why = "no master is active"
    while time.monotonic() < giveUp:
        try:
            found = activeOf(placeOf(here))
        except StoreFailed as error:
            why = error.reason
        else:
            if found is not None:
                return found.name
        time.sleep(_POLL)
    raise CommandFailed(f"the master in {here} has stopped, but no other one took over: {why}")
