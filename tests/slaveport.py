"""A BotMaster behind a slave port in memory, for tests that connect fake slaves to it."""

from __future__ import annotations

import os
from typing import Any

from twisted.cred.portal import Portal
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.config.diff import diff
from buildbot.config.model import BuilderConfig, MasterConfig, SlaveConfig
from buildbot.logs.live import LogDirectory
from buildbot.slaves.attachment import State
from buildbot.slaves.botmaster import BotMaster
from buildbot.slaves.perspective import BotPerspective
from buildbot.slaves.realm import Dispatcher
from buildbot.wire.login import LoginRoot
from buildbot.wire.slaveport import SlavePortFactory
from tests.fakes import FakeSlave
from tests.pumped import Pump, settle


def config(
    bots: dict[str, str] | None = None, builders: dict[str, str] | None = None, **options: Any
) -> MasterConfig:
    """A configuration: C{bots} name -> password, C{builders} name -> slave names with blanks between."""
    bots = {"bot1": "sekrit"} if bots is None else bots
    builders = {"full": "bot1"} if builders is None else builders
    return MasterConfig(
        slaves={name: SlaveConfig(name, password, **options) for name, password in bots.items()},
        builders={
            name: BuilderConfig(name, tuple(slaves.split()), f"{name}-dir", None)
            for name, slaves in builders.items()
        },
    )


class SlavePortCase(unittest.SynchronousTestCase):
    """A BotMaster behind a slave port, and slaves whose failures the test sets."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.botmaster = BotMaster(self.clock)
        self.botmaster.now = self.clock.seconds
        self.botmaster.store.open()
        self.botmaster.resources.basedir = os.path.abspath(self.mktemp())
        self.botmaster.resources.logs = LogDirectory(
            os.path.join(self.botmaster.resources.basedir, "logs"), self.clock
        )
        self.dispatcher = Dispatcher(self.botmaster)
        portal = Portal(self.dispatcher, [self.dispatcher])
        self.factory = SlavePortFactory(lambda broker: LoginRoot(portal, broker), self.clock)
        self.slaves: list[FakeSlave] = []
        self.port = 40000
        self.use(config())

    def use(self, new: MasterConfig) -> list[str]:
        """Reconfigure; return the slaves that are sent a builder list."""
        told = self.botmaster.apply(new, diff(self.botmaster.config, new))
        return [slave.slavename for slave in told]

    def connect(self, *args: Any, **kw: Any) -> FakeSlave:
        """Connect a slave, and let it log in."""
        slave = FakeSlave(*args, **kw)
        self.port += 1
        slave.connect(self.factory, self.clock, self.port)
        self.slaves.append(slave)
        self.settle()
        return slave

    def pumpTo(self, client: Any) -> Pump:
        """A Pump between the slave port and the protocol of a client factory."""
        self.port += 1
        server = self.factory.buildProtocol(IPv4Address("TCP", "10.0.0.1", self.port))
        return Pump(server, client.buildProtocol(None), self.clock, self.port)

    def settle(self) -> None:
        settle(*[slave.pump for slave in self.slaves])

    def wait(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass, and move bytes meanwhile."""
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            seconds -= step
            self.settle()

    @property
    def bot(self) -> BotPerspective:
        return self.botmaster.slaves["bot1"]

    def assertReady(self, name: str = "bot1") -> None:
        bot = self.botmaster.slaves[name]
        self.assertEqual(bot.state, State.READY, bot.slave_status.getEvents())
        self.assertTrue(bot.slave_status.isConnected())
        wanted = [name for name, _ in self.botmaster.config.builderList(name)]
        self.assertEqual(list(bot.builders), wanted)
        for builder in wanted:
            self.assertIn(name, self.botmaster.builders[builder].attachedSlaves)

    def assertAbsent(self) -> None:
        self.assertEqual(self.bot.state, State.ABSENT)
        self.assertFalse(self.bot.slave_status.isConnected())
        self.assertIsNone(self.bot.slave)
        self.assertEqual(self.botmaster.builders["full"].slaves, [])

    def lastEvent(self) -> str:
        text: str = self.bot.slave_status.getEvents()[-1][1]
        return text

    def tearDown(self) -> None:
        for slave in self.slaves:
            slave.broker.transport.abortConnection()
            slave.pump.blackhole = False
        self.settle()
        self.wait(60)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.factory.open, set())
