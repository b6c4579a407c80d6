# -*- test-case-name: tests.stories.test_webqueue -*-
"""The schedulers and the change sources: next builds, what each waits for, and the last look of pollers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.logger import Logger

from buildbot.changes.base import PollingChangeSource
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.schedulers.branches import AnyBranchScheduler, Scheduler
from buildbot.schedulers.forcesched import ForceScheduler
from buildbot.schedulers.timed import Nightly, NightlyTriggerable, Periodic
from buildbot.schedulers.triggerable import Triggerable
from buildbot.schedulers.trybase import TryBase
from buildbot.schedulers.upstream import Dependent
from buildbot.status.looks import Look
from buildbot.status.topics import BUILDS, CHANGES, MASTER, QUEUE
from buildbot.text.plural import counted
from buildbot.text.similar import closest
from buildbot.web.call import Call, Page, Part, Problem
from buildbot.web.markup import Markup, Value, join, link
from buildbot.web.pages.changes import changeTable
from buildbot.web.pages.pieces import facts, lasting, looks, paragraph, section, table, when
from buildbot.web.routes import Route

log = Logger()

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
        name = _name(each)
        rows.append(
            [
                link(call.to("schedulers", name), name),
                type(each).__name__,
                _waitsFor(call, each),
                join([_next(call, when) for when in _times(each)[:_TIMES]], ", "),
                _pending(each),
                _builders(call, _served(call, each)),
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
    known = {_name(each): each for each in call.world.status.getSchedulers()}
    name = call.values["scheduler"]
    if name not in known:
        near = closest(name, known)
        hint = f"Did you mean {near}?" if near else "The list of schedulers has all names."
        raise Problem(404, f"There is no scheduler {name}", hint=hint)
    found = known[name]
    builders = _served(call, found)
    return Page(
        name,
        [
            Part(
                "summary",
                facts(
                    ("Kind", type(found).__name__),
                    ("Waits for", _waitsFor(call, found)),
                    ("Next builds", join([_next(call, each) for each in _times(found)], ", ")),
                    ("Builders", join([_builder(call, each) for each in builders], ", ")),
                ),
            ),
            Part("pending", section("pending-title", "Pending changes", _changes(call, found))),
        ],
        topics=_TOPICS,
        ages=True,
        trail=(("Schedulers", call.to("schedulers")),),
    )


def _name(scheduler: Any) -> str:
    return str(getattr(scheduler, "name", "") or type(scheduler).__name__)


def _ask(scheduler: Any, question: str, otherwise: Any) -> Any:
    """The answer of a scheduler, which may be code of a plug-in."""
    try:
        return getattr(scheduler, question)()
    except PLUGIN_ERRORS:
        log.failure("scheduler {name} failed in {question}", name=_name(scheduler), question=question)
        return otherwise


def _served(call: Call, scheduler: Any) -> list[str]:
    """The builders of a scheduler that the visitor sees."""
    return [each for each in _ask(scheduler, "listBuilderNames", []) if call.sees(each)]


def _times(scheduler: Any) -> list[float]:
    """The times of the next builds, the next one first."""
    return sorted(each for each in _ask(scheduler, "getPendingBuildTimes", []) if each is not None)


def _next(call: Call, due: float) -> Markup:
    left = due - call.world.now()
    return join([when(due), f"(in {lasting(left)})" if left > 0 else "(now)"], " ")


def _pending(scheduler: Any) -> Value:
    """The number of changes that wait for a build."""
    return _ask(scheduler, "waitingChanges", "") or "" if hasattr(scheduler, "waitingChanges") else ""


def _builder(call: Call, name: str) -> Markup:
    return link(call.to("builders", name), name)


def _builders(call: Call, names: Iterable[str]) -> Markup:
    every = list(names)
    links: list[Value] = [_builder(call, name) for name in every[:_BUILDERS]]
    if len(every) > _BUILDERS:
        links.append(f"{len(every) - _BUILDERS} more")
    return join(links, ", ")


def _changes(call: Call, scheduler: Any) -> Markup:
    """The changes of the next build sets, each as a row."""
    sets = _ask(scheduler, "getPendingBuildsets", []) if hasattr(scheduler, "getPendingBuildsets") else []
    changes = [change.toRecord() for each in sets for change in each.getSourceStamp().changes]
    pending = int(_pending(scheduler) or 0)
    content: list[Value] = [paragraph(f"{counted(pending, 'change')} pending.")]
    if changes:
        content.append(changeTable(call, reversed(changes[-100:]), "Changes of the next build"))
    return join(content)


# what a scheduler waits for


def _stable(scheduler: Any) -> str:
    """The quiet time of a scheduler for changes."""
    seconds = scheduler.treeStableTimer
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
    """What a scheduler waits for, in words; "" for a class of a plug-in."""
    for kind, words in _WAITS.items():
        if isinstance(scheduler, kind):
            return words(scheduler)
    return ""


def _waitsFor(call: Call, scheduler: Any) -> str:
    """What a scheduler waits for; an upstream scheduler that the visitor does not see has no name."""
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
    described = _ask(source, "describe", "")
    kind = type(source).__name__
    if not isinstance(source, PollingChangeSource):
        return [described, kind, looks(_WATCHES), "", "", ""]
    look = _FAILS if source.failure else _WATCHES if source.lastPoll is None else _WORKS
    return [
        described,
        kind,
        looks(look),
        "not yet" if source.lastPoll is None else when(source.lastPoll),
        source.failure,
        source.found,
    ]


ROUTES = (
    Route("/schedulers", schedulers, "The schedulers and change sources: next builds, last looks, errors."),
    Route("/schedulers/{scheduler}", scheduler, "One scheduler: next builds, pending changes, builders."),
)
