# -*- test-case-name: tests.unit.scripts.test_stopped -*-
"""Answer questions about a stopped master from its store, which is only read.

Each answer has the shape of the running master's. It tells nothing about slaves and schedulers, which only a
running master knows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from buildbot.control.answers import (
    buildFilter,
    changeAnswer,
    changeFilter,
    changesAnswer,
    noChange,
    wholeBuild,
)
from buildbot.control.client import ControlError
from buildbot.control.diskuse import diskUse, uncounted
from buildbot.control.refusals import thereAre
from buildbot.daemon import directory, lock
from buildbot.logs.names import LOGS
from buildbot.logs.usage import scan
from buildbot.model.records import BuildRecord, RequestRecord, wasInterrupted
from buildbot.model.results import RETRY
from buildbot.model.rows import MOST_ROWS, BuildRow, ChangeFilter, ChangeRow, fromCursor, pageOf
from buildbot.scripts.output import CommandFailed
from buildbot.status.report import reportBuild, reportSource
from buildbot.store.direct import hasStore
from buildbot.store.interface import StoreFailed
from buildbot.store.peek import Peek, peeking
from buildbot.store.place import serverOf

Params = Mapping[str, Any]
#: The note of a build whose end is unknown.
_LEFT = "its master was killed"


def canAnswer(here: str) -> bool:
    """True if the directory is that of a stopped master which has run before."""
    isMaster = directory.kindOf(directory.readTac(here)) is not directory.Kind.SLAVE
    return isMaster and lock.holder(here) is None and hasStore(here)


def answer(here: str, verb: str, params: Params) -> object:
    """The answer of a stopped master. Raises L{CommandFailed} if there is none."""
    try:
        with peeking(here) as store:
            return ANSWERS[verb](store, params)
    except StoreFailed as why:
        if verb == "disk" and serverOf(here):  # the disk of the master is there all the same
            return uncounted(here, why.reason)
        raise CommandFailed(why.reason) from None
    except (ControlError, ValueError) as why:
        raise CommandFailed(str(why)) from None


def _changes(store: Peek, params: Params) -> object:
    given = {name: value for name, value in params.items() if name not in ("count", "cursor")}
    count = max(1, min(int(params.get("count", 20)), MOST_ROWS))
    after = fromCursor(str(params.get("cursor", "")), int)
    before = None if after is None else after[0]
    rows = store.lists.getChangeRows(changeFilter(**given), count + 1, before)
    return changesAnswer(pageOf(rows, count, ChangeRow.place))


def _change(store: Peek, params: Params) -> object:
    number = params["number"]
    found = store.change(number)
    if found is None:
        (last,) = store.lists.getChangeRows(ChangeFilter(), 1, None) or (None,)
        raise noChange(number, last)
    return changeAnswer(found.toRecord(), store.lists.getRowsOfChanges([number], MOST_ROWS))


def _builds(store: Peek, params: Params) -> object:
    asked = {name: value for name, value in params.items() if name != "count"}
    most = max(0, min(int(params.get("count", 20)), MOST_ROWS))
    wanted = buildFilter(**asked)
    rows = store.lists.getBuildRows(wanted, most, None) if most else []
    builder = params.get("builder")
    if builder is not None and not rows:
        known = store.builders()
        if builder not in known:
            raise ControlError(f"no build of {builder!r} is stored{thereAre(builder, known)}")
    running = store.lists.getBuildRows(replace(wanted, state="running"), MOST_ROWS, None)
    slave = params.get("slave")
    if slave is not None and not (rows or running):
        known = store.slaves()
        if slave not in known:
            raise ControlError(f"no build on slave {slave!r} is stored{thereAre(slave, known)}")
    isWhole = wanted == buildFilter(builder)
    requests = [each for each in store.waiting() if isWhole and builder in (None, each.builder)]
    return {
        "running": _records(store, running),
        "waiting": _waiting(requests),
        "requests": [_asked(each) for each in requests[:most]],
        "finished": _records(store, rows),
        "storeTrouble": "",
    }


def _waiting(requests: Sequence[RequestRecord]) -> list[dict[str, Any]]:
    """The waiting requests of each builder, in numbers; the oldest is the first one."""
    oldest: dict[str, list[RequestRecord]] = {}
    for each in requests:
        oldest.setdefault(each.builder, []).append(each)
    return [
        {
            "builder": builder,
            "requests": len(each),
            "since": each[0].submitted,
            "lasts": max(0.0, time.time() - each[0].submitted),
            "why": "no master is running",
        }
        for builder, each in sorted(oldest.items())
    ]


def _asked(request: RequestRecord) -> dict[str, Any]:
    keys = ("id", "builder", "submitted", "attempts", "interruptions", "reason")
    return {**{key: getattr(request, key) for key in keys}, **reportSource(request.sourcestamp)}


def _records(store: Peek, rows: Sequence[BuildRow]) -> list[dict[str, Any]]:
    """The builds of some rows, without unreadable ones."""
    found = [store.build(row.builder, row.number) for row in rows]
    return [_told(record) for record in found if record is not None]


def _told(record: BuildRecord) -> dict[str, Any]:
    """A build. How long one lasted whose master was killed is unknown."""
    left = {} if record.finished is not None else {"lasts": 0, "note": _LEFT}
    return {**reportBuild(record.toRecord()), **left}


def _build(store: Peek, params: Params) -> object:
    builder, number = params["builder"], params["number"]
    found = store.build(builder, number)
    if found is None:
        known = store.builders()
        if builder not in known:
            raise ControlError(f"no build of {builder!r} is stored{thereAre(builder, known)}")
        raise ControlError(f"builder {builder!r} has no build {number}")
    return wholeBuild(found.toRecord(), _told(found))


def _request(store: Peek, params: Params) -> object:
    """As L{buildbot.control.requestcommands.RequestCommands.request}."""
    builder, request = params["builder"], params["request"]
    said = {"builder": builder, "request": request, "build": None, "why": ""}
    found = store.request(builder, request)
    if found is None:
        raise ControlError(f"{builder} has no request {request}: it is too old, or there never was one")
    isWaiting, number = found
    build = None if number is None else store.build(builder, number)
    if isWaiting:
        return {**said, "state": "waiting", "build": number}
    if build is not None and build.finished is None:
        return {**said, "state": "running", "build": number}
    if build is None or build.results == RETRY or wasInterrupted(build.text):
        return {**said, "state": "cancelled"}
    return {**said, "state": "finished", "build": number}


def _slave(store: Peek, params: Params) -> object:
    told: Any = _builds(store, params)
    return {"slave": None, "running": told["running"], "finished": told["finished"]}


def _status(store: Peek, params: Params) -> object:
    """One slave, by what is known of it: its pause, and how many builds run there."""
    name = params["slave"]
    running = store.lists.getBuildRows(replace(buildFilter(slave=name), state="running"), MOST_ROWS, None)
    return {"slaves": [{"name": name, "paused": store.pause(name), "running": len(running)}]}


def _audit(store: Peek, params: Params) -> object:
    count = max(1, min(int(params["count"]), MOST_ROWS))
    after = fromCursor(str(params.get("cursor", "")), int)
    before = None if after is None else after[0]
    rows = store.actions.getEntries(count + 1, before, params.get("subject"), params.get("who"))
    page = pageOf(rows, count, lambda entry: (entry.number,))
    return {"entries": [asdict(each) for each in page.rows], "next": page.next or None}


def _disk(store: Peek, params: Params) -> object:
    found = diskUse(store.basedir, scan(os.path.join(store.basedir, LOGS)), store.lists.countBuilds())
    return {**found, "keeps": None, "goes": None}


#: Each question that a stopped master answers.
ANSWERS: Mapping[str, Callable[[Peek, Params], object]] = {
    "changes": _changes,
    "change": _change,
    "builds": _builds,
    "build": _build,
    "request": _request,
    "slave": _slave,
    "status": _status,
    "audit": _audit,
    "disk": _disk,
}
