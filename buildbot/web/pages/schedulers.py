# -*- test-case-name: tests.stories.test_webqueue -*-
"""The schedulers and the change sources: next builds, what each waits for, and the last look of pollers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from buildbot.changes.base import PollingChangeSource
from buildbot.schedulers.branches import AnyBranchScheduler, Scheduler
from buildbot.schedulers.forcesched import ForceScheduler
from buildbot.schedulers.timed import Nightly, NightlyTriggerable, Periodic
from buildbot.schedulers.triggerable import Triggerable
from buildbot.schedulers.trybase import TryBase
from buildbot.schedulers.upstream import Dependent
from buildbot.status.asking import Unanswered, ask, attempt, count, number, orNone, text, time
from buildbot.status.looks import Look
from buildbot.status.topics import BUILDS, CHANGES, MASTER, QUEUE
from buildbot.text.plural import counted
from buildbot.text.similar import closest
from buildbot.web.call import Call, Page, Part, Problem
from buildbot.web.markup import NOTHING, Markup, Value, join, link
from buildbot.web.pages.changes import changeTable
from buildbot.web.pages.pieces import facts, lasting, looks, paragraph, section, table, when, whole
from buildbot.web.plugins import buildersOf, cell, nameOf, timesOf
from buildbot.web.routes import Route

#: The most builders of a scheduler that the list names.
_BUILDERS = 10
#: The most times of a scheduler that the list shows.
_TIMES = 3
_WORKS = Look("works", "check", "✓", "green", "success")
_FAILS = Look("fails", "cross", "✗", "red", "failure")
_WATCHES = Look("watches", "full circle", "●", "white", "idle")
_TOPICS = (MASTER, CHANGES, QUEUE, BUILDS)


def schedulers(call: Call) -> Page:
    """All schedulers, and all change sources."""
    rows: list[list[Value]] = []
    for each in call.world.status.getSchedulers():
        name = nameOf(each)
        rows.append(
            [
                link(call.to("schedulers", name), name),
                whole(type(each).__name__),
                _waitsFor(call, each),
                _times(call, each, _TIMES),
                cell(_pending(each), lambda found: found or ""),
                cell(buildersOf(each), lambda found: _builders(call, found)),
            ]
        )
    heads = ("Scheduler", "Kind", "Waits for", "Next builds", "Pending changes", "Builders")
    listed = table("Schedulers", heads, rows) if rows else paragraph("There are no schedulers.")
    return Page(
        "Schedulers",
        [
            Part("schedulers", listed),
            Part("sources", section("sources-title", "Change sources", _sources(call))),
        ],
        topics=_TOPICS,
        ages=True,
    )


def scheduler(call: Call) -> Page:
    """One scheduler."""
    known = {nameOf(each): each for each in call.world.status.getSchedulers()}
    name = call.values["scheduler"]
    if name not in known:
        near = closest(name, known)
        hint = f"Did you mean {near}?" if near else "The list of schedulers has all names."
        raise Problem(404, f"There is no scheduler {name}", hint=hint)
    found = known[name]
    return Page(
        name,
        [
            Part(
                "summary",
                facts(
                    ("Kind", type(found).__name__),
                    ("Waits for", _waitsFor(call, found)),
                    ("Next builds", _times(call, found)),
                    ("Builders", cell(buildersOf(found), lambda names: _builders(call, names, len(names)))),
                ),
            ),
            Part("pending", section("pending-title", "Pending changes", _changes(call, found))),
        ],
        topics=_TOPICS,
        ages=True,
        trail=(("Schedulers", call.to("schedulers")),),
    )


def _times(call: Call, scheduler: object, most: int | None = None) -> Value:
    """The times of the next builds, the next one first."""
    return cell(timesOf(scheduler), lambda found: join([_next(call, each) for each in found[:most]], ", "))


def _next(call: Call, due: float) -> Markup:
    left = due - call.world.now()
    return join([when(round(due)), f"(in {lasting(left)})" if left > 0 else "(now)"], " ")


def _pending(scheduler: object) -> int | Unanswered:
    """The number of changes that wait for a build."""
    return ask(scheduler, "waitingChanges", count) if hasattr(type(scheduler), "waitingChanges") else 0


def _builder(call: Call, name: str) -> Markup:
    return link(call.to("builders", name), name)


def _builders(call: Call, names: Iterable[str], most: int = _BUILDERS) -> Markup:
    """Links to the builders that the visitor sees."""
    every = [each for each in names if call.sees(each)]
    links: list[Value] = [_builder(call, name) for name in every[:most]]
    if len(every) > most:
        links.append(f"{len(every) - most} more")
    return join(links, ", ")


def _changes(call: Call, scheduler: object) -> Markup:
    """The changes of the next build sets, each as a row."""
    content: list[Value] = [
        paragraph(cell(_pending(scheduler), lambda found: f"{counted(found, 'change')} pending."))
    ]
    if hasattr(type(scheduler), "getPendingBuildsets"):
        found = ask(scheduler, "getPendingBuildsets", _records)
        content.append(cell(found, lambda changes: _changeTable(call, changes)))
    return join(content)


def _records(sets: Any) -> list[dict[str, Any]]:
    return [change.toRecord() for each in sets for change in each.getSourceStamp().changes]


def _changeTable(call: Call, changes: Sequence[dict[str, Any]]) -> Markup:
    if not changes:
        return NOTHING
    return changeTable(call, reversed(changes[-100:]), "Changes of the next build")


# what a scheduler waits for


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


def waitsFor(scheduler: Any) -> str:
    """The event that a scheduler waits for, in words; "" for a class of a plug-in."""
    words = next((words for kind, words in _WAITS.items() if isinstance(scheduler, kind)), None)
    if words is None:
        return ""
    name = f"a question to a {type(scheduler).__name__}"
    found = attempt(type(scheduler), name, lambda: text(words(scheduler)))
    return found.words if isinstance(found, Unanswered) else found


def _waitsFor(call: Call, scheduler: Any) -> str:
    """The event that a scheduler waits for. A hidden upstream scheduler is not named."""
    if isinstance(scheduler, Dependent) and scheduler.upstream not in call.world.status.getSchedulers():
        return "a build set without failures of another scheduler"
    return waitsFor(scheduler)


# change sources


def _sources(call: Call) -> Markup:
    rows = [_source(call, each) for each in call.world.master.sources()]
    if not rows:
        return paragraph("There are no change sources.")
    heads = ("Source", "Kind", "State", "Last look", "Error", "Changes since its start")
    return table("Change sources", heads, rows)


def _source(call: Call, source: Any) -> list[Value]:
    described = cell(ask(source, "describe", text), lambda said: said)
    kind = whole(type(source).__name__)
    if not isinstance(source, PollingChangeSource):
        return [described, kind, looks(_WATCHES), "", "", ""]
    failure = cell(ask(source, "failure", text), lambda said: said)
    last = ask(source, "lastPoll", orNone(time))
    look = _FAILS if failure else _WATCHES if last is None else _WORKS
    return [
        described,
        kind,
        looks(look),
        cell(last, lambda then: "not yet" if then is None else when(then)),
        failure,
        cell(ask(source, "found", orNone(count)), lambda found: found),
    ]


ROUTES = (
    Route("/schedulers", schedulers, "The schedulers and change sources: next builds, last looks, errors."),
    Route("/schedulers/{scheduler}", scheduler, "One scheduler: next builds, pending changes, builders."),
)
