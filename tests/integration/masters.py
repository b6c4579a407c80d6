"""Real masters: the command C{buildbot} and the process that it starts, in directories of a test.

A test uses only what a user can see of a master: exit statuses, output, the control socket.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from twisted.internet import threads
from twisted.python import log
from twisted.trial.unittest import TestCase

from buildbot.control import server
from buildbot.logs.files import LogReader
from tests.integration.made import Made
from tests.integration.processes import (
    ROOT,
    Child,
    Daemon,
    LogFile,
    TooLate,
    environment,
    moments,
    untilNextLook,
)
from tests.integration.slaves import GenerationsTestCase
from tests.ports import freePort

#: The most seconds until a master answers, on a busy machine.
START_TIMEOUT = 180.0
#: The first directory that C{create-master} has made, if there is one.
_made: list[Made] = []


@dataclass(frozen=True)
class Config:
    """The content of a test's C{master.cfg}; change it with L{dataclasses.replace}."""

    ports: tuple[object, ...]  #: as C{c['slavePortnum']} takes them
    bots: Mapping[str, str] = field(default_factory=dict)  #: passwords by name
    builders: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: names of slaves by builder
    keepalive: Mapping[str, float] = field(default_factory=dict)  # for bots with another keepalive than 120 s
    before: str = ""  # text before everything else
    after: str = ""  # text after everything else; C{c} is the configuration

    def text(self) -> str:
        """The configuration as an administrator would write it."""
        bots = [
            (name, password, {"keepalive": self.keepalive[name]})
            if name in self.keepalive
            else (name, password)
            for name, password in self.bots.items()
        ]
        builders = [
            f"    dict(name={name!r}, slavenames={list(slavenames)!r}, builddir={name[:100]!r}, factory=f),\n"
            for name, slavenames in self.builders.items()
        ]
        ports = self.ports[0] if len(self.ports) == 1 else list(self.ports)
        return (
            f"{self.before}\n"
            "from buildbot.process import factory\n"
            "f = factory.BuildFactory()\n"
            "c = BuildmasterConfig = {}\n"
            f"c['bots'] = {bots!r}\n"
            f"c['slavePortnum'] = {ports!r}\n"
            "c['sources'] = []\n"
            "c['schedulers'] = []\n"
            "c['status'] = []\n"
            "c['builders'] = [\n" + "".join(builders) + "]\n"
            f"{self.after}\n"
        )


def loopback(port: int) -> str:
    """The strports description of a port for this machine only."""
    return f"tcp:{port}:interface=127.0.0.1"


@dataclass(frozen=True)
class Result:
    """The end of a command."""

    status: int
    stdout: str
    stderr: str

    @property
    def words(self) -> str:
        """Its whole output."""
        return self.stdout + self.stderr


class RealMaster(Daemon):
    """I am one master directory, and its process while there is one.

    All my processes end with the test. As a L{LogFile} I am the master's log: its standard output, since it
    runs in the foreground.
    """

    def __init__(self, test: TestCase, basedir: str, port: int | None = None) -> None:
        """@param basedir: an absolute path that does not exist yet; its parent becomes the master's HOME.
        @param port: the port for slaves; by default a free one.
        @ivar environ: further environment variables of the master's process.
        """
        Daemon.__init__(self, os.path.join(os.path.dirname(basedir), "master.out"))
        self.basedir = basedir
        self.port = freePort() if port is None else port
        self.environ: dict[str, str] = {}
        self._test = test
        self._commands = 0
        self._waitsFrom = 0

    def config(self, **fields: Any) -> Config:
        """A L{Config} for my port."""
        return Config(ports=(loopback(self.port),), **fields)

    def write(self, config: Config | str) -> None:
        """Write this into C{master.cfg}, atomically; a running master is not notified."""
        path = os.path.join(self.basedir, "master.cfg")
        with open(path + ".new", "w", encoding="utf-8") as stream:
            stream.write(config if isinstance(config, str) else config.text())
        os.replace(path + ".new", path)

    def _spawn(self, arguments: Sequence[str], output: str, **environ: str) -> Child:
        home = os.path.dirname(self.basedir)
        os.makedirs(home, exist_ok=True)
        command = [sys.executable, "-m", "buildbot", *arguments]
        return Child(
            *(self._test, command, home, environment(home, PYTHONPATH=ROOT, **environ)),
            os.path.join(home, output),
        )

    async def run(self, *arguments: str, timeout: float = 180.0) -> Result:
        """Run one command, C{buildbot ARGUMENTS}, to its end, for at most C{timeout} seconds."""
        self._commands += 1
        child = self._spawn(arguments, f"command-{self._commands}")
        status = await child.whenEnded(timeout)
        return Result(status, child.stdout(), child.stderr())

    def spawned(self, arguments: Sequence[str], output: str, **environ: str) -> Child:
        """Start one command, C{buildbot ARGUMENTS}, with more variables of the environment."""
        return self._spawn(arguments, output, **environ)

    async def create(self, config: Config | str) -> None:
        """Make the directory like a user, or, after the first time, like it; and write this configuration
        into it.
        """
        if _made:
            _made[0].write(self.basedir)
        else:
            made = await self.run("create-master", self.basedir)
            if made.status:
                raise AssertionError(f"create-master: exit status {made.status}\n{made.words}")
            _made.append(Made.of(self.basedir))
        self.write(config)

    async def start(self) -> float:
        """Start the master in the foreground of a child process, and wait until it is ready.

        @return: the seconds from the command to the first answer on the control socket.
        @raise AssertionError: with its output, if it ended instead.
        """
        child = self._child = self._spawn(["start", "--nodaemon", self.basedir], "master", **self.environ)
        begun = time.monotonic()
        while child.isAlive():
            try:
                await self.ask("status")
                return time.monotonic() - begun
            except (server.NotRunning, server.ControlError) as notYet:
                if time.monotonic() - begun > START_TIMEOUT:
                    raise TooLate(f"no answer of the master: {notYet}\n{self.text()}") from notYet
            await moments(untilNextLook(begun))
        raise AssertionError(f"no master: exit status {child.status}\n{child.stdout()}{child.stderr()}")

    async def standBy(self) -> None:
        """Start the master as a standby in the foreground of a child process, and wait until it waits."""
        arguments = ["start", "--standby", "--nodaemon", self.basedir]
        after = self.size()
        self._child = self._spawn(arguments, "master", **self.environ)
        await self.whenLogged("standby: .* is active", START_TIMEOUT, after)
        self._waitsFrom = self.size()

    async def whenServing(self) -> float:
        """Wait until a standby has taken over; return the seconds."""
        return await self.whenLogged("BuildMaster is running", START_TIMEOUT, self._waitsFrom)

    def hangUp(self) -> None:
        """Send SIGHUP: the master reads its configuration again, without an answer."""
        self.child.signal(signal.SIGHUP)

    async def ask(self, command: str, timeout: float = 120.0, **parameters: object) -> Any:
        """The answer of the control socket. Raises like L{control.ask}."""
        return await threads.deferToThread(server.ask, self.basedir, command, timeout, **parameters)

    async def slaves(self) -> dict[str, dict[str, Any]]:
        """The status of each slave, by name."""
        return {slave["name"]: slave for slave in (await self.ask("status"))["slaves"]}

    async def connected(self) -> set[str]:
        """The names of the connected slaves, from the status."""
        return {name for name, slave in (await self.slaves()).items() if slave["connected"]}

    async def whenStatus(
        self, holds: Callable[[dict[str, dict[str, Any]]], object], what: str, timeout: float = 180.0
    ) -> float:
        """Wait until C{holds(slaves)} is true of the status; return the seconds.

        @raise TooLate: with the present status.
        """
        begun = time.monotonic()
        while True:
            slaves = await self.slaves()
            took = time.monotonic() - begun
            if holds(slaves):
                return took
            if took > timeout:
                words = [
                    f"{name}: {said['state']} {said['attachedTo']} {said['events'][-5:]}"
                    for name, said in slaves.items()
                ]
                raise TooLate("\n".join([f"not within {timeout} s: {what}", *words]))
            await moments(untilNextLook(begun))

    async def whenConnected(self, *names: str, timeout: float = 180.0) -> float:
        """Wait until exactly these slaves are connected, by the status; return the seconds."""
        return await self.whenStatus(
            lambda slaves: {name for name, said in slaves.items() if said["connected"]} == set(names),
            f"connected are exactly {sorted(names)}",
            timeout,
        )

    async def whenBuilders(self, wanted: Mapping[str, set[str]], timeout: float = 180.0) -> float:
        """Wait until these slaves are attached to exactly these builders; return the seconds."""
        return await self.whenStatus(
            lambda slaves: all(set(slaves[name]["attachedTo"]) == names for name, names in wanted.items()),
            f"builders are {wanted}",
            timeout,
        )

    # builds

    async def running(self, builder: str | None = None) -> list[dict[str, Any]]:
        """The running builds, of all builders or of one."""
        running: list[dict[str, Any]] = (await self.ask("builds", builder=builder, count=0))["running"]
        return running

    async def waiting(self, builder: str) -> list[dict[str, Any]]:
        """The waiting requests of a builder."""
        waiting: list[dict[str, Any]] = (await self.ask("builds", builder=builder))["requests"]
        return waiting

    async def whenFinished(self, builder: str, number: int, timeout: float = 180.0) -> dict[str, Any]:
        """Wait for the end of a build, which need not have started; return its C{build} data.

        @raise TooLate: with its present data.
        """
        begun = time.monotonic()
        said: Any = "there is no such build"
        while True:
            with suppress(server.ControlError):
                said = await self.ask("build", builder=builder, number=number)
                if said["finished"] is not None:
                    return dict(said)
            if time.monotonic() - begun > timeout:
                raise TooLate(f"build {number} of {builder} does not end within {timeout} s: {said}")
            await moments(untilNextLook(begun))

    def output(self, build: Mapping[str, Any], step: str, name: str = "stdio") -> dict[int, bytes]:
        """The content of a log of a build: the bytes of each channel.

        @param build: a result of L{whenFinished}.
        @raise KeyError: there is no such step, or it has no such log.
        """
        logs = {each["name"]: each["logs"] for each in build["steps"]}[step]
        filename = {each["name"]: each["filename"] for each in logs}[name]
        found: dict[int, bytearray] = {0: bytearray(), 1: bytearray(), 2: bytearray()}
        for channel, data in LogReader(os.path.join(self.basedir, "logs", filename)).chunks():
            found[channel] += data
        return {channel: bytes(data) for channel, data in found.items()}


class MasterTestCase(GenerationsTestCase):
    """A test of one or more real masters, with real slaves."""

    async def createMaster(self, name: str = "master") -> RealMaster:
        """Make a master's directory; the test writes its C{master.cfg}."""
        master = RealMaster(self, os.path.join(self.directory, name, "dir"))
        await master.create(master.config())
        return master

    async def startMaster(self, **fields: Any) -> RealMaster:
        """Make and start a master with a L{Config} with these fields."""
        master = await self.createMaster()
        master.write(master.config(**fields))
        await master.start()
        return master

    def tell(self, *titles: str, rows: Iterable[Sequence[object]]) -> None:
        """Write figures into the log of the tests (C{test.log}), as a table."""
        table = [titles, *([str(each) for each in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
        log.msg("\n".join([self.id(), *lines]))

    def assertNoTracebacks(self, *logs: LogFile) -> None:
        """Fail with the log if it has a traceback."""
        for each in logs:
            self.assertNotIn("Traceback", each.text())
