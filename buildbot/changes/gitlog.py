# -*- test-case-name: tests.unit.changes.test_gitlog -*-
"""Read the output of git: the heads of a repository, and its commits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from buildbot.programs.output import BadOutput

#: The format of a commit in C{git log -z --raw}. Fields end with null characters: git's texts have none.
FORMAT = "%H%x00%an <%ae>%x00%ct%x00%B"
LOG = (
    *("log", "--ignore-missing", "--stdin", "--reverse", "--topo-order", "-z", "--raw", "--no-abbrev"),
    *("--no-renames", "--no-color", "--encoding=UTF-8", f"--format=tformat:{FORMAT}"),
)
_HEAD = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64})\trefs/heads/(.+)")


@dataclass(frozen=True)
class Commit:
    """One commit.

    @ivar when: the time of the commit, in seconds since the epoch.
    @ivar files: the paths that differ from those of its parent; empty for a merge.
    """

    revision: str
    author: str
    when: int
    comments: str
    files: tuple[str, ...]


def heads(output: bytes) -> dict[str, str]:
    """The branches in the output of C{git ls-remote}: name -> revision.

    Invalid UTF-8 in a name becomes lone surrogates.
    """
    found = (_HEAD.fullmatch(line) for line in output.splitlines())
    return {name(each[2]): each[1].decode() for each in found if each is not None}


def name(text: bytes) -> str:
    """Decode a name. git accepts it unchanged after C{os.fsencode}."""
    return text.decode("utf-8", "surrogateescape")


def commits(output: bytes, encoding: str = "utf-8") -> list[Commit]:
    """The commits in the output of git with L{LOG}, the oldest first.

    @param encoding: of authors and comments; bad bytes become U+FFFD.
    @raise BadOutput: the output is not complete.
    """
    tokens = output.split(b"\0")
    if tokens.pop().strip():
        raise BadOutput("the output of git log ends in the middle")
    return list(_commits(tokens, encoding))


def _commits(tokens: list[bytes], encoding: str) -> Iterator[Commit]:
    at, end = 0, len(tokens)
    while at < end:
        if at + 4 > end or not tokens[at + 2].isdigit():
            raise BadOutput("git log printed a commit that cannot be read")
        revision, author, when, comments = tokens[at : at + 4]
        at += 4
        files = []
        while at + 1 < end and tokens[at].lstrip(b"\n").startswith(b":"):
            files.append(name(tokens[at + 1]))
            at += 2
        yield Commit(
            revision.decode("ascii", "replace"),
            author.decode(encoding, "replace"),
            int(when),
            comments.decode(encoding, "replace").rstrip("\n"),
            tuple(files),
        )
