# -*- test-case-name: tests.integration.test_backup -*-
"""Back up a master under load, many times, restore each backup elsewhere, and start it.

C{python -m tests.benchmarks.backups --backups 20} runs a real master that receives changes and requests,
and runs builds on simulated slaves. For each backup it checks:

  - each change and request that was acknowledged before C{buildbot backup} began is there, in one state
  - each log of a finished build is there, with its length and its sum
  - the restored master starts, and no build of the former master runs
  - the work went on: changes and requests were acknowledged while the backup was made

The last restored master also gets slaves: it builds all that waits, with the numbers after those that it has.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from buildbot.logs.directory import logTrouble
from buildbot.model.records import BuildRecord
from tests.benchmarks import builds, crash, servers
from tests.benchmarks.crash import Findings, Load, Promised, Rig, State, audit
from tests.benchmarks.servers import Server
from tests.ports import freePort

_SLAVES = 4


@dataclass
class Outcome:
    """The results of all backups.

    @ivar acknowledged: for each backup, the changes and requests that were acknowledged before it began.
    @ivar meanwhile: for each backup, how many were acknowledged while it was made.
    @ivar seconds: for each backup, how long the command took.
    @ivar logs: the number of logs that were compared.
    """

    findings: Findings = field(default_factory=Findings)
    acknowledged: list[int] = field(default_factory=list)
    meanwhile: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    logs: int = 0


def torture(count: int, seed: int, say: Callable[[str], object] = lambda words: None) -> Outcome:
    """Make that many backups of one master."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="backups-", ignore_cleanup_errors=True) as home:
        rig = Rig(os.path.join(home, "master"))
        load = Load(rig.basedir, rig.builders, random.Random(seed))
        try:
            with _slaves(rig.port):
                rig.spawn()
                rig.whenReady()
                load.start()
                _whenBusy(load)
                for number in range(count):
                    archive = os.path.join(home, f"{number}.tar.gz")
                    here = os.path.join(home, f"restored-{number}")
                    _backUp(rig, load, archive, here, outcome)
                    _start(here, outcome, number == count - 1)
                    say(f"backup {number + 1}: {outcome.acknowledged[-1]} acknowledged before it")
        finally:
            rig.kill()
            if load.is_alive():
                load.stop()
    return outcome


def _whenBusy(load: Load) -> None:
    """Wait until some work is acknowledged."""
    deadline = time.monotonic() + 60
    while len(load.promised.changes) < 20 and time.monotonic() < deadline:
        time.sleep(0.05)


def _backUp(rig: Rig, load: Load, archive: str, here: str, outcome: Outcome) -> None:
    before = Promised(dict(load.promised.requests), dict(load.promised.changes))
    began = time.monotonic()
    made = servers.buildbot("backup", rig.basedir, archive)
    outcome.seconds.append(time.monotonic() - began)
    outcome.findings.check(made.returncode == 0, f"the backup failed: {made.stdout}")
    outcome.acknowledged.append(len(before.requests) + len(before.changes))
    now = len(load.promised.requests) + len(load.promised.changes)
    outcome.meanwhile.append(now - outcome.acknowledged[-1])
    restored = servers.buildbot("restore", archive, here)
    outcome.findings.check(restored.returncode == 0, f"the restore failed: {restored.stdout}")
    path = os.path.join(here, "state.sqlite")
    audit(before, State.read(path), None, outcome.findings)
    outcome.logs += _auditLogs(path, os.path.join(here, "logs"), outcome.findings)


def _auditLogs(path: str, logs: str, findings: Findings) -> int:
    """Compare the logs of all finished builds with their records; return their number."""
    count = 0
    for build in _finished(path):
        for step in build.steps:
            for log in step.logs:
                count += 1
                wrong = logTrouble(os.path.join(logs, log.filename), log)
                findings.check(not wrong, f"{log.filename}: {wrong}")
    return count


def _finished(path: str) -> list[BuildRecord]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT number, record FROM builds WHERE finished IS NOT NULL")
        return [BuildRecord.fromRecord(json.loads(text)).altered(number=number) for number, text in rows]


def _start(here: str, outcome: Outcome, isLast: bool) -> None:
    """Start a restored master, on another port."""
    rig = _elsewhere(here)
    known = {(each.builder, each.number) for each in _finished(rig.path)}
    try:
        rig.spawn()
        crash.started(rig, outcome.findings)
        if not isLast:
            return
        with _slaves(rig.port):
            crash.whenBuilt(rig, Promised())
        new = {(each.builder, each.number) for each in _finished(rig.path)} - known
        outcome.findings.check(new, "the restored master has built nothing")
        for builder in rig.builders:
            numbers = sorted(number or 0 for name, number in known | new if name == builder)
            outcome.findings.check(numbers == list(range(len(numbers))), f"builds of {builder}: {numbers}")
    finally:
        rig.kill()


def _elsewhere(here: str) -> Rig:
    """The rig of a restored directory: its two files name the old directory and port."""
    port = freePort()
    with open(os.path.join(here, "buildbot.tac"), "w") as tac:
        tac.write(servers.TAC.format(basedir=here))
    path = os.path.join(here, "master.cfg")
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text + f'c["slavePortnum"] = "tcp:{port}:interface=127.0.0.1"\n')
    return Rig(here, port)


@contextmanager
def _slaves(port: int) -> Iterator[None]:
    with builds.farm(Server(0, port), _SLAVES, "--reconnect", "0.1", "--duration", "0.3"):
        yield


def main(arguments: list[str]) -> int:
    """Back up one master; the exit status is 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.backups")
    parser.add_argument("--backups", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None, help="what is random depends on it")
    options = parser.parse_args(arguments)
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    outcome = torture(options.backups, seed, lambda words: print(words, flush=True))
    seconds = sorted(outcome.seconds)
    print(
        f"{len(seconds)} backups, the last after {outcome.acknowledged[-1]} changes and requests;"
        f" {outcome.logs} logs compared; a backup took {seconds[len(seconds) // 2]:.2f} s,"
        f" {seconds[-1]:.2f} at most; acknowledged meanwhile: {min(outcome.meanwhile)} to"
        f" {max(outcome.meanwhile)}"
    )
    for words in outcome.findings.wrong[:50]:
        print(f"WRONG  {words}")
    return 1 if outcome.findings.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
