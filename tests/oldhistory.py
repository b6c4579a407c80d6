"""Compare what an old master told about its builds with what was imported."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from buildbot.importing.pickled import answer
from buildbot.importing.reader import Unreadable
from buildbot.logs.files import LogReader
from buildbot.logs.names import LOGS
from buildbot.model.change import Change
from buildbot.model.properties import Properties
from buildbot.model.records import BuildRecord, LogRecord, StepRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.store.files import FILE
from buildbot.store.peek import peekBuild

#: Old masters, recorded: see L{tests.integration.oldmasters}.
SAMPLES = Path(__file__).parent / "unit" / "importing" / "samples"
RELEASES = ("0.7.12", "0.8.14")


class InThisProcess:
    """I am a PickleReader that starts no program."""

    def read(self, data: bytes) -> Any:
        """See L{buildbot.importing.reader.PickleReader}."""
        said = answer(data)
        if "error" in said:
            raise Unreadable(str(said["error"]))
        return said["value"]

    def close(self) -> None:
        """Nothing is open."""


def imported(told: dict[str, Any], here: str) -> dict[str, Any]:
    """The imported build in the same shape as C{told}, which an old master told."""
    build = peekBuild(here, told["builder"], told["number"])
    assert build is not None, f"there is no build {told['number']} of {told['builder']}"
    stamp = SourceStamp.fromRecord(build.sourcestamp or {})
    return {
        "builder": build.builder,
        "number": build.number,
        "reason": build.reason,
        "times": [build.started, build.finished],
        "results": build.results,
        "text": list(build.text),
        "slave": build.slave,
        "who": sorted({change.who for change in stamp.changes}),
        "branch": stamp.branch,
        "revision": stamp.revision,
        "properties": _propertiesOf(build),
        "changes": [_change(each) for each in stamp.changes],
        "steps": [_step(each, here) for each in build.steps],
    }


def changes(here: str) -> list[dict[str, Any]]:
    """All imported changes, in the same shape."""
    with closing(sqlite3.connect(os.path.join(here, FILE))) as store:
        rows = store.execute("SELECT number, record FROM changes ORDER BY number").fetchall()
    return [_change(Change.fromRecord(json.loads(record)).numbered(number)) for number, record in rows]


def counters(here: str) -> dict[str, int]:
    """The next numbers of builds and changes."""
    with closing(sqlite3.connect(os.path.join(here, FILE))) as store:
        return dict(store.execute("SELECT name, value FROM counters").fetchall())


def _propertiesOf(build: BuildRecord) -> list[list[Any]]:
    values = build.properties or {}
    return [[name, values[name], build.sourceOf(name)] for name in sorted(values)]


def _listed(properties: Properties) -> list[list[Any]]:
    return [list(each) for each in properties.asList()]


def _change(change: Change) -> dict[str, Any]:
    return {
        **{
            name: getattr(change, name)
            for name in ("number", "who", "comments", "revision", "branch", "when")
        },
        **{name: getattr(change, name) for name in ("category", "revlink")},
        "files": sorted(change.files),
        "properties": _listed(change.properties),
    }


def _step(step: StepRecord, here: str) -> dict[str, Any]:
    return {
        "name": step.name,
        "times": [step.started, step.finished],
        "results": step.results,
        "text": list(step.text),
        "urls": step.urls or {},
        "statistics": step.statistics or {},
        "logs": [[each.name, _log(each, here)] for each in step.logs],
    }


def _log(log: LogRecord, here: str) -> list[list[Any]]:
    joined: list[list[Any]] = []
    for channel, data in LogReader(os.path.join(here, LOGS, log.filename)).chunks():
        if joined and joined[-1][0] == channel:
            joined[-1][1] += data
        else:
            joined.append([channel, data])
    return [[channel, _short(data.decode())] for channel, data in joined]


def _short(text: str) -> str:
    return text if len(text) < 1000 else f"{len(text)} {hashlib.sha256(text.encode()).hexdigest()}"
