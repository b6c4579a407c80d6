# -*- test-case-name: tests.unit.control.test_lookingcommands,tests.unit.scripts.test_stopped -*-
"""The answers to questions about builds and changes, made of records: for a running master and a stopped one.

They are plain values. docs/reference/control-socket and docs/reference/builds explain them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.control.client import ControlError
from buildbot.model.records import OWN
from buildbot.model.results import EXCEPTION, FAILURE, Results
from buildbot.model.rows import BuildFilter, BuildRow, ChangeFilter, ChangeRow, Page
from buildbot.status.report import reportRow

#: The keys of a change, as the API has them.
_CHANGE = (
    *("number", "who", "branch", "revision", "project", "repository", "category", "when", "comments"),
    *("files", "revlink", "codebase", "properties"),
)


def buildFilter(
    builder: str | None = None,
    slave: str | None = None,
    branch: str | None = None,
    revision: str | None = None,
    failed: bool = False,
    since: float | None = None,
    until: float | None = None,
) -> BuildFilter:
    """The filter of the finished builds that C{builds} tells, by its parameters."""
    return BuildFilter(
        builders=None if builder is None else (builder,),
        slave=slave,
        branch=branch,
        abbreviated=revision,
        results=(FAILURE, EXCEPTION) if failed else (),
        state="finished",
        since=since,
        until=until,
    )


def wholeBuild(record: Mapping[str, Any], short: Mapping[str, Any]) -> dict[str, Any]:
    """A build with its steps. Each result is given as a number and as a name."""
    steps = [
        {"statistics": None, **step, "result": None if step["results"] is None else Results[step["results"]]}
        for step in record["steps"]
    ]
    sources = record.get("sources")
    named = record["properties"] or {}
    return {
        **short,
        "steps": steps,
        **{key: record[key] for key in ("requests", "properties", "sourcestamp")},
        "sources": None if sources is None else {name: sources.get(name, OWN) for name in named},
        "tests": record.get("tests", []),
        "moreTests": record.get("moreTests", 0),
    }


def changeFilter(
    branch: str | None = None,
    author: str | None = None,
    revision: str | None = None,
    project: str | None = None,
    repository: str | None = None,
    since: float | None = None,
    until: float | None = None,
) -> ChangeFilter:
    """The filter of C{changes}, by its parameters."""
    return ChangeFilter(
        branch=branch,
        project=project,
        repository=repository,
        author=author,
        since=since,
        until=until,
        abbreviated=revision,
    )


def changesAnswer(page: Page[ChangeRow]) -> dict[str, Any]:
    """A part of the list of changes."""
    return {"changes": [dict(vars(row)) for row in page.rows], "next": page.next or None}


def changeAnswer(
    record: Mapping[str, Any],
    rows: Sequence[BuildRow],
    waiting: Sequence[Mapping[str, Any]] = (),
    pending: Sequence[str] = (),
) -> dict[str, Any]:
    """A change, from its record as a dict."""
    texts = ("project", "repository", "codebase", "who", "comments")
    return {
        **{key: record.get(key) for key in _CHANGE},
        **{key: record.get(key) or "" for key in texts},
        "files": list(record.get("files") or ()),
        "properties": record.get("properties") or {},
        "builds": [reportRow(row) for row in rows],
        "waiting": list(waiting),
        "pending": list(pending),
    }


def noChange(number: int, last: ChangeRow | None) -> ControlError:
    """The error for an unknown change."""
    there = "; there is no change yet" if last is None else f"; the newest one is {last.number}"
    return ControlError(f"there is no change {number}{there}")
