"""The cost of a build: C{python -m tests.benchmarks.builds [--short] [--peer PYTHON] [PART ...]}.

Every builder has one simulated slave, in a second process. It always has a build of one ShellCommand: the
next is requested when one ends. The master runs in its own process, with its store on a real disk.

Parts:
  - C{floor}: fifty builders; our master and a plain Twisted PB server that makes the same calls and stores
    nothing, in alternating runs
  - C{side}: fifty builders; our master and those of the C{--peer} environments, in alternating runs
  - C{wide}: 50, 500 and 2,000 builders
  - C{past}: many builds; compares the last with the first, and measures the memory that all of them need

It prints the figures, and for each promise whether it holds. The exit status is 1 if a promise is broken.
With C{--short}, promises about seconds are printed, but do not count. With C{--profile DIR} each run of our
master is repeated under cProfile, for C{pstats}.

Each build makes a file for its log. Where a new file is dear, because many were deleted a moment ago, the
figures are those of the file system: wait five minutes, or name another one in C{TMPDIR}.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tests.benchmarks import peers, servers
from tests.benchmarks.attach import Promises
from tests.benchmarks.feeder import Client
from tests.benchmarks.machine import Conversation, conversation, newFileMicroseconds, raiseFileLimit
from tests.benchmarks.servers import Server

CONFIG = """\
from buildbot.steps.shell import ShellCommand
from tests.benchmarks.feeder import Feeder

steps.addStep(ShellCommand, command=["true"])
c["status"] = [Feeder()]
"""

#: The most milliseconds of CPU for a build.
GOAL = 3.0
#: The most CPU for a build, as a multiple of the plain PB server's.
FLOOR_GOAL = 1.5
#: A new file needs more microseconds of CPU only on a file system that is busy with deleted files.
DEAR_FILE = 100.0


@dataclass(frozen=True)
class Sizes:
    """The sizes of all parts. C{peerBuilds} is for masters that are much slower."""

    side: int
    sideBuilds: int
    peerBuilds: int
    rounds: int
    wide: tuple[int, ...]
    wideBuilds: int
    past: int
    pastBuilds: int
    peers: tuple[str, ...] = ()
    profile: str = ""


FULL = Sizes(
    side=50, sideBuilds=3000, peerBuilds=150, rounds=3, wide=(50, 500, 2000), wideBuilds=8000,
    past=50, pastBuilds=10000,
)  # fmt: skip
SHORT = Sizes(
    side=50,
    sideBuilds=500,
    peerBuilds=100,
    rounds=1,
    wide=(50, 500),
    wideBuilds=1500,
    past=50,
    pastBuilds=2000,
)


@dataclass(frozen=True)
class Built:
    """The cost of a number of builds: elapsed time, CPU of the reactor's thread, CPU of the process."""

    builds: int
    report: dict[str, Any]

    @property
    def perSecond(self) -> float:
        """The builds a second."""
        return float(self.builds / self.report["seconds"])

    @property
    def cpuMs(self) -> float:
        """The milliseconds of CPU for each build."""
        return float(self.report["cpu"] * 1000 / self.builds)

    @property
    def reactorMs(self) -> float:
        """The milliseconds of CPU in the reactor's thread for each build."""
        return float(self.report["reactorCpu"] * 1000 / self.builds)

    @property
    def isGreen(self) -> bool:
        """True if all builds were successful."""
        return bool(self.report["results"] == {"0": self.builds})


def farm(server: Server, count: int, *options: str) -> AbstractContextManager[Conversation]:
    """Simulated slaves of C{server} that build, C{count} of them; see C{buildslaves} for the options."""
    arguments = ["--port", str(server.port), "--count", str(count), "--pattern", servers.PATTERN]
    arguments += ["--in-flight", "500", "--sources", "10", "--password", servers.PASSWORD]
    return conversation("tests.benchmarks.buildslaves", *arguments, *options)


@contextmanager
def ours(
    builders: int, *options: str, extra: str = CONFIG, db: str = ""
) -> Iterator[tuple[Server, Client, Conversation]]:
    """Our master, the feeder that requests its builds, and its attached slaves; each has had one build."""
    with servers.master(builders, extra=extra, db=db) as server, farm(server, builders, *options) as slaves:
        attached = slaves.hear()
        if attached["attached"] != builders:
            raise AssertionError(f"not all slaves are attached: {attached}")
        client = Client(server.basedir)
        try:
            yield server, client, slaves
        finally:
            client.close()


def build(client: Client, count: int) -> Built:
    """Run that many builds; return their cost."""
    return Built(count, client.ask("run", count=count))


def profiled(sizes: Any, client: Client, count: int, name: str) -> None:
    """Repeat a run under the profiler, if C{--profile} was given."""
    if sizes.profile:
        client.ask("profile")
        build(client, count)
        client.ask("profile", into=os.path.abspath(os.path.join(sizes.profile, name)))


def row(name: str, built: Built, slavesMs: float | None = None) -> str:
    """One line of figures."""
    words = f"  {name:32s} {built.perSecond:7.1f}/s {built.reactorMs:8.3f} {built.cpuMs:8.3f} ms"
    return words if slavesMs is None else f"{words}   (slaves {slavesMs:.3f})"


def _heading(title: str) -> None:
    print(f"{title:34s} builds/s  CPU a build: of the reactor, of the process", flush=True)


def floor(sizes: Sizes, promises: Promises) -> None:
    """Compare our master with a server that only makes the calls."""
    _heading(f"{sizes.side} builders, {sizes.rounds} rounds")
    plain, mine = [], []
    arguments = ["--slaves", str(sizes.side), "--pattern", servers.PATTERN, "--generation", "4.3.0"]
    arguments += ["--password", servers.PASSWORD, "--calls", "in-volleys"]
    for _ in range(sizes.rounds):
        with conversation("tests.benchmarks.barebuilds", *arguments) as bare:
            server = Server(bare.process.pid, bare.hear()["port"])
            with farm(server, sizes.side, "--generation", "4.3.0") as slaves:
                slaves.hear()
                bare.ask(f"run {sizes.side}")
                plain.append(Built(sizes.sideBuilds, bare.ask(f"run {sizes.sideBuilds}")))
        with ours(sizes.side, "--generation", "4.3.0") as (_server, client, slaves):
            build(client, sizes.side)
            mine.append(build(client, sizes.sideBuilds))
            profiled(sizes, client, sizes.sideBuilds, "floor")
    print(row("plain PB, keeps nothing", _median(plain)))
    print(row("this master", _median(mine)), flush=True)
    promises.judge("every build was green", all(each.isGreen for each in plain + mine))
    ratio = _median(mine).cpuMs / _median(plain).cpuMs
    promises.judge(
        f"at most {FLOOR_GOAL:g} of the plain server's CPU: {ratio:.2f}", ratio <= FLOOR_GOAL, seconds=True
    )


def side(sizes: Sizes, promises: Promises) -> None:
    """Compare our master with other masters that run the same builds."""
    _heading(f"{sizes.side} builders, {sizes.rounds} rounds")
    runs: dict[str, list[Built]] = {}
    for _ in range(sizes.rounds):
        for python in sizes.peers:
            name = f"Buildbot {peers.versionOf(python)}"
            with (
                peers.building(python, sizes.side) as (server, go),
                farm(server, sizes.side, "--generation", "4.3.0") as slaves,
            ):
                slaves.hear()
                go(sizes.side)
                runs.setdefault(name, []).append(Built(sizes.peerBuilds, go(sizes.peerBuilds)))
        with ours(sizes.side, "--generation", "4.3.0") as (_server, client, slaves):
            build(client, sizes.side)
            runs.setdefault("this master", []).append(build(client, sizes.sideBuilds))
            profiled(sizes, client, sizes.sideBuilds, "side")
    first = next(iter(runs))
    for name, figures in runs.items():
        print(row(name, _median(figures)), flush=True)
        ratio = _median(runs[first]).cpuMs / _median(figures).cpuMs
        faster = _median(figures).perSecond / _median(runs[first]).perSecond
        if name != first:
            print(
                f"    {ratio:.0f} times less CPU a build than {first}, {faster:.0f} times the builds a second"
            )
    mine = _median(runs["this master"])
    promises.judge("every build was green", all(each.isGreen for each in runs["this master"]))
    promises.judge(f"at most {GOAL:g} ms of CPU a build: {mine.cpuMs:.2f}", mine.cpuMs <= GOAL)


def _median(figures: list[Built]) -> Built:
    """The run whose CPU is the median."""
    middle = statistics.median_low(each.cpuMs for each in figures)
    return next(each for each in figures if each.cpuMs == middle)


def wide(sizes: Sizes, promises: Promises) -> None:
    """Run the same number of builds on more and more builders."""
    _heading(f"{sizes.wideBuilds} builds")
    cost = {}
    for count in sizes.wide:
        with ours(count) as (_, client, slaves):
            build(client, count)
            slaves.ask("work")
            built = cost[count] = build(client, sizes.wideBuilds)
            slavesMs = slaves.ask("work")["cpu"] * 1000 / (sizes.wideBuilds + count)
            print(row(f"{count} builders", built, slavesMs), flush=True)
            profiled(sizes, client, sizes.wideBuilds, f"wide-{count}")
    promises.judge("every build was green", all(built.isGreen for built in cost.values()))
    few, many = cost[sizes.wide[0]], cost[sizes.wide[-1]]
    promises.judge(f"at most {GOAL:g} ms of CPU a build in each", all(b.cpuMs <= GOAL for b in cost.values()))
    ratio = many.cpuMs / few.cpuMs
    promises.judge(
        f"at most 1.5 times the CPU a build with {sizes.wide[-1]} builders: {ratio:.2f}", ratio < 1.5
    )


def past(sizes: Sizes, promises: Promises) -> None:
    """Run many builds one after the other. Compare the cost of the last with the first, and measure the
    memory."""
    part = sizes.pastBuilds // 10
    _heading(f"{sizes.pastBuilds} builds on {sizes.past} builders")
    with ours(sizes.past) as (_, client, _slaves):
        warm = build(client, part)
        begin = client.ask("usage")
        figures = []
        for number in range(10):
            figures.append(build(client, part))
            if number in (0, 9):
                print(row(f"builds {part * (number + 1)} to {part * (number + 2)}", figures[-1]), flush=True)
        end = client.ask("usage")
    rss, objects = end["rss"] - begin["rss"], end["objects"] - begin["objects"]
    print(f"  after {sizes.pastBuilds} more builds: {rss:+d} KiB resident, {objects:+d} objects")
    ratio = statistics.median(f.cpuMs for f in figures[5:]) / statistics.median(f.cpuMs for f in figures[:5])
    promises.judge("every build was green", warm.isGreen and all(each.isGreen for each in figures))
    promises.judge(
        f"at most 1.2 times the CPU a build after {sizes.pastBuilds} builds: {ratio:.2f}", ratio < 1.2
    )
    promises.judge(
        "less than 16 MiB and half an object a build more", rss < 16 << 10 and objects < sizes.pastBuilds / 2
    )


PARTS: dict[str, Callable[[Sizes, Promises], None]] = {
    "floor": floor,
    "side": side,
    "wide": wide,
    "past": past,
}


def fileLine(microseconds: float) -> str:
    """What a new file costs here, which is a part of each build, and what to do if that is too much."""
    line = f"a new file {microseconds:.0f} us of CPU"
    if microseconds > DEAR_FILE:
        line += ", too much: many were just deleted; wait five minutes, or set TMPDIR to another disk"
    return line


def run(name: str, parts: dict[str, Any], sizes: tuple[Any, Any], arguments: list[str]) -> int:
    """Run the command line of a benchmark like this one; return the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.benchmarks.{name}")
    parser.add_argument("parts", nargs="*", metavar="PART", help="some of " + ", ".join(parts) + " (all)")
    parser.add_argument("--short", action="store_true", help="a tenth of everything")
    parser.add_argument(
        "--peer", action="append", default=[], metavar="PYTHON", help="an environment to compare"
    )
    parser.add_argument("--profile", default="", metavar="DIR", help="profile our master into files there")
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - set(parts)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    full, short = sizes
    chosen = replace(short if options.short else full, peers=tuple(options.peer), profile=options.profile)
    raiseFileLimit(10000)
    promises = Promises(options.short)
    print(f"python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print(fileLine(newFileMicroseconds()))
    for part in options.parts or parts:
        parts[part](chosen, promises)
    return 1 if promises.broken else 0


main = partial(run, "builds", PARTS, (FULL, SHORT))

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
