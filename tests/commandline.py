"""Run commands in this process and capture their output."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from buildbot.scripts.runner import main


@dataclass(frozen=True)
class Spoken:
    """The exit status of a command, and its output."""

    status: object
    out: str
    err: str


def spoken(function: Callable[[], object]) -> Spoken:
    """Call a function; return its result (or its SystemExit's code) and its output."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = function()
        except SystemExit as end:
            status = end.code
    return Spoken(status, out.getvalue(), err.getvalue())


def command(*words: str) -> Spoken:
    """Run C{buildbot WORDS}."""
    return spoken(lambda: main(words))


def withoutWaits(text: str) -> str:
    """The text without the lines about a long wait, which a busy machine makes: they end with an ellipsis."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.rstrip().endswith(" …"))


def directory(path: str, application: str = "buildmaster") -> str:
    """Make a directory with a buildbot.tac for this application; return its real path."""
    os.mkdir(path)
    with open(os.path.join(path, "buildbot.tac"), "w") as stream:
        stream.write(f"application = service.Application({application!r})")
    return os.path.realpath(path)


def options(kind: Callable[[], object], words: Sequence[str]) -> dict[str, object]:
    """The options of one command, parsed."""
    parsed = kind()
    parsed.parseOptions(list(words))  # type: ignore[attr-defined]
    return parsed  # type: ignore[return-value]
