# -*- test-case-name: tests.daemons.test_svn_hook -*-
"""The changes of a revision of a Subversion repository, for its hook post-commit."""

from __future__ import annotations

from collections.abc import Iterator

from buildbot.changes.svnbranches import split_file_alwaystrunk, split_file_branches
from buildbot.clients.hookdelivery import Change, change, output

#: Subversion runs hooks without any environment; without a locale, it cannot print all names.
_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}


def committed(repository: str, revision: str, prefix: str = "", branches: bool = False) -> Iterator[Change]:
    """The changes of a revision: one for each branch.

    @param prefix: the directory of the files that matter; it is removed from their names.
    @param branches: True: files below C{trunk/} are on the main line, those below C{branches/NAME/} on that
        branch, and others do not matter.
    @raise HookFailed: svnlook failed.
    """

    def look(verb: str) -> str:
        return output("svnlook", verb, "-r", revision, repository, env=_ENVIRONMENT)

    split = split_file_branches if branches else split_file_alwaystrunk
    top = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    found: dict[str | None, list[str]] = {}
    for action, path in _changed(look("changed")):
        where = split(path[len(top) :]) if path.startswith(top) else None
        if where is None or (action == "D" and not where[1]):
            continue  # an unwanted file, or a deleted branch: nothing to build
        found.setdefault(where[0], []).extend([where[1]] if where[1] else ())
    if found:
        who, comments = look("author").strip() or "unknown", look("log")
        for branch, files in found.items():
            yield change(who, files, comments, branch=branch, revision=revision)


def _changed(text: str) -> Iterator[tuple[str, str]]:
    """The actions and paths in the output of svnlook."""
    for line in text.split("\n"):
        if len(line) > 4:
            yield line[0], line[4:]
