# -*- test-case-name: tests.unit.web.feeds.test_metrics -*-
"""The text of metrics for Prometheus: the format 0.0.4, and OpenMetrics 1.0.0.

Names have the prefix C{buildbot_} and base units. No label has the name of a user, a branch or a revision.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from buildbot.web.feeds.entries import resultWord

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS_TYPE = b"application/openmetrics-text; version=1.0.0; charset=utf-8"
#: The units that OpenMetrics names; the name of a family ends with its unit.
UNITS = ("seconds", "bytes")

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sample:
    """I am one line of a family: labels and a number. The suffix is such as C{"_sum"}."""

    labels: Labels
    value: float
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """I am the samples of one name.

    @ivar name: without C{_total} of a counter and C{_info} of an info.
    @ivar kind: C{"counter"}, C{"gauge"}, C{"histogram"}, C{"summary"} or C{"info"}.
    """

    name: str
    kind: str
    help: str
    samples: Sequence[Sample]


class Histogram:
    """I count how many values are at most each of my bounds."""

    def __init__(self, bounds: Sequence[float]) -> None:
        """@param bounds: the upper bounds, ascending, without infinity."""
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def samples(self, labels: Labels = ()) -> list[Sample]:
        """The buckets, each with the ones below it, the count and the sum."""
        found, total = [], 0
        for bound, count in zip((*self._bounds, math.inf), self._counts, strict=True):
            total += count
            found.append(Sample((*labels, ("le", _number(float(bound)))), total, "_bucket"))
        return [*found, Sample(labels, total, "_count"), Sample(labels, self._sum, "_sum")]


@dataclass(frozen=True)
class BuilderFigures:
    """I am the figures of one builder. Times are seconds since 1970; None: there is none.

    @ivar finished: the number of finished builds by result.
    @ivar seconds: the seconds of all finished builds.
    """

    name: str
    running: int = 0
    oldestBuild: float | None = None
    pending: int = 0
    oldestRequest: float | None = None
    finished: Mapping[int, int] = field(default_factory=dict)
    seconds: float = 0.0
    lastResult: int | None = None
    lastSuccess: float | None = None


@dataclass(frozen=True)
class SlaveFigures:
    """I am the figures of one slave.

    @ivar state: such as C{"connected"}, C{"offline"} or C{"paused"}; that of the instance of a latent slave.
    @ivar generation: the kind and the version of its program; "" if it was never connected.
    @ivar failures: the failed starts or stops of a latent slave in a row; None for other slaves.
    """

    name: str
    state: str
    isConnected: bool
    running: int = 0
    generation: str = ""
    failures: int | None = None


@dataclass(frozen=True)
class MasterFigures:
    """I am the figures of a master. Times are seconds since 1970."""

    version: str
    twisted: str
    python: str
    started: float
    generation: int
    reloaded: bool
    reloadedAt: float
    builders: Sequence[BuilderFigures] = ()
    slaves: Sequence[SlaveFigures] = ()


def families(master: MasterFigures, now: float) -> list[Family]:
    """The families of a master, its builders and its slaves."""
    return [*_ofMaster(master), *_ofSlaves(master.slaves), *_ofBuilders(master.builders, now)]


def text(families: Iterable[Family], openMetrics: bool = False) -> bytes:
    """The text of families, in one of the two formats. Their names must differ."""
    lines: list[str] = []
    for family in families:
        _append(lines, family, openMetrics)
    if openMetrics:
        lines.append("# EOF")
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _append(lines: list[str], family: Family, openMetrics: bool) -> None:
    suffix = {"counter": "_total", "info": "_info"}.get(family.kind, "")
    name, kind = family.name, family.kind
    if not openMetrics:
        name, kind = name + suffix, "gauge" if kind == "info" else kind
    lines.append(f"# HELP {name} {_help(family.help, openMetrics)}")
    lines.append(f"# TYPE {name} {kind}")
    unit = family.name.rpartition("_")[2]
    if openMetrics and unit in UNITS:
        lines.append(f"# UNIT {name} {unit}")
    for sample in family.samples:
        labels = ",".join([f'{key}="{_label(value)}"' for key, value in sample.labels])
        inBraces = f"{{{labels}}}" if labels else ""
        lines.append(f"{family.name}{sample.suffix or suffix}{inBraces} {_number(sample.value)}")


def _ofMaster(master: MasterFigures) -> list[Family]:
    versions = (("version", master.version), ("twisted", master.twisted), ("python", master.python))
    return [
        Family("buildbot_build", "info", "The versions of the master.", [Sample(versions, 1)]),
        _one("buildbot_start_time_seconds", "When the master started.", master.started),
        _one("buildbot_config_generation", "The number of the configuration.", master.generation),
        _one(
            "buildbot_config_last_reload_successful",
            "1 if the last reconfiguration succeeded.",
            int(master.reloaded),
        ),
        _one(
            "buildbot_config_last_reload_success_timestamp_seconds",
            "When a reconfiguration last succeeded.",
            master.reloadedAt,
        ),
        _one("buildbot_builders", "The number of builders.", len(master.builders)),
    ]


def _ofSlaves(slaves: Sequence[SlaveFigures]) -> list[Family]:
    states = Counter(each.state for each in slaves)
    generations = Counter(each.generation for each in slaves if each.isConnected)
    return [
        _gauge("buildbot_slaves", "The number of slaves by state.", "state", sorted(states.items())),
        _gauge(
            "buildbot_slaves_connected",
            "The number of connected slaves by the kind and version of their program.",
            "generation",
            sorted(generations.items()),
        ),
        _gauge(
            "buildbot_slave_connected",
            "1 if the slave is connected. A latent slave is only listed while it is.",
            "slave",
            [
                (each.name, int(each.isConnected))
                for each in slaves
                if each.isConnected or each.failures is None
            ],
        ),
        _gauge(
            "buildbot_slave_instance_failures",
            "The failed starts or stops of a latent slave in a row.",
            "slave",
            [(each.name, each.failures) for each in slaves if each.failures is not None],
        ),
        _gauge(
            "buildbot_slave_builds_running",
            "The running builds of a slave.",
            "slave",
            [(each.name, each.running) for each in slaves],
        ),
    ]


def _ofBuilders(builders: Sequence[BuilderFigures], now: float) -> list[Family]:
    def gauge(name: str, about: str, values: Iterable[tuple[str, float | None]]) -> Family:
        return _gauge(
            name, about, "builder", [(builder, value) for builder, value in values if value is not None]
        )

    def age(since: float | None) -> float:
        return 0 if since is None else max(0.0, now - since)

    return [
        gauge(
            "buildbot_builds_running",
            "The running builds of a builder.",
            [(each.name, each.running) for each in builders],
        ),
        gauge(
            "buildbot_build_running_seconds",
            "The age of the oldest running build of a builder.",
            [(each.name, age(each.oldestBuild)) for each in builders],
        ),
        gauge(
            "buildbot_requests_pending",
            "The requests that wait for a builder.",
            [(each.name, each.pending) for each in builders],
        ),
        gauge(
            "buildbot_request_oldest_seconds",
            "The age of the oldest request that waits for a builder.",
            [(each.name, age(each.oldestRequest)) for each in builders],
        ),
        Family(
            "buildbot_builds",
            "counter",
            "The finished builds of a builder by result.",
            [
                Sample((("builder", each.name), ("result", resultWord(result))), count)
                for each in builders
                for result, count in sorted(each.finished.items())
            ],
        ),
        Family(
            "buildbot_builder_duration_seconds",
            "summary",
            "The number and the seconds of finished builds of a builder.",
            [
                sample
                for each in builders
                for sample in summed((("builder", each.name),), sum(each.finished.values()), each.seconds)
            ],
        ),
        gauge(
            "buildbot_last_build_result",
            "The last result of a builder: 0 success, 1 warnings, 2 failure, 3 skipped, 4 exception.",
            [(each.name, each.lastResult) for each in builders],
        ),
        gauge(
            "buildbot_last_success_timestamp_seconds",
            "When a build of a builder last succeeded.",
            [(each.name, each.lastSuccess) for each in builders],
        ),
    ]


def summed(labels: Labels, number: int, total: float) -> list[Sample]:
    """The samples of a summary: how many values there were, and their sum."""
    return [Sample(labels, number, "_count"), Sample(labels, total, "_sum")]


def _one(name: str, about: str, value: float) -> Family:
    return Family(name, "gauge", about, [Sample((), value)])


def _gauge(name: str, about: str, label: str, values: Iterable[tuple[str, float]]) -> Family:
    return Family(name, "gauge", about, [Sample(((label, key),), value) for key, value in values])


def _number(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (math.inf, -math.inf):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def _label(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _help(value: str, openMetrics: bool) -> str:
    escaped = value.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if openMetrics else escaped
