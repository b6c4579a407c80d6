# -*- test-case-name: tests.integration.test_crash -*-
"""Kill a master under load by SIGKILL, many times, and check that no acknowledged work is lost.

C{python -m tests.benchmarks.crash --kills 200} kills a real master at random moments: during its start, and
while it receives changes and requests and runs builds on simulated slaves. After each kill, and at the end,
it checks a copy of the SQLite file against the answers that clients received:

  - every acknowledged request is there. It is pending, or belongs to one unfinished build, or is done with
    results. A finished request stays finished.
  - every acknowledged change is there unchanged. It waits in its scheduler, or is in one build set.
  - after a start of a master, no build of an earlier master is unfinished
  - at the end everything is done, each request by one build that was not interrupted

C{tests.unit.store.test_sqlite} tests the faults of the store itself.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from buildbot.control import server
from buildbot.model.records import INTERRUPTED
from buildbot.model.results import RETRY
from tests.benchmarks import builds, servers
from tests.benchmarks.feeder import Client
from tests.benchmarks.machine import ROOT
from tests.benchmarks.servers import Server

_CONFIG = """\
from buildbot.scheduler import Scheduler
from buildbot.steps.shell import ShellCommand
from tests.benchmarks.feeder import Feeder

steps.addStep(ShellCommand, command=["true"])
c["schedulers"] = [Scheduler("all", None, 0.2, ["builder-" + name for name in names[:2]])]
c["status"] = [Feeder(forgets=False)]
"""

_SLAVES = 4
#: Seconds between two changes or requests.
_PACE = 0.01
#: Seconds for the last master to build all waiting requests.
_PATIENCE = 120.0


@dataclass
class Promised:
    """The acknowledged work: the builder of each request, the text of each change, by number."""

    requests: dict[int, str] = field(default_factory=dict)
    changes: dict[int, str] = field(default_factory=dict)


class Load(threading.Thread):
    """I send changes and requests to the present master, and remember the acknowledged ones."""

    def __init__(self, basedir: str, builders: list[str], chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.promised = Promised()
        self.sent = 0
        self._basedir = basedir
        self._builders = builders
        self._chance = chance
        self._over = threading.Event()
        self._asked: dict[int, tuple[dict[int, str], str, str]] = {}

    def stop(self) -> None:
        """Stop sending; returns when the thread has ended."""
        self._over.set()
        self.join()

    def run(self) -> None:
        """See L{threading.Thread}."""
        while not self._over.is_set():
            try:
                client = Client(self._basedir, 5.0)
            except OSError:
                self._over.wait(_PACE)
                continue
            self._asked.clear()
            try:
                self._talk(client)
            except (OSError, EOFError):
                continue
            finally:
                client.close()

    def _talk(self, client: Client) -> None:
        while not self._over.wait(_PACE):
            self.sent += 1
            if self._chance.random() < 0.5:
                builder = self._chance.choice(self._builders)
                self._asked[self.sent] = (self.promised.requests, "id", builder)
                client.say("request", builder=builder, tag=self.sent)
            else:
                words = f"change {self.sent}"
                self._asked[self.sent] = (self.promised.changes, "number", words)
                client.say("change", who="somebody", comments=words, tag=self.sent)
            for answer in client.heard():
                kept, key, words = self._asked.pop(answer["tag"])
                if key in answer:
                    kept[answer[key]] = words


@dataclass
class Findings:
    """The errors that an audit finds, and the number of checked items."""

    wrong: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    interrupted: int = 0

    def check(self, holds: object, words: str) -> None:
        """Remember C{words} unless the condition holds."""
        if not holds:
            self.wrong.append(words)


@dataclass(frozen=True)
class State:
    """The content of the file, by number; C{builds} by builder and number."""

    requests: dict[int, tuple[str, str, int | None, int | None]]  # builder, state, results, build
    builds: dict[tuple[str, int], dict[str, Any]]
    changes: dict[int, str]
    buildsets: list[dict[str, Any]]
    scheduler: dict[str, Any]

    @classmethod
    def read(cls, path: str) -> State:
        """Read the file C{path} without changing it."""
        with tempfile.TemporaryDirectory() as elsewhere:
            for end in ("", "-wal"):
                if os.path.exists(path + end):
                    shutil.copy(path + end, os.path.join(elsewhere, "copy" + end))
            with closing(sqlite3.connect(os.path.join(elsewhere, "copy"))) as connection:
                return cls._of(connection.execute)

    @classmethod
    def _of(cls, execute: Callable[[str], Any]) -> State:
        columns = "id, builder, state, results, build"
        known = dict(execute("SELECT name, value FROM state"))
        return cls(
            {id: tuple(rest) for id, *rest in execute(f"SELECT {columns} FROM requests")},
            {
                (builder, number): {**json.loads(record), "open": finished is None}
                for builder, number, finished, record in execute(
                    "SELECT builder, number, finished, record FROM builds"
                )
            },
            {n: json.loads(text)["comments"] for n, text in execute("SELECT number, record FROM changes")},
            [json.loads(text) for (text,) in execute("SELECT record FROM buildsets ORDER BY id")],
            json.loads(known.get("scheduler/all", "{}")),
        )


def audit(promised: Promised, now: State, before: State | None, findings: Findings) -> None:
    """After a kill: check that all acknowledged work is there, in exactly one state."""
    check = findings.check
    working: dict[int, list[tuple[str, int]]] = {}
    for key, build in now.builds.items():
        if build["open"]:
            for request in build["requests"]:
                working.setdefault(request, []).append(key)
    for request, (builder, state, results, number) in now.requests.items():
        findings.states[state] += 1
        links = working.pop(request, [])
        wanted = [(builder, number)] if state == "building" else []
        check(links == wanted, f"request {request} is {state}, and unfinished builds say {links}")
        check(state in ("pending", "building", "done"), f"request {request} is {state}")
        check((results is not None) == (state == "done"), f"request {request} is {state} with {results}")
    check(not working, f"builds of unknown requests: {working}")
    for request, builder in promised.requests.items():
        found = now.requests.get(request)
        check(found is not None and found[0] == builder, f"request {request} for {builder}: {found}")
    if before is not None:
        for request, row in before.requests.items():
            if row[1] == "done":
                found = now.requests.get(request)
                check(found == row, f"request {request} was {row}, is {found}")
    _auditChanges(promised, now, check)


def _auditChanges(promised: Promised, now: State, check: Callable[[object, str], None]) -> None:
    places = Counter(
        change["number"]
        for buildset in now.buildsets
        if buildset["scheduler"] == "all"
        for change in buildset["sourcestamp"]["changes"]
    )
    seen = now.scheduler.get("seen", 0)
    waiting = Counter(
        change["number"] for _, tree in now.scheduler.get("trees", []) for change in tree["changes"]
    )
    for number, words in promised.changes.items():
        check(now.changes.get(number) == words, f"change {number} was {words}, is {now.changes.get(number)}")
    for number in now.changes:
        count = places[number] + waiting[number] + (number > seen)
        check(count == 1, f"change {number} of {seen} seen: {places[number]} sets, {waiting[number]} wait")


def auditEnd(promised: Promised, now: State, findings: Findings) -> None:
    """At the end: check that each request was done by one build that was not interrupted."""
    whole = Counter(
        request
        for build in now.builds.values()
        if not build["open"] and build["results"] != RETRY and INTERRUPTED not in build["text"]
        for request in build["requests"]
    )
    for request in now.requests:
        findings.check(whole[request] == 1, f"request {request} was done by {whole[request]} builds")
    findings.interrupted = sum(1 for build in now.builds.values() if INTERRUPTED in build["text"])


class Rig:
    """I am one directory with its masters, one after the other, and the result of the last audit."""

    def __init__(self, basedir: str, port: int | None = None) -> None:
        """@param port: of a directory that exists; None: make the directory."""
        self.basedir = basedir
        self.port = servers.writeMaster(basedir, _SLAVES, extra=_CONFIG) if port is None else port
        self.builders = [f"builder-{servers.PATTERN % number}" for number in range(_SLAVES)]
        self.path = os.path.join(basedir, "state.sqlite")
        self.output = os.path.join(basedir, "output")
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Start a master, without waiting."""
        command = [sys.executable, "-m", "buildbot", "start", "--nodaemon", self.basedir]
        with open(self.output, "ab") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, "PYTHONPATH": ROOT}, stdout=output, stderr=output
            )

    def kill(self) -> None:
        """Kill the master in any state."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def whenReady(self) -> float:
        """Wait until the master answers; return the seconds. Raises AssertionError if it never does."""
        assert self._process is not None
        began = time.monotonic()
        while time.monotonic() < began + 60 and self._process.poll() is None:
            try:
                server.ask(self.basedir, "status", timeout=60)
                return time.monotonic() - began
            except (server.NotRunning, server.ControlError, OSError):
                time.sleep(0.02)
        with open(self.output, errors="replace") as output:
            raise AssertionError(f"the master does not start again:\n{output.read()[-4000:]}")

    def unfinished(self) -> dict[tuple[str, int], float]:
        """The running builds in the file of a living master, with their starts."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT builder, number, started FROM builds WHERE finished IS NULL")
            return {(builder, number): started for builder, number, started in rows}


@dataclass(frozen=True)
class Outcome:
    """The results of all kills."""

    kills: int
    promised: Promised
    sent: int
    findings: Findings
    starts: tuple[float, ...]
    builds: int
    tracebacks: int


@contextmanager
def _slaves(rig: Rig) -> Iterator[None]:
    with builds.farm(Server(0, rig.port), _SLAVES, "--reconnect", "0.1", "--duration", "0.3"):
        yield


def torture(kills: int, seed: int, say: Callable[[str], object] = lambda words: None) -> Outcome:
    """Kill a master that many times, and audit its file."""
    chance = random.Random(seed)
    findings = Findings()
    starts: list[float] = []
    with tempfile.TemporaryDirectory(prefix="crash-", ignore_cleanup_errors=True) as home:
        rig = Rig(os.path.join(home, "master"))
        load = Load(rig.basedir, rig.builders, random.Random(seed + 1))
        try:
            with _slaves(rig):
                load.start()
                before: State | None = None
                for kill in range(kills):
                    rig.spawn()
                    if kill and chance.random() < 0.2:
                        time.sleep(chance.random() * starts[-1])
                    else:
                        starts.append(started(rig, findings))
                        time.sleep(chance.random() * 0.6)
                    rig.kill()
                    state = State.read(rig.path)
                    audit(load.promised, state, before, findings)
                    before = state
                    if kill % 20 == 19:
                        say(f"{kill + 1} kills: {_short(load.promised, findings)}")
                rig.spawn()
                starts.append(started(rig, findings))
                load.stop()
                whenBuilt(rig, load.promised)
                rig.kill()
                state = State.read(rig.path)
                audit(load.promised, state, before, findings)
                auditEnd(load.promised, state, findings)
        finally:
            rig.kill()
            if load.is_alive():
                load.stop()
        with open(rig.output, errors="replace") as output:
            tracebacks = output.read().count("Traceback")
        return Outcome(
            kills, load.promised, load.sent, findings, tuple(starts), len(state.builds), tracebacks
        )


def started(rig: Rig, findings: Findings) -> float:
    """Wait until the master has started: no build of an earlier one is running any more."""
    spawned = time.time()
    seconds = rig.whenReady()
    left = {build: started for build, started in rig.unfinished().items() if started < spawned}
    findings.check(not left, f"builds without a link after a restart: {left}")
    return seconds


def whenBuilt(rig: Rig, promised: Promised) -> None:
    """Wait until all requests are done, and all promised changes are in build sets."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        time.sleep(0.5)
        state = State.read(rig.path)
        states = {row[1] for row in state.requests.values()}
        built = {change["number"] for each in state.buildsets for change in each["sourcestamp"]["changes"]}
        if states <= {"done"} and built >= set(promised.changes):
            return
    raise AssertionError(f"not all is built within {_PATIENCE:g} s")


def _short(promised: Promised, findings: Findings) -> str:
    return (
        f"{len(promised.requests)} requests and {len(promised.changes)} changes acknowledged, "
        f"{len(findings.wrong)} findings"
    )


def main(arguments: list[str]) -> int:
    """Torture one master; the exit status is 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.crash")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="what is random depends on it")
    options = parser.parse_args(arguments)
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    outcome = torture(options.kills, seed, lambda words: print(words, flush=True))
    starts = sorted(outcome.starts)
    print(
        f"{outcome.kills} kills, {outcome.sent} changes and requests sent: "
        f"{_short(outcome.promised, outcome.findings)}\n"
        f"requests at the moments of the kills: {dict(outcome.findings.states)}\n"
        f"{outcome.builds} builds, {outcome.findings.interrupted} of them cut short by a kill; "
        f"{outcome.tracebacks} tracebacks; a start took {starts[len(starts) // 2]:.2f} s, "
        f"{starts[-1]:.2f} at most"
    )
    for words in outcome.findings.wrong[:50]:
        print(f"WRONG  {words}")
    return 1 if outcome.findings.wrong or outcome.tracebacks else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
