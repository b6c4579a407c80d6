# -*- test-case-name: tests.unit.scripts.test_ask -*-
"""The commands C{reconfig} and C{sighup}: make the running master read its configuration again.

The outcome comes through the control socket, not from a log.
"""

from __future__ import annotations

import os
from typing import Any

from buildbot.control import client
from buildbot.scripts.output import CommandFailed, Config, askMaster, basedir, loginName, say

#: The most seconds to wait for the master's progress.
_PATIENCE = 1.0


def reconfig(config: Config) -> int:
    """Reconfigure the master, or show the effects of it (C{dry-run}), and print the outcome.

    Status 0 if the file is in force, or is valid in a dry run. There is no time limit.
    """
    dryRun = bool(config.get("dry-run"))
    params = {
        "dryRun": dryRun,
        "timeout": config.get("timeout"),
        "drain": True if config.get("drain") else None,
        "who": loginName(),
    }
    given = {name: value for name, value in params.items() if value is not None}
    here = "" if config.get("url") else basedir(config)
    said: Any = askMaster(config, "reconfig", given, None, lambda passed: whatFor(here, passed))
    say(config, *(f"note: {line}" for line in said.get("notes", ())))
    printed = said.get("output", "").rstrip().splitlines()
    if printed:
        say(config, "the configuration file printed:", *(f"  {line}" for line in printed))
    warnings = [f"warning: {line}" for line in said.get("warnings", ())]
    if said["errors"]:
        stays = f"Nothing was changed: generation {said['generation']} of the configuration stays in force."
        raise CommandFailed(*warnings, *said["errors"], stays)
    nothing = "nothing would change" if dryRun else "nothing has changed"
    say(config, *warnings, *(said["changes"] or [nothing]))
    if said["pending"]:
        say(config, f"not confirmed by all slaves yet: {', '.join(said['pending'])}")
    if dryRun:
        say(config, "Nothing was changed: this was a dry run.")
    else:
        say(config, f"generation {said['generation']} of the configuration is in force")
    return 0


def whatFor(here: str, passed: float) -> str:
    """A line about the progress of a reconfig, C{passed} seconds after the request.

    @param here: the directory of the master; "": it is on another machine.
    """
    if not here:
        return f"waiting for the master to read its configuration ({passed:.0f} s) …"
    try:
        said: Any = client.request(os.path.realpath(here), "progress", {}, _PATIENCE)
    except (client.NotRunning, client.ControlError, OSError):
        return f"waiting for the master, which does not answer ({passed:.0f} s) …"
    now = said["running"]
    if now is None:
        return f"waiting for slaves to accept their new builder lists ({passed:.0f} s) …"
    what = "dry run" if now["dryRun"] else "reconfig"
    if now["seconds"] > passed + _PATIENCE / 2:
        of = f" of {now['who']}" if now["who"] else ""
        return f"waiting for the {what}{of} that runs already ({now['seconds']:.0f} s): {now['stage']} …"
    return f"waiting: {now['stage']} ({passed:.0f} s) …"
