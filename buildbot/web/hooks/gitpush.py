# -*- test-case-name: tests.unit.web.hooks.test_forges -*-
"""The rules that all forges share: which changes a push of git makes.

The modules of the forges read the bodies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from buildbot.model.change import Change
from buildbot.text.plural import counted
from buildbot.web.hooks.delivery import (
    LONGEST_AUTHOR,
    MOST_CHANGES,
    MOST_FILES,
    BadDelivery,
    Delivery,
    Received,
    change,
    ignoring,
)
from buildbot.web.hooks.fields import Part

_HEADS, _TAGS = "refs/heads/", "refs/tags/"


@dataclass(frozen=True)
class Commit:
    """I am one commit of a push.

    @ivar when: in seconds since the epoch; None if unknown.
    """

    revision: str
    who: str
    comments: str
    files: Sequence[str] = ()
    when: float | None = None
    link: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Push:
    """I am the move of one branch or tag.

    @ivar ref: the full name, such as C{refs/heads/main}.
    @ivar after: the new revision; only zeros: it was deleted.
    @ivar commits: the new commits in the body.
    @ivar head: the commit of a tag, if the body has it.
    @ivar total: the number of new commits; 0 if unknown.
    @ivar place: C{repository}, C{project} and C{codebase} of the changes.
    @ivar isCut: True if the push has more commits than the body.
    """

    ref: str
    after: str
    commits: Sequence[Commit]
    head: Commit | None
    total: int
    place: Mapping[str, str]
    isCut: bool = False


def changesOf(push: Push, tags: bool) -> tuple[list[Change], str]:
    """The changes of a push, the oldest first.

    @param tags: True: a tag makes a change.
    @return: the changes, and the reason if there are none.
    """
    isTag = push.ref.startswith(_TAGS)
    name = push.ref.removeprefix(_TAGS if isTag else _HEADS)
    if name == push.ref or not name:
        return [], f"{push.ref or 'the push'} is neither a branch nor a tag"
    if isTag and not tags:
        return [], f"tag {name}: tags make no changes, as the hook has no option 'tags': True"
    if not push.after.strip("0"):
        return [], f"{'tag' if isTag else 'branch'} {name} was deleted"
    commits = _oldestFirst(push.commits, push.after)
    if isTag:
        commits = [each for each in [push.head, *commits[-1:]] if each is not None][:1]
    if not commits:
        return [], f"the push to {name} has no new commits"
    kept = commits[-MOST_CHANGES:]
    total = 0 if isTag else max(push.total, len(commits))
    made = [_told(each, name, isTag, push.place) for each in kept]
    if total > len(kept) or push.isCut:
        many = counted(total, "commit") if total > len(kept) else "more commits"
        made[-1]["comments"] += f"\n\n(This push has {many}; only the newest {len(kept)} were delivered.)"
    return [change(each) for each in made], ""


def _told(commit: Commit, name: str, isTag: bool, place: Mapping[str, str]) -> dict[str, Any]:
    return {
        "who": commit.who[:LONGEST_AUTHOR],
        **filesOf(commit.files, commit.comments),
        "revision": commit.revision,
        "when": commit.when,
        "branch": name,
        "category": "tag" if isTag else None,
        "revlink": commit.link,
        "properties": dict(commit.properties),
        **place,
    }


def filesOf(files: Iterable[str], comments: str) -> dict[str, Any]:
    """The files and comments of a change. If there are too many files, the comments say so."""
    every = list(dict.fromkeys(files))
    left = len(every) - MOST_FILES
    if left > 0:
        comments += f"\n\n({counted(left, 'more file')} changed.)"
    return {"files": every[:MOST_FILES], "comments": comments}


def _oldestFirst(commits: Sequence[Commit], after: str) -> list[Commit]:
    """The commits in the order of history. Some forges send the newest one first."""
    isReversed = len(commits) > 1 and commits[0].revision == after != commits[-1].revision
    return list(commits[::-1] if isReversed else commits)


def authorOf(name: str, address: str) -> str:
    """An author as git writes it: a name and a mail address, or the one that is known."""
    if name and address:
        return f"{name} <{address}>"
    return name or address or "unknown"


def commitOf(part: Part, properties: Mapping[str, Any] | None = None) -> Commit:
    """A commit as GitHub, GitLab and Gitea write it."""
    author = part.maybe("author")
    name = author.text("name", "") or author.text("username", "")
    revision = part.text("id")
    if not revision:
        raise BadDelivery("a commit has an empty id")
    return Commit(
        revision,
        authorOf(name, author.text("email", "")),
        part.text("message", ""),
        [*part.texts("added"), *part.texts("modified"), *part.texts("removed")],
        part.when("timestamp"),
        part.text("url", ""),
        properties or {},
    )


def delivered(event: str, id: str, found: tuple[list[Change], str], isUnique: bool = False) -> Delivery:
    """The delivery of changes, or the reason why there are none."""
    changes, reason = found
    if not changes:
        return ignoring(event, id, reason)
    return Delivery(tuple(changes), event, id, isUnique=isUnique)


def placeOf(received: Received, repository: str, project: str, codebase: str) -> dict[str, str]:
    """The place of a change. C{?project=} in the URL of the hook replaces the project, as in 0.8."""
    return {
        "repository": repository,
        "project": received.asked("project") or project,
        "codebase": codebase,
    }


def unusedEvent(event: str) -> str:
    """The reason to ignore an event."""
    return f"event {event!r} makes no changes" if event else "the delivery names no event"
