# -*- test-case-name: tests.unit.scripts.test_completion,tests.processes.test_completion -*-
"""The command C{completion}: a script that teaches a shell the commands, their options and their arguments.

The script knows all commands and options, so these need no process. For an argument it asks
L{buildbot.scripts.completing}.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from twisted.python import usage

from buildbot.scripts.commands import COMMANDS, Options
from buildbot.scripts.described import Option, optionsOf
from buildbot.scripts.output import Config
from buildbot.scripts.shells import BASH, FISH, ZSH

#: The shells, and the scripts for them.
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def completion(config: Config) -> int:
    """Print the script for a shell. Status 0."""
    print(scriptFor(str(config["shell"])), end="")
    return 0


def scriptFor(shell: str) -> str:
    """The script for a shell, made from the table of commands."""
    case = _inFish if shell == "fish" else _inBashAndZsh
    commands = [(command.name, command.help) for command in COMMANDS.values()]
    parts = {
        "COMMANDS": _list(shell, commands),
        "OPTIONS": _list(shell, _described(optionsOf(Options))),
        "CASES": "\n".join(
            case(shell, command.name, synopsisOf(command.options), optionsOf(command.options))
            for command in COMMANDS.values()
        ),
        "VALUED": _quoted(shell, valued(optionsOf(Options))),
    }
    script = SCRIPTS[shell]
    for name, text in parts.items():
        script = script.replace(f"@{name}@", text)
    return script


def synopsisOf(kind: type[usage.Options]) -> str:
    """The arguments of a command; the word COMMAND is replaced by all commands."""
    said = re.sub(r"\[options\] ?", "", getattr(kind, "synopsis", ""))
    return said.replace("[COMMAND]", "|".join(COMMANDS))


def valued(options: Sequence[Option]) -> str:
    """The options that take a value, with the kinds of the values: C{-b=TEXT --branch=TEXT}."""
    names = [(name, each.value) for each in options if each.value for name in (each.short, each.long) if name]
    return " ".join(f"{name}={value}" for name, value in names)


def _described(options: Sequence[Option]) -> list[tuple[str, str]]:
    """The names of options, each with the first sentence about it."""
    return [(each.long, re.split(r"[.;] |\.$", each.help)[0]) for each in options]


def _inBashAndZsh(shell: str, name: str, synopsis: str, options: Sequence[Option]) -> str:
    listed = _list(shell, _described(options))
    places = _quoted(shell, synopsis)
    kinds = _quoted(shell, valued(options))
    return f"        {name}) flags=({listed}) places={places} valued={kinds} ;;"


def _inFish(shell: str, name: str, synopsis: str, options: Sequence[Option]) -> str:
    lines = (
        f"        case {name}",
        f"            set options {_list(shell, _described(options))}",
        f"            set places {_quoted(shell, synopsis)}",
        f"            set valued {_quoted(shell, valued(options))}",
    )
    return "\n".join(lines)


def _list(shell: str, words: Sequence[tuple[str, str]]) -> str:
    """Words for a list of the shell: with their descriptions, where it shows these."""
    if shell == "bash":
        return " ".join(name for name, _ in words)
    mark = "\t" if shell == "fish" else ":"
    return " ".join(_quoted(shell, f"{name}{mark}{about}") for name, about in words)


def _quoted(shell: str, text: str) -> str:
    """The text as one word of the shell."""
    if shell == "fish":
        text = text.replace("\\", "\\\\")
        return "'" + text.replace("'", "\\'") + "'"
    return "'" + text.replace("'", "'\\''") + "'"
