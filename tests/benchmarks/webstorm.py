"""Builds while the web server is loaded: C{python -m tests.benchmarks.webstorm [--short]}.

A master with 500 slaves does about 100 builds a second. Its round trips of PB are measured without readers of
its pages, and then under a storm of polite, curious, mute and rude clients (see C{webload}). At the end, all
slaves must be connected and all new readers must be answered. Meanwhile builds must go on, and pages must
come.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from typing import Any

from buildbot.control.server import ask
from tests.benchmarks import pollers
from tests.benchmarks.attach import Promises
from tests.benchmarks.builds import CONFIG, build, ours
from tests.benchmarks.feeder import Client
from tests.benchmarks.machine import conversation, cpuSeconds, raiseFileLimit, rssKiB
from tests.ports import freePort

_WEB = """
from buildbot.status.html import WebStatus
from tests.benchmarks.pollers import Pinger
c["status"] += [WebStatus(http_port="tcp:{port}:interface=127.0.0.1"), Pinger()]
"""


#: At most this many builds begin in a second.
RATE = 100
#: 99 % of all pages come within so many seconds, on a machine that is full.
SLOWEST = 10.0


class Work:
    """I let a master build until I am told to stop."""

    def __init__(self, client: Client, count: int) -> None:
        self._client = client
        self._count = count
        self._isOver = False
        self.built = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._isOver:
            build(self._client, self._count)
            self.built += self._count
            time.sleep(self._count / RATE)

    def stop(self) -> None:
        """Wait for the last builds."""
        self._isOver = True
        self._thread.join(300)


def storm(slaves: int, seconds: float, streams: int, mute: int, aborts: int) -> dict[str, Any]:
    """Measure, and return the figures."""
    raiseFileLimit(8192)
    port = freePort()
    with ours(slaves, extra=CONFIG + _WEB.format(port=port)) as (server, client, _):
        work = Work(client, slaves)
        quiet = pollers.measured(server.basedir, seconds)
        built, memory, cpu = work.built, rssKiB(server.pid), cpuSeconds(server.pid)
        began = time.monotonic()
        arguments = ["--port", str(port), "--seconds", str(seconds), "--streams", str(streams)]
        arguments += ["--mute", str(mute), "--aborts", str(aborts)]
        with conversation("tests.benchmarks.webload", *arguments) as load:
            loaded = pollers.measured(server.basedir, seconds)
            said = load.hear()
        cpu = (cpuSeconds(server.pid) - cpu) / (time.monotonic() - began)
        work.stop()
        return {
            **said,
            "quiet": quiet,
            "loaded": loaded,
            "built": (built, work.built - built),
            "memory": rssKiB(server.pid) - memory,
            "cpu": cpu,
            "connected": _connected(server.basedir),
        }


def _connected(basedir: str) -> int:
    """The number of connected slaves, by the master's own status."""
    said: Any = ask(basedir, "status")
    return int(said["master"]["connected"])


def main() -> None:
    """Measure, print the figures, and end with 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    isShort = parser.parse_args().short
    slaves = 50 if isShort else 500
    size = (15.0, 100, 50, 5_000) if isShort else (60.0, 1000, 500, 100_000)
    began = time.monotonic()
    figures = storm(slaves, *size)
    promises = Promises(isShort)
    print(f"{'PB round trips':34s} {'count':>6s} {'median ms':>9s} {'99 % ms':>9s} {'worst ms':>9s}")
    print(pollers.told("without readers", figures["quiet"]))
    print(pollers.told("in the storm", figures["loaded"]))
    print(f"builds in the same time: {figures['built'][0]} without, {figures['built'][1]} with")
    print(
        f"requests: {figures['requests']} {figures['statuses']}, median {figures['median'] * 1000:.1f} ms, "
        f"99 % {figures['p99'] * 1000:.1f} ms"
    )
    print(
        f"streams open at the end: {figures['streams']} of {size[1]}, {figures['streamBytes'] / 1e6:.1f} MB; "
        f"connections cut: {figures['aborted']}; refused meanwhile: {figures['refused']}"
    )
    print(f"memory: {figures['memory'] / 1024:+.1f} MiB; CPU of the master: {figures['cpu']:.2f}")
    promises.judge(f"all slaves are connected: {figures['connected']}", figures["connected"] == slaves)
    refused = figures["refusedAfter"]
    promises.judge(f"new readers are answered: {refused} of 100 refused", refused == 0)
    quiet, loaded = figures["built"]
    promises.judge("readers keep the master from few builds", loaded >= quiet / 2, seconds=True)
    slowest = figures["p99"]
    promises.judge(f"pages come: 99 % within {slowest:.1f} s", slowest <= SLOWEST, seconds=True)
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(promises.broken > 0)


if __name__ == "__main__":
    main()
