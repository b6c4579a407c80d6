# -*- test-case-name: tests.unit.config.test_triggers -*-
"""The rules for steps that trigger schedulers: the schedulers exist, and no build waits for itself.

A name that a build fills in is known only then; the step fails if there is no such scheduler.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from buildbot.config.arguments import isMisconfigured
from buildbot.config.builders import locksOf
from buildbot.config.messages import Raw, Report, entries, listing, nearest
from buildbot.config.model import ConfigError
from buildbot.config.optional import TriggersSchedulers
from buildbot.config.standins import isStandIn


def triggerErrors(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield an error for each triggered scheduler that does not exist, or that no step can trigger."""
    schedulers = entries(raw, "schedulers")
    if any(isStandIn(each) or isMisconfigured(each) for each in schedulers):
        return  # their names are unknown
    named = {getattr(each, "name", None): each for each in schedulers}
    able = [name for name, each in named.items() if isinstance(name, str) and _isTriggerable(each)]
    for index, entry in enumerate(entries(raw, "builders")):
        say = report.item(raw, "builders", index)
        for step, names, _ in _triggersOf(entry):
            for name in [each for each in names if each not in able]:
                title = f"builder {_nameOf(entry)!r}: step {step!r} triggers scheduler {name!r}"
                if name in named:
                    told = f"a {type(named[name]).__name__}, which no step can trigger: make it a Triggerable"
                    yield say(f"{title}, {told}")
                else:
                    told = f"which is not in c['schedulers']{nearest(name, able)}"
                    yield say(f"{title}, {told}; schedulers that can be triggered: {listing(able)}")


def triggerDoubts(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield a warning for each builder whose builds would wait for ever, because they need one slave.

    L{lockDoubts} is for those that need one lock.
    """
    waits = _waits(raw)
    if not waits:
        return
    slaves = {_nameOf(entry): _onlySlave(entry) for entry in entries(raw, "builders")}
    limits = dict(_limits(raw))
    for index, entry in enumerate(entries(raw, "builders")):
        name = _nameOf(entry)
        slave = slaves.get(name)
        if slave is None:
            continue
        near = {one: [each for each in others if slaves.get(each) == slave] for one, others in waits.items()}
        chain = _longest(name, near)
        repeats = len(set(chain)) < len(chain)
        if len(chain) < 2 or not (repeats or len(chain) > limits.get(slave, len(chain))):
            continue
        most = "" if repeats else f", and slave {slave!r} runs {limits[slave]} at a time (max_builds)"
        yield report.item(raw, "builders", index)(
            f"builder {name!r} waits for builds that need its own slave, so it would wait for ever:"
            f" {' waits for '.join(map(repr, chain))}{most}"
        )


def lockDoubts(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield a warning for each lock that a builder holds while it waits for a build that needs it, too."""
    waits = _waits(raw)
    if not waits:
        return
    builders = {_nameOf(entry): entry for entry in entries(raw, "builders") if isinstance(entry, dict)}
    for index, entry in enumerate(entries(raw, "builders")):
        name = _nameOf(entry)
        for other in _below(name, waits) if name in waits else ():
            below = builders.get(other, {})
            needed = [*locksOf(below.get("locks"), below.get("factory"))]
            for lock in locksOf(builders[name].get("locks"), None):
                if lock in needed and _isForOne(lock, _onlySlave(entry), _onlySlave(below)):
                    yield report.item(raw, "builders", index)(
                        f"builder {name!r} holds lock {getattr(lock, 'name', '')!r} while it waits for"
                        f" {other!r}, which needs it, so it would wait for ever"
                    )


def _isForOne(lock: object, slave: str | None, other: str | None) -> bool:
    """True if builds on these two slaves cannot hold a lock at the same time."""
    most = getattr(lock, "maxCount", None)
    counts = getattr(lock, "maxCountForSlave", None)
    if isinstance(counts, Mapping):
        return slave is not None and slave == other and counts.get(slave, most) == 1
    return most == 1


def _below(name: str, waits: Mapping[str, Sequence[str]]) -> list[str]:
    """The builders that a builder waits for, directly or not."""
    found: dict[str, None] = {}
    todo = list(waits.get(name, ()))
    while todo:
        other = todo.pop(0)
        if other not in found:
            found[other] = None
            todo += waits.get(other, ())
    return list(found)


class _Circle(Exception):
    """Some builders wait for each other."""


def _longest(name: str, waits: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The longest chain of builders that wait for each other; or one whose last builder comes twice."""
    known: dict[str, tuple[str, ...]] = {}

    def below(name: str, before: tuple[str, ...]) -> tuple[str, ...]:
        chain = (*before, name)
        if name in before:
            raise _Circle(chain)
        if name not in known:
            chains = [below(each, chain) for each in waits.get(name, ())]
            known[name] = (name, *max(chains, key=len, default=()))
        return known[name]

    try:
        return below(name, ())
    except _Circle as circle:
        chain: tuple[str, ...] = circle.args[0]
        return chain


def _waits(raw: Raw) -> dict[str, list[str]]:
    """The builders that each builder waits for."""
    builders: dict[str, list[str]] = {}
    for scheduler in entries(raw, "schedulers"):
        names = getattr(scheduler, "builderNames", ())
        if _isTriggerable(scheduler) and not _buildsLater(scheduler) and isinstance(names, (list, tuple)):
            builders[str(getattr(scheduler, "name", ""))] = [each for each in names if isinstance(each, str)]
    found: dict[str, list[str]] = {}
    if not builders:
        return found
    for entry in entries(raw, "builders"):
        for _, names, isWaiting in _triggersOf(entry):
            if isWaiting:
                found.setdefault(_nameOf(entry), []).extend(
                    each for name in names for each in builders.get(name, ())
                )
    return found


def _triggersOf(entry: object) -> Sequence[tuple[str, Sequence[str], bool]]:
    factory: Any = entry.get("factory") if isinstance(entry, dict) else None
    if isinstance(factory, type) or not hasattr(factory, "triggered"):
        return ()
    triggering: TriggersSchedulers = factory
    return triggering.triggered()


def _isTriggerable(scheduler: object) -> bool:
    return callable(getattr(scheduler, "trigger", None))


def _buildsLater(scheduler: object) -> bool:
    """True for a scheduler with times of its own: a step does not wait for its builds."""
    return hasattr(scheduler, "isRunTime")


def _nameOf(entry: object) -> str:
    return str(entry.get("name", "")) if isinstance(entry, dict) else ""


def _onlySlave(entry: object) -> str | None:
    """The slave of a builder that has only one."""
    if not isinstance(entry, dict):
        return None
    several: Any = entry.get("slavenames")
    names = {entry.get("slavename"), *(several if isinstance(several, (list, tuple)) else ())} - {None}
    only = names.pop() if len(names) == 1 else None
    return only if isinstance(only, str) else None


def _limits(raw: Raw) -> Iterator[tuple[str, int]]:
    """Yield the slaves with a limit of builds at a time."""
    for entry in entries(raw, "bots"):
        if isinstance(entry, (list, tuple)) and len(entry) == 3 and isinstance(entry[2], Mapping):
            most = entry[2].get("max_builds")
            if isinstance(entry[0], str) and isinstance(most, int):
                yield entry[0], most
