"""The resources that a server uses during an attack, and the times of honest slaves meanwhile.

It only attaches one honest slave after another to the server.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass

from tests.benchmarks import servers
from tests.benchmarks.machine import cpuSeconds, forgetPeak, openFiles, peakKiB, rssKiB, settle
from tests.benchmarks.servers import Server
from tests.benchmarks.simslaves import Farm, parseOptions


@dataclass(frozen=True)
class Figures:
    """
    The usage between two moments.

    @ivar peakKiB: the highest rise of resident memory.
    @ivar keptKiB: the rise that remained at the end.
    @ivar files: the number of additional open files a while later.
    @ivar honest: the seconds that each honest slave took to attach.
    @ivar stranded: the number of honest slaves that could not attach.
    """

    seconds: float
    cpu: float
    peakKiB: int
    keptKiB: int
    logBytes: int
    files: int
    honest: tuple[float, ...]
    stranded: int

    @property
    def slowest(self) -> float:
        """The longest time of an honest slave to attach."""
        return max(self.honest, default=float("inf"))

    def __str__(self) -> str:
        took = sorted(self.honest)
        honest = (
            f"{len(took)} honest: median {took[len(took) // 2]:.3f} worst {took[-1]:.3f} s"
            if took
            else "none"
        )
        lost = f", {self.stranded} stranded" if self.stranded else ""
        memory = f"RSS {self.peakKiB:+6d} KiB ({self.keptKiB:+d} kept)"
        return (
            f"{self.seconds:5.1f} s, CPU {self.cpu:5.2f} s, {memory}, "
            f"log {self.logBytes} B, files {self.files:+d}, {honest}{lost}"
        )


def attachOne(server: Server, number: int, generation: str = "0.7.12") -> float | None:
    """Attach slave C{number} and detach it; return the seconds, or None if it took more than 20."""
    arguments = ["--port", str(server.port), "--count", "1", "--first", str(number), "--timeout", "20"]
    arguments += ["--pattern", servers.PATTERN, "--password", servers.PASSWORD, "--generation", generation]
    farm = Farm(parseOptions(arguments))
    report = farm.attachAll()
    farm.close()
    return float(report["seconds"]) if report["attached"] else None


#: The seconds until the master closes a held connection (of a refused slave, or in a name conflict).
HELD = 25.0


class Watch:
    """
    I am a context manager that collects the L{Figures} of its block.

    Meanwhile the slaves numbered C{first} to C{first + names - 1} attach and leave in turn, one every
    C{every} seconds, from an address that no hostile client uses.
    """

    figures: Figures

    def __init__(self, server: Server, first: int, names: int = 50, every: float = 0.25) -> None:
        self._server = server
        self._numbers = range(first, first + names)
        self._every = every
        self._took: list[float] = []
        self._stranded = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._attach, daemon=True)

    def _attach(self) -> None:
        turn = 0
        while True:
            took = attachOne(self._server, self._numbers[turn % len(self._numbers)])
            if took is None:
                self._stranded += 1
            else:
                self._took.append(took)
            turn += 1
            if self._over.wait(self._every):
                return

    def __enter__(self) -> Watch:
        pid = self._server.pid
        forgetPeak(pid)
        self._rss = rssKiB(pid)
        self._cpu = cpuSeconds(pid)
        self._log = self._server.logSize if self._server.basedir else 0
        self._files = openFiles(pid)
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *why: object) -> None:
        seconds = time.monotonic() - self._began
        self._over.set()
        self._thread.join(25)
        pid = self._server.pid
        if not os.path.exists(f"/proc/{pid}"):
            return  # the test that killed it reports that
        peak = peakKiB(pid)
        cpu = cpuSeconds(pid) - self._cpu
        settle(pid)
        ends = time.monotonic() + HELD
        while openFiles(pid) > self._files and time.monotonic() < ends:
            time.sleep(0.1)
        self.figures = Figures(
            seconds=seconds,
            cpu=cpu,
            peakKiB=peak - self._rss,
            keptKiB=rssKiB(pid) - self._rss,
            logBytes=(self._server.logSize if self._server.basedir else 0) - self._log,
            files=openFiles(pid) - self._files,
            honest=tuple(self._took),
            stranded=self._stranded,
        )
