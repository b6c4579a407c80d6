# -*- test-case-name: tests.unit.web.feeds.test_json08 -*-
"""The shapes of C{/json} of Buildbot 0.8, made of values.

Each function returns an object with the keys of 0.8.14. The caller finds the values: nothing is read here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from buildbot.text.urls import struckJSON

JSON_TYPE, TEXT_TYPE = b"application/json", b"text/plain; charset=utf-8"
#: The most paths of C{select=} in one question.
MOST_SELECTED = 100

Json = dict[str, object]
#: The value of a missing resource in an answer with several resources.
MISSING = {"error": "Not available"}
#: The start and the end, in seconds since 1970; None: not yet.
Times: TypeAlias = "tuple[float | None, float | None]"
#: Names and URLs of logs.
Logs = Sequence[tuple[str, str]]


class BadFlag(ValueError):
    """A parameter of the address is wrong or not supported; my text says what to do."""


@dataclass(frozen=True)
class Flags:
    """I say how to write an answer.

    @ivar asText: as indented text for people.
    @ivar isCompact: without blanks.
    @ivar isFiltered: without null, false and empty values.
    @ivar select: paths of the wanted resources, below that of the address.
    """

    asText: bool = False
    isCompact: bool = True
    isFiltered: bool = False
    select: tuple[str, ...] = ()

    @property
    def contentType(self) -> bytes:
        """The type of the answer."""
        return TEXT_TYPE if self.asText else JSON_TYPE


def flags(parameters: Mapping[str, Sequence[str]]) -> Flags:
    """The flags C{as_text}, C{compact}, C{filter} and C{select} in the parameters. Others are ignored.

    @raise BadFlag: there is C{callback}, or there are too many paths.
    """
    if "callback" in parameters:
        raise BadFlag(
            "callback= is not supported, because it would run this answer as a script: "
            "read the JSON with fetch() instead"
        )
    select = tuple(each.strip("/") for each in parameters.get("select", ()))
    if len(select) > MOST_SELECTED:
        raise BadFlag(f"select= is there {len(select)} times: ask for at most {MOST_SELECTED} paths at once")
    asText = _isSet(parameters, "as_text", False)
    return Flags(
        asText,
        _isSet(parameters, "compact", not asText),
        _isSet(parameters, "filter", asText),
        select,
    )


def written(value: object, flags: Flags) -> bytes:
    """An answer as bytes. Keys are sorted."""
    shown = filtered(value) if flags.isFiltered else value
    if flags.isCompact:
        return struckJSON(shown, sort_keys=True, separators=(",", ":")).encode()
    return (struckJSON(shown, sort_keys=True, indent=2) + "\n").encode()


def filtered(value: object) -> object:
    """The value without null, false and empty ones in objects. A list of only such values is None.

    Numbers stay: a result of 0 is a success.
    """
    if isinstance(value, Mapping):
        pairs = ((key, filtered(each)) for key, each in value.items())
        return {key: each for key, each in pairs if not _isEmpty(each)}
    if isinstance(value, (list, tuple)):
        items = [filtered(each) for each in value]
        return None if all(map(_isEmpty, items)) else items
    return value


def numbered(values: Mapping[int | None, object]) -> Json:
    """Values by their numbers. 0.8 sends an object instead of a list."""
    return {str(number): value for number, value in values.items()}


def selected(found: Iterable[tuple[str, object]]) -> Json:
    """One answer of several resources, by path: C{("builders/a", x)} becomes C{{"builders": {"a": x}}}."""
    answer: Json = {}
    for path, value in found:
        if not path:  # the resource of the address itself: the keys of the others stand beside its keys
            answer.update(value if isinstance(value, dict) else {})
            continue
        *folders, last = path.split("/")
        place = answer
        for each in folders:
            below = place.get(each)
            if not isinstance(below, dict):
                below = place[each] = {}
            place = below
        present = place.get(last)
        if isinstance(present, dict) and isinstance(value, dict):
            value = {**present, **value}
        place[last] = value
    return answer


def project(title: str, titleUrl: str, buildbotUrl: str) -> Json:
    """The project of the master."""
    return {"title": title, "titleURL": titleUrl, "buildbotURL": buildbotUrl}


def builder(
    *,
    basedir: str,
    category: str | None,
    slaves: Sequence[str],
    schedulers: Sequence[str],
    cached: Sequence[int],
    current: Sequence[int],
    state: str,
    pending: int,
) -> Json:
    """One builder. It has C{tags}, and C{category} of the releases before 0.8.12.

    @param cached: the numbers of its recent builds.
    @param current: the numbers of its running builds.
    """
    return {
        "basedir": basedir,
        "tags": [category] if category else [],
        "category": category,
        "slaves": list(slaves),
        "schedulers": list(schedulers),
        "cachedBuilds": list(cached),
        "currentBuilds": list(current),
        "state": state,
        "pendingBuilds": pending,
    }


def build(
    *,
    builder: str,
    number: int,
    sourceStamps: Sequence[Json],
    reason: str,
    blame: Sequence[str],
    properties: Sequence[tuple[str, object, str]],
    times: Times,
    text: Sequence[str],
    results: int | None,
    slave: str,
    logs: Logs,
    eta: float | None,
    steps: Sequence[Json],
    currentStep: Json | None,
) -> Json:
    """One build.

    @param properties: name, value and source of each.
    @param eta: the seconds until its end; None: nobody knows.
    """
    return {
        "builderName": builder,
        "number": number,
        "sourceStamps": list(sourceStamps),
        "reason": reason,
        "blame": list(blame),
        "properties": [list(each) for each in properties],
        "times": list(times),
        "text": list(text),
        "results": results,
        "slave": slave,
        "logs": [list(each) for each in logs],
        "eta": eta,
        "steps": list(steps),
        "currentStep": currentStep,
    }


def step(
    *,
    name: str,
    number: int,
    text: Sequence[str],
    results: int | None,
    words: Sequence[str] = (),
    times: Times,
    statistics: Mapping[str, object],
    expectations: Sequence[tuple[str, float, float]] = (),
    eta: float | None,
    urls: Mapping[str, str],
    isHidden: bool = False,
    logs: Logs = (),
) -> Json:
    """One step.

    @param words: the words of its result, such as C{["compile"]}.
    @param expectations: for each measure its name, the present and the expected value.
    """
    started, finished = times
    return {
        "name": name,
        "text": list(text),
        "results": [results, list(words)],
        "isStarted": started is not None,
        "isFinished": finished is not None,
        "statistics": dict(statistics),
        "times": [started, finished],
        "expectations": [list(each) for each in expectations],
        "eta": eta,
        "urls": dict(urls),
        "step_number": number,
        "hidden": isHidden,
        "logs": [list(each) for each in logs],
    }


def slave(
    *,
    name: str,
    host: str | None,
    admin: str | None,
    version: str | None,
    isConnected: bool,
    running: Sequence[Json],
    builders: Mapping[str, Sequence[int]],
    accessUri: str | None = None,
) -> Json:
    """One slave.

    @param running: its running builds.
    @param builders: the numbers of its recent builds, by builder.
    """
    return {
        "name": name,
        "access_uri": accessUri,
        "host": host,
        "admin": admin,
        "version": version,
        "connected": isConnected,
        "runningBuilds": list(running),
        "info": {"admin": admin, "host": host, "version": version, "access_uri": accessUri},
        "builders": {key: list(numbers) for key, numbers in builders.items()},
    }


def sourceStamp(
    *,
    revision: str | None,
    branch: str | None,
    changes: Sequence[Json],
    patch: tuple[int, str] | None = None,
    project: str = "",
    repository: str = "",
    codebase: str = "",
) -> Json:
    """One source stamp. The patch is its level and its text."""
    found: Json = {
        "revision": revision,
        "hasPatch": patch is not None,
        "branch": branch,
        "changes": list(changes),
        "project": project,
        "repository": repository,
        "codebase": codebase,
    }
    if patch is not None:
        found["patch_level"], found["patch_body"] = patch
    return found


def change(
    *,
    number: int | None,
    branch: str | None,
    category: str | None,
    who: str,
    comments: str,
    revision: str | None,
    when: float,
    at: str,
    files: Sequence[str],
    revlink: str = "",
    properties: Sequence[tuple[str, object, str]] = (),
    repository: str = "",
    codebase: str = "",
    project: str = "",
) -> Json:
    """One change. C{at} is its time in words."""
    return {
        "number": number,
        "branch": branch,
        "category": category,
        "who": who,
        "comments": comments,
        "revision": revision,
        "rev": revision,
        "when": when,
        "at": at,
        "files": [{"name": each} for each in files],
        "revlink": revlink,
        "properties": [list(each) for each in properties],
        "repository": repository,
        "codebase": codebase,
        "project": project,
    }


def pendingRequest(
    *,
    source: Json,
    properties: Sequence[tuple[str, object, str]],
    builder: str,
    submitted: float,
    builds: Sequence[int] = (),
) -> Json:
    """One request that waits. C{source} is a source stamp."""
    return {
        "source": source,
        "properties": [list(each) for each in properties],
        "builderName": builder,
        "submittedAt": submitted,
        "builds": list(builds),
    }


def metrics(
    counters: Mapping[str, float],
    timers: Mapping[str, float] | None = None,
    alarms: Mapping[str, Sequence[object]] | None = None,
) -> Json:
    """The metrics. An alarm has a level (OK, WARNING or CRIT) and a text."""
    return {"counters": dict(counters), "timers": dict(timers or {}), "alarms": dict(alarms or {})}


def _isSet(parameters: Mapping[str, Sequence[str]], name: str, default: bool) -> bool:
    values = parameters.get(name)
    return default if not values else values[-1].lower() not in ("0", "false", "no", "")


def _isEmpty(value: object) -> bool:
    return value is None or value is False or value in ("", [], {}) or value == ()
