# -*- test-case-name: tests.unit.changes.test_gerritchangesource -*-
"""The events of a Gerrit server as changes, in the shapes of 0.8. This module uses no program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: The branches whose updates a change under review makes itself; its own event tells about them.
_OF_REVIEWS = ("refs/changes/", "refs/meta/", "refs/users/", "refs/cache-automerge/")
_BRANCH = "refs/heads/"
#: What a change lists instead of its files: Gerrit does not tell them.
FILES = ["unknown"]


def flattened(event: Mapping[str, Any], base: str = "event") -> dict[str, Any]:
    """The values of an event as properties: C{{"event.change.number": 12, …}}."""
    return dict(_flat(base, event))


def _flat(base: str, event: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in event.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{base}.{key}", value)
        else:
            yield f"{base}.{key}", value


def authorOf(user: object) -> str:
    """The name and the address of an account; C{"gerrit"} if it has neither."""
    told = user if isinstance(user, Mapping) else {}
    name = str(told.get("name") or told.get("username") or "")
    address = str(told.get("email") or "")
    return f"{name} <{address}>" if name and address else name or address or "gerrit"


def branchOf(name: str) -> str | None:
    """The branch of an updated reference; None for one that is no branch that somebody builds."""
    if name.startswith(_OF_REVIEWS):
        return None
    return name.removeprefix(_BRANCH)


def changeOf(event: Mapping[str, Any], properties: Mapping[str, Any], repository: str) -> dict[str, Any]:
    """A change for an event about a patch set. Raises KeyError if the event lacks a value."""
    change, patchSet = event["change"], event["patchSet"]
    return {
        "author": authorOf(change.get("owner") or patchSet.get("uploader")),
        "project": change["project"],
        "repository": repository,
        "branch": f"{change['branch']}/{change['number']}",
        "revision": patchSet["revision"],
        "revlink": change.get("url") or "",
        "comments": change.get("subject") or "",
        "files": FILES,
        "category": event["type"],
        "properties": dict(properties),
    }


def updateOf(
    event: Mapping[str, Any], properties: Mapping[str, Any], repository: str
) -> dict[str, Any] | None:
    """A change for an updated branch; None if nobody builds it. Raises KeyError if a value is missing."""
    update = event["refUpdate"]
    branch = branchOf(str(update["refName"]))
    if branch is None or not str(update["newRev"]).strip("0"):  # the branch was deleted
        return None
    return {
        "author": authorOf(event.get("submitter")),
        "project": update["project"],
        "repository": repository,
        "branch": branch,
        "revision": update["newRev"],
        "comments": "Gerrit: patchset(s) merged.",
        "files": FILES,
        "category": event["type"],
        "properties": dict(properties),
    }


def projectOf(event: Mapping[str, Any]) -> str:
    """The project that an event is about. Raises KeyError if it names none."""
    about = event.get("change") or event["refUpdate"]
    return str(about["project"])
