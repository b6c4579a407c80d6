# -*- test-case-name: tests.test_scripts_ask -*-
"""The commands C{reconfig} and C{sighup}: the running master reads its configuration again.

The outcome is the master's own word, through its control socket; no log is read.
"""

from __future__ import annotations

from typing import Any

from buildbot.scripts.words import CommandFailed, Config, askMaster, say


def reconfig(config: Config) -> int:
    """Reconfigure, or see what that would do (C{dry-run}), and say what came of it.

    Status 0 only if the file is in force now, or would be. Waits as long as the master lives.
    """
    dryRun = bool(config.get("dry-run"))
    params = {
        "dryRun": dryRun,
        "timeout": config.get("timeout"),
        "drain": True if config.get("drain") else None,
    }
    said: Any = askMaster(config, "reconfig", {k: v for k, v in params.items() if v is not None}, None)
    printed = said.get("output", "").rstrip().splitlines()
    if printed:
        say(config, "the configuration file printed:", *(f"  {line}" for line in printed))
    warnings = [f"warning: {line}" for line in said.get("warnings", ())]
    if said["errors"]:
        stays = f"Nothing was changed: generation {said['generation']} of the configuration stays."
        raise CommandFailed(*warnings, *said["errors"], stays)
    say(config, *warnings, *(said["changes"] or ["nothing changes" if dryRun else "nothing has changed"]))
    if said["pending"]:
        say(config, f"still being told: {', '.join(said['pending'])}")
    if dryRun:
        say(config, "Nothing was changed: this was a dry run.")
    else:
        say(
            config,
            f"generation {said['generation']} of the configuration is in force",
            "Reconfiguration appears to have completed successfully.",
        )
    return 0
