# -*- test-case-name: tests.unit.scripts.test_completion -*-
"""The command C{help}."""

from __future__ import annotations

from buildbot.scripts.commands import COMMANDS, Options
from buildbot.scripts.output import CommandFailed, Config, command


def help(config: Config) -> int:
    """Print what --help of a command prints, or the list of all commands. Fails for an unknown command."""
    options = Options()
    name = config.get("command")
    if name is None:
        print(options)
        return 0
    if name not in COMMANDS:
        raise CommandFailed(
            f"buildbot: {options.unknown(str(name))}", f"`{command('help')}` lists all commands.", status=2
        )
    options.subCommand = str(name)
    one = COMMANDS[str(name)].options()
    one.parent = options
    print(one)
    return 0
