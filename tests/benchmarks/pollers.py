# -*- test-case-name: tests.integration.test_pollers -*-
"""The cost of repositories that hang, for the slaves: C{python -m tests.benchmarks.pollers [--short]}.

It prints the round trips of PB between a master and its slaves, first without pollers, and then while many
pollers wait for a server that never answers, and run into their time limit again and again. It judges
nothing.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import time
from dataclasses import dataclass
from typing import Any

from twisted.application import service
from twisted.internet.task import LoopingCall

from buildbot.control.server import ask
from tests.benchmarks import servers
from tests.benchmarks.attach import farm
from tests.benchmarks.machine import cpuSeconds

#: The file in the master's directory with one line for each round trip: its seconds.
_FILE = "roundtrips"
_SLAVES = 10
#: The time limit of each command and of each look, in seconds.
LIMIT = 4.0
#: The seconds between two looks: most of them, a program hangs.
INTERVAL = 5.0

_PINGER = """
from tests.benchmarks.pollers import Pinger
c["status"].append(Pinger())
"""
_POLLERS = """
from buildbot.changes.bonsaipoller import BonsaiPoller
from buildbot.changes.gitpoller import GitPoller
from buildbot.changes.hgpoller import HgPoller
from buildbot.changes.p4poller import P4Source
from buildbot.changes.svnpoller import SVNPoller
for number in range({each}):
    options = dict(project="p%d" % number, pollInterval={interval}, timeout={limit})
    c["sources"] += [
        GitPoller("git://127.0.0.1:{port}/x", **options),
        HgPoller("http://127.0.0.1:{port}/x", **options),
        SVNPoller("svn://127.0.0.1:{port}/x", **options),
        BonsaiPoller("http://127.0.0.1:{port}", "all", "HEAD", **options),
        P4Source(p4bin={program!r}, **options),
    ]
"""
#: A program that prints slowly without end, and ignores the request to end.
_STUBBORN = "#!/bin/sh\ntrap '' TERM\nwhile :; do echo x; sleep 0.1; done\n"


class Pinger(service.Service):
    """I am a plug-in of the master: I measure the round trip to each slave in turn, 50 times a second."""

    parent: Any = None

    def startService(self) -> None:
        """Begin."""
        super().startService()
        self._file = open(os.path.join(self.parent.basedir, _FILE), "a", buffering=1)
        self._turn = 0
        self._loop = LoopingCall(self._ping)
        self._loop.start(0.02)

    def stopService(self) -> None:
        """End."""
        super().stopService()
        self._loop.stop()

    def _ping(self) -> None:
        slaves = [each.slave for each in self.parent.botmaster.slaves.values() if each.slave is not None]
        if not slaves:
            return
        self._turn += 1
        begun = time.perf_counter()
        slaves[self._turn % len(slaves)].callRemote("print", "ping").addCallbacks(
            lambda _: self._file.write(f"{time.perf_counter() - begun}\n"), lambda _: None
        )


@dataclass(frozen=True)
class Figures:
    """What was measured.

    @ivar quiet: the round trips without pollers, in seconds.
    @ivar hanging: those while all pollers wait.
    @ivar reasons: why each of the last looks has failed.
    @ivar connected: the number of slaves at the end.
    @ivar left: the number of programs of pollers that still run after the master has stopped.
    @ivar cpu: the CPU seconds of the master for each second of waiting.
    @ivar log: the log of the master.
    """

    quiet: list[float]
    hanging: list[float]
    reasons: list[str]
    connected: int
    left: int
    cpu: float
    log: str


def hang(each: int, seconds: float) -> Figures:
    """Measure with C{each} pollers of each kind, for C{seconds} seconds without them and with them."""
    with socket.create_server(("127.0.0.1", 0), backlog=500) as mute:
        extra = _PINGER
        with servers.master(_SLAVES, extra=extra) as server, farm(server, _SLAVES) as slaves:
            slaves.hear()
            program = os.path.join(server.basedir, "stubborn")
            with open(program, "w") as stream:
                stream.write(_STUBBORN)
            os.chmod(program, 0o755)
            quiet = measured(server.basedir, seconds)
            with open(os.path.join(server.basedir, "master.cfg"), "a") as config:
                port = mute.getsockname()[1]
                config.write(
                    _POLLERS.format(each=each, limit=LIMIT, interval=INTERVAL, port=port, program=program)
                )
            result = servers.buildbot("reconfig", server.basedir)
            if result.returncode:
                raise AssertionError(result.stdout)
            cpu = cpuSeconds(server.pid)
            hanging = measured(server.basedir, seconds)
            cpu = (cpuSeconds(server.pid) - cpu) / seconds
            reasons = _reasons(server.basedir, 5 * each)
            connected = slaves.ask("count")["connected"]
            servers.stop(server.basedir, server.pid)
            left = _running(f":{port}/") + _running(program)
            return Figures(quiet, hanging, reasons, connected, left, cpu, server.log())


def measured(basedir: str, seconds: float) -> list[float]:
    """The round trips of the next seconds."""
    path = os.path.join(basedir, _FILE)
    begin = os.path.getsize(path)
    time.sleep(seconds)
    with open(path) as stream:
        stream.seek(begin)
        return [float(line) for line in stream if line.endswith("\n")]


def _reasons(basedir: str, count: int) -> list[str]:
    """Why the last look of each poller has failed, after each has looked."""
    ends = time.monotonic() + 120
    while True:
        said: Any = ask(basedir, "status")
        pollers = said["master"]["pollers"]
        if len(pollers) == count and all(each["failure"] for each in pollers):
            return [each["failure"] for each in pollers]
        if time.monotonic() > ends:
            raise AssertionError(f"some pollers have not looked: {pollers}")
        time.sleep(0.1)


def _running(words: str) -> int:
    """The number of processes whose command has these words."""
    found = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as stream:
                found += words.encode() in stream.read()
        except OSError:
            continue
    return found


def told(title: str, trips: list[float]) -> str:
    """One line of the table, in milliseconds."""
    ordered = sorted(trips)
    figures = [statistics.median(ordered), ordered[int(len(ordered) * 0.99)], ordered[-1]]
    return f"{title:34s} {len(trips):6d} " + " ".join(f"{each * 1000:9.2f}" for each in figures)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    each, seconds = (2, 8.0) if parser.parse_args().short else (10, 30.0)
    figures = hang(each, seconds)
    print(f"{'PB round trips':34s} {'count':>6s} {'median ms':>9s} {'99 % ms':>9s} {'worst ms':>9s}")
    print(told("without pollers", figures.quiet))
    print(told(f"{5 * each} pollers of a mute server", figures.hanging))
    print(f"CPU of the master while they wait: {figures.cpu * 100:.1f} %")
    for reason in sorted(set(figures.reasons)):
        print(f"{figures.reasons.count(reason):4d} looks: {reason}")


if __name__ == "__main__":
    main()
