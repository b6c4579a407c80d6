"""Reading one very long log: C{python -m tests.benchmarks.biglog [--short]}.

It writes 1.08 GB of compiler output through the real writer. It reads the log as the web pages do, in one
process with a running reactor: the first screen, 100 random lines, the end, three searches, and the whole
text over a socket. A timer of 10 ms finds the longest time that the reactor was blocked.

It prints the figures, and for each promise whether it holds. The exit status is 1 if a promise is broken.
With C{--short} the log has 50 MB, and promises about seconds are printed, but do not count.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, TypeVar

from twisted.internet import protocol, task
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol

from buildbot.logs import indexing
from buildbot.logs.files import LogLimits
from buildbot.logs.live import LogDirectory, LogFile
from buildbot.logs.matching import Query
from buildbot.logs.names import indexPath
from buildbot.logs.reading import NEAR
from buildbot.logs.search import LogSearches
from buildbot.logs.sending import TextSender
from buildbot.logs.view import Lines, LogView
from tests.benchmarks.attach import Promises
from tests.benchmarks.machine import forgetPeak, peakKiB, rssKiB

FULL, SHORT = 1_080_000_000, 50_000_000
#: The lines of one screen.
SCREEN = 500
_TICK = 0.01

_Result = TypeVar("_Result")
reactor: Any = installed


def waited() -> float:
    """The seconds that this thread has waited for a processor that another program used; 0.0 if unknown."""
    try:
        with open(f"/proc/self/task/{threading.get_native_id()}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except OSError:
        return 0.0


class Ticker:
    """I find the longest time between two turns of the reactor, without the time of other programs."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.perf_counter() - waited()
        self._loop = task.LoopingCall(self._tick)

    def start(self) -> None:
        self._last = time.perf_counter() - waited()
        self._loop.start(_TICK)

    def take(self) -> float:
        """The longest delay since the last call, in seconds."""
        self._tick()
        longest, self.longest = self.longest, 0.0
        return longest

    def _tick(self) -> None:
        now = time.perf_counter() - waited()
        self.longest = max(self.longest, now - self._last - _TICK)
        self._last = now


class Receiver(protocol.Protocol):
    """I count the bytes that arrive."""

    def __init__(self) -> None:
        self.size = 0
        self.done: Deferred[int] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.size += len(data)

    def connectionLost(self, reason: object = None) -> None:
        self.done.callback(self.size)


def blocks(size: int) -> list[bytes]:
    """Some blocks of compiler output with colours. The last ones have failures."""
    lines = [
        b"\x1b[32m[%5d/90000]\x1b[0m Building CXX object src/module%03d/CMakeFiles/file%05d.cpp.o\n"
        % (number, number % 997, number)
        for number in range(90_000)
    ]
    text = b"".join(lines)
    return [text[at : at + 16384] for at in range(0, len(text), 16384)]


def write(log: LogFile, size: int) -> None:
    """Write a log of this size, with 40 failures."""
    pieces = blocks(size)
    every = max(1, size // 16384 // 40)
    written = count = 0
    while written < size:
        piece = pieces[count % len(pieces)]
        log.addStdout(piece)
        written += len(piece)
        count += 1
        if count % every == 0:
            log.addStderr(b"\n\x1b[31mFAILED: file.cpp:12: Error: expected ';' before 'return'\x1b[0m\n")
    log.finish()


def firstScreen(view: LogView) -> tuple[Lines, bool]:
    """The lines of a first screen, and whether the view is only a part."""
    return (view.last(SCREEN) if view.total == 0 else view.lines(1, SCREEN)), view.isPart


class Bench:
    """I measure one log."""

    def __init__(self, directory: str, size: int, promises: Promises) -> None:
        self.size = size
        self.promises = promises
        self.ticker = Ticker()
        self.logs = LogDirectory(directory, reactor, LogLimits(None))
        self.stall = 0.0

    async def timed(self, words: str, call: Callable[[], Awaitable[_Result]]) -> tuple[_Result, float]:
        """Await a call. Print its time, its CPU time and the longest stall of the reactor."""
        self.ticker.take()
        begun, cpu = time.perf_counter(), time.process_time()
        result = await call()
        seconds, used = time.perf_counter() - begun, time.process_time() - cpu
        stall = self.ticker.take()
        self.stall = max(self.stall, stall)
        spent = f"{seconds * 1000:9.1f} ms {used * 1000:9.1f} ms CPU"
        print(f"  {words:34s} {spent}, reactor blocked {stall * 1000:5.1f} ms", flush=True)
        return result, seconds

    async def run(self) -> None:
        """Measure everything."""
        build: Any = SimpleNamespace(record=SimpleNamespace(builder="b"), number=1, logs=self.logs)
        step: Any = SimpleNamespace(build=build)
        log = LogFile(step, "stdio", *self.logs.create(build, "compile", "stdio", ()))
        begun, cpu = time.perf_counter(), time.process_time()
        write(log, self.size)
        seconds = time.perf_counter() - begun
        print(
            f"  written: {self.size / 1e6:.0f} MB in {seconds:.1f} s, {time.process_time() - cpu:.1f} s CPU"
        )
        place = log.place()
        while not os.path.exists(indexPath(place.path)):
            await task.deferLater(reactor, 0.05, lambda: None)
        await task.deferLater(reactor, 0.2, lambda: None)
        self.ticker.start()
        pid = os.getpid()
        forgetPeak(pid)
        before = rssKiB(pid)
        views = self.logs.views
        judge = self.promises.judge

        made, seconds = await self.timed(
            "index made anew", lambda: views.call(place, lambda _: indexing.make(place.path, place.marks))
        )
        print(f"    {len(made)} blocks, {made.memory()} bytes, {made.lines} lines")
        del made
        self.logs.views._known.clear()
        first, seconds = await self.timed(
            f"first screen of {SCREEN} lines", lambda: views.lines(place, 1, SCREEN)
        )
        judge(f"row 28: the first screen within 100 ms: {seconds * 1000:.1f}", seconds <= 0.1, seconds=True)
        total = first.total
        os.unlink(indexPath(place.path))
        views._known.clear()
        for words, isEnd in (("end", True), ("beginning", False)):
            (_, isPart), seconds = await self.timed(
                f"{words}, without an index",
                lambda isEnd=isEnd: views.soon(place, firstScreen, isEnd),  # type: ignore[misc]
            )
            assert isPart or self.size <= NEAR
            judge(
                f"row 28: without an index within 100 ms: {seconds * 1000:.1f}", seconds <= 0.1, seconds=True
            )
        views.prepare(place)
        await views.view(place)
        chance = random.Random(1)
        times = []
        for _ in range(100):
            begun = time.perf_counter()
            line = chance.randint(1, total)
            found = await views.lines(place, line, 50)
            assert found.lines[0].number == line
            times.append(time.perf_counter() - begun)
        stall = self.ticker.take()
        self.stall = max(self.stall, stall)
        middle, most = statistics.median(times) * 1000, max(times) * 1000
        print(f"  100 random places                  p50 {middle:.2f} ms, most {most:.2f} ms")
        judge(f"row 29: any line within 50 ms: {most:.1f}", most <= 50, seconds=True)
        _, seconds = await self.timed(f"last {SCREEN} lines", lambda: views.last(place, SCREEN))
        judge(f"row 29: the end within 50 ms: {seconds * 1000:.1f}", seconds <= 0.05, seconds=True)
        await self.timed("5,000 lines in the middle", lambda: views.lines(place, total // 2, 5000))

        searches = LogSearches(reactor, views)
        for words, query, bound in (
            ("search: text, letters as they are", Query("Error: expected", False, False), 1.5),
            ("search: text, any letters", Query("error: EXPECTED"), 2.5),
            ("search: regular expression", Query(r"file\.cpp:\d+: Error", True, False), 10.5),
        ):
            result, seconds = await self.timed(words, lambda query=query: searches.search(place, query))  # type: ignore[misc]
            part = result.searched / result.total
            print(f"    {len(result.hits)} hits in {part:.0%} of the log")
            judge(f"row 35: within {bound} s: {seconds:.2f}", seconds <= bound, seconds=True)
            judge("row 35: all hits, or told that time is over", result.isLate or len(result.hits) >= 40)

        size, seconds = await self.timed("whole text over a socket", lambda: self.download(log))
        judge(f"row 41: at least 150 MB/s: {size / seconds / 1e6:.0f}", size / seconds >= 150e6, seconds=True)
        await self.timed("20 readers at once", lambda: self.readers(place, total))
        more = (peakKiB(pid) - before) / 1024
        judge(f"row 42: at most 32 MB of memory more: {more:.1f}", more <= 32)
        judge(
            f"row 35: the reactor never blocked longer than 20 ms: {self.stall * 1000:.1f}",
            self.stall <= 0.02,
            seconds=True,
        )

    async def download(self, log: LogFile) -> int:
        """Send the text over a socket of this machine."""
        factory: Any = protocol.Factory()

        def connected(address: object) -> protocol.Protocol:
            sender: Any = protocol.Protocol()

            def made() -> None:
                sending = TextSender(self.logs.views, log, sender.transport).start()
                sending.addBoth(lambda result: sender.transport.loseConnection())

            sender.connectionMade = made
            return sender  # type: ignore[no-any-return]

        factory.buildProtocol = connected
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        receiver = Receiver()
        await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port), receiver)
        size = await receiver.done
        await port.stopListening()
        return size

    async def readers(self, place: Any, total: int) -> None:
        """Twenty readers, each at its own place."""
        reading = [
            Deferred.fromCoroutine(self.logs.views.lines(place, number * total // 20 + 1, SCREEN))
            for number in range(20)
        ]
        for each in reading:
            await each


def main(arguments: list[str]) -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.biglog", description=__doc__)
    parser.add_argument("--short", action="store_true", help=f"a log of {SHORT / 1e6:.0f} MB")
    isShort = parser.parse_args(arguments).short
    promises = Promises(isShort)
    directory = tempfile.mkdtemp()
    failed: list[object] = []

    def start(reactor: object) -> Deferred[None]:
        bench = Bench(directory, SHORT if isShort else FULL, promises)
        return Deferred.fromCoroutine(bench.run())

    try:
        task.react(start)
    except SystemExit as end:
        failed += [end.code] if end.code else []
    finally:
        shutil.rmtree(directory)
    return 1 if promises.broken or failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
