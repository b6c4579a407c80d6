"""The cost of attached slaves, in time and memory: C{python -m tests.benchmarks.attach [--short] [PART ...]}.

Parts:
  - C{side}: our master and a bare Twisted PB server, in alternating runs. The bare server makes only the
    calls of an attachment: one after the other like 0.7.5, or in the two volleys of our master.
  - C{storm}: a thousand slaves that connect at the same instant
  - C{many}: ten thousand slaves attached to one process, then a reconfig that changes nothing
  - C{wide}: five hundred slaves that share two hundred builders
  - C{start}: the time from the command to a master that is ready for a thousand slaves

It prints the figures, and for each promise whether it holds. The exit status is 1 if a promise is broken.
C{--short} is for small shared machines: promises about seconds are printed, but do not count. It does not
profile.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tests.benchmarks import peers, servers
from tests.benchmarks.machine import Conversation, conversation, cpuSeconds, raiseFileLimit, rssKiB, settle
from tests.benchmarks.servers import Server


@dataclass(frozen=True)
class Sizes:
    """The sizes of all parts."""

    side: int
    rounds: int
    storm: int
    many: int
    wideSlaves: int
    wideBuilders: int
    start: int
    peers: tuple[str, ...] = ()


FULL = Sizes(side=1000, rounds=5, storm=1000, many=10000, wideSlaves=500, wideBuilders=200, start=1000)
SHORT = Sizes(side=300, rounds=2, storm=300, many=1000, wideSlaves=30, wideBuilders=200, start=1000)


#: A name, and a function that starts the server.
Contender = tuple[str, Callable[[], AbstractContextManager[Server]]]


class Promises:
    """I collect the promises, and whether each holds."""

    def __init__(self, short: bool) -> None:
        self._short = short
        self.broken = 0

    def judge(self, words: str, held: bool, seconds: bool = False) -> None:
        """Print one promise. C{seconds} is True if it is about elapsed time."""
        counts = not (seconds and self._short)
        self.broken += counts and not held
        print(f"  {'kept  ' if held else 'BROKEN' if counts else 'missed'}  {words}", flush=True)


@dataclass(frozen=True)
class Attached:
    """The cost of attaching slaves to one server."""

    perSecond: float
    cpuMs: float
    kib: float
    report: dict[str, Any]


def farm(server: Server, count: int, *options: str) -> AbstractContextManager[Conversation]:
    """Simulated slaves of C{server}, C{count} of them."""
    arguments = ["--port", str(server.port), "--count", str(count), "--pattern", servers.PATTERN]
    return conversation("tests.benchmarks.simslaves", *arguments, "--password", servers.PASSWORD, *options)


def measure(server: Server, slaves: Conversation, cpu: float, rss: int) -> Attached:
    """The cost of attaching C{slaves}, after all are attached. C{cpu} and C{rss} are the figures before."""
    report = slaves.hear()
    settle(server.pid)
    count = max(1, report["attached"])
    used = (cpuSeconds(server.pid) - cpu) * 1000 / count
    return Attached(report["perSecond"], used, (rssKiB(server.pid) - rss) / count, report)


def warmUp(server: Server, *options: str) -> None:
    """Attach and detach a few slaves, so that the extra cost of the first ones is not measured."""
    with farm(server, 20, *options) as slaves:
        slaves.hear()
    settle(server.pid)


def attach(server: Server, count: int, *options: str) -> Attached:
    """Attach C{count} slaves to C{server}, then detach them."""
    cpu, rss = cpuSeconds(server.pid), rssKiB(server.pid)
    with farm(server, count, *options) as slaves:
        return measure(server, slaves, cpu, rss)


def table(title: str, rows: list[tuple[str, list[Attached]]]) -> None:
    """Print the medians of each row, and their ratios to the first row."""
    print(f"{title:34s}  slaves/s   CPU ms     KiB     beside the first row")
    first = medians(rows[0][1])
    for name, runs in rows:
        rate, cpu, kib = medians(runs)
        ratios = f"{rate / first[0]:6.2f}x {cpu / first[1]:5.2f}x {kib / first[2]:5.2f}x"
        print(f"  {name:32s} {rate:9.0f} {cpu:8.3f} {kib:7.1f} {ratios}", flush=True)


def medians(runs: list[Attached]) -> tuple[float, float, float]:
    """The medians: slaves a second, ms of CPU and KiB for each slave."""
    return (
        statistics.median(run.perSecond for run in runs),
        statistics.median(run.cpuMs for run in runs),
        statistics.median(run.kib for run in runs),
    )


def side(sizes: Sizes, promises: Promises) -> None:
    """Compare our master with the bare server. All slaves share one builder, because some other masters are
    slow with many."""
    for generation in ("0.7.12", "4.3.0"):
        contenders: list[Contender] = [
            ("bare, calls in turn as 0.7.5", partial(servers.bare, "in-turn", sizes.side, generation, 1)),
            ("bare, our calls in volleys", partial(servers.bare, "in-volleys", sizes.side, generation, 1)),
            *_peers(sizes, generation),
            ("this master", partial(servers.master, sizes.side, 1)),
        ]
        runs: list[tuple[str, list[Attached]]] = [(name, []) for name, _ in contenders]
        for _ in range(sizes.rounds):
            for (_, serve), (_, figures) in zip(contenders, runs, strict=True):
                with serve() as server:
                    warmUp(server, "--generation", generation)
                    figures.append(attach(server, sizes.side, "--generation", generation))
        table(f"{sizes.side} slaves {generation} at once, {sizes.rounds} rounds", runs)
        floor, ours = medians(runs[0][1]), medians(runs[-1][1])
        everybody = all(run.report["attached"] == sizes.side for run in runs[-1][1])
        promises.judge("every slave attached", everybody)
        asMany = ours[0] >= floor[0]
        promises.judge("at least as many slaves a second as the bare server", asMany, seconds=True)
        promises.judge("no more CPU a slave than the bare server", ours[1] <= floor[1])
        promises.judge(f"at most 16 KiB a slave: {ours[2]:.1f}", ours[2] <= 16)


def _peers(sizes: Sizes, generation: str) -> list[Contender]:
    versions = {python: peers.versionOf(python) for python in sizes.peers}
    return [
        (f"Buildbot {version}", partial(peers.peer, python, sizes.side))
        for python, version in versions.items()
        if peers.generationFor(version) == generation
    ]


def storm(sizes: Sizes, promises: Promises) -> None:
    """Attach all slaves at the same instant, from one address."""
    with servers.master(sizes.storm) as server:
        result = attach(server, sizes.storm).report
    print(f"{sizes.storm} slaves connecting at one instant: {_spread(result)}")
    promises.judge("all attached", result["attached"] == sizes.storm)
    promises.judge("within 2 s", result["seconds"] <= 2, seconds=True)


def _spread(report: dict[str, Any]) -> str:
    words = "attached {attached}, lost {lost}, refused {refused}, stuck {stuck}; {seconds:.2f} s in all"
    if "worst" in report:
        words += ", median {median:.2f}, 99 % {p99:.2f}, worst {worst:.2f} s; {perSecond:.0f}/s"
    return words.format(**report)


def many(sizes: Sizes, promises: Promises) -> None:
    """Attach ten thousand slaves to one process; then run a reconfig that changes nothing."""
    with servers.master(sizes.many) as server:
        warmUp(server)
        cpu, rss = cpuSeconds(server.pid), rssKiB(server.pid)
        with farm(server, sizes.many, "--in-flight", "500", "--sources", "40") as slaves:
            result = measure(server, slaves, cpu, rss)
            print(f"{sizes.many} slaves, 500 logging in at a time: {_spread(result.report)}")
            mib = rssKiB(server.pid) / 1024
            print(f"  {result.cpuMs:.3f} ms of CPU and {result.kib:.1f} KiB a slave, {mib:.0f} MiB in all")
            promises.judge("all attached at once", result.report["attached"] == sizes.many)
            _reconfigNothing(server, slaves, promises)
            print(f"  a keepalive of each at once: {slaves.ask('keepalive')['seconds']:.2f} s")
            connected = slaves.ask("count")["connected"]
            promises.judge("all still there", connected == sizes.many)


def _reconfigNothing(server: Server, slaves: Conversation, promises: Promises) -> None:
    from buildbot.control.server import ask

    settle(server.pid)
    slaves.ask("mark")
    cpu, began = cpuSeconds(server.pid), time.monotonic()
    answer: Any = ask(server.basedir, "reconfig", timeout=60)
    seconds = time.monotonic() - began
    settle(server.pid, quiet=0.5)
    used = cpuSeconds(server.pid) - cpu
    heard = slaves.ask("count")
    print(f"  a reconfig of nothing: {used:.3f} s of CPU in the master, {seconds:.2f} s until it answered")
    promises.judge("it was applied and found no change", bool(answer["applied"]) and not answer["changes"])
    promises.judge("under half a second in the master", used < 0.5, seconds=True)
    promises.judge(f"no byte sent to any slave: {heard['received']}", heard["received"] == 0)


def attachedPairs(server: Server) -> int:
    """The number of attached pairs of slave and builder in a master's status."""
    from buildbot.control.server import ask

    status: Any = ask(server.basedir, "status", timeout=60)
    return sum(len(slave["builders"]) for slave in status["slaves"])


def wide(sizes: Sizes, promises: Promises) -> None:
    """Attach slaves that all have all builders (A9)."""
    pairs = sizes.wideSlaves * sizes.wideBuilders
    with servers.master(sizes.wideSlaves, sizes.wideBuilders) as server:
        cpu, rss = cpuSeconds(server.pid), rssKiB(server.pid)
        with farm(server, sizes.wideSlaves) as slaves:
            result = measure(server, slaves, cpu, rss)
            attached = attachedPairs(server)
        recursed = "RecursionError" in server.log()
    print(f"{sizes.wideSlaves} slaves x {sizes.wideBuilders} builders: {_spread(result.report)}")
    each = result.cpuMs * 1000 / sizes.wideBuilders
    print(f"  {result.cpuMs:.1f} ms of CPU and {result.kib:.0f} KiB a slave, {each:.0f} us a pair")
    told = result.report["builders"]
    promises.judge("all attached to all their builders", attached == pairs and told == pairs)
    promises.judge("no RecursionError", not recursed)
    promises.judge("within 60 s", result.report["seconds"] <= 60, seconds=True)


def start(sizes: Sizes, promises: Promises) -> None:
    """Time the command C{buildbot start}, as a user of the shell sees it."""
    took = []
    for _ in range(3):
        basedir = tempfile.mkdtemp(prefix="master-")
        try:
            servers.writeMaster(basedir, sizes.start)
            began = time.monotonic()
            pid = servers.start(basedir)
            took.append(time.monotonic() - began)
            servers.stop(basedir, pid)
        finally:
            shutil.rmtree(basedir, ignore_errors=True)
    print(f"start with {sizes.start} bots: {', '.join(f'{each:.2f}' for each in took)} s")
    promises.judge("under a second", statistics.median(took) < 1, seconds=True)


PARTS: dict[str, Callable[[Sizes, Promises], None]] = {
    "side": side,
    "storm": storm,
    "many": many,
    "wide": wide,
    "start": start,
}


_PEER = "an interpreter with Buildbot 0.7.12 or 4.3.0, to be measured beside ours; may be given again"


def main(arguments: list[str]) -> int:
    """Run the requested parts; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.attach")
    parser.add_argument("parts", nargs="*", metavar="PART", help="some of " + ", ".join(PARTS) + " (all)")
    parser.add_argument("--short", action="store_true", help="hundreds of slaves instead of thousands")
    parser.add_argument("--peer", action="append", default=[], metavar="PYTHON", help=_PEER)
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    sizes = replace(SHORT if options.short else FULL, peers=tuple(options.peer))
    # the clients, the server and this process need at most one file each for a slave
    limit = raiseFileLimit(sizes.many + 200)
    if limit < sizes.many + 200:
        parser.error(f"only {limit} open files are allowed, {sizes.many + 200} are needed (ulimit -n)")
    promises = Promises(options.short)
    print(f"python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    for name in options.parts or PARTS:
        PARTS[name](sizes, promises)
    return 1 if promises.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
