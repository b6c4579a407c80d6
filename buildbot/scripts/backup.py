# -*- test-case-name: tests.unit.store.test_backup -*-
"""The command C{backup}: copy a master's directory, also while the master runs.

L{buildbot.store.backup} makes the copy.
"""

from __future__ import annotations

import os

from buildbot.daemon import directory
from buildbot.scripts.output import CommandFailed, Config, command, complain, say, usable, waiting
from buildbot.store.backup import CannotBackUp, backUp
from buildbot.text.plural import counted


def backup(config: Config) -> int:
    """Copy the directory of a master. Status 0 when the whole copy is on disk; 1 if the store is damaged."""
    here = usable(config)
    target = os.path.abspath(str(config["target"]))
    if directory.kindOf(directory.readTac(here)) is directory.Kind.SLAVE:
        raise CommandFailed(
            f"{here} is a buildslave's directory: `{command('create-slave')}` makes a new one"
        )
    try:
        with waiting(config, f"the copy of {here}"):
            made = backUp(here, target)
    except CannotBackUp as why:
        raise CommandFailed(str(why)) from None
    counts = made.counts
    parts = [
        *(counted(counts[name], name[:-1]) for name in ("builds", "changes", "requests") if name in counts),
        counted(made.logs, "log"),
        counted(made.files, "other file"),
    ]
    say(config, f"{target} is a copy of {here}: {', '.join(parts)}, {counted(made.size, 'byte')}")
    if made.damage:
        complain(
            f"the store is damaged ({made.damage}), and so is its copy: the first start from the copy sets"
            " the damaged store aside, and recovers the readable data"
        )
    say(config, *(f"left out, because it is not a file: {path}" for path in made.skipped))
    return 1 if made.damage else 0
