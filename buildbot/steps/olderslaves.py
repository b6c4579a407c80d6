# -*- test-case-name: tests.unit.steps.test_shell_arguments -*-
"""The arguments of a shell command that old slaves do not know: they are not sent, and a log says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: An argument -> the first version of the slave's shell command that knows it, and what happens without it.
SINCE = {
    "initial_stdin": ("2.1", "the command gets no input"),
    "usePTY": ("2.7", "the slave's own configuration decides about the terminal"),
    "interruptSignal": ("2.15", "a stopped command is killed"),
    "sigtermTime": ("2.16", "a stopped command is killed without a warning"),
}


def fitting(
    args: Mapping[str, Any], isOlderThan: Callable[[str], bool], slave: str
) -> tuple[dict[str, Any], list[str]]:
    """The arguments that a slave knows, and a line for the log about each of the others.

    @param isOlderThan: tells whether the slave's shell command is older than a version.
    @param slave: the name of the slave.
    """
    missed = [name for name in args if name in SINCE and isOlderThan(SINCE[name][0])]
    known = {name: value for name, value in args.items() if name not in missed}
    return known, [f"slave {slave} is too old for {name}: {SINCE[name][1]}\n" for name in missed]
