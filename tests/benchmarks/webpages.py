"""The cost of the pages of a big master: C{python -m tests.benchmarks.webpages [--short]}.

A whole master with its web server runs in this process: 200 builders, 1,000 slaves, and 100,000 builds. The
builds are written straight into its store. Each page is made several times; before each time, an event on one
builder makes the kept answer void, or one on each builder ("all new"). The figures are medians: CPU of all
threads with the compression, CPU of the reactor's thread, and sizes.

It prints for each promise whether it holds. The exit status is 1 if a promise is broken. With C{--short}
there are 20 builders, 100 slaves and 2,000 builds, and promises about seconds do not count.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any
from urllib.parse import parse_qs

from twisted.internet import reactor as installed
from twisted.internet import task
from twisted.internet.defer import Deferred, ensureDeferred

from buildbot.buildmaster.service import BuildMaster
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.reconfig.loading import Loading
from buildbot.status.topics import LISTS, builderTopic, buildTopic
from buildbot.store.files import FILE
from buildbot.web import pacing
from buildbot.web.call import Answer
from buildbot.web.incoming import Incoming
from buildbot.web.service import WebStatus
from tests.benchmarks.attach import Promises
from tests.benchmarks.lists import fill, revision
from tests.stories.world import check, load

reactor: Any = installed
RUNS = 9
#: The waiting requests of each builder.
WAITING = 25
CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.scheduler import Scheduler
from buildbot.status.html import WebStatus
from buildbot.steps.shell import ShellCommand
c = BuildmasterConfig = {{}}
slaves = ['slave%04d' % each for each in range({slaves})]
c['bots'] = [(each, 'sekrit') for each in slaves]
c['slavePortnum'] = 'tcp:0:interface=127.0.0.1'
f = BuildFactory()
f.addStep(ShellCommand, name='compile', command=['make'])
c['builders'] = [
    {{'name': 'builder%03d' % each, 'slavenames': slaves[each::{builders}], 'builddir': 'b%d' % each,
        'factory': f, 'category': 'group%d' % (each // 20)}}
    for each in range({builders})]
c['schedulers'] = [
    Scheduler('quick%d' % each, None, 120, ['builder%03d' % each]) for each in range({builders})]
c['status'] = [WebStatus(http_port='tcp:0:interface=127.0.0.1')]
"""
#: The most kilobytes of an answer of the API.
LARGEST = 1000
#: The pages: name -> path, and the milliseconds of CPU and kilobytes on the wire that are promised.
PAGES: dict[str, tuple[str, float, float]] = {
    "home": ("/", 15, 40),
    "builders": ("/builders", 15, 12),
    "waterfall": ("/waterfall", 30, 45),
    "grid": ("/grid", 60, 60),
    "tgrid": ("/tgrid", 60, 60),
    "grid of 40": ("/grid?width=40", 60, 60),
    "tgrid of 40": ("/tgrid?width=40", 60, 60),
    "console": ("/console", 60, 60),
    "builder": ("/builders/builder001", 15, 40),
    "build": ("/builders/builder001/builds/50", 15, 10),
    "revision": ("/revision/{revision}", 20, 40),
    "slaves": ("/buildslaves", 50, 60),
    "queue": ("/queue", 50, 40),
    "builds": ("/one_line_per_build", 15, 40),
    "API builds": ("/api/v1/builds", 15, 40),
    "API builder": ("/api/v1/builders", 50, 40),
    "API slaves": ("/api/v1/slaves", 50, 40),
    "API build": ("/api/v1/builders/builder001/builds/50", 15, 10),
    "API queue": ("/api/v1/requests", 50, 40),
    "API 1000 builds": ("/api/v1/builds?limit=1000", 50, 100),
    "API all builders": ("/api/v1/builders?limit=1000", 50, 100),
    "API all slaves": ("/api/v1/slaves?limit=1000", 50, 100),
    "API 1000 requests": ("/api/v1/requests?limit=1000", 50, 100),
    "metrics": ("/metrics", 20, 60),
    "monitors": ("/cctray.xml", 50, 20),
    "feed": ("/atom", 50, 40),
    "JSON of 0.8": ("/json/builders", 50, 60),
}


@contextmanager
def directory() -> Iterator[str]:
    """A directory for the time of the measurement."""
    made = tempfile.mkdtemp()
    try:
        yield made
    finally:
        shutil.rmtree(made)


async def start(basedir: str, builders: int, slaves: int) -> BuildMaster:
    """A master with its slaves."""
    with open(f"{basedir}/master.cfg", "w", encoding="utf-8") as file:
        file.write(CONFIG.format(builders=builders, slaves=slaves))
    master = BuildMaster(basedir, reactor=reactor, loading=Loading(lambda *each: check(*each), load))
    master.botmaster.retention.days = None
    ready = master.whenReady()
    master.startService()
    await ready
    return master


class Pages:
    """I ask one master for pages."""

    def __init__(self, master: BuildMaster) -> None:
        self._topics = master.status.topics
        (web,) = master.config.status
        assert isinstance(web, WebStatus)
        self._answer = web.dispatcher.answer
        names = list(master.config.builders)
        self._others = [*map(builderTopic, names), *(buildTopic(each, 50) for each in names)]
        self._one = (builderTopic(names[1]), buildTopic(names[1], 50))

    async def ask(self, path: str, everywhere: bool = False) -> tuple[float, float, Answer]:
        """Milliseconds of CPU: of all threads, and of this one; and the answer.

        @param everywhere: True if something has happened on all builders, False for one.
        """
        self._topics.touch(*LISTS, *(self._others if everywhere else self._one))
        everything, mine = time.process_time(), time.thread_time()
        path, _, query = path.partition("?")
        incoming = Incoming("GET", path, {"host": "127.0.0.1"}, parse_qs(query), peer="127.0.0.1")
        answer = await self._answer(incoming, path.strip("/").split("/"))
        assert isinstance(answer, Answer) and answer.status == 200, (path, answer)
        len(answer.zipped)
        return (time.process_time() - everything) * 1e3, (time.thread_time() - mine) * 1e3, answer


async def measure(pages: Pages, promises: Promises, wanted: str) -> None:
    """Print the cost of each page."""
    print(f"{'page':17s} {'all new':>8s} {'CPU ms':>8s} {'reactor':>8s} {'raw KB':>8s} {'gzip KB':>8s}")
    for name, (path, mostCpu, mostSize) in PAGES.items():
        path = path.format(revision=wanted)
        first = median([(await pages.ask(path, everywhere=True))[0] for _ in range(3)])
        gc.collect()
        found = [await pages.ask(path) for _ in range(RUNS)]
        cpu, mine = median(each[0] for each in found), median(each[1] for each in found)
        answer = found[-1][2]
        raw, small = len(answer.body) / 1000, len(answer.zipped) / 1000
        print(f"{name:17s} {first:8.1f} {cpu:8.1f} {mine:8.1f} {raw:8.1f} {small:8.1f}", flush=True)
        promises.judge(f"{name} in {mostCpu} ms", cpu <= mostCpu, seconds=True)
        promises.judge(f"{name} in {mostSize} KB", small <= mostSize)
        if name.startswith("API"):
            promises.judge(f"{name} in {LARGEST} KB, not compressed", raw <= LARGEST)


async def main(short: bool, builders: int, slaves: int, builds: int) -> int:
    """Fill, start, and ask. Returns the exit status."""
    pacing.COSTLY = float("inf")  # a kept page would cost nothing
    promises = Promises(short)
    with directory() as basedir:
        fill(basedir, builders, builds, slaves, builders)
        print(f"{builds} builds, {os.path.getsize(os.path.join(basedir, FILE)) >> 20} MiB", flush=True)
        master = await start(basedir, builders, slaves)
        names = list(master.config.builders)
        for _ in range(WAITING):
            await master.submitBuildSet(BuildSet(names, SourceStamp(), "somebody asked for it"))
        await measure(Pages(master), promises, revision(builds // builders - 30))
        await ensureDeferred(master.stopService())
    return min(1, promises.broken)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    asked = parser.parse_args()
    sizes = (20, 100, 2000) if asked.short else (200, 1000, 100_000)
    task.react(lambda _: Deferred.fromCoroutine(main(asked.short, *sizes)).addCallback(sys.exit))
