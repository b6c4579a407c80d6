"""The cost of lists and searches in a big store: CPU of the store's thread and of the reactor's.

Run: C{python -m tests.benchmarks.lists [--builders N] [--builds N] [--slaves N]}. The builds are written
straight into a file of schema version 2, so that the upgrade is measured, too. Each call is made several
times; the figures are medians, in milliseconds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from statistics import median
from typing import Any

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, LogRecord, StepRecord
from buildbot.model.rows import BuildFilter, ChangeFilter
from buildbot.store.files import FILE
from buildbot.store.schema import CURRENT
from buildbot.store.sqlite import SqliteStore

RUNS = 15


def revision(number: int) -> str:
    """A revision like those of git."""
    return hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()


def branch(change: int) -> str | None:
    """The branch of a change."""
    return None if change % 3 else f"branch{change % 30}"


def inRuns(builder: int, number: int) -> bool:
    """True for one build of five, in runs, at other times on each builder."""
    return (number + 7 * builder) % 50 < 10


def records(
    builders: int, builds: int, slaves: int, shares: int, isRed: Callable[[int, int], bool] = inRuns
) -> Iterator[tuple[Any, ...]]:
    """The rows of finished builds, in the order of their starts.

    C{shares} builds in a row are of one change.

    @param isRed: tells of each builder and number whether the build has failed.
    """
    for place in range(builds):
        builder, number = f"builder{place % builders:03d}", place // builders
        change = place // shares
        results = 2 if isRed(place % builders, number) else 0
        source = {
            "branch": branch(change),
            "revision": None,
            "patch": None,
            "changes": [
                {
                    "who": f"dev{change % 40}",
                    "number": change + 1,
                    "revision": revision(change),
                    "files": ["a.c"],
                }
            ],
        }
        steps = tuple(
            StepRecord(
                *(f"step{each}", place + each, place + each + 1.0, results, (f"step{each}", "done")),
                logs=(LogRecord("stdio", f"{builder}/{number}-log-step{each}-stdio", 1000, 12345),),
            )
            for each in range(8)
        )
        properties = {
            name: [name * 3, "Scheduler"] for name in ("branch", "revision", "scheduler", "owner", "workdir")
        }
        record = BuildRecord(
            *(builder, None, f"slave{place * 7 % slaves:04d}", (), float(place), place + 9.0, results),
            *(
                ("failed", "step3") if results else ("build", "successful"),
                "a change",
                source,
                properties,
                steps,
            ),
        )
        yield builder, number, float(place), place + 9.0, json.dumps(record.toRecord(), separators=(",", ":"))


def fill(
    directory: str,
    builders: int,
    builds: int,
    slaves: int,
    shares: int = 20,
    isRed: Callable[[int, int], bool] = inRuns,
) -> None:
    """Write a file of schema version 2. See L{records}."""
    with closing(sqlite3.connect(os.path.join(directory, FILE))) as file:
        CURRENT.upgrade(file, 0, 2)
        file.executemany(
            "INSERT INTO builds VALUES (?, ?, ?, ?, ?)", records(builders, builds, slaves, shares, isRed)
        )
        changes = (
            Change(
                f"dev{each % 40}", ["a.c"], "because", revision=revision(each), when=1.0, branch=branch(each)
            )
            for each in range(builds // shares)
        )
        file.executemany(
            "INSERT INTO changes VALUES (?, 1.0, ?)",
            ((number, json.dumps(each.toRecord())) for number, each in enumerate(changes, 1)),
        )
        file.execute("PRAGMA user_version = 2")
        file.commit()


async def cost(name: str, call: Callable[[], Deferred[Any]]) -> None:
    """Print the CPU of a call: in the thread of the reactor, and in that of the store."""
    here, there = [], []
    for _ in range(RUNS):
        mine, everything = time.thread_time(), time.process_time()
        await call()
        mine = time.thread_time() - mine
        here.append(mine * 1e3)
        there.append((time.process_time() - everything) * 1e3 - mine * 1e3)
    print(f"{name:44s} store {median(there):7.2f} ms   reactor {median(here):5.2f} ms", flush=True)


async def main(builders: int, builds: int, slaves: int) -> None:
    """Fill, upgrade, and ask."""
    with tempfile.TemporaryDirectory() as directory:
        fill(directory, builders, builds, slaves)
        size = os.path.getsize(os.path.join(directory, FILE))
        store = SqliteStore(directory, reactor)  # type: ignore[arg-type]
        wall, cpu = time.monotonic(), time.process_time()
        await store.open()
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
        grown = os.path.getsize(os.path.join(directory, FILE))
        print(
            f"{builds} builds of {builders} builders, {size >> 20} MiB:"
            f" upgraded in {wall:.1f} s ({cpu:.1f} s CPU) to {grown >> 20} MiB"
        )
        await store.close()
        wall = time.monotonic()
        await store.open()
        print(f"opened again in {time.monotonic() - wall:.1f} s")
        names = [f"builder{each:03d}" for each in range(builders)]
        rows = store.getBuildRows
        gone = [f"gone{each}" for each in range(40)]
        deep = ""
        for _ in range(20):
            deep = (await rows(count=1000, cursor=deep)).next or deep
        calls: dict[str, Callable[[], Deferred[Any]]] = {
            "newest 50": rows,
            "newest 1000": lambda: rows(count=1000),
            "50 after 20,000": lambda: rows(cursor=deep),
            "50 of one slave": lambda: rows(BuildFilter(slave="slave0001")),
            "50 of one branch": lambda: rows(BuildFilter(branch="branch9")),
            "50 of one builder": lambda: rows(BuildFilter(builders=(names[0],))),
            "50 red of one builder": lambda: rows(BuildFilter(builders=(names[0],), results=(2, 4))),
            "50 red": lambda: rows(BuildFilter(results=(2, 4))),
            "50 of a category of 40 builders": lambda: rows(BuildFilter(builders=tuple(names[:40]))),
            "50 of 40 builders that are gone": lambda: rows(BuildFilter(builders=tuple(gone))),
            "50 cancelled (none)": lambda: rows(BuildFilter(results=(6,))),
            "50 by end": lambda: rows(BuildFilter(byEnd=True)),
            "running": lambda: rows(BuildFilter(state="running")),
            "slave and branch and red": lambda: rows(
                BuildFilter(slave="slave0001", branch="branch9", results=(2,))
            ),
            "by whole revision": lambda: rows(BuildFilter(revision=revision(builds // 50))),
            "by four characters of a revision": lambda: rows(BuildFilter(prefix=revision(builds // 50)[:4])),
            "of the newest change": lambda: store.getRowsOfChanges([builds // 20]),
            "of the oldest change": lambda: store.getRowsOfChanges([1]),
            "of 100 changes": lambda: store.getRowsOfChanges(range(builds // 20 - 100, builds // 20)),
            "last 1 of each builder": lambda: store.getLastRows(names, 1),
            "last 20 of each builder": lambda: store.getLastRows(names, 20),
            "standing of each builder": lambda: store.getStandings(names),
            "count of builds by builder": store.countBuilds,
            "50 changes": store.getChangeRows,
            "50 changes of one author": lambda: store.getChangeRows(ChangeFilter(who="dev7")),
            "changes by four characters": lambda: store.findChanges(revision(7)[:4]),
            "one record, for comparison": lambda: store.getBuild(names[0], 1),
            "1000 records, for comparison": lambda: store.getBuilds(count=1000),
        }
        for name, call in calls.items():
            await cost(name, call)
        await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builders", type=int, default=200)
    parser.add_argument("--builds", type=int, default=100_000)
    parser.add_argument("--slaves", type=int, default=1000)
    asked = parser.parse_args()
    task.react(lambda _: Deferred.fromCoroutine(main(asked.builders, asked.builds, asked.slaves)))
    sys.exit(0)
