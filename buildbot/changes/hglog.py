# -*- test-case-name: tests.unit.changes.test_hglog -*-
"""Read the output of C{hg log -v -T json}: the commits of a repository."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from buildbot.programs.output import BadOutput

#: The most revisions in one alias: the system limits the length of an argument.
_MOST = 1000


@dataclass(frozen=True)
class Commit:
    """One commit.

    @ivar when: the time of the commit, in seconds since the epoch.
    @ivar parents: the revisions of its parents; one of 40 zeroes at the beginning of the history.
    """

    revision: str
    branch: str
    author: str
    when: float
    comments: str
    files: tuple[str, ...]
    parents: tuple[str, ...]


def commits(output: bytes) -> list[Commit]:
    """The commits in the output of hg, in its order. @raise BadOutput: the output cannot be read.

    Bytes of names that are no UTF-8 become lone surrogates.
    """
    try:
        return [_commit(each) for each in json.loads(output.decode("utf-8", "surrogatepass"))]
    except (ValueError, KeyError, TypeError) as error:
        raise BadOutput(f"hg log printed commits that cannot be read: {error}") from error


def _commit(told: Mapping[str, Any]) -> Commit:
    return Commit(
        str(told["node"]),
        str(told["branch"]),
        _text(told["user"]),
        float(told["date"][0]),
        _text(told["desc"]),
        tuple(map(str, told["files"])),
        tuple(map(str, told["parents"])),
    )


def _text(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode()


def logSince(heads: Collection[str]) -> list[str]:
    """The arguments of hg that print these heads, those that are there, and all commits not below them."""
    known = sorted(heads)
    parts = [known[start : start + _MOST] for start in range(0, len(known), _MOST)]
    aliases = [
        f"revsetalias.known{number}={' + '.join(f'present({each})' for each in part)}"
        for number, part in enumerate(parts)
    ]
    union = " + ".join(f"known{number}" for number in range(len(parts)))
    return [
        *(word for alias in aliases for word in ("--config", alias)),
        *("log", "--hidden", "--verbose", "--template", "json"),
        *("--rev", f"sort(({union}) + not ::({union}), rev)"),
    ]


def headsWith(heads: frozenset[str], commit: Commit) -> frozenset[str]:
    """The heads of the history with one more commit, whose parents are in it."""
    return (heads - set(commit.parents)) | {commit.revision}
