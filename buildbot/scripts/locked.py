# -*- test-case-name: tests.unit.scripts.test_upgrade,tests.unit.scripts.test_importing -*-
"""Hold the lock of a stopped master's directory while a command changes its store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from buildbot.daemon import lock
from buildbot.daemon.oserrors import inWords
from buildbot.scripts.output import CommandFailed, refuseStranger


@contextmanager
def locked(here: str, task: str) -> Iterator[None]:
    """A context in which no master runs in a directory.

    @param task: what the command does, such as "import into".
    @raise CommandFailed: a master runs there, or the lock cannot be made.
    """
    if lock.holder(here) is None:
        refuseStranger(here)
    try:
        lock.hold(here)
    except lock.AlreadyRunning as why:
        raise CommandFailed(f"cannot {task} {here}: its master is {why}; stop it first") from None
    except OSError as why:
        raise CommandFailed(f"cannot use {here}: {inWords(why)}") from None
    try:
        yield
    finally:
        lock.release(here)
