"""The speed of writing logs: C{python -m tests.benchmarks.logs [--short] [--profile DIR] [PART ...]}.

Parts:
  - C{stream}: eight slaves send updates of 16 KB, and of 80 bytes, as fast as the server reads; our master
    with running builds and a bare Twisted PB server that only writes them to a file, in alternating runs
  - C{long}: one log of two gigabytes, with and without the usual limits, and the memory it takes

It prints the figures, and for each promise whether it holds. The exit status is 1 if a promise is broken.
With C{--short}, promises about seconds are printed, but do not count. It does not read the logs: the tests
do.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.benchmarks import builds, servers
from tests.benchmarks.attach import Promises
from tests.benchmarks.builds import farm, ours
from tests.benchmarks.machine import conversation, forgetPeak, peakKiB, rssKiB
from tests.benchmarks.servers import Server

#: The promised rate of our master, as a part of the bare server's.
GOAL = 0.6

_WHOLE = """\
from buildbot.logs.files import LogLimits
from buildbot.steps.shell import ShellCommand
from tests.benchmarks.feeder import Feeder

steps.addStep(ShellCommand, command=["true"])
c["status"] = [Feeder(LogLimits(head=None))]
"""


@dataclass(frozen=True)
class Sizes:
    """The sizes of all parts. C{updates} maps the bytes of an update to the number that each slave sends."""

    slaves: int
    updates: tuple[tuple[int, int], ...]
    rounds: int
    long: int
    peers: tuple[str, ...] = ()
    profile: str = ""


FULL = Sizes(slaves=8, updates=((16384, 4000), (80, 12000)), rounds=3, long=2 << 30)
SHORT = Sizes(slaves=8, updates=((16384, 500), (80, 2000)), rounds=1, long=200 << 20)


@dataclass(frozen=True)
class Streamed:
    """The cost of a number of updates."""

    updates: int
    size: int
    seconds: float
    cpu: float

    @property
    def perSecond(self) -> float:
        """The updates a second."""
        return self.updates / self.seconds

    @property
    def microseconds(self) -> float:
        """The microseconds of CPU for each update."""
        return self.cpu * 1e6 / self.updates

    def __str__(self) -> str:
        rate = self.perSecond * self.size / 1e6
        return f"{rate:8.1f} MB/s {self.perSecond:8.0f} updates/s {self.microseconds:7.1f} us of CPU each"


def stream(sizes: Sizes, promises: Promises) -> None:
    """Compare our master with the bare server."""
    for size, updates in sizes.updates:
        options = ("--size", str(size), "--updates", str(updates))
        total = sizes.slaves * updates
        floor, mine = [], []
        for _ in range(sizes.rounds):
            arguments = ["--slaves", str(sizes.slaves), "--pattern", servers.PATTERN]
            with conversation("tests.benchmarks.barelogs", *arguments) as bare:
                with farm(Server(bare.process.pid, bare.hear()["port"]), sizes.slaves, *options) as slaves:
                    slaves.hear()
                    report = bare.ask("run")
                    assert report["written"] == total * size, report
                    floor.append(Streamed(total, size, report["seconds"], report["cpu"]))
            with ours(sizes.slaves, *options) as (server, client, _slaves):
                report = client.ask("run", count=sizes.slaves)
                assert report["results"] == {"0": sizes.slaves}, report
                assert _written(server) >= total * size, "not everything was kept"
                mine.append(Streamed(total, size, report["seconds"], report["cpu"]))
                builds.profiled(sizes, client, sizes.slaves, f"stream-{size}")
        print(f"{sizes.slaves} slaves, updates of {size} bytes, {sizes.rounds} rounds")
        print(f"  {'bare PB, into a file':24s} {_median(floor)}")
        print(f"  {'this master':24s} {_median(mine)}", flush=True)
        ratio = _median(mine).perSecond / _median(floor).perSecond
        less = _median(floor).microseconds / _median(mine).microseconds
        words = f"at least {GOAL:g} of the bare server's rate: {ratio:.2f} (CPU: {less:.2f} times less)"
        promises.judge(words, ratio >= GOAL, seconds=True)


def _median(runs: list[Streamed]) -> Streamed:
    middle = statistics.median_low(run.seconds for run in runs)
    return next(run for run in runs if run.seconds == middle)


def _written(server: Server) -> int:
    """The total bytes of all logs."""
    found = os.walk(os.path.join(server.basedir, "logs"))
    return sum(os.path.getsize(os.path.join(place, name)) for place, _, names in found for name in names)


def long(sizes: Sizes, promises: Promises) -> None:
    """Write one extremely long log."""
    updates = sizes.long // 16384
    options = ("--size", "16384", "--updates", str(updates))
    for what, config in (("kept whole", _WHOLE), ("within the usual limits", builds.CONFIG)):
        with ours(1, *options, extra=config) as (server, client, _slaves):
            before = rssKiB(server.pid)
            forgetPeak(server.pid)
            report = client.ask("run", count=1)
            more = (peakKiB(server.pid) - before) / 1024
            written = _written(server)
        streamed = Streamed(updates, 16384, report["seconds"], report["cpu"])
        print(f"a log of {sizes.long >> 20} MiB, {what}: {written >> 20} MiB on disk,{streamed}")
        promises.judge(f"under 64 MiB of memory more: {more:.1f}", more < 64)
        whole = written >= updates * 16384
        promises.judge("all of it was kept" if whole else "it was cut", whole == (config is _WHOLE))


PARTS: dict[str, Callable[[Any, Promises], None]] = {"stream": stream, "long": long}

main = partial(builds.run, "logs", PARTS, (FULL, SHORT))

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
