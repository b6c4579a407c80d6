# -*- test-case-name: tests.unit.scripts.test_show -*-
"""The command C{show}: one build as a whole, with its steps, changes and properties.

Texts from slaves and committers are escaped: they cannot control the terminal.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from buildbot.model.results import Results
from buildbot.scripts.buildname import Wanted, readings
from buildbot.scripts.builds import gotRevision, partsOf
from buildbot.scripts.looking import look
from buildbot.scripts.output import CommandFailed, Config, say, sayJSON
from buildbot.scripts.tables import (
    brief,
    duration,
    factLines,
    moment,
    name,
    outcome,
    shortened,
    size,
    stepOutcome,
    table,
    terminalWidth,
)
from buildbot.text.plural import counted
from buildbot.text.printable import plainLine

_STEPS = ("STEP", "RESULT", "TOOK", "LOGS")
_CHANGES = ("CHANGE", "WHO", "REVISION", "CODEBASE", "COMMENTS")
_PROPERTIES = ("PROPERTY", "VALUE", "SOURCE")
#: The most characters of a result, of a comment and of a property in a table.
_ROOM = 60
#: The most tests that are named.
_TESTS = 20


def show(config: Config) -> int:
    """Print one build. Status 0, whatever its result; fails if it does not exist."""
    build = _find(config, str(config["path"]))
    if not sayJSON(config, build):
        say(config, *showPage(build, time.time(), terminalWidth()))
    return 0


def _find(config: Config, path: str) -> Mapping[str, Any]:
    """The build that is named BUILDER/NUMBER, or the newest build of a builder."""
    trouble: CommandFailed | None = None
    for one in readings(path):
        if not one.rest:
            try:
                return _ask(config, one, trouble is not None)
            except CommandFailed as why:
                trouble = trouble or why
    try:
        said: Any = look(config, "builds", {"builder": path, "count": 1}, trouble is not None)
    except CommandFailed as why:
        raise trouble or why from None
    found = [*said["running"], *said["finished"]]
    if not found:
        raise CommandFailed(f"{path} has no build yet")
    return _ask(config, Wanted(path, max(each["number"] for each in found), ""), True)


def _ask(config: Config, one: Wanted, again: bool) -> Mapping[str, Any]:
    said: Any = look(config, "build", {"builder": one.builder, "number": one.number}, again)
    return dict(said)


def showPage(build: Mapping[str, Any], now: float, room: int | None = None) -> list[str]:
    """Format one build.

    @param room: the width of the terminal.
    """
    parts = [
        factLines(_facts(build, now), room),
        _steps(build, room),
        _changes(build, room),
        _tests(build),
        _properties(build, room),
    ]
    lines: list[str] = []
    for part in filter(None, parts):
        lines += [*([""] if lines else []), *part]
    return lines


def _facts(build: Mapping[str, Any], now: float) -> list[tuple[str, str | None]]:
    isOver = build["finished"] is not None
    took = build["finished"] - build["started"] if isOver else build.get("lasts", now - build["started"])
    eta = build.get("eta")
    source = build.get("sourcestamp") or {}
    return [
        ("build", name(build)),
        ("result", outcome(build) if build["result"] else "running"),
        ("slave", build["slave"]),
        ("began", moment(build["started"])),
        ("took" if isOver else "running for", duration(took) if isOver or took else None),
        ("to go", None if eta is None else f"about {duration(eta)}"),
        ("note", build.get("note")),
        ("reason", build["reason"]),
        ("who", _who(build)),
        *(_ofSource(build, source) if not build.get("beside") else _ofSources(build, source)),
        ("requests", ", ".join(map(str, build["requests"]))),
        ("incomplete", build.get("logTrouble")),
    ]


def _ofSource(build: Mapping[str, Any], source: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """The source of a build with one codebase."""
    return [
        ("branch", build["branch"]),
        ("revision", _revision(build)),
        *((key, build.get(key)) for key in ("project", "repository", "codebase")),
        ("patch", "the source is patched" if source.get("patch") else None),
    ]


def _ofSources(build: Mapping[str, Any], source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The sources of several codebases, one in a line."""
    patches = [each.get("patch") for each in (source, *(source.get("beside") or ()))]
    for part, patch in zip(partsOf(build), patches, strict=False):
        facts = [
            None if part["branch"] is None else f"branch {part['branch']}",
            None if (found := _revision(part)) is None else f"revision {found}",
            *(part.get(key) or None for key in ("project", "repository")),
            "patched" if patch else None,
        ]
        told = ", ".join(filter(None, facts)) or "latest"
        yield "codebase", f"{part.get('codebase') or 'without a name'}: {told}"


def _who(build: Mapping[str, Any]) -> str:
    """The authors of the changes, or the person who has asked for the build."""
    changes = _changesOf(build)
    authors = list(dict.fromkeys(str(each.get("who") or "") for each in changes))
    properties = build.get("properties") or {}
    return ", ".join(filter(None, authors or [str(properties.get("owner") or "")]))


def _changesOf(build: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The changes of all codebases."""
    source = build.get("sourcestamp") or {}
    sources = (source, *(source.get("beside") or ()))
    return [change for each in sources for change in each.get("changes") or ()]


def _revision(build: Mapping[str, Any]) -> str | None:
    """The revision that the slave found, and the one that was asked for if it is another."""
    asked, got = build["revision"], gotRevision(build)
    if got is None or got == asked:
        return None if asked is None else str(asked)
    return str(got) if asked is None else f"{got} ({asked} was asked for)"


def _steps(build: Mapping[str, Any], room: int | None) -> list[str]:
    rows = [
        [
            plainLine(step["name"]),
            shortened(stepOutcome(step), _ROOM),
            "" if step["finished"] is None else duration(step["finished"] - step["started"]),
            ", ".join(map(_log, step["logs"])),
        ]
        for step in build["steps"]
    ]
    links = [
        plainLine(f"{step['name']}: {key}: {url}")
        for step in build["steps"]
        for key, url in (step.get("urls") or {}).items()
    ]
    return [*table(_STEPS, rows, room), *links] if rows else ["no step has begun"]


def _log(log: Mapping[str, Any]) -> str:
    length = log.get("length")
    told = ["growing" if length is None else size(length)] + ["incomplete"] * bool(log.get("trouble"))
    return f"{log['name']} ({', '.join(told)})"


def _changes(build: Mapping[str, Any], room: int | None) -> list[str]:
    """A table of the changes; with their codebases, if the build has several."""
    isSeveral = bool(build.get("beside"))
    rows = [
        [
            "" if each.get("number") is None else str(each["number"]),
            shortened(str(each.get("who") or ""), _ROOM),
            brief(each.get("revision") or "-"),
            *([shortened(str(each.get("codebase") or ""), _ROOM)] if isSeveral else []),
            shortened((str(each.get("comments") or "").strip().splitlines() or [""])[0], _ROOM),
        ]
        for each in _changesOf(build)
    ]
    heads = [each for each in _CHANGES if isSeveral or each != "CODEBASE"]
    return table(heads, rows, room) if rows else []


def _tests(build: Mapping[str, Any]) -> list[str]:
    """The number of tests, and the names of those that were not successful."""
    tests = build.get("tests") or ()
    if not tests:
        return []
    bad = [each for each in tests if each["results"] not in (0, 3)]
    more = build.get("moreTests") or 0
    lines = [f"{counted(len(tests) + more, 'test')}, {len(bad)} not successful"]
    lines += [f"  {plainLine('.'.join(each['name']))}: {_result(each['results'])}" for each in bad[:_TESTS]]
    return lines + ([f"  {len(bad) - _TESTS} more"] if len(bad) > _TESTS else [])


def _result(results: int) -> str:
    return Results[results] if 0 <= results < len(Results) else str(results)


def _properties(build: Mapping[str, Any], room: int | None) -> list[str]:
    """The properties; none for a visitor of another machine's master who may not see them."""
    properties, sources = build.get("properties") or {}, build.get("sources") or {}
    rows: list[Sequence[str]] = [
        (key, shortened(_value(value), _ROOM), str(sources.get(key) or ""))
        for key, value in sorted(properties.items())
    ]
    return table(_PROPERTIES, rows, room) if rows else []


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
