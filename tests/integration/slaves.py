# -*- test-case-name: tests.integration.test_generations -*-
"""Real slaves, made and started by the commands of their packages.

They do not know the master that they connect to; only their log shows it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from twisted.internet import defer
from twisted.trial.unittest import SkipTest, TestCase

from tests.integration.asynccase import AsyncCase
from tests.integration.generations import Environment, Generation, missing, prepare
from tests.integration.made import Made
from tests.integration.processes import Child, Daemon, environment

_T = TypeVar("_T")
#: The most seconds to make a slave's directory, on a busy machine.
_CREATE_TIMEOUT = 180.0
#: The first directory of each kind: by generation, and by the seconds of keepalives and delays.
_made: dict[tuple[Generation, int, int], Made] = {}


class RealSlave(Daemon):
    """I am one slave process (or several, one after the other, in one directory).

    All my processes end with the test. As a L{LogFile} I am the slave's C{twistd.log}.
    """

    def __init__(
        self,
        test: TestCase,
        installed: Environment,
        basedir: str,
        port: int,
        name: str,
        password: str,
        keepalive: int = 600,
        maxdelay: int = 2,
        options: tuple[str, ...] = (),
    ) -> None:
        """@param basedir: an absolute path that does not exist yet; its parent becomes the slave's HOME.
        @param keepalive: seconds between the slave's own keepalives, for its C{create} command.
        @param maxdelay: the most seconds between two attempts to connect (4.3.0 ignores it).
        @param options: more for the C{create} command.
        """
        Daemon.__init__(self, os.path.join(basedir, "twistd.log"))
        self.generation = installed.generation
        self.installed = installed
        self.basedir = basedir
        self.port = port
        self.name = name
        self.password = password
        self.keepalive = keepalive
        self.maxdelay = maxdelay
        self.options = options
        self._test = test

    async def create(self) -> None:
        """Make the slave's directory with its package's own command, or, after the first time, like it.
        Raises AssertionError with its output.
        """
        kind = (self.generation, self.keepalive, self.maxdelay)
        isPlain = not self.options and (self.name + self.password).isascii()
        if isPlain and kind in _made:
            self._repeat(_made[kind])
            return
        os.makedirs(os.path.dirname(self.basedir), exist_ok=True)
        command = self.installed.command(
            self.generation.script,
            self.generation.create,
            *self.generation.options,
            *self.options,
            f"--keepalive={self.keepalive}",
            f"--maxdelay={self.maxdelay}",
            self.basedir,
            f"127.0.0.1:{self.port}",
            self.name,
            self.password,
        )
        child = self._spawn(command, os.path.dirname(self.basedir))
        status = await child.whenEnded(_CREATE_TIMEOUT)
        if status:
            raise AssertionError(f"{command}: exit status {status}\n{child.stdout()}{child.stderr()}")
        if isPlain:
            _made[kind] = Made.of(self.basedir)

    def _repeat(self, made: Made) -> None:
        """Make the directory like one that the command made for another slave."""
        values = {"basedir": self.basedir, "port": self.port, "passwd": self.password}
        values[self.generation.naming] = self.name
        tac = made.files["buildbot.tac"].decode()
        for name, value in values.items():
            before, line, after = tac.partition(f"\n{name} = ")
            assert line, name
            tac = f"{before}{line}{value!r}\n{after.partition(chr(10))[2]}"
        made.write(self.basedir, {"buildbot.tac": tac.encode()})

    def start(self) -> None:
        """Start the slave in the foreground of a child process."""
        assert not self.isAlive(), "started twice"
        command = self.installed.command("twistd", "--nodaemon", "--python=buildbot.tac", "--pidfile=")
        self._child = self._spawn(command, self.basedir)

    def _spawn(self, command: list[str], cwd: str) -> Child:
        home = os.path.dirname(self.basedir)
        return Child(self._test, command, cwd, environment(home), self.basedir + "-output")

    def freeze(self) -> None:
        """Send SIGSTOP: the process and its connection stay, but do nothing."""
        self.child.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume the process, by SIGCONT."""
        self.child.signal(signal.SIGCONT)

    def attachments(self, after: int = 0) -> int:
        """The number of this slave's successful logins, from its log."""
        return self.count(self.generation.ready, after)

    async def whenAttached(self, times: int = 1, timeout: float = 180.0, after: int = 0) -> float:
        """Wait until the slave has logged C{times} successful logins; return the seconds."""
        return await self.whenLogged(self.generation.ready, timeout, after, times)

    def writeInfo(self, name: str, content: bytes) -> None:
        """Write a file into the slave's C{info} directory, which its master reads."""
        with open(os.path.join(self.basedir, "info", name), "wb") as stream:
            stream.write(content)


class GenerationsTestCase(AsyncCase):
    """A test that needs real slaves: C{self.installed} has an environment for each generation.

    Skipped with the reason if one cannot be installed; the first such test on a machine installs them.
    """

    timeout = 900

    async def makeReady(self) -> None:
        """Install missing generations."""
        reason = missing()
        if reason is not None:
            raise SkipTest(reason)
        self.installed: dict[Generation, Environment] = await prepare()
        self.directory = os.path.abspath(self.mktemp())
        os.makedirs(self.directory)

    async def startSlaves(
        self, port: int, wanted: Iterable[tuple[Generation, str, str]], **options: Any
    ) -> dict[str, RealSlave]:
        """Make and start slaves, all at the same time.

        @param wanted: generation, name and password of each.
        @param options: for L{RealSlave}.
        @return: the slaves by their names.
        """
        slaves = {
            name: RealSlave(
                self,
                self.installed[generation],
                os.path.join(self.directory, "slaves", name),
                port,
                name,
                password,
                **options,
            )
            for generation, name, password in wanted
        }
        await together(slave.create() for slave in slaves.values())
        for slave in slaves.values():
            slave.start()
        return slaves


async def together(
    works: Iterable[Coroutine[defer.Deferred[Any], Any, _T] | defer.Deferred[_T]],
) -> list[_T]:
    """Run coroutines at the same time; return their results. Raises the first error."""
    running = [defer.ensureDeferred(work) for work in works]
    try:
        return await defer.gatherResults(running, consumeErrors=True)
    except defer.FirstError as first:
        first.subFailure.raiseException()
        raise
