"""How fast output becomes logs: C{python -m tests.benchmarks.logs [--short] [--profile DIR] [PART ...]}.

Parts:
  - C{stream}: eight slaves that send updates of 16 KB, and of 80 bytes, as fast as they are taken, to running
    builds of our master and to a bare Twisted PB server that only writes them to a file, in alternating runs
  - C{long}: one log of two gigabytes, kept whole and kept within the usual limits, and the memory it takes

It prints figures and the promises that rest on them, and ends with status 1 if one is broken; with C{--short}
those about seconds are shown but do not count. It does not look into the logs: the tests do that.
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

#: How much of the bare server's rate our master is to reach.
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
    """How much of everything: C{updates} is bytes of an update -> how many each slave sends."""

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
    """What a number of updates has cost."""

    updates: int
    size: int
    seconds: float
    cpu: float

    @property
    def perSecond(self) -> float:
        """Updates a second."""
        return self.updates / self.seconds

    @property
    def microseconds(self) -> float:
        """Of CPU, for each update."""
        return self.cpu * 1e6 / self.updates

    def __str__(self) -> str:
        rate = self.perSecond * self.size / 1e6
        return f"{rate:8.1f} MB/s {self.perSecond:8.0f} updates/s {self.microseconds:7.1f} us of CPU each"


def stream(sizes: Sizes, promises: Promises) -> None:
    """Ours beside the floor."""
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
    """Bytes in all logs."""
    found = os.walk(os.path.join(server.basedir, "logs"))
    return sum(os.path.getsize(os.path.join(place, name)) for place, _, names in found for name in names)


def long(sizes: Sizes, promises: Promises) -> None:
    """One log as long as nobody wants to read."""
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
