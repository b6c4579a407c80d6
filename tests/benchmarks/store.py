"""The cost of storing builds: CPU of the threads, builds a second, and a start with many waiting requests.

Run: C{python -m tests.benchmarks.store [--short]}. For each build it makes the calls of the build engine: a
change, a buildset, the start, a save for each of three steps, the end. Nothing is built. The baseline is one
C{INSERT} of the same bytes for each build, committed one by one, in one thread.
"""

from __future__ import annotations

import argparse
import os
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from twisted.internet import defer, reactor, task
from twisted.internet.defer import Deferred

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, BuildsetRecord, LogRecord, RequestRecord, StepRecord
from buildbot.store.interface import IStore
from buildbot.store.sqlite import PACE, SqliteStore

SOURCE = {
    "branch": "trunk",
    "revision": "a" * 40,
    "patch": None,
    "changes": [{"who": "mary", "files": ["a.c"] * 3, "comments": "mend the mending"}],
}
PROPERTIES = {
    name: [name * 3, "Scheduler"] for name in ("branch", "revision", "scheduler", "owner", "workdir")
}

ASKED = BuildsetRecord(0, "a change", SOURCE, 2.0, PROPERTIES, scheduler="quick")


@dataclass
class Usage:
    """The usage of one measurement, in seconds."""

    wall: float
    reactor: float
    process: float


def measured(before: Usage | None = None) -> Usage:
    """The usage since C{before}, or since the start of this process and thread."""
    now = Usage(time.monotonic(), time.thread_time(), time.process_time())
    if before is None:
        return now
    return Usage(now.wall - before.wall, now.reactor - before.reactor, now.process - before.process)


async def life(store: IStore, builder: str, builds: int) -> None:
    """Store one builder's builds, one after the other."""
    for number in range(builds):
        await store.addChange(Change("mary", ["a.c", "b.c"], "mend the mending", when=1.0, revision="a" * 40))
        _, requests = await store.addBuildset(ASKED, [builder])
        build = await store.startBuild(asked(builder, requests))
        saves = []
        for step in range(3):
            logs = (LogRecord("stdio", f"{builder}/{number}-log-step{step}-stdio", 1000),)
            done = StepRecord(f"step{step}", 4.0, 5.0, 0, (f"step{step}", "done"), logs)
            build = replace(build, steps=(*build.steps, done))
            saves.append(store.saveBuild(build))
        await store.finishBuild(replace(build, finished=9.0, results=0, text=("build", "successful")))
        await defer.gatherResults(saves)


def asked(builder: str, requests: list[RequestRecord]) -> BuildRecord:
    """The build for these requests."""
    ids = tuple(each.id for each in requests)
    return BuildRecord(
        builder, None, "bot1", ids, 3.0, reason="a change", sourcestamp=SOURCE, properties=PROPERTIES
    )


async def building(directory: str, builders: int, builds: int) -> None:
    """Store C{builds} builds on each of C{builders} at once."""
    store = SqliteStore(directory, reactor)  # type: ignore[arg-type]
    await store.open()
    await life(store, "warm", 3)
    before = measured()
    lives = [Deferred.fromCoroutine(life(store, f"builder{each}", builds)) for each in range(builders)]
    await defer.gatherResults(lives)
    used = measured(before)
    total = builders * builds
    print(
        f"{builders:5d} builders, {builds:3d} builds each: {total / used.wall:5.0f} builds/s,"
        f" reactor thread {used.reactor / total * 1e3:.3f} ms,"
        f" all threads {used.process / total * 1e3:.3f} ms a build,"
        f" peak RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB"
    )
    await store.close()


async def alone(directory: str, count: int) -> None:
    """The time of a single call, one after the other."""
    store = SqliteStore(directory, reactor)  # type: ignore[arg-type]
    await store.open()
    waits = []
    for number in range(count):
        begun = time.monotonic()
        await store.setState("n", number)
        waits.append(time.monotonic() - begun)
        await task.deferLater(reactor, PACE * 2, lambda: None)
    waits.sort()
    median, worst = waits[count // 2] * 1e3, waits[-1] * 1e3
    print(f"one thing at a time: kept after {median:.1f} ms (median), {worst:.1f} ms (worst)")
    await store.close()


async def waiting(directory: str, count: int) -> None:
    """P5: the time of a start with C{count} waiting requests."""
    store = SqliteStore(directory, reactor)  # type: ignore[arg-type]
    await store.open()
    calls = [store.addBuildset(ASKED, ["full"]) for _ in range(count)]
    await defer.gatherResults(calls)
    await store.close()
    before = measured()
    await store.open()
    await store.interrupted(5.0)
    opened = measured(before)
    found = await store.pendingRequests()
    used = measured(before)
    print(
        f"{len(found)} requests wait: open after {opened.wall:.3f} s,"
        f" read after {used.wall:.3f} s, CPU {used.process:.3f} s"
    )
    await store.close()


async def pruning(directory: str, count: int, keep: int) -> None:
    """P8: the time to remove many builds."""
    store = SqliteStore(directory, reactor)  # type: ignore[arg-type]
    await store.open()
    builds = await defer.gatherResults([store.startBuild(asked("full", [])) for _ in range(count)])
    step = StepRecord("compile", 4.0, 5.0, 0, ("done",), (LogRecord("stdio", "f", 10),))
    await defer.gatherResults(
        [store.finishBuild(replace(each, finished=9.0, results=0, steps=(step,))) for each in builds]
    )
    before = measured()
    await store.prune(keep)
    used = measured(before)
    print(f"{count} builds pruned to {keep}: {used.wall:.3f} s, reactor thread {used.reactor * 1e3:.1f} ms")
    await store.close()


async def floor(directory: str, count: int) -> None:
    """The time of SQLite alone for small commits, one after the other."""
    path = os.path.join(directory, "floor.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE builds (record TEXT)")
        before = measured()
        for _ in range(count):
            connection.execute("INSERT INTO builds VALUES (?)", ("x" * 1500,))
        used = measured(before)
    rate, cost = count / used.wall, used.process / count * 1e3
    print(f"floor, one commit each: {rate:.0f} commits/s, {cost:.3f} ms CPU each")


async def main(short: bool) -> None:
    """Run all parts."""
    scale = 5 if short else 1
    plans: list[Callable[[str], Any]] = [
        lambda directory: floor(directory, 1000 // scale),
        lambda directory: alone(directory, 50 // scale),
        lambda directory: building(directory, 1, 100 // scale),
        lambda directory: building(directory, 50, 100 // scale),
        lambda directory: building(directory, 500, 10 // min(scale, 2)),
        lambda directory: building(directory, 2000, 3 // min(scale, 3)),
        lambda directory: waiting(directory, 10000 // scale),
        lambda directory: pruning(directory, 10000 // scale, 500 // scale),
    ]
    for plan in plans:
        with tempfile.TemporaryDirectory() as directory:
            await plan(directory)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a fifth of it")
    arguments = parser.parse_args()
    task.react(lambda _: Deferred.fromCoroutine(main(arguments.short)))
    sys.exit(0)
