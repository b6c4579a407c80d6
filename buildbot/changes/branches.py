# -*- test-case-name: tests.unit.changes.test_branches -*-
"""The argument C{branches} of pollers: the branches to watch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from buildbot.changes.storingpoller import PollFailed
from buildbot.config.arguments import Kind, complain
from buildbot.config.plugincode import PLUGIN_ERRORS

#: A list of names, True for all branches, or a function of a name.
Branches: TypeAlias = Sequence[str] | bool | Callable[[str], object] | None


def _isBranches(value: object) -> bool:
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(isinstance(each, str) and each for each in value)
    return value is None or isinstance(value, bool) or callable(value)


BRANCHES = Kind("a list of branches, True for all, or a function of a branch", _isBranches)


def oneOrSeveral(poller: object, branch: str | None, branches: Branches, default: str) -> Branches:
    """The branches of a poller that takes C{branch} for a single one; its constructor calls this."""
    if branch is not None and branches is not None:
        complain(poller, "takes branch or branches, not both")
    if branches is False:
        complain(poller, ": branches must be True for all branches, or a list, not False")
    return [branch or default] if branches is None else branches


def named(branches: Branches) -> list[str] | None:
    """The names of the watched branches; None for all, and for a function."""
    return sorted(branches) if isinstance(branches, (list, tuple, set, frozenset)) else None


def toldBranches(branches: Branches) -> str:
    """The watched branches in a few words, for people."""
    names = named(branches)
    if names is not None:
        return ", ".join(names)
    return "all branches" if branches is True else "some branches"


def isWatched(branches: Branches, branch: str, asked: str | None = None) -> bool:
    """True if a branch is watched.

    @param asked: the name of the branch for a function, if it is another one.
    @raise PollFailed: the function of the configuration failed.
    """
    if callable(branches):
        try:
            return bool(branches(asked or branch))
        except PLUGIN_ERRORS as error:
            raise PollFailed(f"the function branches= failed on {asked or branch!r}: {error!r}") from error
    return isinstance(branches, bool) or branch in (branches or ())
