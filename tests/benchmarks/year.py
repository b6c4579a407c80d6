"""The questions of an administrator to a master with a year of history: C{python -m tests.benchmarks.year}.

A master with 30 builders, 20 slaves, 50,000 builds and 20,000 changes is made in a new directory; the builds
are written straight into its store, each with a log file. It runs as a daemon, without slaves. Each question
is a command of its own, asked over the control socket, over the web, and of the stopped master. The figure
is the shortest of some runs, in seconds, with the start of Python: other work on the machine only adds to it.

The exit status is 1 if a question takes a second or more. With C{--short} there are 2,000 builds.
C{--only WORD} asks only the questions that have the word; C{--keep} leaves the directory.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from buildbot.model.audit import Entry
from buildbot.model.change import Change
from buildbot.store.files import FILE
from buildbot.store.schema import CURRENT
from tests.benchmarks.lists import branch, records, revision

BUILDERS, SLAVES, BUILDS, CHANGES, ACTIONS = 30, 20, 50_000, 20_000, 5_000
YEAR = 364 * 86400.0
RUNS = 3
#: The most seconds of an answer.
MOST = 1.0
CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.scheduler import Dependent, Nightly, Periodic, Scheduler
from buildbot.status.html import WebStatus
from buildbot.status.web.authz import Authz
from buildbot.steps.shell import ShellCommand
c = BuildmasterConfig = {{}}
slaves = ['slave%04d' % each for each in range({slaves})]
c['bots'] = [(each, 'sekrit') for each in slaves]
c['slavePortnum'] = 'tcp:0:interface=127.0.0.1'
f = BuildFactory()
f.addStep(ShellCommand, name='compile', command=['make'])
names = ['builder%03d' % each for each in range({builders})]
c['builders'] = [
    {{'name': name, 'slavenames': slaves, 'builddir': name, 'factory': f}} for name in names]
quick = [Scheduler('quick%d' % at, None, 120, [name]) for at, name in enumerate(names[:10])]
c['schedulers'] = quick + [Dependent('after%d' % at, each, names[10:12]) for at, each in enumerate(quick)]
c['schedulers'] += [Nightly('night', names[12:20], hour=3), Periodic('often', names[20:25], 3600)]
c['buildHorizon'] = c['changeHorizon'] = None
everything = Authz(default_action=True, admin=True)
c['status'] = [WebStatus(http_port='tcp:0:interface=127.0.0.1', authz=everything)]
"""
#: The questions, without DIR.
QUESTIONS: Sequence[Sequence[str]] = (
    ("status",),
    ("builds",),
    ("builds", "--count=1000"),
    ("builds", "--failed"),
    ("builds", "--slave=slave0003", "--failed", "--since=1w"),
    ("builds", "--since=30d", "--count=1000", "--json"),
    ("builds", "--until=300d"),
    ("builds", "--branch=branch9"),
    ("builds", "--branch=nosuch"),
    ("builds", "--slave=nosuch"),
    ("builds", "--revision={revision}"),
    ("builds", "--revision={short}"),
    ("builds", "builder007", "--failed", "--branch="),
    ("show", "builder007"),
    ("show", "builder007/5", "--json"),
    ("log", "builder007/5"),
    ("changes",),
    ("changes", "--count=10000", "--json"),
    ("changes", "--author=dev7"),
    ("changes", "--author=e"),
    ("changes", "--author=nobody"),
    ("changes", "--author=dev7", "--since=1d"),
    ("changes", "--since=2030-01-01"),
    ("changes", "--branch=branch9", "--until=300d"),
    ("changes", "--revision={short}"),
    ("change", "7"),
    ("change", "19990"),
    ("slave", "slave0003"),
    ("slave", "slave03"),
    ("schedulers",),
    ("disk",),
    ("audit",),
    ("audit", "--count=5000", "--json"),
    ("audit", "--subject=builder/builder007"),
)


def history(directory: str, builders: int, slaves: int, builds: int, changes: int) -> None:
    """Write the store and the logs of a year that ends now."""
    now = time.time()
    begin, pace = now - YEAR, YEAR / builds
    shares = max(1, builds // changes)

    def rows() -> Iterator[tuple[Any, ...]]:
        for place, (builder, number, _, _, text) in enumerate(records(builders, builds, slaves, shares)):
            shift = begin + place * pace - place
            record = json.loads(text)
            for timed in (record, *record["steps"]):
                for key in ("started", "finished"):
                    timed[key] += shift
            yield builder, number, record["started"], record["finished"], json.dumps(record)

    with closing(sqlite3.connect(os.path.join(directory, FILE))) as file:
        CURRENT.upgrade(file, 0, 2)
        file.executemany("INSERT INTO builds VALUES (?, ?, ?, ?, ?)", rows())
        for number in range(1, changes + 1):
            came = begin + number * YEAR / changes
            told: dict[str, Any] = {
                "revision": revision(number - 1),
                "branch": branch(number - 1),
            }
            change = Change(f"dev{number % 40}", ["a.c"], "because", when=came, **told)
            file.execute(
                "INSERT INTO changes VALUES (?, ?, ?)", (number, came, json.dumps(change.toRecord()))
            )
        CURRENT.upgrade(file, 2)
        for number in range(1, ACTIONS + 1):
            subject = f"builder/builder{number % builders:03d}/build/{number}"
            entry = Entry(
                now - ACTIONS + number, f"dev{number % 40}", "session", "10.0.0.1", "rebuild", subject
            )
            columns = (entry.when, entry.who, entry.how, entry.address, entry.action, subject, "done", "")
            file.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (number, *columns))
        file.execute(f"PRAGMA user_version = {CURRENT.version}")
        file.commit()
    for builder in range(builders):
        name = f"builder{builder:03d}"
        os.makedirs(os.path.join(directory, "logs", name))
        for number in range(-(-(builds - builder) // builders)):
            with open(os.path.join(directory, "logs", name, f"{number}-log-step0-stdio"), "wb") as log:
                log.write(b"5:0line," * 10)


def buildbot(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command, which may end with status 1."""
    return subprocess.run(
        [sys.executable, "-m", "buildbot", *words], capture_output=True, text=True, check=False, timeout=60
    )


class Questions:
    """I ask, and print how long each answer takes."""

    def __init__(self, directory: str, builds: int, only: str) -> None:
        self._directory = directory
        self._words = {"revision": revision(builds // 50), "short": revision(builds // 50)[:9]}
        self._only = only
        self.slow: list[str] = []

    def askAll(self, place: str, *where: str) -> None:
        """Ask every question of a master.

        @param where: the first arguments of each command.
        """
        print(f"\n{place}", flush=True)
        for verb, *words in QUESTIONS:
            self._ask(place, [verb, *where, *(each.format(**self._words) for each in words)])

    def _ask(self, place: str, words: Sequence[str]) -> None:
        line = " ".join(each for each in words if self._directory not in each)
        if self._only not in line:
            return
        took = []
        for _ in range(RUNS):
            begun = time.monotonic()
            said = buildbot(*words)
            took.append(time.monotonic() - begun)
        failed = f"   {said.stderr.splitlines()[-1][:60]}" if said.returncode and said.stderr else ""
        print(f"{min(took):7.2f} s  {len(said.stdout):8d} B  {line}{failed}", flush=True)
        if min(took) >= MOST:
            self.slow.append(f"{place}: {line}")


def main() -> int:
    """Make the master, and ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    share = 25 if given.short else 1
    directory = os.path.join(tempfile.mkdtemp(), "master")
    buildbot("create-master", directory)
    with open(os.path.join(directory, "master.cfg"), "w", encoding="utf-8") as file:
        file.write(CONFIG.format(builders=BUILDERS, slaves=SLAVES))
    begun = time.monotonic()
    history(directory, BUILDERS, SLAVES, BUILDS // share, CHANGES // share)
    print(f"made in {time.monotonic() - begun:.0f} s: {BUILDS // share} builds, {CHANGES // share} changes")
    questions = Questions(directory, BUILDS // share, given.only)
    try:
        began = buildbot("start", directory)
        if began.returncode:
            print(began.stderr)
            return 1
        port = re.search(r"web pages at tcp (\d+)", webPort(directory))
        questions.askAll("running master", directory)
        if port:
            questions.askAll("over the web", f"--url=http://127.0.0.1:{port[1]}/")
    finally:
        buildbot("stop", directory)
    questions.askAll("stopped master", directory)
    if given.keep:
        print(directory)
    else:
        shutil.rmtree(os.path.dirname(directory))
    for each in questions.slow:
        print(f"TOO SLOW: {each}")
    return 1 if questions.slow else 0


def webPort(directory: str) -> str:
    """The address of the web pages, from the log of the master."""
    with open(os.path.join(directory, "twistd.log"), encoding="utf-8") as file:
        found = [line for line in file if "web pages at tcp" in line]
    return found[-1] if found else ""


if __name__ == "__main__":
    sys.exit(main())
