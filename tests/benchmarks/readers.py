"""Builds while many people read pages: C{python -m tests.benchmarks.readers [--short] [--far]}.

A master with 100 slaves does some 50 builds a second. Its round trips of PB are measured without readers,
with 1,000 readers at a process that only serves pages, and with the same readers at the master itself; in
turns, so that a slow moment of the machine does not count for one of them alone. Meanwhile, a step of the
master writes the time ten times a second, and somebody follows its log: the latency of a live log.

With C{--far}, the store is in PostgreSQL, and the process has a directory of its own, without logs: it
follows the master over the network, as from another machine. At the end, builds are forced through the pages.

It prints the figures. The exit status is 1 if a promise is broken. C{--short} has 200 readers.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from buildbot.control.server import ask
from tests.benchmarks import pollers
from tests.benchmarks.attach import Promises
from tests.benchmarks.builds import CONFIG, ours
from tests.benchmarks.machine import conversation, cpuSeconds, raiseFileLimit
from tests.benchmarks.servers import TAC
from tests.benchmarks.webstorm import Work
from tests.integration import postgres
from tests.ports import freePort

_WEB = """
import sys
from buildbot.process.factory import BuildFactory
from buildbot.steps.master import MasterShellCommand
from buildbot.status.html import WebStatus
from tests.benchmarks.pollers import Pinger
c["status"] += [WebStatus(http_port="tcp:{port}:interface=127.0.0.1", allowForce=True), Pinger()]
clock = "import time\\nwhile True: print(time.time(), flush=True); time.sleep(0.1)"
ticking = BuildFactory()
ticking.addStep(MasterShellCommand, command=[sys.executable, "-c", clock])
c["builders"].append(dict(c["builders"][0], name="ticking", builddir="ticking", factory=ticking))
c["builders"].append(dict(c["builders"][0], name="acted", builddir="acted"))
"""
_LOG = "/builders/ticking/builds/0/steps/MasterShellCommand/logs/stdio/follow"
_TIME = re.compile(rb">(1\d{9}\.\d+)<")
#: The most work of the master for readers apart, as a part of that for readers of its own. A round trip is no
#: measure on a machine with few processors: there it waits for the other processes.
GOAL = 0.3


class LogReader:
    """I follow the log of the step that tells the time.

    @ivar late: the seconds from each line to its arrival here.
    """

    def __init__(self, port: int) -> None:
        self.late: list[float] = []
        self._begun = time.time()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.request("GET", _LOG)
        self._answer = self._connection.getresponse()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            while line := self._answer.readline():
                now = time.time()
                told = [float(each) for each in _TIME.findall(line)]
                self.late += [now - each for each in told if each > self._begun]

    def stop(self) -> list[float]:
        """Go away. Returns what was measured: the lines that were written meanwhile."""
        self._connection.close()
        return self.late


def acted(port: int, count: int = 20) -> list[float]:
    """Force builds through the pages at a port. Returns the seconds from each request to its answer."""
    found = []
    for number in range(count):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        begun = time.monotonic()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        connection.request("POST", "/builders/acted/force", f"reason=act+{number}", headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 303:
            raise AssertionError(f"no build is forced: {answer.status} {said!r}")
        found.append(time.monotonic() - begun)
        connection.close()
    return found


@contextmanager
def apartFrom(basedir: str, port: int, db: str) -> Iterator[None]:
    """A process with the pages of a master. With a shared store, in a directory of its own."""
    command = [sys.executable, "-m", "buildbot"]
    where = f"tcp:{port}:interface=127.0.0.1"
    with tempfile.TemporaryDirectory(prefix="pages-") as far:
        home = far if db else basedir
        if db:
            shutil.copy(os.path.join(basedir, "master.cfg"), far)
            with open(os.path.join(far, "buildbot.tac"), "w") as tac:
                tac.write(f"db = {db!r}\n{TAC.format(basedir=far)}")
        subprocess.run(
            [*command, "start", "--pages-only", "--http-port", where, home],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            subprocess.run([*command, "stop", "--pages-only", home], check=False)


def measured(basedir: str, port: int | None, readers: int, seconds: float) -> dict[str, Any]:
    """One turn: round trips of PB, the answers of the readers, and the latency of the log.

    @param port: of the readers; None: there are none.
    """
    if port is None:
        return {"pings": pollers.measured(basedir, seconds), "late": [], "said": None}
    arguments = ["--port", str(port), "--seconds", str(seconds + 2), "--streams", str(readers)]
    arguments += ["--mute", "0", "--aborts", "0", "--rate", "50"]
    with conversation("tests.benchmarks.webload", *arguments) as load:
        os.setpriority(os.PRIO_PROCESS, load.process.pid, 10)  # readers have machines of their own
        time.sleep(2)
        log = LogReader(port)
        pings = pollers.measured(basedir, seconds)
        late = log.stop()
        return {"pings": pings, "late": late, "said": load.hear()}


def compare(
    slaves: int, readers: int, seconds: float, turns: int, db: str
) -> dict[str, list[dict[str, Any]]]:
    """Measure all three ways in turns.

    @param db: the address of the store; "": it is a file.
    """
    raiseFileLimit(8192)
    mine, apart = freePort(), freePort()
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    extra = CONFIG + _WEB.replace("{port}", str(mine))
    with ours(slaves, extra=extra, db=db) as (server, client, _), apartFrom(server.basedir, apart, db):
        ask(server.basedir, "force", builder="ticking")
        work = Work(client, slaves)
        ways = (("none", None), ("apart", apart), ("master", mine))
        for _ in range(turns):
            for name, port in ways:
                cpu, began = cpuSeconds(server.pid), time.monotonic()
                turn = measured(server.basedir, port, readers, seconds)
                # With readers, a turn is longer: they have to come first.
                turn["cpu"] = (cpuSeconds(server.pid) - cpu) / (time.monotonic() - began)
                found[name].append(turn)
        for name, port in ways[1:]:
            found[name][-1]["acts"] = acted(port or 0)
        work.stop()
    return found


def told(name: str, turns: list[dict[str, Any]]) -> str:
    """One line of figures."""
    pings = [each for turn in turns for each in turn["pings"]]
    late = sorted(each for turn in turns for each in turn["late"])
    middle, high = (late[len(late) // 2], late[len(late) * 99 // 100]) if late else (0.0, 0.0)
    log = f"log {middle * 1000:6.0f} ms, 99 % {high * 1000:6.0f}" if late else ""
    answers = [turn["said"]["median"] * 1000 for turn in turns if turn["said"]]
    pages = f"page {statistics.median(answers):6.1f} ms" if answers else ""
    cpu = statistics.median(turn["cpu"] for turn in turns)
    acts = sorted(each for turn in turns for each in turn.get("acts", ()))
    act = f"  act {statistics.median(acts) * 1000:6.1f} ms, worst {acts[-1] * 1000:6.0f}" if acts else ""
    return f"{pollers.told(name, pings)}  master {cpu:4.2f} CPU  {pages}  {log}{act}"


def main() -> None:
    """Measure, print the figures, and end with 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--far", action="store_true")
    sizes = parser.parse_args()
    isShort = sizes.short
    readers, seconds, turns = (200, 4.0, 2) if isShort else (1000, 6.0, 3)
    if sizes.far and postgres.missing():
        sys.exit(postgres.missing())
    database = postgres.server() if sizes.far else None
    db = f"postgresql://buildbot@/postgres?host={database.home}" if database is not None else ""
    found = compare(50 if isShort else 100, readers, seconds, turns, db)
    print(f"{'PB round trips':34s} {'count':>6s} {'median ms':>9s} {'99 % ms':>9s} {'worst ms':>9s}")
    names = {"none": "no readers", "apart": f"{readers} readers apart", "master": f"{readers} at the master"}
    for key, name in names.items():
        print(told(name, found[key]))
    middle = {
        key: statistics.median(each for turn in turned for each in turn["pings"])
        for key, turned in found.items()
    }
    work = {key: statistics.median(turn["cpu"] for turn in turned) for key, turned in found.items()}
    promises = Promises(isShort)
    share = (work["apart"] - work["none"]) / max(0.01, work["master"] - work["none"])
    words = f"readers apart are {share:.2f} of their work for the master, at most {GOAL}"
    promises.judge(words, share <= GOAL, seconds=True)
    share = middle["apart"] / middle["none"]
    words = (
        f"round trip with readers apart: {share:.2f} of that without, at most 1.5 with processors to spare"
    )
    promises.judge(words, share <= 1.5, seconds=True)
    sys.exit(promises.broken > 0)


if __name__ == "__main__":
    main()
