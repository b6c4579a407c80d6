"""Latent slaves: a build starts one, and it stops when no build needs it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred

from tests import clouds
from tests.stories.world import World

FILE = """
from buildbot.process.factory import BuildFactory
from buildbot.schedulers.forcesched import ForceScheduler
from buildbot.steps.shell import ShellCommand
from tests.clouds import CloudSlave
c = BuildmasterConfig = {}
c['slaves'] = [CloudSlave('bot1', 'sekrit', build_wait_timeout=60, missing_timeout=300)]
c['builders'] = [
    {'name': 'full', 'slavenames': ['bot1'], 'builddir': 'full',
     'factory': BuildFactory([ShellCommand(command=['make'])])},
]
c['schedulers'] = [ForceScheduler('form', ['full'])]
c['slavePortnum'] = 9989
"""


class LatentCase(World):
    """A master with one latent slave, and a fake cloud."""

    def setUp(self) -> None:
        clouds.CLOUD = self.cloud = clouds.Cloud()
        super().setUp()
        self.write(FILE)

    def begin(self) -> None:
        """Start the master."""
        self.successResultOf(self.start())

    def want(self, revision: str = "1") -> int:
        """Force a build; return its request."""
        asked = ensureDeferred(
            self.master.commands["force"](builder="full", scheduler="form", who="ann", revision=revision)
        )
        self.settle()
        self.wait(1)
        request: int = self.successResultOf(asked)["request"]
        return request

    def words(self) -> str:
        """The state of the instance, from the status."""
        (slave,) = self.status()["slaves"]
        words: str = slave["instance"]["words"]
        return words

    def why(self) -> str:
        """The reason why the builder waits."""
        return self.master.botmaster.builders["full"].whyWaiting()

    def end(self, slave: Any) -> None:
        """End the command on a slave."""
        slave.commands.pop(0).end(0)
        self.wait(1)


class LatentTests(LatentCase):
    """The whole way."""

    def test_whole(self) -> None:
        """A build starts the slave, runs there, and the idle slave is stopped after its wait."""
        self.begin()
        self.wait(5)
        self.assertEqual((self.words(), self.cloud.calls), ("can be started", []))
        self.want()
        self.assertEqual(self.cloud.calls, ["start bot1"])
        self.assertEqual(self.words(), "started, not connected yet")
        self.assertEqual(self.why(), "slave bot1: started, not connected yet")
        bot = self.connect("0.7.12", "bot1")
        self.wait(1)
        self.assertEqual(self.words(), "started")
        self.end(bot)
        self.wait(58)
        self.assertEqual(self.cloud.left, 1)
        self.wait(3)
        self.assertEqual((self.words(), self.cloud.left), ("can be started", 0))
        self.assertEqual(self.connected(), [])
        self.assertEqual(self.successResultOf(self.store.getStates("instance/")), {})
