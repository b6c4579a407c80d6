# -*- test-case-name: tests.unit.webhooks.test_packets -*-
"""The events of HttpStatusPush, in the shapes of Buildbot 0.8.14."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote_plus

from buildbot.model.change import Change
from buildbot.model.sourcestamp import SourceStamp, lastRevision
from buildbot.status.build import BuildStatus
from buildbot.status.builderstatus import BuilderStatus
from buildbot.status.slave import SlaveStatus
from buildbot.status.step import BuildStepStatus
from buildbot.text.secrets import STRUCK, isSecret, struckOut
from buildbot.text.urls import withoutPasswords

Json = dict[str, Any]
#: Finds the page of a thing; None if it has none.
UrlOf = Callable[[object], "str | None"]


def timeText(when: float) -> str:
    """A time in UTC, as C{2009-02-13 23:31:30.500000}."""
    return datetime.fromtimestamp(when, timezone.utc).replace(tzinfo=None).isoformat(" ")


def builder(status: BuilderStatus, basedir: str, schedulers: Sequence[str]) -> Json:
    """A builder. C{basedir} is relative to the directory of the master."""
    category = status.category
    return {
        "basedir": basedir,
        "tags": status.getTags(),
        "category": category,
        "slaves": status.slavenames,
        "schedulers": list(schedulers),
        "state": status.getState()[0],
    }


def slave(status: SlaveStatus) -> Json:
    """A slave."""
    told = {"admin": status.getAdmin(), "host": status.getHost(), "version": status.getVersion()}
    return {"name": status.getName(), **told, "connected": status.isConnected(), "info": told}


def change(each: Change) -> Json:
    """A change."""
    record = each.toRecord()
    given = {key: record.get(key) for key in ("number", "branch", "category", "who", "comments", "when")}
    return {
        **given,
        "revision": record.get("revision"),
        "rev": record.get("revision"),
        "at": each.getTime(),
        "files": [{"name": str(name)} for name in record.get("files") or ()],
        "revlink": record.get("revlink"),
        "properties": _properties(record.get("properties") or {}, lambda name: "Change"),
        "repository": record.get("repository"),
        "codebase": record.get("codebase"),
        "project": record.get("project"),
    }


def source(stamp: SourceStamp) -> Json:
    """A source stamp."""
    record = stamp.toRecord()
    return {
        "revision": stamp.revision or lastRevision([each.revision for each in stamp.changes]),
        "branch": stamp.branch,
        "hasPatch": record.get("patch") is not None,
        "changes": [change(each) for each in stamp.changes],
        "project": record.get("project"),
        "repository": record.get("repository"),
        "codebase": record.get("codebase"),
    }


def properties(status: BuildStatus) -> list[list[Any]]:
    """Name, value and source of each property. The value has stars if the name sounds secret."""
    return _properties(status.toRecord().properties or {}, status.sourceOf)


def _properties(values: Mapping[str, Any], sourceOf: Callable[[str], str]) -> list[list[Any]]:
    return [
        [name, STRUCK if isSecret(name) and value not in (None, "") else value, sourceOf(name)]
        for name, value in sorted(values.items())
    ]


def step(status: BuildStepStatus, number: int, urlOf: UrlOf) -> Json:
    """A step of a build, the first one with the number 0."""
    return {
        "name": status.getName(),
        "step_number": number,
        "text": status.getText(),
        "results": list(status.getResults()),
        "isStarted": status.isStarted(),
        "isFinished": status.isFinished(),
        "times": [status.started, status.finished],
        "expectations": [list(each) for each in status.getExpectations()],
        "eta": status.getETA(),
        "urls": status.getURLs(),
        "hidden": status.isHidden(),
        "statistics": status.getStatistics(),
        "logs": [[log.getName(), urlOf(log)] for log in status.getLogs()],
    }


def build(status: BuildStatus, urlOf: UrlOf) -> Json:
    """A build, with its steps."""
    steps = [step(each, at, urlOf) for at, each in enumerate(status.getSteps())]
    running = [each for each in steps if each["isStarted"] and not each["isFinished"]]
    return {
        "builderName": status.getBuilder().getName(),
        "number": status.getNumber(),
        "sourceStamps": [source(each) for each in status.getSourceStamps()],
        "reason": status.getReason(),
        "blame": status.getResponsibleUsers(),
        "properties": properties(status),
        "times": [status.started, status.finished],
        "text": status.getText(),
        "results": status.getResults(),
        "slave": status.getSlavename(),
        "logs": [log for each in steps for log in each["logs"]],
        "eta": status.getETA(),
        "steps": steps,
        "currentStep": running[0] if running else None,
    }


def withoutEmpty(value: Any) -> Any:
    """A value without the keys whose values are empty, false or 0. A list of only such values is empty."""
    if isinstance(value, Mapping):
        pairs = ((key, withoutEmpty(each)) for key, each in value.items())
        return {key: each for key, each in pairs if each}
    if isinstance(value, (list, tuple)):
        items = [withoutEmpty(each) for each in value]
        return items if any(items) else []
    return value


def withoutSecrets(value: Any, secrets: Collection[str]) -> Any:
    """A value without the passwords of URLs, and with stars for these secrets."""
    if isinstance(value, str):
        return withoutPasswords(struckOut(value, secrets))
    if isinstance(value, Mapping):
        return {str(key): withoutSecrets(each, secrets) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [withoutSecrets(each, secrets) for each in value]
    return value


def written(events: Sequence[Json], isIndented: bool = False) -> str:
    """Events as JSON. What JSON does not know becomes text."""
    if isIndented:
        return json.dumps(events, sort_keys=True, indent=2, default=str)
    return json.dumps(events, sort_keys=True, separators=(",", ":"), default=str)


def bodies(
    events: Sequence[Json], count: int, size: int, isIndented: bool = False
) -> Iterable[tuple[str, int]]:
    """Spread events over several requests, in order.

    @param count: the most events of one request.
    @param size: the most bytes of one request, as a form. One event alone may be longer.
    @return: for each request its events in JSON, and the number of the first one in C{events}.
    """
    first = 0
    while first < len(events):
        taken = events[first : first + count]
        body = written(taken, isIndented)
        while len(taken) > 1 and len(quote_plus(body)) > size:
            taken = taken[: len(taken) // 2]
            body = written(taken, isIndented)
        yield body, first
        first += len(taken)
