# -*- test-case-name: tests.stories.test_webfeeds -*-
"""C{/metrics} for Prometheus. Only this host, and programs with a token, may read it."""

from __future__ import annotations

import os
import platform
import resource
import sys
from ipaddress import ip_address

from twisted import __version__ as twistedVersion

from buildbot import version
from buildbot.status.report import runningBuilds
from buildbot.status.topics import BUILDS, CHANGES, MASTER, News, Topics
from buildbot.web.api.events import EventStreams
from buildbot.web.call import Answer, Call, Problem
from buildbot.web.feeds import metrics
from buildbot.web.feeds.metrics import BuilderFigures, Family, Histogram, MasterFigures, Sample, SlaveFigures
from buildbot.web.live import Streams
from buildbot.web.routes import Route

#: The headers by which a proxy tells that the client is elsewhere.
_PROXIED = ("forwarded", "x-forwarded-for", "x-real-ip", "via", "x-forwarded-host")
#: The bounds of the durations of builds, in seconds.
_DURATIONS = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800)


class Counting:
    """I count what has happened since the first request for metrics."""

    def __init__(self) -> None:
        self._isHearing = False
        self.finished: dict[str, dict[int, int]] = {}
        self.seconds: dict[str, float] = {}
        self.changes = 0
        self.durations = Histogram(_DURATIONS)
        self.reloaded = True
        self.reloadedAt: float | None = None

    def hear(self, topics: Topics) -> None:
        """Begin to count, if I do not yet."""
        if not self._isHearing:
            self._isHearing = True
            topics.subscribe((BUILDS, CHANGES, MASTER), self._tell, events=True)

    def _tell(self, news: News) -> None:
        for each in news.events:
            data = each["data"]
            if each["event"] == "buildFinished":
                self._built(data["builder"], data["results"], data["finished"] - data["started"])
            elif each["event"] == "changeAdded":
                self.changes += 1
            elif each["event"] == "reconfigured":
                self.reloaded = data["applied"]
                if data["applied"]:
                    self.reloadedAt = each["when"]

    def _built(self, builder: str, results: int, seconds: float) -> None:
        counts = self.finished.setdefault(builder, {})
        counts[results] = counts.get(results, 0) + 1
        self.seconds[builder] = self.seconds.get(builder, 0.0) + seconds
        self.durations.observe(seconds)


async def metricsPage(call: Call) -> Answer:
    """The metrics, in the format that the client takes."""
    if not isNear(call) and not (call.who.how == "token" and await call.may("view")):
        hint = "Ask from this host, or with a token: Authorization: Bearer TOKEN."
        raise Problem(403, "Metrics are not for everybody", hint=hint)
    counting: Counting = call.world.extra["counting"]
    counting.hear(call.world.topics)
    found = metrics.families(await _figures(call, counting), call.world.now())
    found += [*_counted(call, counting), *_process()]
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


async def _figures(call: Call, counting: Counting) -> MasterFigures:
    world = call.world
    names = world.status.getBuilderNames()
    standings = await world.store.getStandings(names) if names else {}
    running: dict[str, list[float]] = {}
    for build in runningBuilds(world.botmaster):
        running.setdefault(build.record.builder, []).append(build.started)
    builders = []
    for name in names:
        builder, standing = world.botmaster.builders[name], standings[name]
        waiting = [each.submitted for each in (*builder.starting, *builder.pending)]
        starts = running.get(name, [])
        builders.append(
            BuilderFigures(
                name,
                len(starts),
                min(starts, default=None),
                len(waiting),
                min(waiting, default=None),
                counting.finished.get(name, {}),
                counting.seconds.get(name, 0.0),
                None if standing.last is None else standing.last.results,
                None if standing.good is None else standing.good.finished,
            )
        )
    slaves = [
        SlaveFigures(
            name,
            each.state.value if each.availability.paused is None else each.availability.paused.kind,
            each.slave_status.isConnected(),
            each.availability.buildsRunning,
        )
        for name, each in world.botmaster.slaves.items()
    ]
    return MasterFigures(
        *(version, twistedVersion, platform.python_version(), world.master.since),
        *(world.master.generation, counting.reloaded, counting.reloadedAt or world.master.since),
        builders,
        slaves,
    )


def _counted(call: Call, counting: Counting) -> list[Family]:
    streams: Streams = call.world.extra["streams"]
    events: EventStreams = call.world.extra["events"]
    answered: dict[int, int] = call.world.extra["answered"]
    trouble = call.world.botmaster.health.trouble
    return [
        Family(
            "buildbot_http_requests",
            "counter",
            "The answered requests of the web server by status.",
            [Sample((("code", str(code)),), number) for code, number in sorted(answered.items())],
        ),
        Family(
            "buildbot_build_duration_seconds",
            "histogram",
            "The seconds of finished builds.",
            counting.durations.samples(),
        ),
        Family("buildbot_changes", "counter", "The received changes.", [Sample((), counting.changes)]),
        Family(
            "buildbot_http_streams",
            "gauge",
            "The open streams of pages and of the API.",
            [Sample((), streams.open + events.open)],
        ),
        Family(
            "buildbot_store_failing",
            "gauge",
            "1 while the store does not work.",
            [Sample((), int(bool(trouble)))],
        ),
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
        found.append(
            Family(
                "process_resident_memory_bytes",
                "gauge",
                "The memory of the process.",
                [Sample((), _residentMemory())],
            )
        )
        found.append(
            Family(
                "process_open_fds",
                "gauge",
                "The open files of the process.",
                [Sample((), len(os.listdir("/proc/self/fd")))],
            )
        )
    return found


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
