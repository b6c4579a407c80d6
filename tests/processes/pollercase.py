"""A master for pollers, on a real reactor and a store in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.application import service
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater
from twisted.trial import unittest
from twisted.web.resource import Resource
from twisted.web.server import Site

from buildbot.changes.base import PollingChangeSource
from buildbot.changes.changes import ChangeMaster
from buildbot.model.change import Change
from buildbot.slaves.botmaster import BotMaster
from buildbot.store.interface import StoreFailed
from tests.examples import examples
from tests.schedulers import TestStore


class Master(service.MultiService):
    """The attributes of a BuildMaster that pollers use; its changes can be told to fail."""

    def __init__(self, basedir: Path, store: TestStore) -> None:
        super().__init__()
        self.basedir = str(basedir)
        self.botmaster = BotMaster(reactor)
        self.botmaster.store = self.store = store
        self.change_svc = ChangeMaster()
        self.change_svc.setServiceParent(self)
        self.changes: list[Change] = []
        self.takes = 1000

    async def addChange(self, change: Change, state: Any = None) -> Change:
        """See L{BuildMaster}."""
        if not self.takes:
            raise StoreFailed("killed")
        self.takes -= 1
        stored: Change = await self.store.addChange(change, None, state)
        self.changes.append(stored)
        return stored


class Guarded(Resource):
    """A web server that asks for a user and a password.

    @ivar given: the users and passwords that it was given.
    @ivar seen: the commands of processes in which the word C{secret} was while it was asked.
    """

    isLeaf = True

    def __init__(self, secret: str) -> None:
        super().__init__()
        self._secret = secret.encode()
        self.given: list[tuple[str, str]] = []
        self.seen: list[bytes] = []

    def render_GET(self, request: Any) -> bytes:
        """Ask for the password, and refuse it."""
        self.seen += [each for each in _commands() if self._secret in each]
        if request.getHeader("authorization") is None:
            request.setResponseCode(401)
            request.setHeader("WWW-Authenticate", 'Basic realm="x"')
        else:
            self.given.append((request.getUser().decode(), request.getPassword().decode()))
            request.setResponseCode(403)
        return b""


def _commands() -> Iterator[bytes]:
    """The command lines of all processes."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue


class PollerCase(unittest.TestCase):
    """A master with a poller that looks when the test says so.

    @ivar programs: the programs that the test needs.
    """

    programs: tuple[str, ...] = ()
    timeout = 600  # a hundred runs of a program take long on a busy machine

    def commit(self) -> str:
        """Commit something. Returns the revision."""
        raise NotImplementedError

    def start(self, **kw: Any) -> None:
        """Start a new master on the same store, with a poller; see L{use}."""
        raise NotImplementedError

    def setUp(self) -> None:
        for program in self.programs:
            if shutil.which(program) is None:
                raise unittest.SkipTest(f"there is no {program}")
        self.here = Path(self.mktemp()).resolve()
        self.here.mkdir()
        # trial -j sets it for this Python; hg runs with the Python of the system, perhaps another version
        self.patch(os, "environ", {key: value for key, value in os.environ.items() if key != "PYTHONPATH"})
        self.environ = {**os.environ, "HOME": str(self.here)}
        self.store = TestStore()
        self.store.open()
        self.masters: list[Master] = []
        self.addCleanup(lambda: ensureDeferred(self.stop()))

    def run_(self, *command: str, where: Path) -> str:
        """Run a program, and return its output."""
        done = subprocess.run(
            command,
            cwd=where,
            env=self.environ,
            check=True,
            capture_output=True,
            text=True,
            errors="surrogateescape",
        )
        return done.stdout

    def guarded(self, secret: str) -> tuple[Guarded, str]:
        """Start a web server that asks for a password. Returns it with its address."""
        tcp: Any = reactor
        server = Guarded(secret)
        port = tcp.listenTCP(0, Site(server), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return server, f"127.0.0.1:{port.getHost().port}"

    def use(self, poller: PollingChangeSource) -> None:
        """Start a new master on the same store, with this poller."""
        self.master = Master(self.here, self.store)
        self.masters.append(self.master)
        poller.pollInterval = 0  # never by itself, however long the test takes
        self.poller = poller
        self.master.startService()
        poller.setServiceParent(self.master.change_svc)

    async def stop(self) -> None:
        """Stop all masters."""
        for master in self.masters:
            await master.stopService()

    async def lookAndDie(self) -> bool:
        """Look, but die after one change. Returns False if the look ended before."""
        self.master.takes = 1
        looking = self.poller.doPoll()
        while not looking.called and self.master.takes:
            await deferLater(reactor, 0.005)
        return not looking.called  # the rest waits for the store for ever

    async def killOften(self) -> None:
        """Check that each of many commits makes one change, while a master dies after every second one."""
        self.commit()
        await self.poller.doPoll()
        wanted = []
        for _ in range(examples(10)):
            wanted += [self.commit(), self.commit()]
            self.start()
            self.assertTrue(await self.lookAndDie())
        self.start()
        await self.poller.doPoll()
        self.assertEqual((self.poller.failure, self.revisions()), ("", wanted))

    def changes(self) -> list[Change]:
        """All changes in the store, the oldest first."""
        found: Deferred[Any] = self.store.getChangesAfter(0)
        return list(self.successResultOf(found))

    def revisions(self) -> list[Any]:
        """The revisions of all changes."""
        return [change.revision for change in self.changes()]
