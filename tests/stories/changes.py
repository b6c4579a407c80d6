"""A master that is sent changes, and builds them: what the stories about that have in common."""

from __future__ import annotations

import signal
from typing import Any

from twisted.internet.defer import Deferred

from buildbot.clients.sendchange import Sender
from buildbot.daemon import lock
from tests.schedulers import TestStore
from tests.stories.world import World
from tests.unit.clients.test_sendchange import Cable

CONFIG = """
from buildbot.changes.pb import PBChangeSource
from buildbot.process.factory import BuildFactory
from buildbot.scheduler import Dependent, Scheduler
from buildbot.steps.shell import ShellCommand

c = BuildmasterConfig = {}
c['bots'] = [('bot1', 'sekrit')]
c['slavePortnum'] = 9989
f = BuildFactory()
f.addStep(ShellCommand, command=['make'])
c['builders'] = [
    {'name': 'full', 'slavename': 'bot1', 'builddir': 'full', 'factory': f},
    {'name': 'package', 'slavename': 'bot1', 'builddir': 'package', 'factory': f},
]
c['sources'] = [PBChangeSource(passwd='canary-1')]
quick = Scheduler('quick', None, 60, ['full'])
c['schedulers'] = [quick, Dependent('package', quick, ['package'])]
"""


class ChangeCase(World):
    """A hook sends a change, and a slave builds it."""

    store: TestStore

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        self.store = TestStore()
        self.write(CONFIG)

    def begin(self, held: int = 0) -> None:
        """Start the master with the test's clock as the system clock, and connect the slave.

        @param held: no timer fires before the store has given this number of answers.
        """
        starting = self.start()
        self.master.botmaster.now = self.reactor.seconds
        for step in range(40):
            self.store.flush(1)
            if step >= held:
                self.reactor.advance(0)
        self.successResultOf(starting)
        self.connect(onCommand=lambda command: command.end(0))

    def kill(self) -> None:
        """Kill the master: its process does nothing more."""
        for call in list(self.reactor.getDelayedCalls()):
            call.cancel()
        for slave in self.slaves:
            slave.pump.blackhole = True
        self.slaves = []
        self.store.drop()
        self.master = None  # type: ignore[assignment]
        lock.release(self.basedir)

    def send(
        self, *files: str, password: str = "canary-1", branch: str | None = None, **more: Any
    ) -> Deferred[None]:
        """Commit and send a change."""
        cable = Cable(self.reactor, self.master.slavePort)
        sender = Sender("master:9989", "ann", "change", password, reactor=self.reactor, endpoint=cable)
        answer = sender.send(branch, "r7", "fix", files or ("a.c",), when=self.reactor.seconds(), **more)
        cable.pump.pump()
        self.settle()
        return answer

    def builds(self, builder: str = "full") -> list[Any]:
        """The builds, the oldest first."""
        found: list[Any] = self.successResultOf(self.store.getBuilds(builder))
        return found[::-1]

    def changesOf(self, builder: str = "full") -> list[list[int]]:
        """The changes of each build."""
        return [[each["number"] for each in build.sourcestamp["changes"]] for build in self.builds(builder)]
