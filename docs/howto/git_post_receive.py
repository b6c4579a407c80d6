#!/usr/bin/env python3
"""A post-receive hook of git: tells a Buildbot master of each commit that was pushed.

Copy it to hooks/post-receive of the repository that is pushed to, make it executable, and set what stands
first here. It needs git and the command `buildbot`, on PATH or by its full name.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

MASTER = os.environ.get("BUILDBOT_MASTER", "localhost:9989")
#: Holds USER:PASSWORD of the master's PBChangeSource; only the owner of the repository may read it.
AUTH_FILE = os.environ.get("BUILDBOT_AUTH_FILE", os.path.expanduser("~/.buildbot-auth"))
BUILDBOT = os.environ.get("BUILDBOT", "buildbot")
#: Of a push with more commits than this, the last ones are told.
COMMITS = 50
#: Of a commit with more files than this, the first ones are told.
FILES = 1000
#: Of what its author wrote, so many characters.
WORDS = 10_000
HEADS = "refs/heads/"


def git(*words: str) -> str:
    """What git answers. File names that are no UTF-8 survive."""
    done = subprocess.run(["git", *words], stdout=subprocess.PIPE, check=True)
    return os.fsdecode(done.stdout)


def commits(old: str, new: str, ref: str) -> Sequence[str]:
    """The commits that a push has brought, the oldest first; of a new branch, those on no other one."""
    if set(old) == {"0"}:
        others = ["--not", f"--exclude={ref[len(HEADS) :]}", "--branches"]
        return git("rev-list", "--reverse", new, *others).split() or [new]
    return git("rev-list", "--reverse", f"{old}..{new}").split() or [new]


def arguments(commit: str, branch: str) -> Iterator[str]:
    """What `buildbot sendchange` is told of a commit."""
    author, comments = git("log", "-1", "--format=%an <%ae>%x00%B", commit).split("\0", 1)
    yield from ("--master", MASTER, "--auth-file", AUTH_FILE, "--quiet", "--branch", branch)
    yield from ("--revision", commit, "--username", author, "--comments", comments.strip()[:WORDS], "--")
    # of a merge, what it has brought to the branch
    _, *parents = git("rev-list", "--parents", "-n", "1", commit).split()
    compared = [parents[0], commit] if parents else ["--root", "--no-commit-id", commit]
    listed = git("diff-tree", "-r", "-z", "--name-only", *compared)
    yield from [name for name in listed.split("\0") if name][:FILES]


def main() -> int:
    """Read what was pushed from standard input; 1 if the master has not got all of it."""
    failed = 0
    for line in sys.stdin:
        old, new, ref = line.rstrip("\n").split(" ", 2)
        if not ref.startswith(HEADS) or set(new) == {"0"}:
            continue  # a tag, or a branch that was deleted
        for commit in commits(old, new, ref)[-COMMITS:]:
            said = subprocess.run([BUILDBOT, "sendchange", *arguments(commit, ref[len(HEADS) :])])
            failed = failed or said.returncode
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
