# -*- test-case-name: tests.daemons.test_git_hook -*-
"""The changes of a push to a git repository, for its hook post-receive."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from buildbot.clients.hookdelivery import COMMITS, Change, HookFailed, change, output, say

HEADS = "refs/heads/"


def directoryOf(repository: str | None) -> str:
    """The git directory of a repository, or of the current one. @raise HookFailed: there is none."""
    where = [] if repository is None else ["-C", repository]
    return _git(*where, "rev-parse", "--absolute-git-dir").rstrip("\n")


def hookOf(directory: str) -> str:
    """The file of the hook post-receive."""
    said = _git("-C", directory, "rev-parse", "--git-path", "hooks/post-receive").rstrip("\n")
    return os.path.join(directory, said)


def pushed(lines: Iterable[str]) -> Iterator[Change]:
    """The changes of a push, from git's input to the hook."""
    for line in lines:
        old, new, ref = line.rstrip("\n").split(" ", 2)
        if not ref.startswith(HEADS) or set(new) == {"0"}:
            continue  # a tag, or a deleted branch
        try:
            for commit in _commits(old, new, ref)[-COMMITS:]:
                yield _change(commit, ref[len(HEADS) :])
        except HookFailed as why:
            say(f"not all commits pushed to {ref} are sent to the master: {why}")


def _git(*words: str) -> str:
    return output("git", *words)


def _commits(old: str, new: str, ref: str) -> Sequence[str]:
    """The commits of a push, the oldest first; for a new branch, those that are on no other branch."""
    if set(old) == {"0"}:
        others = ["--not", f"--exclude={ref[len(HEADS) :]}", "--branches"]
        return _git("rev-list", "--reverse", new, *others).split() or [new]
    return _git("rev-list", "--reverse", f"{old}..{new}").split() or [new]


def _change(commit: str, branch: str) -> Change:
    author, comments = _git("log", "-1", "--format=%an <%ae>%x00%B", commit).split("\0", 1)
    # for a merge, the files that it brought to the branch
    _, *parents = _git("rev-list", "--parents", "-n", "1", commit).split()
    compared = [parents[0], commit] if parents else ["--root", "--no-commit-id", commit]
    listed = _git("diff-tree", "-r", "-z", "--name-only", *compared)
    files = [name for name in listed.split("\0") if name]
    return change(author, files, comments, branch=branch, revision=commit)
