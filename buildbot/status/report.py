# -*- test-case-name: tests.stories -*-
"""The state of the master as plain values, for C{buildbot status} and for programs.

This module only reads; it never changes state.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from buildbot import version
from buildbot.daemon.troubles import reportTroubles
from buildbot.model.results import Results
from buildbot.model.rows import BuildRow
from buildbot.model.sourcestamp import PLACE, changesIn, lastRevision, sourcesIn
from buildbot.status.asking import Unanswered, ask, orNone, otherwise, text, time
from buildbot.status.build import BuildStatus
from buildbot.status.slave import SlaveStatus

if TYPE_CHECKING:
    from buildbot.status.reported import (
        ReportedBuilder,
        ReportedBuilders,
        ReportedMaster,
        ReportedRequest,
        ReportedSlave,
    )

#: The most Changes of a source that are listed by number.
_CHANGES = 100


def reportMaster(master: ReportedMaster) -> dict[str, Any]:
    """A summary of the master; docs/reference/status explains the keys."""
    return {**reportProcess(master), **reportWork(master.botmaster)}


def reportWork(botmaster: ReportedBuilders) -> dict[str, Any]:
    """The running builds and the waiting requests, as parts of L{reportMaster}."""
    return {
        "running": [reportRunning(build) for build in runningBuilds(botmaster)],
        "waiting": reportWaiting(botmaster),
    }


def reportProcess(master: ReportedMaster) -> dict[str, Any]:
    """The part of L{reportMaster} that tells nothing of builds and requests."""
    config = master.config
    slaves = master.botmaster.slaves.values()
    return {
        "pid": os.getpid(),
        "since": master.since,
        "version": version,
        "basedir": master.basedir,
        "projectName": config.projectName,
        "generation": master.generation,
        "ports": master.describePorts(),
        "pages": master.describePages(),
        "slaves": len(slaves),
        "connected": sum(1 for slave in slaves if slave.slave_status.isConnected()),
        "builders": len(config.builders),
        "refused": [
            {"name": name, "when": stranger.when, "address": stranger.address, "logins": stranger.logins}
            for name, stranger in master.botmaster.unknownLogins.names.items()
        ],
        "guesses": [
            {"name": name, "when": guess.when, "address": guess.address, "logins": guess.logins}
            for name, guess in master.dispatcher.guesses.items()
        ],
        "files": {
            "limit": master.slavePort.files.limit,
            "reserved": master.slavePort.files.reserved,
            "turnedAway": master.slavePort.files.turnedAway,
            "when": master.slavePort.files.when,
        },
        "storeTrouble": master.botmaster.health.trouble,
        "storeLapse": master.botmaster.health.lapse,
        "storeServer": master.botmaster.health.server,
        "givenUp": [
            {"builder": build.builder, "number": build.number, "text": list(build.text)}
            for build in master.botmaster.recovery.givenUp
        ],
        "pollers": [_reportPoller(each) for each in master.pollers()],
        "outgoing": master.outgoing.toRecords(),
        "logStorage": master.botmaster.reportLogStorage(),
        "pagesOnly": master.reportPagesOnly(),
        "shutdown": master.cleanStop.toRecord(),
        "troubles": reportTroubles(master.botmaster.troubles),
        "keeps": {"builds": master.botmaster.retention.horizon, "days": master.botmaster.retention.days},
    }


def _reportPoller(poller: object) -> dict[str, Any]:
    """A change source that polls; it may come from a plug-in."""
    described = ask(poller, "describe", text)
    failure = ask(poller, "failure", text)
    return {
        "source": described.words if isinstance(described, Unanswered) else described,
        "lastLook": otherwise(ask(poller, "lastPoll", orNone(time)), None),
        "failure": failure.words if isinstance(failure, Unanswered) else failure,
    }


def reportSlave(slave: ReportedSlave) -> dict[str, Any]:
    """The state of one slave; docs/reference/status explains the keys."""
    status = slave.slave_status
    connected, paused = status.isConnected(), slave.availability.paused
    return {
        "name": status.getName(),
        "connected": connected,
        "state": slave.state.value,
        "since": status.since,
        "address": status.address,
        "generation": status.generation,
        "version": status.version,
        "admin": status.getAdmin(),
        "host": status.getHost(),
        "told": status.told,
        "builders": [name for name, _ in slave.builderList],
        "attachedTo": sorted(slave.builders),
        "failing": dict(status.failing),
        "pending": slave.isPending(),
        "running": slave.availability.buildsRunning,
        "paused": None if paused is None else paused.toRecord(),
        "drained": slave.availability.isDrained,
        "note": status.note,
        "instance": None if slave.instance is None else slave.instance.toRecord(),
        "refused": _refused(status),
        "bytes": slave.traffic(),
        "events": [{"when": when, "text": text} for when, text in status.getEvents()],
    }


def _refused(status: SlaveStatus) -> dict[str, Any] | None:
    """The refused logins under a slave's name, from any address; None if there were none."""
    if not status.refusals:
        return None
    return {"logins": status.refusals, "when": status.refusedAt, "address": status.refusedFrom}


def failingBuilders(slave: ReportedSlave) -> list[str]:
    """One line for each builder that is unusable on an attached slave."""
    return [
        f"slave {slave.slavename}: builder {name} cannot be used there: {why}"
        for name, why in slave.slave_status.failing.items()
    ]


def runningBuilds(botmaster: ReportedBuilders) -> list[BuildStatus]:
    """
    The L{buildbot.status.build.BuildStatus} of each running build, builder by builder.

    A build counts as running until the store holds its end. So each build is always listed: as waiting,
    running or finished.
    """
    return [
        build.build_status
        for builder in botmaster.getBuilders()
        for build in (*builder.building, *builder.ending)
    ]


def reportRunning(build: BuildStatus) -> dict[str, Any]:
    """A summary of a running build; docs/reference/builds explains the keys."""
    step = build.getCurrentStep()
    record = build.toRecord().toRecord()
    now = {
        "step": None if step is None else step.getName(),
        "eta": build.getETA(),
        "note": build.note or ("its end is being stored" if build.isFinished() else ""),
        "lasts": (build.finished or build.now()) - build.started,
    }
    return {**reportBuild(record), **now}


def reportBuild(record: Mapping[str, Any]) -> dict[str, Any]:
    """A summary of a build, from its record as a dict; docs/reference/builds explains the keys."""
    keys = ("builder", "number", "slave", "started", "finished", "results", "text", "reason")
    return {
        **{key: record[key] for key in keys},
        "result": None if record["results"] is None else Results[record["results"]],
        "step": None,
        "eta": None,
        "lasts": None if record["finished"] is None else record["finished"] - record["started"],
        "note": "",
        "logTrouble": logTrouble(record),
        "gotRevision": (record["properties"] or {}).get("got_revision"),
        **reportSource(record["sourcestamp"] or {}),
    }


def reportRow(row: BuildRow) -> dict[str, Any]:
    """A build in a list, with the keys of L{reportBuild} that need no record."""
    return {
        **row._asdict(),
        "lasts": None if row.finished is None else row.finished - row.started,
        "result": _nameOf(row.results),
        "text": [row.text] if row.text else [],
        "changes": list(row.changes),
    }


def _nameOf(results: int | None) -> str | None:
    """The name of a result."""
    if results is None:
        return None
    return Results[results] if 0 <= results < len(Results) else "exception"


def logTrouble(record: Mapping[str, Any]) -> str:
    """The incomplete logs of a build, with reasons, from its record as a dict; empty if all are complete."""
    logs = [(step["name"], log) for step in record["steps"] for log in step["logs"]]
    return "; ".join(f"{step}/{log['name']}: {log['trouble']}" for step, log in logs if log.get("trouble"))


def reportSource(sourcestamp: Mapping[str, Any]) -> dict[str, Any]:
    """A summary of the source, from a source stamp as a dict.

    If there are several codebases, C{beside} has those but the first, and the changes are those of all.
    """
    said = sourcestamp.get("changes", ())
    further = sourcesIn(sourcestamp)[1:]
    changes = [change.get("number") for change in (changesIn(sourcestamp) if further else said)]
    revision = sourcestamp.get("revision")
    if revision is None:
        revision = lastRevision([change.get("revision") for change in said])
    return {
        "branch": sourcestamp.get("branch"),
        "revision": revision,
        **{name: sourcestamp.get(name, "") for name in PLACE},
        "changes": changes[-_CHANGES:],
        "changeCount": len(changes),
        **({"beside": [reportSource(each) for each in further]} if further else {}),
    }


def reportRequest(request: ReportedRequest) -> dict[str, Any]:
    """One waiting request; docs/reference/builds explains the keys."""
    return {
        "id": request.id,
        "builder": request.builderName,
        "submitted": request.submitted,
        "attempts": request.attempts,
        "interruptions": request.interruptions,
        "reason": request.reason,
        **reportSource(request.source.toRecord()),
    }


def reportWaiting(botmaster: ReportedBuilders) -> list[dict[str, Any]]:
    """One dict for each builder with waiting requests: their number, since when, and why they wait."""
    return [_waiting(builder) for builder in botmaster.getBuilders() if builder.starting or builder.pending]


def _waiting(builder: ReportedBuilder) -> dict[str, Any]:
    requests = [*builder.starting, *builder.pending]
    return {
        "builder": builder.name,
        "requests": len(builder.starting) + builder.waiting,
        "since": requests[0].submitted,
        "lasts": builder.clock.seconds() - requests[0].arrived,
        "why": builder.whyWaiting() or "its build is about to start",
    }
