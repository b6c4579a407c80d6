"""A whole master in one process: a directory, a master.cfg, a BuildMaster, and slaves in memory."""

from __future__ import annotations

import errno
import os
import textwrap
from collections.abc import Callable
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.trial import unittest

from buildbot.buildmaster import service
from buildbot.buildmaster.service import BuildMaster
from buildbot.config.model import ConfigErrors, MasterConfig
from buildbot.reconfig.childload import LoadReport
from buildbot.reconfig.fileload import readConfig
from buildbot.reconfig.loading import Loading
from buildbot.store.memory import MemoryStore
from tests.fakes import FakeSlave
from tests.pumped import settle

CONFIG = """
from buildbot.process.factory import BuildFactory
c = BuildmasterConfig = {}
c['bots'] = [('bot1', 'sekrit'), ('bot2', 'sekrit')]
c['builders'] = [
    {'name': 'full', 'slavenames': ['bot1', 'bot2'], 'builddir': 'full', 'factory': BuildFactory()},
]
c['slavePortnum'] = 9989
"""


class Reactor(MemoryReactorClock):
    """A reactor whose threads are calls, and whose ports are in memory."""

    stopped = False
    taken: int | None = None

    def _sortCalls(self) -> None:
        """Sort the delayed calls; the clock of Twisted does the same, in twice the time."""
        self.calls.sort(key=DelayedCall.getTime)

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        if port == self.taken:
            raise CannotListenError(interface, port, OSError(errno.EADDRINUSE, "Address already in use"))
        return super().listenTCP(port, factory, backlog, interface)

    def callFromThread(self, f: Callable[..., object], *args: object) -> None:
        f(*args)

    def stop(self) -> None:
        self.stopped = True


class World(unittest.SynchronousTestCase):
    """A story begins with a master's directory; C{start} starts the master in it."""

    def setUp(self) -> None:
        self.basedir = os.path.abspath(self.mktemp())
        os.mkdir(self.basedir)
        self.reactor = Reactor()
        self.reactor.advance(1000)
        self.slaves: list[FakeSlave] = []
        self.store = MemoryStore()
        self.check = check
        self.loading = Loading(lambda *args: self.check(*args), load)
        self.patch(service, "readConfig", readOnce)
        self.write(CONFIG)

    def write(self, text: str) -> None:
        """Write master.cfg."""
        with open(os.path.join(self.basedir, "master.cfg"), "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(text))

    def add(self, line: str) -> None:
        """Add a line to master.cfg."""
        self.edit("c['slavePortnum']", f"{line}\nc['slavePortnum']")

    def edit(self, old: str, new: str) -> None:
        """Replace a text in master.cfg; it must be there."""
        with open(os.path.join(self.basedir, "master.cfg"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        self.write(text.replace(old, new))

    def start(self) -> Deferred[list[str]]:
        """Start the master; the Deferred is what C{buildbot start} waits for."""
        self.master = BuildMaster(self.basedir, reactor=self.reactor, store=self.store, loading=self.loading)
        self.master.botmaster.now = self.reactor.seconds
        ready = self.master.whenReady()
        self.master.startService()
        self.addCleanup(self.stop)
        return ready

    def stop(self) -> None:
        if self.master.running:
            stopped = ensureDeferred(self.master.stopService())
            self.settle()
            self.successResultOf(stopped)
        self.settle()

    def connect(self, *args: Any, **kw: Any) -> FakeSlave:
        """Connect a slave, and let it attach."""
        slave = FakeSlave(*args, **kw)
        slave.connect(self.master.slavePort, self.reactor, 40000 + len(self.slaves))
        self.slaves.append(slave)
        self.settle()
        return slave

    def settle(self) -> None:
        settle(*[slave.pump for slave in self.slaves])

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        for _ in range(seconds):
            self.reactor.advance(1)
            self.settle()

    def reconfig(self, **kw: Any) -> dict[str, Any]:
        """Reconfigure; return the outcome that C{buildbot reconfig} gets."""
        outcome = self.successResultOf(self.master.reconfigurer.request(**kw))
        self.settle()
        return outcome

    def status(self, slave: str | None = None) -> dict[str, Any]:
        """The result of C{buildbot status --json}."""
        said: dict[str, Any] = self.master.commands["status"](slave)
        return said

    def connected(self) -> list[str]:
        """The names of the connected slaves, from the status."""
        return [slave["name"] for slave in self.status()["slaves"] if slave["connected"]]


#: What C{check} has loaded last, with the content of the file. Most stories load a file only to check it.
_checked: list[tuple[str, bytes, MasterConfig]] = []


def check(path: str, basedir: str, timeout: float) -> Deferred[LoadReport]:
    """Replaces the child process: loads in this process."""
    _checked.clear()
    try:
        config = readConfig(path, basedir)
    except ConfigErrors as errors:
        return succeed(LoadReport(False, errors.errors, errors.warnings, ""))
    _checked.append((path, _content(path), config))
    return succeed(LoadReport(True, (), config.warnings, ""))


def load(path: str, basedir: str, timeout: float) -> Deferred[MasterConfig]:
    """Replaces the thread."""
    return succeed(readOnce(path, basedir))


def readOnce(path: str, basedir: str) -> MasterConfig:
    """As C{readConfig}. Loads no file again that was just checked: that takes a third of a start."""
    found = [config for each, content, config in _checked if each == path and content == _content(path)]
    _checked.clear()
    return found[0] if found else readConfig(path, basedir)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
