"""Tests of buildbot.web.feeds.metrics."""

from __future__ import annotations

import re

from twisted.trial import unittest

from buildbot.model.results import FAILURE, SUCCESS
from buildbot.web.feeds.metrics import (
    BuilderFigures,
    Family,
    Histogram,
    MasterFigures,
    Sample,
    SlaveFigures,
    families,
    text,
)

MASTER = MasterFigures(
    "1.0",
    "24.7",
    "3.11",
    started=1000.0,
    generation=3,
    reloaded=True,
    reloadedAt=1500.0,
    builders=[
        BuilderFigures("linux", 1, 1900.0, 2, 1800.0, {SUCCESS: 5, FAILURE: 2}, 70.5, FAILURE, 1700.0),
        BuilderFigures('a"b\\c\nd'),
    ],
    slaves=[SlaveFigures("bot1", "connected", True, 1), SlaveFigures("bot2", "offline", False)],
)
LINE = re.compile(r'([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (\S+)\Z')
SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "info": ("_info",),
    "summary": ("_count", "_sum"),
    "histogram": ("_bucket", "_count", "_sum"),
}


def errors(document: bytes, openMetrics: bool) -> list[str]:
    """The rules of the format that a document breaks, as a checker of metrics would tell them."""
    lines = document.decode().split("\n")
    wrong = [] if lines.pop() == "" else ["the last line has no end"]
    if openMetrics and lines.pop() != "# EOF":
        wrong.append("no EOF")
    kinds: dict[str, str] = {}
    helped: set[str] = set()
    seen: set[tuple[str, str]] = set()
    buckets: dict[str, list[float]] = {}
    family = ""
    for line in lines:
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            wrong += [f"second HELP of {family}"] if family in helped else []
            helped.add(family)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            wrong += [f"TYPE of {name} in a wrong place"] if name != family or name in kinds else []
            kinds[name] = kind
        elif line.startswith("# UNIT "):
            _, _, name, unit = line.split(" ")
            wrong += [] if openMetrics and name.endswith(f"_{unit}") else [f"wrong unit of {name}"]
        else:
            match = LINE.match(line)
            if match is None:
                wrong.append(f"no sample: {line}")
                continue
            name, labels, value = match.groups("")
            float(value)
            suffixes = SUFFIXES[kinds[family]]
            if not openMetrics and kinds[family] == "counter":
                wrong += [] if family.endswith("_total") else [f"counter {family} has no _total"]
                suffixes = ("",)
            if name.removeprefix(family) not in suffixes:
                wrong.append(f"{name} is not of {family}")
            wrong += [f"{line} is there twice"] if (name, labels) in seen else []
            seen.add((name, labels))
            if name.endswith("_bucket"):
                buckets.setdefault(name, []).append(float(value))
    for name, counts in buckets.items():
        wrong += [] if counts == sorted(counts) else [f"{name} is not cumulative"]
    return wrong


class MetricsTests(unittest.TestCase):
    """Prometheus can read the metrics (table G, row 64)."""

    def setUp(self) -> None:
        delay = Histogram([0.1, 1])
        for value in (0.05, 0.1, 0.5, 7.0):
            delay.observe(value)
        more = Family("buildbot_queue_seconds", "histogram", "Waits.\nAnd \\.", delay.samples())
        self.families = [*families(MASTER, 2000.0), more]

    def test_valid(self) -> None:
        """Both formats obey their rules, with a hostile name of a builder."""
        self.assertEqual(errors(text(self.families), False), [])
        self.assertEqual(errors(text(self.families, True), True), [])

    def test_checker(self) -> None:
        """The checker of this test finds mistakes."""
        twice = text([*self.families, self.families[1]], True)
        self.assertEqual(len(errors(twice, True)), 3)
        self.assertEqual(errors(text(self.families), True)[0], "no EOF")
        bad = Family("x", "gauge", "X.", [Sample((("a-b", "c"),), 1)])
        self.assertEqual(errors(text([bad]), False), ['no sample: x{a-b="c"} 1'])

    def test_builders(self) -> None:
        """The metrics tell builds, waits and results of each builder."""
        lines = text(self.families).decode().split("\n")
        for line in (
            'buildbot_build_info{version="1.0",twisted="24.7",python="3.11"} 1',
            'buildbot_builds_running{builder="linux"} 1',
            'buildbot_build_running_seconds{builder="linux"} 100.0',
            'buildbot_request_oldest_seconds{builder="linux"} 200.0',
            'buildbot_builds_total{builder="linux",result="failure"} 2',
            'buildbot_builder_duration_seconds_count{builder="linux"} 7',
            'buildbot_last_build_result{builder="linux"} 2',
            'buildbot_slaves{state="connected"} 1',
            'buildbot_slave_connected{slave="bot2"} 0',
            'buildbot_requests_pending{builder="a\\"b\\\\c\\nd"} 0',
            "# TYPE buildbot_build_info gauge",
        ):
            self.assertIn(line, lines)
        self.assertNotIn('buildbot_last_build_result{builder="a', "\n".join(lines))

    def test_histogram(self) -> None:
        """A bucket has the values that are at most its bound, and those of the buckets below."""
        lines = text(self.families[-1:]).decode().split("\n")
        self.assertEqual(
            lines[2:-1],
            [
                'buildbot_queue_seconds_bucket{le="0.1"} 2',
                'buildbot_queue_seconds_bucket{le="1.0"} 3',
                'buildbot_queue_seconds_bucket{le="+Inf"} 4',
                "buildbot_queue_seconds_count 4",
                "buildbot_queue_seconds_sum 7.65",
            ],
        )

    def test_openMetrics(self) -> None:
        """OpenMetrics names families without the ends of their samples, and tells units."""
        lines = text(self.families, True).decode().split("\n")
        for line in (
            "# TYPE buildbot_builds counter",
            "# TYPE buildbot_build info",
            "# UNIT buildbot_queue_seconds seconds",
        ):
            self.assertIn(line, lines)
