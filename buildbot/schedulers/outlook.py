# -*- test-case-name: tests.unit.schedulers.test_outlook -*-
"""What each scheduler waits for, and when it builds next, for people. A plug-in that fails breaks nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from buildbot.config.model import BuilderConfig
from buildbot.schedulers.branches import AnyBranchScheduler, Scheduler
from buildbot.schedulers.forcesched import ForceScheduler
from buildbot.schedulers.timed import Nightly, NightlyTriggerable, Periodic
from buildbot.schedulers.triggerable import Triggerable
from buildbot.schedulers.trybase import TryBase
from buildbot.schedulers.upstream import Dependent
from buildbot.status.asking import Unanswered, ask, attempt, count, number, otherwise, text, texts, times
from buildbot.text.lasting import settingOf

#: The most times of one scheduler that are told.
_TIMES = 10


def reportSchedulers(
    schedulers: Iterable[object], builders: Mapping[str, BuilderConfig]
) -> list[dict[str, Any]]:
    """Schedulers as plain values, in their order; docs/reference/control-socket explains the keys.

    @param schedulers: those that may be named.
    @param builders: the configured builders that may be named.
    """
    known, triggers = list(schedulers), triggersOf(builders)
    return [_report(each, known, builders, triggers.get(nameOf(each), [])) for each in known]


def _report(
    scheduler: object, known: Collection[object], builders: Collection[str], triggeredBy: list[str]
) -> dict[str, Any]:
    due = otherwise(timesOf(scheduler), [])
    upstream = scheduler.upstream if isinstance(scheduler, Dependent) else None
    return {
        "name": nameOf(scheduler),
        "kind": type(scheduler).__name__,
        "builders": [name for name in otherwise(buildersOf(scheduler), []) if name in builders],
        "due": min(due, default=None),
        "times": due[:_TIMES],
        "waitsFor": waitsFor(scheduler, known),
        "pending": otherwise(pendingOf(scheduler), 0),
        "upstream": nameOf(upstream) if upstream in known else None,
        "triggeredBy": triggeredBy,
    }


def triggersOf(builders: Mapping[str, BuilderConfig]) -> dict[str, list[str]]:
    """The builders that trigger each scheduler. A name that a build fills in is not known."""
    found: dict[str, list[str]] = {}
    for name, builder in builders.items():
        triggered = getattr(builder.factory, "triggered", None)
        if triggered is None:
            continue
        steps = attempt(type(builder.factory), f"the factory of builder {name}", triggered)
        for scheduler in {each for _, names, _ in otherwise(steps, ()) for each in names}:
            found.setdefault(scheduler, []).append(name)
    return found


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
    return f", then for {settingOf(seconds)} without another one" if seconds else ""


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
    Periodic: lambda each: f"its time, each {settingOf(each.periodicBuildTimer)}",
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
