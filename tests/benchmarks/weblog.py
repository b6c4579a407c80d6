"""The pages of one very long log, over HTTP: C{python -m tests.benchmarks.weblog [--short]}.

A whole master with its web server runs in this process. A step writes 1.08 GB of compiler output. Another
process reads the log as browsers do: the first screen, 100 random lines, searches, the whole text; then 1,000
watchers, each of whom gets 5 lines a second. A timer of 10 ms finds the longest time that the reactor of the
master was blocked.

It prints the figures, and for each promise whether it holds. The exit status is 1 if a promise is broken.
With C{--short} the log has 50 MB, there are 200 watchers, and promises about seconds do not count.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import http.client
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet import task
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from buildbot.buildmaster.service import BuildMaster
from buildbot.logs.files import LogLimits
from buildbot.logs.live import LogFile
from buildbot.logs.names import indexPath
from buildbot.logs.reading import LogViews
from buildbot.reconfig.loading import Loading
from buildbot.status.report import runningBuilds
from buildbot.store.memory import MemoryStore
from tests.benchmarks.attach import Promises
from tests.benchmarks.biglog import FULL, SHORT, Ticker, blocks
from tests.benchmarks.machine import forgetPeak, peakKiB, raiseFileLimit, rssKiB
from tests.fakes import FakeSlave
from tests.stories.world import check, load

reactor: Any = installed

WATCHERS, FEW = 1000, 200
LOG = "/builders/full/builds/0/steps/compile/logs/stdio"
CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.status.html import WebStatus
from buildbot.steps.shell import ShellCommand
c = BuildmasterConfig = {}
c['bots'] = [('bot1', 'sekrit')]
c['slavePortnum'] = 'tcp:0:interface=127.0.0.1'
f = BuildFactory()
f.addStep(ShellCommand, name='compile', command=['make'])
c['builders'] = [{'name': 'full', 'slavename': 'bot1', 'builddir': 'full', 'factory': f}]
c['status'] = [WebStatus(http_port='tcp:0:interface=127.0.0.1')]
"""
#: The seconds for which watchers are measured, and their lines in a second.
LASTING, RATE = 10, 5


# the process of the readers


def read(port: int, size: int) -> dict[str, Any]:
    """Read the log as browsers do. Returns seconds by name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def ask(below: str, **headers: str) -> tuple[float, bytes]:
        begun = time.perf_counter()
        connection.request("GET", LOG + below, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status in (200, 206), (below, answer.status, body[:300])
        return time.perf_counter() - begun, body

    found: dict[str, Any] = {}
    found["first"], body = ask("")
    found["bytes"] = len(body)
    found["again"] = min(ask("")[0] for _ in range(5))
    total = json.loads(ask("/lines?end=1&count=1")[1])["total"]
    found["total"] = total
    chance = random.Random(1)
    found["random"] = [ask(f"?line={chance.randint(1, total)}&count=100")[0] for _ in range(100)]
    found["percent"] = ask("?line=50%25")[0]
    found["block"] = ask(f"/lines?format=html&first={total // 2}&count=1000")[0]
    found["end"] = ask("?end=1")[0]
    found["literal"], body = ask("/search?q=no+such+text&case=1")
    found["regex"], body = ask(r"/search?q=file%5Cd%2B%5C.cpp:%5Cd%2B:+Error&regex=1&case=1")
    found["range"] = ask("/text", Range=f"bytes={size // 2}-{size // 2 + 999}")[0]
    begun = time.perf_counter()
    connection.request("GET", f"{LOG}/text")
    answer = connection.getresponse()
    count = 0
    while piece := answer.read(1 << 20):
        count += len(piece)
    found["download"] = count / (time.perf_counter() - begun)
    return found


def readCold(port: int) -> tuple[float, float]:
    """Read the log without an index: the seconds of the first screen, and those until it is complete."""
    begun = time.perf_counter()
    first = 0.0
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request("GET", LOG)
        body = connection.getresponse().read()
        first = first or time.perf_counter() - begun
        if b'data-part="1"' not in body:
            return first, time.perf_counter() - begun
        time.sleep(0.2)


def waitForOutline(port: int) -> bool:
    """Wait until the failing lines of the whole log are found."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request("GET", LOG + "?first=1&count=1")
        if b"so far, and its end" not in connection.getresponse().read():
            return True
        time.sleep(0.5)


async def watch(port: int, count: int) -> dict[str, Any]:
    """Follow the log with many connections; returns the milliseconds from the writing of lines on."""
    late: list[float] = []
    ready = 0

    async def one() -> int:
        nonlocal ready
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {LOG}/follow?from=99999999999 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        lines = 0
        while line := await reader.readline():
            if line.startswith(b"retry"):
                ready += 1
                if ready == count:
                    print("ready", flush=True)
            for word in line.split(b"tick ")[1:]:
                late.append(time.time() * 1000 - float(word.split(b"<")[0]))
                lines += 1
            if line.startswith(b"event: end"):
                break
        writer.close()
        return lines

    lines = await asyncio.gather(*(one() for _ in range(count)))
    late.sort()
    return {
        "least": min(lines),
        "most": max(lines),
        "p50": late[len(late) // 2],
        "p99": late[int(len(late) * 0.99)],
        "max": late[-1],
    }


class Child(ProcessProtocol):
    """I am the process of the readers."""

    def __init__(self) -> None:
        self.ready: Deferred[None] = Deferred()
        self.ended: Deferred[Any] = Deferred()
        self._output = b""

    def start(self, *arguments: str) -> Child:
        reactor.spawnProcess(
            self,
            sys.executable,
            [sys.executable, "-m", "tests.benchmarks.weblog", *arguments],
            env=dict(os.environ),
            childFDs={0: 0, 1: "r", 2: 2},
        )
        return self

    def outReceived(self, data: bytes) -> None:
        self._output += data
        if b"ready" in self._output and not self.ready.called:
            self.ready.callback(None)

    def processEnded(self, reason: Failure) -> None:
        self.ended.callback(json.loads(self._output.strip().split(b"\n")[-1]))


# the process of the master


def pause(seconds: float) -> Deferred[None]:
    """Wait."""
    return task.deferLater(reactor, seconds, lambda: None)


async def master(directory: str) -> tuple[BuildMaster, LogFile, int]:
    """A master with a running build: itself, the log of its step and the number of its web port."""
    with open(f"{directory}/master.cfg", "w", encoding="utf-8") as file:
        file.write(CONFIG)
    started = BuildMaster(
        directory,
        reactor=reactor,
        store=MemoryStore(),
        loading=Loading(lambda *each: check(*each), load),
    )
    ready = started.whenReady()
    started.startService()
    await ready
    started.botmaster.resources.logs.limits = LogLimits(None)
    slave = FakeSlave()
    slave.connect(started.slavePort, Clock(), 40000)
    pumping = task.LoopingCall(slave.pump.pump)
    pumping.start(0.01)
    await pause(0.2)
    ensureDeferred(started.commands["force"]("full", reason="benchmark", who="me"))
    while not slave.commands:
        await pause(0.05)
    pumping.stop()
    step = runningBuilds(started.botmaster)[0].steps[0]
    web: Any = started.config.status[0]
    return started, step.logs[0], web.portNumber()


async def write(log: LogFile, size: int) -> None:
    """Write compiler output with 40 failures."""
    pieces = blocks(size)
    every = max(1, size // 16384 // 40)
    for count in range(1, size // 16384 + 1):
        log.addStdout(pieces[count % len(pieces)])
        if count % every == 0:
            log.addStderr(b"\n\x1b[31mfile12.cpp:12: Error: expected ';' before 'return'\x1b[0m\n")
        if count % 200 == 0:
            await pause(0)


async def run(directory: str, isShort: bool, promises: Promises) -> None:
    """Measure everything."""
    size, watchers = (SHORT, FEW) if isShort else (FULL, WATCHERS)
    judge = promises.judge
    raiseFileLimit(watchers * 2 + 200)
    kept, log, port = await master(directory)
    await write(log, size)
    gc.collect()
    gc.freeze()  # as a master does when it has started
    ticker, pid = Ticker(), os.getpid()
    ticker.start()
    await pause(0.5)
    ticker.take()
    forgetPeak(pid)
    before, cpu = rssKiB(pid), time.process_time()
    found = await Child().start("--read", str(port), str(size)).ended
    ms = {name: value * 1000 for name, value in found.items() if isinstance(value, float)}
    stall, cpu = ticker.take(), time.process_time() - cpu
    times = [each * 1000 for each in found["random"]]
    print(
        f"  log: {size / 1e6:.0f} MB, {found['total']} lines; the step runs; {cpu:.1f} s CPU for all reading"
    )
    print(f"  first screen: {ms['first']:.1f} ms, then {ms['again']:.1f} ms, {found['bytes']} bytes")
    judge(f"row 28: the first screen within 100 ms: {ms['first']:.1f}", ms["first"] <= 100, seconds=True)
    print(f"  100 random pages of 100 lines: p50 {statistics.median(times):.1f} ms, most {max(times):.1f} ms")
    judge(f"row 29: any line within 50 ms: {max(times):.1f}", max(times) <= 50, seconds=True)
    print(f"  50 %: {ms['percent']:.1f} ms; 1,000 lines: {ms['block']:.1f} ms; end: {ms['end']:.1f} ms")
    judge(
        f"row 35: a text that is nowhere within 2.5 s: {ms['literal']:.0f} ms",
        ms["literal"] <= 2500,
        seconds=True,
    )
    print(f"  regular expression: {ms['regex']:.0f} ms; range of 1,000 bytes: {ms['range']:.1f} ms")
    rate = found["download"] / 1e6
    judge(f"row 41: the text with at least 150 MB/s: {rate:.0f}", rate >= 150, seconds=True)
    more = (peakKiB(pid) - before) / 1024
    judge(f"row 42: at most 32 MB of memory more: {more:.1f}", more <= 32)
    judge(f"row 35: the reactor blocked at most 20 ms: {stall * 1000:.1f}", stall <= 0.02, seconds=True)

    begun, cpu = time.perf_counter(), time.process_time()
    await Child().start("--outline", str(port)).ended
    seconds, cpu, stall = time.perf_counter() - begun, time.process_time() - cpu, ticker.take()
    print(
        f"  failing lines found after {seconds:.0f} s, {cpu:.1f} s CPU; reactor blocked {stall * 1000:.1f} ms"
    )
    gc.collect()
    child = Child().start("--watch", str(port), str(watchers))
    before = rssKiB(pid)
    await child.ready
    await pause(1)
    used, begun = time.process_time(), time.perf_counter()
    for _ in range(LASTING * RATE):
        log.addStdout(b"tick %.3f\n" % (time.time() * 1000))
        await pause(1 / RATE)
    share = (time.process_time() - used) / (time.perf_counter() - begun)
    more = (rssKiB(pid) - before) / 1024
    log.finish()
    late = await child.ended
    logs = kept.botmaster.resources.logs
    await logs.views.view(log.place())
    await pause(0.5)
    logs.views = LogViews()
    os.unlink(indexPath(log.getFilename()))
    ticker.take()
    cold = await Child().start("--cold", str(port)).ended
    stall = ticker.take()
    print(f"  the index is lost: first screen {cold[0] * 1000:.1f} ms, complete after {cold[1]:.1f} s")
    judge(f"row 28: without an index within 100 ms: {cold[0] * 1000:.1f}", cold[0] <= 0.1, seconds=True)
    judge(f"row 28: the reactor blocked at most 20 ms: {stall * 1000:.1f}", stall <= 0.02, seconds=True)
    print(
        f"  {watchers} watchers: {share:.1%} of a core, {more:.1f} MB more; a line is there after p50 "
        f"{late['p50']:.1f} ms, p99 {late['p99']:.1f} ms, at most {late['max']:.1f} ms"
    )
    judge("row 32: every watcher got every line", late["least"] == late["most"] == LASTING * RATE)
    judge(f"row 32: at most 15 % of a core: {share:.1%}", share <= 0.15, seconds=True)
    judge(f"row 32: a line within 40 ms (p50): {late['p50']:.1f}", late["p50"] <= 40, seconds=True)
    judge(f"row 32: at most 10 MB of memory more: {more:.1f}", more <= 10)


#: The options of the other process, and the numbers that each takes: the port, then a size or a count.
_READERS = {"read": 2, "cold": 1, "outline": 1, "watch": 2}


def _asReader(options: argparse.Namespace) -> Any:
    """Work as the process of the readers; returns what it has found."""
    if options.read:
        return read(*options.read)
    if options.cold:
        return readCold(*options.cold)
    if options.outline:
        return waitForOutline(*options.outline)
    port, count = options.watch
    raiseFileLimit(count + 100)
    return asyncio.run(watch(port, count))


def main(arguments: list[str]) -> int:
    """Run the benchmark, or its other process; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.weblog", description=__doc__)
    parser.add_argument("--short", action="store_true", help=f"a log of {SHORT / 1e6:.0f} MB, {FEW} watchers")
    for name, values in _READERS.items():  # only the benchmark itself uses them
        parser.add_argument(f"--{name}", nargs=values, type=int, metavar="NUMBER", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if any(getattr(options, name) for name in _READERS):
        print(json.dumps(_asReader(options)))
        return 0
    promises = Promises(options.short)
    directory = tempfile.mkdtemp()
    failed: list[object] = []

    def start(reactor: object) -> Deferred[None]:
        return ensureDeferred(run(directory, options.short, promises))

    try:
        task.react(start)
    except SystemExit as end:
        failed += [end.code] if end.code else []
    finally:
        shutil.rmtree(directory)
    return 1 if promises.broken or failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
