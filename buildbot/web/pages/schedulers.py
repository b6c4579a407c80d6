# -*- test-case-name: tests.stories.test_webqueue -*-
"""The schedulers and the change sources: next builds, what each waits for, and the last look of pollers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from buildbot.changes.base import PollingChangeSource
from buildbot.schedulers.outlook import buildersOf, nameOf, pendingOf, timesOf, triggersOf, waitsFor
from buildbot.status.asking import ask, count, orNone, text, time
from buildbot.status.looks import Look
from buildbot.status.topics import BUILDS, CHANGES, MASTER, QUEUE
from buildbot.text.lasting import lasting
from buildbot.text.plural import counted
from buildbot.text.similar import closest
from buildbot.web.call import Call, Page, Part, Problem
from buildbot.web.markup import NOTHING, Markup, Value, join, link
from buildbot.web.pages.changes import changeTable
from buildbot.web.pages.pieces import RENEWAL, facts, looks, paragraph, section, table, when, whole
from buildbot.web.plugins import cell
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
                cell(pendingOf(each), lambda found: found or ""),
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
        renews=RENEWAL,
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
    triggers = triggersOf(call.world.config.builders).get(name, [])
    return Page(
        name,
        [
            Part(
                "summary",
                facts(
                    ("Kind", type(found).__name__),
                    ("Waits for", _waitsFor(call, found)),
                    ("Codebases", _codebases(found)),
                    ("Triggered by", _builders(call, triggers, len(triggers))),
                    ("Next builds", _times(call, found)),
                    ("Builders", cell(buildersOf(found), lambda names: _builders(call, names, len(names)))),
                ),
            ),
            Part("pending", section("pending-title", "Pending changes", _changes(call, found))),
        ],
        topics=_TOPICS,
        ages=True,
        renews=RENEWAL,
        trail=(("Schedulers", call.to("schedulers")),),
    )


def _codebases(scheduler: object) -> str:
    """The names of the codebases that a scheduler has; empty if it has none, or is of another kind."""
    named = getattr(getattr(scheduler, "choice", None), "codebases", None)
    return ", ".join(filter(None, named)) if isinstance(named, Mapping) else ""


def _times(call: Call, scheduler: object, most: int | None = None) -> Value:
    """The times of the next builds, the next one first."""
    return cell(timesOf(scheduler), lambda found: join([_next(call, each) for each in found[:most]], ", "))


def _next(call: Call, due: float) -> Markup:
    left = due - call.world.now()
    return join([when(round(due)), f"(in {lasting(left)})" if left > 0 else "(now)"], " ")


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
        paragraph(cell(pendingOf(scheduler), lambda found: f"{counted(found, 'change')} pending."))
    ]
    if hasattr(type(scheduler), "getPendingBuildsets"):
        found = ask(scheduler, "getPendingBuildsets", _records)
        content.append(cell(found, lambda changes: _changeTable(call, changes)))
    return join(content)


def _records(sets: Any) -> list[dict[str, Any]]:
    return [change.toRecord() for each in sets for change in each.getSourceStamp().allChanges()]


def _changeTable(call: Call, changes: Sequence[dict[str, Any]]) -> Markup:
    if not changes:
        return NOTHING
    return changeTable(call, reversed(changes[-100:]), "Changes of the next build")


def _waitsFor(call: Call, scheduler: Any) -> str:
    """The event that a scheduler waits for. A hidden upstream scheduler is not named."""
    return waitsFor(scheduler, call.world.status.getSchedulers())


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
