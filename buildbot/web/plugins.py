# -*- test-case-name: tests.stories.test_webodd -*-
"""The facts about schedulers for the pages and the API. A failing plug-in does not break a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from buildbot.status.asking import Unanswered, ask, otherwise, text, texts, times
from buildbot.web.markup import Value

T = TypeVar("T")


def nameOf(scheduler: object) -> str:
    """The name of a scheduler; the name of its class for a scheduler without a name."""
    return otherwise(ask(scheduler, "name", text), "") or type(scheduler).__name__


def buildersOf(scheduler: object) -> list[str] | Unanswered:
    """The names of its builders."""
    return ask(scheduler, "listBuilderNames", texts) if hasattr(type(scheduler), "listBuilderNames") else []


def timesOf(scheduler: object) -> list[float] | Unanswered:
    """The times of its next builds, the next one first, in seconds since the epoch."""
    if not hasattr(type(scheduler), "getPendingBuildTimes"):
        return []
    return ask(scheduler, "getPendingBuildTimes", times)


def schedulersOf(schedulers: Iterable[object]) -> dict[str, list[str]]:
    """The names of the schedulers of each builder."""
    found: dict[str, list[str]] = {}
    for each in schedulers:
        for builder in otherwise(buildersOf(each), []):
            found.setdefault(builder, []).append(nameOf(each))
    return found


def cell(answer: T | Unanswered, show: Callable[[T], Value]) -> Value:
    """An answer as a part of a page, or the sentence in its place."""
    return answer.words if isinstance(answer, Unanswered) else show(answer)
