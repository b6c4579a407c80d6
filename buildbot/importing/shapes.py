# -*- test-case-name: tests.unit.importing.test_shapes -*-
"""Make our records from the plain values in an old master's pickles.

Old releases lack attributes of later ones, and a damaged file may contain anything. So a value of a wrong
type counts as missing. This module reads no files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from buildbot.model.change import Change
from buildbot.model.properties import Properties
from buildbot.model.records import BuildRecord, BuildsetRecord, StepRecord, TestRecord, interrupt, overall
from buildbot.model.results import EXCEPTION, SKIPPED, Results
from buildbot.model.sourcestamp import PLACE, SourceStamp

#: The most results of single tests that a record keeps, as in a build of this release.
MOST_TESTS = 1000
_MOST_NUMBER = 10**12
#: The year 9999: dates have no later one.
_MOST_TIME = 253_000_000_000


class NotABuild(ValueError):
    """The values are not those of a build; str() says why."""


@dataclass(frozen=True)
class OldLog:
    """I am one log of an old step.

    @ivar step: the place of its step in the build.
    @ivar name: the name of the log.
    @ivar filename: its file in the directory of the builder; empty if it has none.
    @ivar html: its text, if the pickle has it.
    @ivar isHTML: True if the text is HTML.
    """

    step: int
    name: str
    filename: str = ""
    html: str | None = None
    isHTML: bool = False


@dataclass(frozen=True)
class OldBuild:
    """I am one old build: its record without logs, and the logs to copy."""

    record: BuildRecord
    logs: tuple[OldLog, ...] = ()


@dataclass(frozen=True)
class OldRequest:
    """I am one request of an old build set.

    @ivar results: one of L{buildbot.model.results}.
    @ivar build: the number of its last build; None if it has none.
    """

    id: int
    builder: str
    results: int
    build: int | None = None


@dataclass(frozen=True)
class OldSet:
    """I am one old build set, and its requests that are done."""

    record: BuildsetRecord
    requests: tuple[OldRequest, ...]


def buildOf(value: object, builder: str, number: int) -> OldBuild:
    """The build in the pickle of a C{BuildStatus}.

    @param builder: the name for its builder.
    @raise NotABuild: it is not a build, or it has not started.
    """
    if not isinstance(value, dict) or "started" not in value or "steps" not in value:
        raise NotABuild("it contains no build")
    started = _time(value["started"])
    if started is None:
        raise NotABuild("its build has not started")
    finished = _time(value.get("finished"))
    steps, logs = [], []
    text = list(_texts(value.get("text")))
    for place, each in enumerate(_dicts(value.get("steps"))):
        steps.append(_step(each, started))
        text += _texts(each.get("text2"))  # old masters add these words when they show the build
        logs += _logs(each, place)
    stamps = _stamps(value)
    properties = _properties(value.get("properties"))
    tests = tuple(_tests(value.get("testResults")))
    plain, sources = properties.divided("build")
    record = BuildRecord(
        builder,
        number,
        _text(value.get("slavename")),
        (),
        started,
        None if finished is None else max(started, finished),
        EXCEPTION if finished is None else _results(value.get("results")),
        tuple(text),
        _text(value.get("reason")),
        SourceStamp.together(stamps).toRecord() if stamps else None,
        plain,
        tuple(steps),
    ).altered(sources=sources, tests=tests[:MOST_TESTS], moreTests=max(0, len(tests) - MOST_TESTS))
    if finished is None:
        ends = [each.finished or each.started for each in steps]
        record = interrupt(record, max([started, *ends]))
    return OldBuild(record, tuple(logs))


def changesOf(value: object) -> list[Change]:
    """The changes in the pickle of a C{ChangeMaster}, with their numbers.

    @raise NotABuild: it is not a list of changes.
    """
    if not isinstance(value, dict) or not isinstance(value.get("changes"), list):
        raise NotABuild("it contains no list of changes")
    return [change for change in map(changeOf, _dicts(value["changes"])) if change.number is not None]


def changeOf(value: Mapping[str, Any]) -> Change:
    """The change in the pickle of a C{Change}."""
    number = _int(value.get("number"))
    change = Change(
        _text(value.get("who")),
        _texts(value.get("files")),
        _text(value.get("comments")),
        bool(value.get("isdir")),
        _texts(value.get("links")),
        _revision(value.get("revision")),
        _time(value.get("when")) or 0.0,
        _textOrNone(value.get("branch")),
        _textOrNone(value.get("category")),
        _text(value.get("revlink")),
        None,
        *(_text(value.get(name)) for name in ("repository", "project", "codebase")),
    )
    change.properties = _properties(value.get("properties"))
    return change.numbered(number) if number is not None and number > 0 else change


def setOf(
    number: int, values: Mapping[str, Any], stamps: Sequence[tuple[Mapping[str, Any], Sequence[Change]]]
) -> OldSet:
    """The build set in the rows of a database of 0.8, as far as its requests are done.

    @param values: the columns of the set; its C{properties}; and C{requests}, a list of their columns.
    @param stamps: the columns of the source stamp of each codebase, with C{patch}, and its changes.
    @raise NotABuild: it has no number.
    """
    if number <= 0:
        raise NotABuild("no build set can have this number")
    submitted = _time(values.get("submitted_at")) or 0.0
    requests, complete = [], submitted
    for each in _dicts(values.get("requests")):
        id, builder = _int(each.get("id")), _text(each.get("buildername"))
        if id and builder and each.get("complete"):
            results, build = _results(each.get("results")), _int(each.get("build"))
            requests.append(OldRequest(id, builder, results, build))
            complete = max(complete, _time(each.get("complete_at")) or 0.0)
    properties = _properties({"": "Properties", "properties": values.get("properties")})
    plain, _ = properties.divided("")
    sources = [_source(stamp, changes) for stamp, changes in stamps] or [SourceStamp()]
    record = BuildsetRecord(
        number,
        _text(values.get("reason")),
        SourceStamp.together(sources).toRecord(),
        submitted,
        {name: value for name, value in plain.items() if name != "scheduler"},
        _textOrNone(values.get("external_idstring")),
        _textOrNone(plain.get("scheduler")),
        overall([each.results for each in requests]),
        complete,
    )
    return OldSet(record, tuple(requests))


def builderName(value: object) -> str:
    """The name in the pickle of a C{BuilderStatus}; empty if it has none."""
    return _text(value.get("name")) if isinstance(value, dict) else ""


def _stamps(build: Mapping[str, Any]) -> list[SourceStamp]:
    """The source stamps of a build: 0.8.5 and later may have several, 0.7 has one."""
    several = _dicts(build.get("sources")) or _dicts([build.get("source")])
    if several:
        return [_stamp(each) for each in several]
    old = build.get("sourceStamp")  # of the earliest releases: branch, revision and patch
    changes = [changeOf(each) for each in _dicts(build.get("changes"))]
    if isinstance(old, list) and len(old) >= 2:
        return [SourceStamp(_textOrNone(old[0]), _revision(old[1]), None, changes)]
    return [SourceStamp(None, None, None, changes)] if changes else []


def _stamp(value: Mapping[str, Any]) -> SourceStamp:
    return _source(value, [changeOf(each) for each in _dicts(value.get("changes"))])


def _source(value: Mapping[str, Any], changes: Sequence[Change]) -> SourceStamp:
    place = {name: text for name in PLACE if (text := _text(value.get(name)))}
    branch, revision = _textOrNone(value.get("branch")), _revision(value.get("revision"))
    stamp = SourceStamp(branch, revision, _patch(value.get("patch")), changes)
    vars(stamp).update(place)  # the constructor takes those of the changes
    return stamp


def _patch(value: object) -> list[Any] | None:
    """The level, the text, and the directory if there is one."""
    if not isinstance(value, list) or len(value) < 2 or not isinstance(value[1], str):
        return None
    level = value[0] if type(value[0]) is int and 0 <= value[0] < 100 else 0
    return [level, value[1], *(each for each in value[2:3] if each and isinstance(each, str))]


def _step(value: Mapping[str, Any], buildStarted: float) -> StepRecord:
    """A step of a build. A step that never started gets the times of the build."""
    started = _time(value.get("started"))
    finished = _time(value.get("finished"))
    results = _results(value.get("results")) if finished is not None else None
    if value.get("skipped") and results is None:
        results, started = SKIPPED, started or buildStarted
    urls = value.get("urls")
    statistics = value.get("statistics")
    step = StepRecord(
        _text(value.get("name")) or "step",
        buildStarted if started is None else started,
        finished if finished is not None or results is None else started,
        results,
        _texts(value.get("text")),
        (),
        {name: _text(each) for name, each in urls.items() if name} or None
        if isinstance(urls, dict)
        else None,
        bool(value.get("hidden")),
    )
    if not isinstance(statistics, dict) or not statistics:
        return step
    return step.altered(statistics={name: each for name, each in statistics.items() if name})


def _logs(step: Mapping[str, Any], place: int) -> list[OldLog]:
    found = []
    for each in _dicts(step.get("logs")):
        html = each.get("html")
        isHTML = isinstance(html, str) or each.get("") == "HTMLLogFile"
        name = _text(each.get("name")) or "log"
        filename = _text(each.get("filename"))
        found.append(OldLog(place, name, filename, html if isinstance(html, str) else None, isHTML))
    return found


def _tests(value: object) -> list[TestRecord]:
    if not isinstance(value, dict):
        return []
    return [
        TestRecord(
            _texts(each.get("name")),
            _results(each.get("results")),
            _texts(each.get("text")),
            {name: _text(log) for name, log in each["logs"].items() if name}
            if isinstance(each.get("logs"), dict)
            else None,
        )
        for each in _dicts(list(value.values()))
    ]


def _properties(value: object) -> Properties:
    """Properties with their sources. The earliest releases have a dictionary without sources."""
    made = Properties()
    if not isinstance(value, dict):
        return made
    inner = value.get("properties") if value.get("") == "Properties" else value
    for name, each in inner.items() if isinstance(inner, dict) else ():
        if not name:
            continue
        if value.get("") == "Properties" and isinstance(each, list) and len(each) == 2:
            made.setProperty(name, each[0], _text(each[1]) or "unknown")
        else:
            made.setProperty(name, each, "unknown")
    return made


def _results(value: object) -> int:
    """A result. Old steps keep it in a tuple with words. An unknown result counts as EXCEPTION."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if type(value) is int and 0 <= value < len(Results) else EXCEPTION


def _time(value: object) -> float | None:
    """A time in seconds; None if it is missing. Old masters write 0 for "not yet"."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) and 0 < value < _MOST_TIME else None


def _int(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < _MOST_NUMBER else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _textOrNone(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _revision(value: object) -> str | None:
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
