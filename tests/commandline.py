"""What the tests of the command line have in common: a command run in this process, and what it said."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from buildbot.scripts.runner import main


@dataclass(frozen=True)
class Spoken:
    """How a command ended, and what it printed."""

    status: object
    out: str
    err: str


def spoken(function: Callable[[], object]) -> Spoken:
    """Call a function; what it returned (or its SystemExit's code) and printed."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = function()
        except SystemExit as end:
            status = end.code
    return Spoken(status, out.getvalue(), err.getvalue())


def command(*words: str) -> Spoken:
    """What C{buildbot WORDS} does."""
    return spoken(lambda: main(words))


def directory(path: str, application: str = "buildmaster") -> str:
    """Make a directory whose buildbot.tac is that of such an application; its real path."""
    os.mkdir(path)
    with open(os.path.join(path, "buildbot.tac"), "w") as stream:
        stream.write(f"application = service.Application({application!r})")
    return os.path.realpath(path)


def options(kind: Callable[[], object], words: Sequence[str]) -> dict[str, object]:
    """The options of one command, parsed."""
    parsed = kind()
    parsed.parseOptions(list(words))  # type: ignore[attr-defined]
    return parsed  # type: ignore[return-value]
