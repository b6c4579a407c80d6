"""Our web server beside that of Buildbot 4.3.0: C{python -m tests.benchmarks.webpeer --peer PYTHON}.

Both masters have 200 builders, 1,000 slaves (not connected) and 100,000 builds, written straight into their
stores. For both it measures, in one run on this machine:
  - the first views in Chromium, each with an empty cache: bytes over the network, requests, elements, and the
    time to the first paint and to the end of the network's activity
  - lists that a program asks for: requests a second of one client, and CPU of the master for each
  - the master's memory, before the first request and after all of them

C{--peer} is the interpreter of an environment with C{buildbot[bundle]==4.3.0}. It installs nothing.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from tests.benchmarks import peers, servers
from tests.benchmarks.lists import fill
from tests.benchmarks.machine import cpuSeconds, rssKiB, settle
from tests.benchmarks.webpages import CONFIG
from tests.browser.chromium import PAINTS, Browser, Device, Tab, executable
from tests.ports import freePort

#: Seconds of each measurement of requests.
SECONDS = 3.0
#: Seconds without an event of the network after which a page is complete.
SILENCE = 1.5

_PEER = """
c["workers"] = [worker.Worker("slave%04d" % each, "sekrit") for each in range({slaves})]
c["builders"] = [
    util.BuilderConfig(
        name="builder%03d" % each, workernames=["slave%04d" % n for n in range(each, {slaves}, {builders})],
        factory=steps, tags=["group%d" % (each // 20)])
    for each in range({builders})]
c["schedulers"] = [
    schedulers.ForceScheduler(name="force", builderNames=[each.name for each in c["builders"]])]
c["www"] = dict(
    port="tcp:{port}:interface=127.0.0.1",
    plugins=dict(waterfall_view={{}}, console_view={{}}, grid_view={{}}))
"""


@dataclass(frozen=True)
class Site:
    """A master with a web server.

    @ivar pages: the paths of its pages, by name.
    @ivar lists: the paths of its lists for programs, by name.
    """

    name: str
    pid: int
    port: int
    pages: Mapping[str, str]
    lists: Mapping[str, str]


@contextmanager
def ours(builders: int, slaves: int, builds: int) -> Iterator[Site]:
    """This project's master."""
    basedir = tempfile.mkdtemp(prefix="master-")
    port = freePort()
    try:
        servers.writeMaster(basedir, 1)
        words = CONFIG.format(builders=builders, slaves=slaves)
        with open(os.path.join(basedir, "master.cfg"), "w") as config:
            config.write(words.replace("WebStatus(http_port='tcp:0", f"WebStatus(http_port='tcp:{port}"))
        fill(basedir, builders, builds, slaves, builders)
        pid = servers.start(basedir)
        try:
            settle(pid, limit=60)
            pages = {"home": "/", "builders": "/builders", "waterfall": "/waterfall", "console": "/console"}
            lists = {
                "20 builds": "/api/v1/builds?limit=20",
                "all builders": "/api/v1/builders",
                "the page of builders": "/builders",
            }
            yield Site("this master", pid, port, pages, lists)
        finally:
            servers.stop(basedir, pid)
    finally:
        shutil.rmtree(basedir, ignore_errors=True)


@contextmanager
def peer(python: str, builders: int, slaves: int, builds: int) -> Iterator[Site]:
    """Buildbot 4.3.0."""
    port = freePort()
    extra = _PEER.format(builders=builders, slaves=slaves, port=port)
    with peers.peer(python, 1, extra) as server:
        fillPeer(os.path.join(server.basedir, "state.sqlite"), builds)
        settle(server.pid, limit=60)
        pages = {
            "home": "/",
            "builders": "/#/builders",
            "waterfall": "/#/waterfall",
            "console": "/#/console",
        }
        lists = {
            "20 builds": "/api/v2/builds?limit=20&order=-buildid",
            "all builders": "/api/v2/builders",
        }
        yield Site(f"Buildbot {peers.versionOf(python)}", server.pid, port, pages, lists)


def fillPeer(path: str, builds: int) -> None:
    """Write finished builds into the tables of 4.3.0: as many as ours, but with one step each."""
    with closing(sqlite3.connect(path, timeout=60)) as file:
        ids = [
            id for (id,) in file.execute("SELECT id FROM builders WHERE name LIKE 'builder%' ORDER BY name")
        ]
        (worker,) = file.execute("SELECT MIN(id) FROM workers").fetchone()
        (master,) = file.execute("SELECT MIN(id) FROM masters").fetchone()
        first = int(time.time()) - builds
        file.execute(
            "INSERT INTO sourcestamps (id, ss_hash, repository, codebase, project, created_at)"
            " VALUES (1, 'x', '', '', '', ?)",
            (first,),
        )
        each = [
            (place + 1, ids[place % len(ids)], place // len(ids), first + place) for place in range(builds)
        ]
        results = [2 if number % 50 < 10 else 0 for _, _, number, _ in each]
        file.executemany(
            "INSERT INTO buildsets (id, reason, submitted_at, complete, complete_at, results)"
            " VALUES (?, 'a change', ?, 1, ?, ?)",
            ((id, at, at + 9, red) for (id, _, _, at), red in zip(each, results, strict=True)),
        )
        file.executemany(
            "INSERT INTO buildset_sourcestamps (buildsetid, sourcestampid) VALUES (?, 1)",
            ((id,) for id, _, _, _ in each),
        )
        file.executemany(
            "INSERT INTO buildrequests (id, buildsetid, builderid, priority, complete, results, submitted_at,"
            " complete_at, waited_for) VALUES (?, ?, ?, 0, 1, ?, ?, ?, 0)",
            (
                (id, id, builder, red, at, at + 9)
                for (id, builder, _, at), red in zip(each, results, strict=True)
            ),
        )
        file.executemany(
            "INSERT INTO builds (id, number, builderid, buildrequestid, workerid, masterid, started_at,"
            " complete_at, locks_duration_s, state_string, results) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
            (
                (id, number, builder, id, worker, master, at, at + 9, "failed" if red else "finished", red)
                for (id, builder, number, at), red in zip(each, results, strict=True)
            ),
        )
        file.executemany(
            "INSERT INTO steps (number, name, buildid, started_at, complete_at, state_string, results,"
            " urls_json, hidden) VALUES (0, 'compile', ?, ?, ?, 'done', ?, '[]', 0)",
            ((id, at, at + 9, red) for (id, _, _, at), red in zip(each, results, strict=True)),
        )
        file.commit()


_FIRST = f"{PAINTS}.map(each => each.startTime)[0] || 0"
_NODES = "document.getElementsByTagName('*').length"


def view(browser: Browser, url: str) -> str:
    """Open a page in a new context of the browser; return the figures as text."""
    tab = browser.tab()
    try:
        tab.show(Device(1280))
        began = time.monotonic()
        tab.open(url)
        settled = _silent(tab) - began
        paint, nodes = tab.value(_FIRST), tab.value(_NODES)
        return (
            f"{tab.weight / 1000:9.1f} {len(tab.responses):9d} {nodes:9d} {paint / 1000:8.2f} {settled:8.2f}"
        )
    finally:
        tab.close()


def _silent(tab: Tab) -> float:
    """Wait until the network is silent; return the time of its last event."""
    last, weight, limit = time.monotonic(), -1, time.monotonic() + 60
    while time.monotonic() < min(last + SILENCE, limit):
        tab.value("1")  # the browser's events come with its answer
        if tab.weight != weight:
            last, weight = time.monotonic(), tab.weight
        time.sleep(0.05)
    return last


def ask(site: Site, path: str, headers: Mapping[str, str], wanted: int) -> tuple[float, float, int, str]:
    """Ask again and again over one connection.

    @return: requests a second, milliseconds of the master's CPU for each, bytes of an answer, its ETag.
    """
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)) as connection:
        count, size, tag = 0, 0, ""
        cpu, began = cpuSeconds(site.pid), time.monotonic()
        while time.monotonic() - began < SECONDS:
            connection.request("GET", path, headers=dict(headers))
            answer = connection.getresponse()
            size, tag = len(answer.read()), answer.headers.get("ETag", "")
            if answer.status != wanted:
                raise AssertionError(f"{site.name}: {path} answers {answer.status}")
            count += 1
        seconds = time.monotonic() - began
    return count / seconds, (cpuSeconds(site.pid) - cpu) * 1000 / count, size, tag


def report(site: Site, browser: Browser | None) -> None:
    """Measure one master, and print."""
    before = rssKiB(site.pid)
    print(site.name)
    if browser is not None:
        print(
            f"  {'first view':22s} {'KB':>9s} {'requests':>9s} {'elements':>9s} {'paint s':>8s} {'all s':>8s}"
        )
        for name, path in site.pages.items():
            print(f"  {name:22s} {view(browser, f'http://127.0.0.1:{site.port}{path}')}", flush=True)
    print(f"  {'one client':22s} {'1/s':>9s} {'CPU ms':>9s} {'bytes':>9s}")
    for name, path in site.lists.items():
        compressed = {"Accept-Encoding": "gzip"}
        rate, cpu, size, tag = ask(site, path, compressed, 200)
        print(f"  {name:22s} {rate:9.0f} {cpu:9.2f} {size:9d}", flush=True)
        if tag:
            rate, cpu, size, _ = ask(site, path, {**compressed, "If-None-Match": tag}, 304)
            print(f"  {'... unchanged (304)':22s} {rate:9.0f} {cpu:9.2f} {size:9d}", flush=True)
    after = rssKiB(site.pid)
    print(f"  memory: {before / 1024:.1f} MiB before the first request, {after / 1024:.1f} MiB after all")


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--peer", metavar="PYTHON", help="the interpreter of an environment with 4.3.0")
    options = parser.parse_args()
    sizes = (20, 100, 2000) if options.short else (200, 1000, 100_000)
    path = executable()
    if path is None:
        print("there is no Chromium: the first views are not measured")
    profile = tempfile.mkdtemp(prefix="profile-")
    browser = Browser(path, profile) if path is not None else None
    try:
        with ours(*sizes) as site:
            report(site, browser)
        if options.peer:
            with peer(options.peer, *sizes) as site:
                report(site, browser)
    finally:
        if browser is not None:
            browser.stop()
        shutil.rmtree(profile, ignore_errors=True)


if __name__ == "__main__":
    main()
