# -*- test-case-name: tests.stories.test_webfeeds -*-
"""C{/metrics} for Prometheus. Only this host, and programs with a token, may read it."""

from __future__ import annotations

import os
import platform
import resource
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from ipaddress import ip_address
from typing import Any

from twisted import __version__ as twistedVersion

from buildbot import version
from buildbot.model.rows import Standing
from buildbot.status.report import runningBuilds
from buildbot.store.interface import StoreFailed
from buildbot.web.api.events import EventStreams
from buildbot.web.call import Answer, Call, Problem
from buildbot.web.feeds import metrics
from buildbot.web.feeds.metrics import BuilderFigures, Family, MasterFigures, Sample, SlaveFigures
from buildbot.web.followers import Followers
from buildbot.web.lastrows import lastRowsOf
from buildbot.web.live import Streams
from buildbot.web.routes import Route
from buildbot.web.seen import whole
from buildbot.web.serving.counting import Counting

#: The headers by which a proxy tells that the client is elsewhere.
_PROXIED = ("forwarded", "x-forwarded-for", "x-real-ip", "via", "x-forwarded-host")


async def metricsPage(call: Call) -> Answer:
    """The metrics, in the format that the client takes."""
    if not isNear(call) and not (call.who.how == "token" and await call.may("view")):
        hint = "Ask from this host, or with a token: Authorization: Bearer TOKEN."
        raise Problem(403, "Metrics are not for everybody", hint=hint)
    counting = call.world.part(Counting)
    master = whole(call.world)
    counting.hear(master.topics, master.botmaster.events)
    found = metrics.families(await _figures(call, counting), call.world.now())
    found += [
        *_counted(call, counting),
        *_ofWeb(call, counting),
        *_ofStore(call),
        *_ofOutgoing(call),
        *_ofLogStorage(call),
        *_process(),
    ]
    isOpen = "application/openmetrics-text" in call.headers.get("accept", "")
    type = metrics.OPEN_METRICS_TYPE if isOpen else metrics.CONTENT_TYPE
    return Answer(metrics.text(found, isOpen), type.decode(), cache="no-store")


def isNear(call: Call) -> bool:
    """True if the client is on this host, and no proxy speaks for another one."""
    if any(name in call.headers for name in _PROXIED):
        return False
    try:
        return ip_address(call.who.address).is_loopback
    except ValueError:
        return False


def _stateOf(slave: Any) -> str:
    """The pause of a slave, or else the state of its instance or of its connection."""
    if slave.availability.paused is not None:
        return str(slave.availability.paused.kind)
    return str(slave.state.value if slave.instance is None else slave.instance.state.name.lower())


async def _figures(call: Call, counting: Counting) -> MasterFigures:
    world = call.world
    names = world.status.getBuilderNames()
    standings = await _standings(call, names)
    running: dict[str, list[float]] = {}
    for build in runningBuilds(world.botmaster):
        running.setdefault(build.record.builder, []).append(build.started)
    builders = []
    for name in names:
        builder, standing = world.botmaster.builders[name], standings.get(name)
        waiting = [each.submitted for each in (*builder.starting, *builder.pending)]
        starts = running.get(name, [])
        builders.append(
            BuilderFigures(
                name,
                len(starts),
                min(starts, default=None),
                len(builder.starting) + builder.waiting,
                min(waiting, default=None),
                counting.finished.get(name, {}),
                counting.seconds.get(name, 0.0),
                None if standing is None or standing.last is None else standing.last.results,
                None if standing is None or standing.good is None else standing.good.finished,
            )
        )
    slaves = [
        SlaveFigures(
            name,
            _stateOf(each),
            each.slave_status.isConnected(),
            each.availability.buildsRunning,
            each.slave_status.generation or "",
            None if each.instance is None else each.instance.failures + each.instance.stops,
        )
        for name, each in world.botmaster.slaves.items()
    ]
    return MasterFigures(
        *(version, twistedVersion, platform.python_version(), world.master.since),
        *(world.master.generation, counting.reloaded, counting.reloadedAt or world.master.since),
        builders,
        slaves,
    )


async def _standings(call: Call, names: Sequence[str]) -> Mapping[str, Standing]:
    """The last builds of each builder. None while the store fails: all else can be told then, too."""
    try:
        return await lastRowsOf(call).standings(call.world, names)
    except StoreFailed:
        return {}


def _counted(call: Call, counting: Counting) -> list[Family]:
    received = call.world.botmaster.resources.logs.received
    return [
        Family(
            "buildbot_build_duration_seconds",
            "histogram",
            "The seconds of finished builds.",
            counting.durations.samples(),
        ),
        Family(
            "buildbot_queue_seconds",
            "histogram",
            "The seconds that requests waited until their build started.",
            counting.waits.samples(),
        ),
        Family("buildbot_changes", "counter", "The received changes.", [Sample((), counting.changes)]),
        Family("buildbot_log_bytes", "counter", "The output of all steps in bytes.", [Sample((), received)]),
        Family(
            "buildbot_reactor_delay_seconds",
            "histogram",
            "How late the reactor calls; its long turns keep slaves and pages waiting.",
            counting.delay.seen.samples(),
        ),
    ]


def _ofWeb(call: Call, counting: Counting) -> list[Family]:
    streams = call.world.part(Streams)
    events = call.world.part(EventStreams)
    followers = call.world.part(Followers)
    requests = counting.requests
    return [
        Family(
            "buildbot_http_requests",
            "counter",
            "The answered requests of the web server by page and status.",
            [
                Sample((("page", page), ("code", str(code))), number)
                for (page, code), number in sorted(requests.answered.items())
            ],
        ),
        Family(
            "buildbot_http_request_seconds",
            "summary",
            "The seconds until the answer of a page was made.",
            [
                sample
                for page, (number, seconds) in sorted(requests.took.items())
                for sample in metrics.summed((("page", page),), number, seconds)
            ],
        ),
        Family(
            "buildbot_http_streams",
            "gauge",
            "The open streams of pages, of followed logs and of the API.",
            [Sample((), streams.open + len(followers) + events.open)],
        ),
        Family(
            "buildbot_logins_refused",
            "counter",
            "The refused logins of the web server by reason.",
            [
                Sample((("reason", reason),), number)
                for reason, number in sorted(call.world.guard.refusals.items())
            ],
        ),
    ]


def _ofStore(call: Call) -> list[Family]:
    commits = call.world.store.commits()
    return [
        Family(
            "buildbot_store_commit_seconds",
            "summary",
            "The transactions of the store that wrote, and their seconds.",
            metrics.summed((), commits.number, commits.seconds),
        ),
        Family(
            "buildbot_store_failures",
            "counter",
            "The transactions of the store that failed.",
            [Sample((), commits.failures)],
        ),
        Family(
            "buildbot_store_failing",
            "gauge",
            "1 while the store does not work.",
            [Sample((), int(bool(call.world.botmaster.health.trouble)))],
        ),
        Family(
            "buildbot_store_lapsed",
            "gauge",
            "1 if the database has lost what it had acknowledged: no build starts before a restart.",
            [Sample((), int(bool(call.world.botmaster.health.lapse)))],
        ),
    ]


def _ofOutgoing(call: Call) -> list[Family]:
    """The messages to other servers, such as mails."""
    senders = whole(call.world).master.outgoing.toRecords()

    def of(key: str) -> list[Sample]:
        return [Sample((("target", each["target"]),), int(each[key])) for each in senders]

    return [
        Family("buildbot_outgoing_waiting", "gauge", "The messages that wait for a server.", of("waiting")),
        Family("buildbot_outgoing_delivered", "counter", "The delivered messages.", of("delivered")),
        Family("buildbot_outgoing_dropped", "counter", "The messages that were given up.", of("dropped")),
        Family(
            "buildbot_outgoing_failures",
            "gauge",
            "The failed attempts in a row to reach a server.",
            of("failures"),
        ),
    ]


def _ofLogStorage(call: Call) -> list[Family]:
    """The logs that wait for object storage, if there is one."""
    found = call.world.botmaster.reportLogStorage()
    if found is None:
        return []
    values = (
        ("waiting_builds", "The builds whose logs wait for object storage.", found["waiting"]),
        ("waiting_bytes", "The bytes of logs that wait for object storage.", found["waitingBytes"]),
        ("failures", "The failed attempts in a row to reach object storage.", found["failures"]),
        ("holding", "1 while no build begins, because too many logs wait.", int(bool(found["hold"]))),
    )
    return [
        Family(f"buildbot_log_storage_{name}", "gauge", words, [Sample((), value)])
        for name, words, value in values
    ]


def _process() -> list[Family]:
    """The figures of the process, with the names that all Prometheus clients use."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = [
        Family(
            "process_cpu_seconds",
            "counter",
            "The CPU time of the process.",
            [Sample((), used.ru_utime + used.ru_stime)],
        )
    ]
    if sys.platform == "linux":
        files = len(os.listdir("/proc/self/fd"))
        found += [
            Family(f"process_{name}", "gauge", about, [Sample((), value)])
            for name, about, value in (
                ("resident_memory_bytes", "The memory of the process.", _residentMemory()),
                ("open_fds", "The open files of the process.", files),
                ("start_time_seconds", "When the process started.", _started()),
            )
        ]
    return found


@cache
def _started() -> float:
    """The start of this process, in seconds since the epoch."""
    with open("/proc/self/stat", encoding="utf-8", errors="replace") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    with open("/proc/stat", encoding="ascii") as file:
        booted = next(int(line.split()[1]) for line in file if line.startswith("btime "))
    return booted + ticks / os.sysconf("SC_CLK_TCK")


def _residentMemory() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


ROUTES = (
    Route(
        "/metrics",
        metricsPage,
        "Metrics for Prometheus, for clients on this host or with a token.",
        kind="file",
        action="",
    ),
)
