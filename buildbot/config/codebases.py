# -*- test-case-name: tests.unit.config.test_codebases -*-
"""The rule for source steps whose codebase no build has: such a step is skipped in silence.

A codebase that a step gets in its own code is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from buildbot.config.arguments import isMisconfigured
from buildbot.config.messages import Raw, Report, entries, listing, nearest
from buildbot.config.model import ConfigError
from buildbot.config.standins import isStandIn

#: The modules of source steps that get their codebase by their argument alone.
_SOURCE_STEPS = "buildbot.steps.source"


def codebaseDoubts(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield a warning for each source step whose codebase no scheduler of its builder has."""
    schedulers = entries(raw, "schedulers")
    if any(isStandIn(each) or isMisconfigured(each) for each in schedulers):
        return
    named = [(_buildersOf(each), _codebasesOf(each)) for each in schedulers]
    every = {name for _, names in named for name in names}
    for index, entry in enumerate(entries(raw, "builders")):
        builder = entry.get("name") if isinstance(entry, dict) else None
        mine = [names for builders, names in named if builder in builders]
        if not any(mine):
            continue
        # a scheduler without codebases builds what others have built, or a source without a name
        known = set().union(*(names or {*every, ""} for names in mine))
        say = report.item(raw, "builders", index)
        for step, codebase in _sourceSteps(entry):
            if codebase not in known:
                told = f"the codebase {codebase!r}{nearest(codebase, known)}" if codebase else "no codebase"
                has = f"the builds of {builder!r} have the codebases {listing(sorted(filter(None, known)))}"
                yield say(f"builder {builder!r}: step {step} gets {told}; {has}: it is skipped in them")


def _buildersOf(scheduler: object) -> list[object]:
    names = getattr(scheduler, "builderNames", None)
    return list(names) if isinstance(names, (list, tuple)) else []


def _codebasesOf(scheduler: object) -> set[str]:
    """The names of the codebases that a scheduler has; empty if it has none, or only one without a name."""
    given: Any = getattr(getattr(scheduler, "choice", None), "codebases", None)
    if not isinstance(given, Mapping):
        given = getattr(scheduler, "codebases", None)
    if not isinstance(given, (Mapping, list, tuple)):
        return set()
    names = {getattr(each, "codebase", each) for each in given}
    return set() if names == {""} else {each for each in names if isinstance(each, str)}


def _sourceSteps(entry: Any) -> Iterator[tuple[str, str]]:
    """The name of the class and the codebase of each source step of a builder, where it is known."""
    steps = getattr(entry.get("factory"), "steps", None)
    for each in steps if isinstance(steps, (list, tuple)) else ():
        if isinstance(each, tuple) and len(each) == 2 and isinstance(each[1], Mapping):
            made, given = each
            isOurs = str(getattr(made, "__module__", "")).startswith(_SOURCE_STEPS)
            codebase = given.get("codebase", "" if isOurs else None)
            if isinstance(codebase, str) and hasattr(made, "startVC"):
                yield made.__name__, codebase
