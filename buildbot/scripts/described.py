# -*- test-case-name: tests.unit.scripts.test_completion -*-
"""The options of a command as values, for everything that is made of the table of commands."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from twisted.python import usage
from twisted.python.reflect import accumulateClassList


@dataclass(frozen=True)
class Option:
    """One option of a command.

    @ivar long: its name with its dashes: C{--follow}.
    @ivar short: its letter with a dash, or empty.
    @ivar value: the placeholder of its value: C{TEXT}; empty for a flag.
    @ivar help: one or more sentences.
    """

    long: str
    short: str
    value: str
    help: str


#: The placeholders of values, where the name of the option itself is none.
_VALUES = {
    **dict.fromkeys(("token", "auth-file", "logfile", "revision_file", "changes", "diff", "config"), "FILE"),
    **dict.fromkeys(("jobdir", "masterdir"), "DIR"),
    **dict.fromkeys(("property", "param", "properties"), "NAME=VALUE"),
    **dict.fromkeys(("count", "context", "log-size", "log-count", "days", "keepalive"), "NUMBER"),
    **dict.fromkeys(("timeout",), "SECONDS"),
    **dict.fromkeys(("since", "until"), "TIME"),
    "master": "HOST:PORT",
    "builder": "BUILDER",
    "slave": "SLAVE",
    "url": "URL",
    "color": "auto|always|never",
}


def optionsOf(kind: type[usage.Options]) -> list[Option]:
    """The options of a class, in the order of the help; C{--help} and C{--version} are the last."""
    flags: list[list[Any]] = []
    parameters: list[list[Any]] = []
    accumulateClassList(kind, "optFlags", flags)
    accumulateClassList(kind, "optParameters", parameters)
    found: dict[str, Option] = {}
    for long, short, _, help, *_ in ((*each, None, None)[:4] for each in parameters):
        found[long] = Option(f"--{long}", _short(short), valueOf(long), str(help or ""))
    for long, short, help in flags:
        found[long] = Option(f"--{long}", _short(short), "", str(help))
    methods = {name[4:]: getattr(kind, name) for name in dir(kind) if name.startswith("opt_")}
    for name, method in methods.items():
        if len(name) > 1:
            letters = [letter for letter in methods if len(letter) == 1 and methods[letter] is method]
            takesValue = len(inspect.signature(method).parameters) > 1
            long = name.replace("_", "-")
            help = inspect.cleandoc(method.__doc__ or "")
            option = Option(f"--{long}", _short(*letters[:1]), valueOf(long) if takesValue else "", help)
            found.setdefault(long, option)
    last = [found.pop(name) for name in ("help", "version") if name in found]
    return [*found.values(), *last]


def valueOf(name: str) -> str:
    """The placeholder of the value of an option."""
    if name in _VALUES:
        return _VALUES[name]
    return "FILE" if name.endswith(("-file", "_file", "topfile")) else "TEXT"


def _short(letter: str | None = None) -> str:
    return f"-{letter}" if letter else ""
