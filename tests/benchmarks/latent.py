# -*- test-case-name: tests.integration.test_latent -*-
"""Start and stop latent slaves many times, with failures at every step, and count what is left over.

C{python -m tests.benchmarks.latent --starts 100 --kills 5} runs a real master with real workers, which the
commands of L{tests.integration.localcloud} start. Starts refuse, fail after they have made an instance, hang,
or make a worker with a wrong password; stops fail or hang; the master is killed by SIGKILL at random moments.
In the end all commands work. It is wrong if

  - a slave ever has two instances
  - an instance is left over, or the store still has a note
  - a build is lost: each request ends with success
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

from buildbot.control import server
from tests.benchmarks import servers
from tests.integration import localcloud
from tests.integration.generations import WORKER, prepared

_CONFIG = """
from buildbot.buildslave import CommandLatentBuildSlave
from buildbot.steps.shell import ShellCommand
steps.addStep(ShellCommand(command=["true"]))
cloud = [{python!r}, {program!r}, {cloud!r}]
del c["bots"]
c["slaves"] = [
    CommandLatentBuildSlave(
        name, start_command=[*cloud, "start"], stop_command=[*cloud, "stop"], check_command=[*cloud, "check"],
        build_wait_timeout=0, retry_wait=0.1, start_timeout=2, missing_timeout=5, stop_timeout=2)
    for name in names
]
"""
#: The behaviour of starts and stops, with its weight.
_STARTS = {"ok": 60, "refuse": 10, "leak": 10, "slow": 10, "hang": 5, "deaf": 5}
_STOPS = {"ok": 75, "fail": 20, "hang": 5}
_SLAVES = 4
#: Seconds for the last builds and stops.
_PATIENCE = 120.0


@dataclass
class Outcome:
    """The result of a run."""

    calls: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    builds: int = 0
    most: int = 0
    wrong: list[str] = field(default_factory=list)


class Watch(threading.Thread):
    """I count the instances of each slave, all the time."""

    def __init__(self, cloud: str) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self.isOver = False
        self._cloud = cloud

    def run(self) -> None:
        while not self.isOver:
            for number in range(_SLAVES):
                self.most = max(self.most, len(localcloud.instances(self._cloud, servers.PATTERN % number)))
            time.sleep(0.1)


def _ask(basedir: str, command: str, **parameters: object) -> dict[str, Any]:
    answer: Any = server.ask(basedir, command, 30.0, **parameters)
    return dict(answer)


def _notes(basedir: str) -> list[str]:
    """The notes about instances in the store."""
    with closing(sqlite3.connect(os.path.join(basedir, "state.sqlite"))) as store:
        return [name for (name,) in store.execute("SELECT name FROM state WHERE name LIKE 'instance/%'")]


def torture(starts: int, kills: int, seed: int) -> Outcome:
    """Run the whole."""
    chance, outcome = random.Random(seed), Outcome()
    home = tempfile.mkdtemp(prefix="latent-")
    basedir, cloud = os.path.join(home, "master"), os.path.join(home, "cloud")
    os.mkdir(cloud)
    for verb, weights in (("start", _STARTS), ("stop", _STOPS)):
        localcloud.plan(cloud, verb, chance.choices(list(weights), list(weights.values()), k=10 * starts))
    python = prepared(WORKER).python
    extra = _CONFIG.format(python=python, program=localcloud.__file__, cloud=cloud)
    servers.writeMaster(basedir, _SLAVES, 0, extra)
    watch = Watch(cloud)
    pid = servers.start(basedir)
    try:
        watch.start()
        pid = _load(basedir, cloud, starts, kills, chance, outcome, pid)
        _end(basedir, cloud, outcome)
    finally:
        watch.isOver = True
        servers.stop(basedir, pid)
        outcome.most = watch.most
        outcome.calls = Counter(" ".join(each.split()[:2]) for each in localcloud.calls(cloud))
        left = localcloud.instances(cloud)
        for each in left:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        if left:
            outcome.wrong.append(f"instances left over: {len(left)}")
        if outcome.most > 1:
            outcome.wrong.append(f"a slave had {outcome.most} instances")
        if os.path.exists(os.path.join(cloud, "twice")):
            outcome.wrong.append("a slave was started while it had an instance")
        outcome.wrong += [f"the store has {note}" for note in _notes(basedir)]
        shutil.rmtree(home, ignore_errors=True)
    return outcome


def _load(
    basedir: str, cloud: str, starts: int, kills: int, chance: random.Random, outcome: Outcome, pid: int
) -> int:
    """Keep a request for each slave waiting, and kill the master now and then. Returns the last master."""
    due = sorted(chance.uniform(0.1, 0.9) * starts for _ in range(kills))
    while True:
        done = sum(1 for call in localcloud.calls(cloud) if call.startswith("start"))
        if done >= starts:
            return pid
        if due and done >= due[0]:
            due.pop(0)
            time.sleep(chance.uniform(0, 0.5))
            os.kill(pid, signal.SIGKILL)
            outcome.kills += 1
            while os.path.exists(f"/proc/{pid}"):
                time.sleep(0.01)
            pid = servers.start(basedir)
        for number in range(_SLAVES):
            builder = f"builder-{servers.PATTERN % number}"
            if not _ask(basedir, "builds", builder=builder)["requests"]:
                _ask(basedir, "force", builder=builder, reason=json.dumps(outcome.builds))
                outcome.builds += 1
        time.sleep(0.1)


def _end(basedir: str, cloud: str, outcome: Outcome) -> None:
    """Let all commands work, and wait for the builds and the stops."""
    for verb in ("start", "stop"):
        localcloud.plan(cloud, verb, [])
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        said = _ask(basedir, "status")
        waiting = said["master"]["running"] or said["master"]["waiting"]
        if not waiting and all(each["instance"]["state"] in ("off", "resting") for each in said["slaves"]):
            break
        time.sleep(0.1)
    else:
        outcome.wrong.append(f"not at rest after {_PATIENCE:g} s")
    with closing(sqlite3.connect(os.path.join(basedir, "state.sqlite"))) as store:
        (good,) = store.execute("SELECT count(*) FROM requests WHERE results = 0").fetchone()
    if good != outcome.builds:
        outcome.wrong.append(f"{outcome.builds} requests, but {good} with success")


def main(arguments: list[str]) -> int:
    """Torture one master; the exit status is 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.latent")
    parser.add_argument("--starts", type=int, default=100)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=None, help="what is random depends on it")
    options = parser.parse_args(arguments)
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    outcome = torture(options.starts, options.kills, seed)
    print(f"{outcome.builds} builds, {outcome.kills} kills, at most {outcome.most} instances of a slave")
    print(f"{', '.join(f'{count} {call}' for call, count in sorted(outcome.calls.items()))}")
    print(f"{time.monotonic() - began:.0f} s")
    for words in outcome.wrong:
        print(f"WRONG  {words}")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
