# -*- test-case-name: tests.unit.gerrit.test_reviews -*-
"""What a review on Gerrit says, which patch set it is about, and the command of Gerrit that adds it. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from buildbot.text.urls import withoutPasswords

#: The labels of a usual Gerrit server.
VERIFIED, REVIEWED = "Verified", "Code-Review"
#: The most characters of a message: Gerrit refuses longer ones.
LONGEST = 16000
#: The first release that takes labels of any name.
_LABELS_SINCE = (2, 6)
_CHANGE = re.compile(r"(\d+)[/,](\d+)")
#: A commit, or a change and its patch set. An option of the command is neither.
_PATCH_SET = re.compile(r"[0-9a-fA-F]{7,64}|[0-9]{1,9},[0-9]{1,9}")
_VERSION = re.compile(r"(\d+)\.(\d+)")
#: Control characters, which a command cannot have, but for the ends of lines.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Review:
    """I am a message and votes: the name of each label and its value."""

    message: str
    labels: Mapping[str, int]


def reviewOf(answer: Any) -> Review | None:
    """The review that a function of the configuration returned; None if it wants none.

    @param answer: a dict with C{message} and perhaps C{labels}; or, as before 0.8.11, the message, the vote
        for C{Verified} and the one for C{Code-Review}; or only a text.
    @raise ValueError: it is something else.
    """
    labels: Any = {}
    if isinstance(answer, (tuple, list)) and len(answer) == 3:
        message, labels = answer[0], {VERIFIED: answer[1], REVIEWED: answer[2]}
    elif isinstance(answer, Mapping):
        message, labels = answer.get("message"), answer.get("labels") or {}
    else:
        message = answer
    if not message:
        return None
    if isinstance(message, bytes):  # a function of Python 2 encodes its text
        message = message.decode("utf-8", "replace")
    if not isinstance(message, str) or not isinstance(labels, Mapping):
        raise ValueError(f"{answer!r} is no review: return a dict with 'message' and 'labels'")
    votes = {str(name): int(value) for name, value in labels.items() if value is not None}
    return Review(_CONTROL.sub(" ", withoutPasswords(message))[:LONGEST], votes)


@dataclass(frozen=True)
class Place:
    """I am a patch set: its project, which may be empty, and its commit, or C{change,number}."""

    project: str
    patchSet: str


def placeOf(properties: Mapping[str, Any], project: str) -> Place | None:
    """The patch set that was built; None if the build was not for a change on Gerrit.

    @param properties: those of the build. Whoever forces a build may choose them.
    @param project: of its source, which counts if no property has it.
    """
    place = _named(properties, project)
    return place if place is not None and _PATCH_SET.fullmatch(place.patchSet) else None


def placeOfSeveral(properties: Mapping[str, Any], built: Sequence[tuple[str, str | None]]) -> Place | None:
    """The patch set that was built, of a build that may have several codebases; see L{placeOf}.

    @param built: the project and the revision of each codebase. That of the project of the event counts, else
        the first one.
    """
    if len(built) == 1:
        return placeOf(properties, built[0][0])
    named = properties.get("event.change.project") or properties.get("project")
    project, revision = next((each for each in built if each[0] == named), built[0])
    return placeOf({**properties, "got_revision": revision}, project)


def _named(properties: Mapping[str, Any], project: str) -> Place | None:
    """The patch set that some properties name."""
    named = properties.get("event.change.project") or properties.get("project") or project
    change, number = properties.get("event.change.number"), properties.get("event.patchSet.number")
    given = _CHANGE.fullmatch(str(properties.get("gerrit_change") or "").strip())
    isOnGerrit = change is not None or properties.get("event.change.id") is not None
    if isOnGerrit and properties.get("event.patchSet.revision"):
        return Place(str(named), str(properties["event.patchSet.revision"]))
    if change is not None and number is not None:
        return Place(str(named), f"{change},{number}")
    if given is not None:
        return Place(str(named), ",".join(given.groups()))
    if isOnGerrit and isinstance(properties.get("got_revision"), str):
        return Place(str(named), properties["got_revision"])
    return None


def versionOf(output: bytes) -> tuple[int, int] | None:
    """The version in the answer to C{gerrit version}; None if it has none."""
    found = _VERSION.search(output.decode("utf-8", "replace"))
    return None if found is None else (int(found[1]), int(found[2]))


def commandOf(message: Mapping[str, Any], version: tuple[int, int] | None) -> list[str]:
    """The words of the command that adds a review. Gerrit splits a command in the same way as a shell.

    @param message: C{project}, C{patchSet}, C{message}, C{labels} and C{notify}.
    @param version: of the server; None: a new one.
    """
    words = ["gerrit", "review"]
    if message["project"]:
        words += ["--project", message["project"]]
    if message["notify"]:
        words += ["--notify", message["notify"]]
    words += ["--message", message["message"]]
    for name, value in message["labels"].items():
        if version is not None and version < _LABELS_SINCE:
            words.append(f"--{name.lower().replace(' ', '-')}={value}")
        else:
            words += ["--label", f"{name}={value}"]
    return [shlex.quote(each) for each in (*words, message["patchSet"])]


# what is said without functions in the configuration


def usualReview(name: str, result: str, isGood: bool, url: str | None) -> dict[str, Any]:
    """The review about one build.

    @param result: the word for its result.
    """
    return {"message": _line(name, result, "", url), "labels": {VERIFIED: 1 if isGood else -1}}


def usualSummary(builds: Sequence[Mapping[str, Any]], isGood: bool) -> dict[str, Any]:
    """The review about a build set.

    @param builds: for each build its C{name}, C{resultText}, C{text} and C{url}.
    """
    lines = [_line(each["name"], each["resultText"], each["text"], each["url"]) for each in builds]
    return {"message": "\n\n".join(lines), "labels": {VERIFIED: 1 if isGood else -1}}


def _line(name: str, result: str, text: str, url: str | None) -> str:
    more = f" ({text})" if text and text != result else ""
    return f"{name}: {result}{more}" + (f" - {url}" if url else "")
