"""A move of a large store to PostgreSQL and back: C{python -m tests.benchmarks.moving [--short]}.

A store with 100,000 builds, 20,000 changes and 5,000 actions is made in a file. C{buildbot move-store} moves
it to a database of the distribution's server, and the database into a new file. It prints the seconds of
both, with the start of Python, and the most memory of the commands.

The exit status is 1 if a table of the new file differs from the one in the first file by a row, or if a move
took longer than C{MOST}. The rows are compared here, not by the command. C{--short} has 5,000 builds.
"""

from __future__ import annotations

import argparse
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing

from buildbot.store.files import FILE
from buildbot.store.schema import CURRENT
from tests.benchmarks.year import ACTIONS, BUILDERS, CHANGES, SLAVES, history
from tests.daemons.test_postgrescommands import addressOf
from tests.integration.postgres import missing, server

BUILDS = 100_000
#: The most seconds of one move, on any machine that a contributor has.
MOST = 300.0


def buildbot(*words: str) -> float:
    """Run a command that must succeed, print what it says at last, and return its seconds."""
    begun = time.monotonic()
    said = subprocess.run(
        [sys.executable, "-m", "buildbot", *words], capture_output=True, text=True, check=False
    )
    took = time.monotonic() - begun
    if said.returncode:
        sys.exit(f"{words[0]} failed: {said.stderr}")
    told = [line for line in said.stdout.splitlines() if "equal" in line]
    print(*told, sep="\n", flush=True)
    return took


def differences(one: str, other: str) -> dict[str, tuple[int, int]]:
    """Compare two files. Returns table -> the rows that only one of them has, for tables that differ."""
    found = {}
    with closing(sqlite3.connect(one)) as first, closing(sqlite3.connect(other)) as second:
        for table in CURRENT.tables():
            # Hashes: all rows of a store would fill the memory.
            mine, theirs = (
                Counter(map(hash, file.execute(f"SELECT * FROM {table}"))) for file in (first, second)
            )
            gone, new = (mine - theirs).total(), (theirs - mine).total()
            if gone or new:
                found[table] = (gone, new)
    return found


def main() -> int:
    """Make the store, move it there and back, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--short", action="store_true")
    share = 20 if parser.parse_args().short else 1
    if missing():
        sys.exit(missing())
    running = server()
    address = addressOf(running, running.newSchema())
    with tempfile.TemporaryDirectory() as home:
        directory = os.path.join(home, "master")
        buildbot("create-master", directory)
        history(directory, BUILDERS, SLAVES, BUILDS // share, CHANGES // share)
        size = os.path.getsize(os.path.join(directory, FILE)) / 1e6
        print(f"{BUILDS // share} builds, {CHANGES // share} changes, {ACTIONS} actions: {size:.0f} MB")
        there = buildbot("move-store", directory, address)
        first = os.path.join(home, "first.sqlite")
        os.rename(os.path.join(directory, FILE), first)
        back = buildbot("move-store", directory, "sqlite")
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"there {there:.1f} s, back {back:.1f} s; the most memory of a command: {memory:.0f} MiB")
        differ = differences(first, os.path.join(directory, FILE))
    for table, (gone, new) in differ.items():
        print(f"DIFFERS: {table}: {gone} rows are gone, {new} rows are new")
    if not differ:
        print(f"all {len(CURRENT.tables())} tables of both files have the same rows")
    return 1 if differ or max(there, back) > MOST else 0


if __name__ == "__main__":
    sys.exit(main())
