"""A master with its store in a file beside one with PostgreSQL: C{python -m tests.benchmarks.stores}.

Every builder has one simulated slave, in a second process; it always has a build of one ShellCommand, as in
L{tests.benchmarks.builds}. The master runs in its own process. The file and the database are on the same
disk, and the server of the distribution listens on loopback. The runs alternate, so that both meet the same
noise. For each it prints the builds a second; the CPU of a build in the master's process, in its reactor's
thread, and in all processes of the server; and the transactions and the write-ahead log of the server.

Then it counts the statements of a build: one builder, one build after the other, nothing grouped by chance.

With C{--beside COMMIT}, masters of this tree and of an earlier commit alternate, both with a file; that
commit is checked out into a temporary directory. The exit status is 1 if this tree needs over a tenth more
CPU in the reactor's thread than the earlier one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred

from buildbot.store.postgres import PostgresStore
from buildbot.store.sqlite import SqliteStore
from buildbot.store.threaded import ThreadedStore
from tests.benchmarks import builds
from tests.benchmarks import store as calls
from tests.benchmarks.machine import ROOT, cpuSeconds
from tests.integration.postgres import Server, missing
from tests.ports import freePort

try:
    import psycopg
except ImportError:
    psycopg = None  # type: ignore[assignment]

#: The builds that warm a master up.
_WARM = 100
#: What an earlier commit runs: its master with its slaves. Prints one line of JSON for each run.
_EARLIER = """
import json, sys
from tests.benchmarks.builds import build, ours
with ours(int(sys.argv[1])) as (server, client, slaves):
    build(client, int(sys.argv[2]))
    print(json.dumps(build(client, int(sys.argv[3])).report))
"""


class Loopback(Server):
    """I am a server on 127.0.0.1, whose data is on the disk of temporary directories."""

    def __init__(self, **settings: str) -> None:
        self.port = freePort()
        home = tempfile.mkdtemp(prefix="pg")
        super().__init__(None, home, listen_addresses="127.0.0.1", port=str(self.port), **settings)

    def conninfo(self, schema: str = "public") -> str:
        """See L{Server}."""
        return f"host=127.0.0.1 port={self.port} user=buildbot dbname=postgres options=-csearch_path={schema}"

    def address(self, schema: str) -> str:
        """The address of a schema for buildbot.tac."""
        return f"postgresql://buildbot@127.0.0.1:{self.port}/postgres?options=-csearch_path%3D{schema}"

    def cpu(self) -> float:
        """The CPU seconds of the living processes of the server."""
        assert self._process is not None
        parent = self._process.pid
        with open(f"/proc/{parent}/task/{parent}/children") as stream:
            return sum(map(cpuSeconds, [parent, *map(int, stream.read().split())]))

    def written(self) -> tuple[int, int]:
        """The number of transactions, and the bytes of the write-ahead log."""
        ((commits, log),) = self.ask(
            "SELECT (SELECT sum(xact_commit) FROM pg_stat_database)::bigint,"
            " pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
        )
        return int(commits), int(log)


@dataclass(frozen=True)
class Run:
    """I am the cost of one run; times in milliseconds a build, the rest in numbers a build."""

    perSecond: float
    reactor: float
    process: float
    server: float = 0.0
    transactions: float = 0.0
    logKiB: float = 0.0


def onFile(builders: int, count: int) -> Run:
    """A master with a file."""
    with builds.ours(builders) as (_, client, _slaves):
        builds.build(client, _WARM)
        done = builds.build(client, count)
        return Run(done.perSecond, done.reactorMs, done.cpuMs)


def onServer(server: Loopback, builders: int, count: int) -> Run:
    """A master with a schema of the server."""
    schema = server.newSchema()
    with builds.ours(builders, db=server.address(schema)) as (_, client, _slaves):
        builds.build(client, _WARM)
        cpu, (commits, log) = server.cpu(), server.written()
        done = builds.build(client, count)
        used, (commitsNow, logNow) = server.cpu() - cpu, server.written()
        return Run(
            *(done.perSecond, done.reactorMs, done.cpuMs, used * 1000 / count),
            *((commitsNow - commits) / count, (logNow - log) / 1024 / count),
        )


def median(runs: Sequence[Run]) -> Run:
    """The medians of all figures."""
    return Run(*(statistics.median(each) for each in zip(*(vars(run).values() for run in runs), strict=True)))


def row(name: str, run: Run) -> str:
    """One line of figures."""
    words = f"  {name:28s} {run.perSecond:7.1f}/s {run.reactor:8.3f} {run.process:8.3f}"
    if run.server:
        words += f" {run.server:8.3f} {run.transactions:8.2f} {run.logKiB:8.1f}"
    return words


_HEADING = (
    f"  {'':28s} {'builds':>9s} {'reactor':>8s} {'master':>8s} {'server':>8s} {'commits':>8s} {'KiB log':>8s}"
)


def compare(builders: int, count: int, rounds: int) -> None:
    """Run both, one after the other, and print the figures."""
    print(f"{builders} builders, {count} builds a run, {rounds} alternating runs; CPU in ms a build")
    print(_HEADING)
    found: dict[str, list[Run]] = {"SQLite": [], "PostgreSQL": []}
    server = Loopback(shared_buffers="128MB")
    server.start()
    try:
        for number in range(rounds):
            for name in found:
                run = onFile(builders, count) if name == "SQLite" else onServer(server, builders, count)
                found[name].append(run)
                print(row(f"{name}, run {number + 1}", run), flush=True)
    finally:
        server.remove()
    for name, runs in found.items():
        print(row(f"{name}, median", median(runs)))


@contextmanager
def checkedOut(commit: str) -> Iterator[str]:
    """A directory with an earlier commit."""
    home = tempfile.mkdtemp(prefix="earlier-")
    tree = os.path.join(home, "tree")
    subprocess.run(["git", "-C", ROOT, "worktree", "add", "-q", "--detach", tree, commit], check=True)
    try:
        yield tree
    finally:
        subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", tree], check=True)
        shutil.rmtree(home, ignore_errors=True)


def earlier(tree: str, builders: int, count: int) -> Run:
    """A master of an earlier commit with a file."""
    done = subprocess.run(
        [sys.executable, "-c", _EARLIER, str(builders), str(_WARM), str(count)],
        cwd=tree, env={**os.environ, "PYTHONPATH": tree}, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    built = builds.Built(count, json.loads(done.stdout.splitlines()[-1]))
    return Run(built.perSecond, built.reactorMs, built.cpuMs)


def beside(commit: str, builders: int, count: int, rounds: int) -> bool:
    """Compare this tree to an earlier commit. Returns whether it is not worse."""
    print(f"a file; this tree and {commit}: {builders} builders, {count} builds a run; CPU in ms a build")
    print(_HEADING)
    mine, theirs = [], []
    with checkedOut(commit) as tree:
        for number in range(rounds):
            theirs.append(earlier(tree, builders, count))
            print(row(f"{commit}, run {number + 1}", theirs[-1]), flush=True)
            mine.append(onFile(builders, count))
            print(row(f"this tree, run {number + 1}", mine[-1]), flush=True)
    ratio = median(mine).reactor / median(theirs).reactor
    print(row(f"{commit}, median", median(theirs)))
    print(row("this tree, median", median(mine)))
    print(f"  reactor thread: {ratio:.2f} of {commit}")
    return ratio <= 1.1


async def statements(count: int) -> None:
    """Print the statements of a build in both stores."""
    said: Counter[str] = Counter()

    def connect(*args: Any, **kw: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(*args, **kw)
        connection.set_trace_callback(lambda words: said.update([words.split()[0]]))
        return connection

    original: Any = psycopg.RawCursor

    class Counting(original):  # type: ignore[misc]
        """I count what is sent."""

        def execute(self, query: Any, *args: Any, **kw: Any) -> Any:
            words = query.decode() if isinstance(query, bytes) else query
            said.update(each.split()[0] for each in words.split(";") if each.strip())
            return super().execute(query, *args, **kw)

        def executemany(self, query: Any, params_seq: Any, *, returning: bool = False) -> None:
            said.update({query.split()[0].decode(): len(params_seq)})
            super().executemany(query, params_seq, returning=returning)

    async def counted(name: str, store: ThreadedStore) -> None:
        await store.open()
        await calls.life(store, "warm", 3)
        said.clear()
        await calls.life(store, "counted", count)
        each = ", ".join(f"{verb} {number / count:.1f}" for verb, number in sorted(said.items()))
        print(f"  {name:12s} {sum(said.values()) / count:5.1f} statements a build: {each}")
        await store.close()

    print(f"one builder, {count} builds, each with a change, a set and three saves")
    with tempfile.TemporaryDirectory() as directory:
        await counted("SQLite", SqliteStore(directory, reactor, connect))  # type: ignore[arg-type]
    server = Loopback().start()
    setattr(psycopg, "RawCursor", Counting)  # noqa: B010
    try:
        await counted("PostgreSQL", PostgresStore(server.conninfo(), reactor))  # type: ignore[arg-type]
    finally:
        setattr(psycopg, "RawCursor", original)  # noqa: B010
        server.remove()


def main(arguments: list[str]) -> int:
    """Run what the options say. Returns the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a tenth of everything")
    parser.add_argument("--beside", metavar="COMMIT", help="compare to this commit, with a file, as well")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    builders, count = (20, 400) if options.short else (50, 3000)
    rounds = 1 if options.short else options.rounds
    if missing():
        print(missing())
        return 2
    compare(builders, count, rounds)
    isGood = not options.beside or beside(options.beside, builders, count, rounds)
    try:
        task.react(lambda _: Deferred.fromCoroutine(statements(20 if options.short else 200)))
    except SystemExit as end:
        return int(end.code or 0) or int(not isGood)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
