"""The cost of a start with much in the store: C{python -m tests.benchmarks.starts [--short] [DIRECTORY]}.

The store has a million waiting requests of ten builders, a hundred thousand finished builds, 200,000 changes
and fifty thousand sets of a scheduler that others follow. A master with this store is started in a process of
its own, and stopped.

It prints the seconds, the seconds of CPU and the memory of the start. With C{DIRECTORY}, the store is made
there, and used again if it is there already.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, BuildsetRecord, StepRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.store.requests import encode
from buildbot.store.schema import CURRENT

CONFIG = """\
from buildbot.buildslave import BuildSlave
from buildbot.config import BuilderConfig
from buildbot.process.factory import BuildFactory
from buildbot.scheduler import Dependent, Scheduler
from buildbot.steps.shell import ShellCommand
factory = BuildFactory([ShellCommand(command=["true"])])
names = ["builder%d" % number for number in range(10)]
quick = Scheduler("quick", None, 60, names)
c = BuildmasterConfig = {
    "slaves": [BuildSlave("bot", "sekrit")],
    "builders": [BuilderConfig(name, "bot", factory=factory) for name in names],
    "schedulers": [quick, Dependent("package", quick, names[:1])],
    "slavePortnum": "tcp:0:interface=127.0.0.1",
}
"""
#: The most seconds of CPU, and the most MiB, of a start.
MOST_CPU, MOST_MEMORY = 6.0, 250


@dataclass(frozen=True)
class Sizes:
    """How much is in the store."""

    waiting: int = 1_000_000
    builds: int = 100_000
    changes: int = 200_000
    sets: int = 50_000


def fill(path: str, sizes: Sizes) -> None:
    """Make a store of schema version 4: the master upgrades it."""
    with closing(sqlite3.connect(path)) as file:
        CURRENT.upgrade(file, 0, 4)
        file.executemany(
            "INSERT INTO changes (number, made, who, branch, revision, project, repository, category,"
            " summary, files, record) VALUES (?, ?, 'ann', NULL, ?, '', '', NULL, 'why', 1, ?)",
            _changes(sizes.changes),
        )
        file.executemany(
            "INSERT INTO builds (builder, number, started, finished, results, slave, text, reason, who,"
            " changes, record) VALUES (?, ?, ?, ?, 0, 'bot', 'ok', 'why', '', '', ?)",
            _builds(sizes.builds),
        )
        file.executemany(
            "INSERT INTO buildsets (id, complete, results, record) VALUES (?, ?, ?, ?)", _sets(sizes)
        )
        file.executemany(
            "INSERT INTO requests (id, buildset, builder, attempts, state, results, build)"
            " VALUES (?, ?, ?, 0, ?, ?, ?)",
            _requests(sizes),
        )
        following = {"change": sizes.changes + 1, "buildset": sizes.sets + sizes.waiting + 1}
        following["request"] = following["buildset"]
        following |= {f"build builder{each}": sizes.builds for each in range(10)}
        file.executemany("INSERT INTO counters VALUES (?, ?)", following.items())
        states: dict[str, Any] = {f"expectations/builder{each}": {"true": 1.0} for each in range(10)}
        file.executemany(
            "INSERT INTO state VALUES (?, ?)", [(key, json.dumps(value)) for key, value in states.items()]
        )
        file.execute("PRAGMA user_version = 4")
        file.commit()


def _changes(count: int) -> Iterator[tuple[Any, ...]]:
    for number in range(1, count + 1):
        change = Change("ann", ["src/a.c"], "why", revision=str(number), when=1e9 + number)
        yield number, 1e9 + number, str(number), encode(change.toRecord())


def _builds(count: int) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        builder, started = f"builder{number % 10}", 1e9 + number
        steps = (StepRecord("true", started, started + 1, 0, ("ok",)),)
        record = BuildRecord(
            builder, number, "bot", (number + 1,), started, started + 1, 0, ("ok",), "why",
            SourceStamp().toRecord(), {}, steps,
        )  # fmt: skip
        yield builder, number, started, started + 1, encode(record)


def _sets(sizes: Sizes) -> Iterator[tuple[Any, ...]]:
    for number in range(1, sizes.sets + 1):
        record = BuildsetRecord(number, "why", SourceStamp().toRecord(), 1e9, {}, scheduler="quick")
        yield number, 1e9, 0, encode(record)
    for number in range(sizes.sets + 1, sizes.sets + sizes.waiting + 1):
        source = SourceStamp(branch=f"branch{number % 1000}", revision=str(number))
        record = BuildsetRecord(number, "forced by ann", source.toRecord(), 1e9 + number, {"n": number})
        yield number, None, None, encode(record)


def _requests(sizes: Sizes) -> Iterator[tuple[Any, ...]]:
    for number in range(1, sizes.sets + 1):
        yield number, number, f"builder{number % 10}", "done", 0, number
    for number in range(sizes.sets + 1, sizes.sets + sizes.waiting + 1):
        yield number, number, f"builder{number % 10}", "pending", None, None


def start(directory: str) -> None:
    """Start a master, print what the start cost, and stop it."""
    from twisted.internet import reactor

    from buildbot.buildmaster.service import BuildMaster

    before, began = time.process_time(), time.monotonic()
    master = BuildMaster(directory)
    master.startService()

    def ready(lines: object) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        figures = time.monotonic() - began, time.process_time() - before, peak
        print(json.dumps(figures), flush=True)
        master.stopService().addBoth(lambda result: reactor.stop())

    def failed(why: Any) -> None:
        print(why, file=sys.stderr)
        reactor.stop()

    master.whenReady().addCallbacks(ready, failed)
    reactor.run()


def measured(directory: str) -> tuple[float, float, float]:
    """The seconds, the seconds of CPU and the MiB of a start."""
    child = [sys.executable, "-m", "tests.benchmarks.starts", "--child", directory]
    said = subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True)
    seconds, processor, memory = json.loads(said.stdout)
    return seconds, processor, memory


def main() -> int:
    """Measure. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="starts")
    parser.add_argument("directory", nargs="?")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--child", action="store_true")
    options = parser.parse_args()
    if options.child:
        start(options.directory)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        directory = options.directory or scratch
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, "state.sqlite")
        if not os.path.exists(path):
            fill(path, Sizes(100_000, 10_000, 20_000, 5_000) if options.short else Sizes())
            with open(os.path.join(directory, "master.cfg"), "w", encoding="utf-8") as file:
                file.write(CONFIG)
        figures = [measured(directory) for _ in range(2)]
    for what, (seconds, processor, memory) in zip(("first", "second"), figures, strict=True):
        print(f"{what} start: {seconds:.1f} s, {processor:.1f} s of CPU, {memory:.0f} MiB")
    _, processor, memory = figures[-1]
    isKept = processor <= MOST_CPU and memory <= MOST_MEMORY
    print(f"the second start takes at most {MOST_CPU:.0f} s of CPU and {MOST_MEMORY} MiB: {isKept}")
    return 0 if isKept else 1


if __name__ == "__main__":
    sys.exit(main())
