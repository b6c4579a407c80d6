# -*- test-case-name: tests.unit.changes.test_svnlog -*-
"""Read the XML output of svn: the place of a repository, and its revisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote
from xml.etree import ElementTree

from buildbot.programs.output import BadOutput


@dataclass(frozen=True)
class Place:
    """A URL in a repository.

    @ivar prefix: the path of the URL in the repository; empty for the root, else without slashes around it.
    @ivar last: the number of the last revision that changed something there.
    """

    prefix: str
    last: int


@dataclass(frozen=True)
class Path:
    """One path of a revision.

    @ivar path: the path in the repository, without a leading slash. That of a directory ends with one, unless
        svn is older than 1.6, which does not tell.
    @ivar action: A (added), D (deleted), M (modified) or R (replaced).
    """

    path: str
    action: str


@dataclass(frozen=True)
class Revision:
    """One revision; C{when} is in seconds since the epoch, or None if the repository hides it."""

    number: int
    author: str
    when: float | None
    comments: str
    paths: tuple[Path, ...]


def place(output: bytes) -> Place:
    """The place in the output of C{svn info --xml}. @raise BadOutput: it cannot be read."""
    entry = _parsed(output).find("entry")
    url, root = ("" if entry is None else entry.findtext(each) or "" for each in ("url", "repository/root"))
    commit = None if entry is None else entry.find("commit")
    if not root or not url.startswith(root) or commit is None:
        raise BadOutput("the output of svn info lacks the root or the last revision of the repository")
    return Place(unquote(url[len(root) :]).strip("/"), int(commit.get("revision", "0")))


def revisions(output: bytes) -> list[Revision]:
    """The revisions in the output of C{svn log --xml --verbose}. @raise BadOutput: it cannot be read."""
    return [_revision(entry) for entry in _parsed(output).iter("logentry")]


def _revision(entry: ElementTree.Element) -> Revision:
    date = entry.findtext("date")
    return Revision(
        int(entry.get("revision", "0")),
        entry.findtext("author") or "unknown",
        datetime.strptime(date, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp() if date else None,
        entry.findtext("msg") or "",
        tuple(_paths(entry)),
    )


def _paths(entry: ElementTree.Element) -> Iterator[Path]:
    for each in entry.iter("path"):
        path = (each.text or "").strip("/")
        isDirectory = each.get("kind") == "dir" and path
        yield Path(f"{path}/" if isDirectory else path, each.get("action", "M"))


def _parsed(output: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(output)
    except ElementTree.ParseError as error:
        raise BadOutput(f"svn printed XML that cannot be read: {error}") from error
