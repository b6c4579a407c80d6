"""A plug-in for the master.cfg of a benchmark. It requests builds inside the master and reports their cost.

It listens on a UNIX socket in the master's directory. Each line is a JSON object with a C{do}. The answer is
one line, in any order; it has the C{tag} of the question.

  - C{run}: run C{count} builds in all, on each of C{builders} one after the other. The answer comes when all
    have ended: the seconds, and the CPU seconds of the reactor's thread and of the process.
  - C{request}: request one build of C{builder}, of a C{branch}. The answer is the request's number, after it
    is on disk.
  - C{waiting}: the numbers of the waiting requests of C{builder}, and the reason why they wait
  - C{change}: add a change with C{who} and C{comments}. The answer is its number, after it is on disk.
  - C{usage}: the resident memory in KiB, and the number of objects of the garbage collector
  - C{profile}: start to profile the reactor's thread, or stop and write the profile to the file C{into}
"""

from __future__ import annotations

import cProfile
import gc
import json
import os
import pstats
import select
import socket
import time
from collections.abc import Callable
from itertools import cycle
from typing import Any

from twisted.application import service
from twisted.internet import protocol
from twisted.internet import reactor as importedReactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from buildbot.logs.files import LogLimits
from buildbot.model.change import Change
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from tests.benchmarks.machine import rssKiB

#: The socket, in the master's directory.
FILE = "feeder.sock"

reactor: Any = importedReactor


class Feeder(service.Service):
    """I am the plug-in; put me into C{c["status"]}."""

    parent: Any = None

    def __init__(self, limits: LogLimits | None = None, forgets: bool = True) -> None:
        """
        @param limits: the limits of each log; None: the usual ones.
        @param forgets: True if the master deletes old builds, as usual.
        """
        self._limits = limits
        self._forgets = forgets
        self._port: Any = None
        self._profile: cProfile.Profile | None = None
        self._run: _Run | None = None

    def startService(self) -> None:
        """Open the socket."""
        super().startService()
        if self._limits is not None:
            self.parent.botmaster.resources.logs.limits = self._limits
        if not self._forgets:
            self.parent.botmaster.retention.horizon, self.parent.botmaster.retention.days = 1 << 30, None
        path = os.path.join(self.parent.basedir, FILE)
        if os.path.exists(path):
            os.unlink(path)
        factory: Any = protocol.Factory.forProtocol(_Line)
        factory.feeder = self
        self._port = reactor.listenUNIX(path, factory, mode=0o600)
        self.parent.botmaster.events.subscribe(self)

    def stopService(self) -> Any:
        """Close the socket."""
        super().stopService()
        return self._port.stopListening()

    def buildFinished(self, builder: Any, build: Any) -> None:
        """The engine calls me at the end of each build."""
        if self._run is not None:
            self._run.finished(builder.name, build)

    # questions

    async def do_run(self, count: int, builders: list[str] | None = None) -> dict[str, Any]:
        run = self._run = _Run(self._submit, count, builders or list(self.parent.botmaster.builders))
        await run.begin()
        self._run = None
        return run.report

    async def do_request(self, builder: str, branch: str | None = None) -> dict[str, Any]:
        buildset = await self._submit(builder, branch)
        return {"id": buildset.requests[0].id}

    async def do_waiting(self, builder: str) -> dict[str, Any]:
        found = self.parent.botmaster.builders[builder]
        return {"requests": [request.id for request in found.pending], "why": found.whyWaiting()}

    async def do_change(self, who: str, comments: str) -> dict[str, Any]:
        change = await self.parent.addChange(Change(who, ["a file"], comments))
        return {"number": change.number}

    async def do_usage(self) -> dict[str, Any]:
        gc.collect()
        return {"rss": rssKiB(os.getpid()), "objects": len(gc.get_objects())}

    async def do_profile(self, into: str = "") -> dict[str, Any]:
        if self._profile is None:
            self._profile = cProfile.Profile(time.thread_time)
            self._profile.enable()
        else:
            self._profile.disable()
            pstats.Stats(self._profile).dump_stats(into)
            self._profile = None
        return {}

    async def _submit(self, builder: str, branch: str | None = None) -> BuildSet:
        buildset = BuildSet([builder], SourceStamp(branch), "benchmark")
        await self.parent.submitBuildSet(buildset)
        return buildset


class _Run:
    """I keep each builder busy with one build after the other, until enough builds have started."""

    def __init__(self, submit: Callable[[str], Any], count: int, builders: list[str]) -> None:
        self._submit = submit
        self._left = self._open = count
        self._builders = builders
        self._over: Deferred[None] = Deferred()
        self._results: dict[str, int] = {}
        self.report: dict[str, Any] = {}

    def begin(self) -> Deferred[None]:
        """Start. The Deferred fires when all builds have ended."""
        self._at = time.monotonic(), time.thread_time(), time.process_time()
        for _, name in zip(range(self._left), cycle(self._builders)):
            if self._left <= self._open - len(self._builders):
                break
            self._next(name)
        return self._over

    def _next(self, builder: str) -> None:
        if self._left:
            self._left -= 1
            ensureDeferred(self._submit(builder)).addErrback(self._failed)

    def _failed(self, why: Failure) -> None:
        if not self._over.called:
            self._over.errback(why)

    def finished(self, builder: str, build: Any) -> None:
        """Count a build that has ended."""
        self._open -= 1
        name = str(build.results)
        self._results[name] = self._results.get(name, 0) + 1
        self._next(builder)
        if not self._open:
            now = time.monotonic(), time.thread_time(), time.process_time()
            seconds, reactorCpu, cpu = (after - before for after, before in zip(now, self._at, strict=True))
            self.report = {
                "seconds": seconds,
                "reactorCpu": reactorCpu,
                "cpu": cpu,
                "results": self._results,
            }
            self._over.callback(None)


class _Line(LineOnlyReceiver):
    delimiter = b"\n"
    factory: Any

    def lineReceived(self, line: bytes) -> None:
        """Answer one question."""
        question = json.loads(line)
        tag = question.pop("tag", None)
        method = getattr(self.factory.feeder, "do_" + question.pop("do"))
        ensureDeferred(method(**question)).addCallbacks(
            lambda answer: self._say(tag, answer), lambda why: self._say(tag, {"error": str(why.value)})
        )

    def _say(self, tag: Any, answer: dict[str, Any]) -> None:
        self.sendLine(json.dumps({**answer, "tag": tag}).encode())


class Client:
    """I am a blocking client of the feeder in the master's directory C{basedir}. Raises OSError if there is
    no feeder."""

    def __init__(self, basedir: str, timeout: float | None = 600.0) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(os.path.join(basedir, FILE))
        self._heard = b""

    def say(self, do: str, **question: Any) -> None:
        """Send a question, without waiting for the answer."""
        self._socket.sendall(json.dumps({"do": do, **question}).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        """Wait for the next answer. Raises OSError or EOFError when the master is gone."""
        while b"\n" not in self._heard:
            self._receive()
        line, self._heard = self._heard.split(b"\n", 1)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise EOFError("the master is gone")
        self._heard += data

    def heard(self) -> list[dict[str, Any]]:
        """The answers received so far. Raises like L{hear}."""
        while select.select([self._socket], [], [], 0)[0]:
            self._receive()
        *lines, self._heard = self._heard.split(b"\n")
        return [json.loads(line) for line in lines]

    def ask(self, do: str, **question: Any) -> dict[str, Any]:
        """Send a question, and wait for the answer. Raises RuntimeError if it is an error."""
        self.say(do, **question)
        answer = self.hear()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
