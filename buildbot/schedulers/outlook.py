# -*- test-case-name: tests.unit.schedulers.test_outlook -*-
"""What each scheduler waits for, and when it builds next, for people. A plug-in that fails breaks nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from buildbot.schedulers.branches import AnyBranchScheduler, Scheduler
from buildbot.schedulers.forcesched import ForceScheduler
from buildbot.schedulers.timed import Nightly, NightlyTriggerable, Periodic
from buildbot.schedulers.triggerable import Triggerable
from buildbot.schedulers.trybase import TryBase
from buildbot.schedulers.upstream import Dependent
from buildbot.status.asking import Unanswered, ask, attempt, count, number, otherwise, text, texts, times
from buildbot.text.lasting import lasting

#: The most times of one scheduler that are told.
_TIMES = 10


def reportScheduler(
    scheduler: object, known: Collection[object], sees: Callable[[str], bool]
) -> dict[str, Any]:
    """A scheduler as plain values; docs/reference/control-socket explains the keys.

    @param known: the schedulers that may be named.
    @param sees: tells whether a builder may be named.
    """
    due = otherwise(timesOf(scheduler), [])
    return {
        "name": nameOf(scheduler),
        "kind": type(scheduler).__name__,
        "builders": [name for name in otherwise(buildersOf(scheduler), []) if sees(name)],
        "due": min(due, default=None),
        "times": due[:_TIMES],
        "waitsFor": waitsFor(scheduler, known),
        "pending": otherwise(pendingOf(scheduler), 0),
    }


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


def pendingOf(scheduler: object) -> int | Unanswered:
    """The number of changes that wait for a build."""
    return ask(scheduler, "waitingChanges", count) if hasattr(type(scheduler), "waitingChanges") else 0


def _stable(scheduler: Any) -> str:
    """The quiet time of a scheduler for changes."""
    seconds = number(scheduler.treeStableTimer or 0)
    return f", then for {lasting(seconds)} without another one" if seconds else ""


def _branch(scheduler: Any) -> str:
    if scheduler.isForEvery:
        return "a change that its filter takes"
    return f"a change of the branch {scheduler.branch}" if scheduler.branch else "a change of the main line"


def _branches(scheduler: Any) -> str:
    if not scheduler.branches:
        return "a change of any branch"
    return f"a change of the branch {' or '.join(str(each or 'main line') for each in scheduler.branches)}"


#: For each class: what its schedulers wait for. The first class that fits counts.
_WAITS: Mapping[type, Callable[[Any], str]] = {
    Scheduler: lambda each: _branch(each) + _stable(each),
    AnyBranchScheduler: lambda each: _branches(each) + _stable(each),
    Dependent: lambda each: f"a build set without failures of the scheduler {each.upstream.name}",
    Periodic: lambda each: f"its time, each {lasting(each.periodicBuildTimer)}",
    NightlyTriggerable: lambda each: "its time, if a step has triggered it before",
    Nightly: lambda each: "its time",
    Triggerable: lambda each: "a step that triggers it",
    TryBase: lambda each: "a job of buildbot try",
    ForceScheduler: lambda each: "a person who forces a build",
}


def waitsFor(scheduler: Any, known: Collection[object] | None = None) -> str:
    """The event that a scheduler waits for, in words; "" for a class of a plug-in.

    @param known: the schedulers that may be named; None: all.
    """
    if known is not None and isinstance(scheduler, Dependent) and scheduler.upstream not in known:
        return "a build set without failures of another scheduler"
    words = next((words for kind, words in _WAITS.items() if isinstance(scheduler, kind)), None)
    if words is None:
        return ""
    name = f"a question to a {type(scheduler).__name__}"
    found = attempt(type(scheduler), name, lambda: text(words(scheduler)))
    return found.words if isinstance(found, Unanswered) else found
