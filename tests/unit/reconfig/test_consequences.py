"""Warnings of a reconfig about its consequences."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress

from buildbot.changes.gitpoller import GitPoller
from buildbot.changes.hgpoller import HgPoller
from buildbot.config.diff import diff
from buildbot.config.model import MasterConfig
from buildbot.reconfig.consequences import consequences
from buildbot.wire.listeners import SlavePort
from tests.slaveport import SlavePortCase, config


def port(description: str, address: Any) -> SlavePort:
    """An open port at an address."""
    listening: Any = SimpleNamespace(getHost=lambda: address)
    return SlavePort(description, listening, None)


class PortTests(SlavePortCase):
    """F14: ports that slaves use."""

    def setUp(self) -> None:
        super().setUp()
        self.use(config({"bot1": "sekrit", "bot2": "sekrit"}))
        self.ports = {
            name: port(name, IPv4Address("TCP", "0.0.0.0", int(name[4:])))
            for name in ("tcp:9989", "tcp:9990")
        }
        self.present = replace(self.botmaster.config, ports=tuple(self.ports))
        for name, number in (("bot1", 9989), ("bot2", 9990)):
            slave = self.connect(name=name)
            host = partial(IPv4Address, "TCP", "10.0.0.9", number)
            self.patch(slave.pump.client, "getHost", host)
            broker = self.botmaster.slaves[name].peer.broker
            broker.transport.getHost = host

    def told(self, new: MasterConfig, drain: bool = False) -> list[str]:
        """The warnings of a change to another configuration."""
        return consequences(self.botmaster, self.ports, diff(self.present, new), drain)

    def test_removedPort(self) -> None:
        """F14: slaves that came in by a port that is being closed are named: they cannot come back there."""
        said = self.told(replace(self.present, ports=("tcp:9990",)))
        self.assertEqual(
            said,
            [
                "port tcp 9989 is being closed, and slave bot1 connected through it: it stays connected,"
                " but cannot reconnect there: give each another port first"
            ],
        )

    def test_nobodyCame(self) -> None:
        """A port without slaves is closed without a warning, and so is the port of a slave that is removed
        too.
        """
        self.botmaster.slaves["bot1"].disconnect()
        self.settle()
        self.assertEqual(self.told(replace(self.present, ports=("tcp:9990",))), [])
        only = config({"bot1": "sekrit"})
        self.assertEqual(self.told(replace(only, ports=("tcp:9989",))), [])

    def test_samePort(self) -> None:
        """A port that is opened again with other options, at the same number, gives no warning."""
        again = replace(self.present, ports=("tcp:9989:backlog=9", "tcp:9990"))
        self.assertEqual(self.told(again), [])
        narrow = replace(self.present, ports=("tcp:9989:interface=127.0.0.1", "tcp:9990"))
        self.assertEqual(len(self.told(narrow)), 1)
        there = replace(self.present, ports=("tcp:9989:interface=10.0.0.9", "tcp:9990"))
        self.assertEqual(self.told(there), [])

    def test_password(self) -> None:
        """F14: a changed password of a connected slave gives a warning."""
        new = replace(config({"bot1": "other", "bot2": "sekrit"}), ports=self.present.ports)
        self.assertEqual(
            self.told(new),
            ["new password for slave bot1: it stays connected, but must have it to connect again"],
        )

    def test_builderWithoutSlave(self) -> None:
        """A running build whose builder no longer uses its slave will be restarted, and a warning says so."""
        builder = self.botmaster.builders["full"]
        builds: Any = [
            SimpleNamespace(slavebuilder=SimpleNamespace(slavename=name)) for name in ("bot1", "bot2")
        ]
        self.patch(builder, "building", builds)
        full = replace(self.present.builders["full"], slavenames=("bot2",))
        new = replace(self.present, builders={**self.present.builders, "full": full})
        self.assertEqual(
            self.told(new), ["builder full no longer uses slave bot1: its build there will be restarted"]
        )

    def test_removedSlave(self) -> None:
        """A warning says what becomes of the running builds of a removed slave, with and without C{drain}."""
        self.patch(self.botmaster.slaves["bot2"].availability, "buildsRunning", 2)
        new = replace(config({"bot1": "sekrit"}), ports=("tcp:9989",))
        for drain, becomes in ((False, "will be restarted on another slave"), (True, "may end first")):
            self.assertEqual(self.told(new, drain), [f"bot2 is being removed: 2 running builds {becomes}"])

    def test_accepted(self) -> None:
        """A port recognizes its connections by their local address."""
        loopback = port("x", IPv4Address("TCP", "127.0.0.1", 1))
        self.assertTrue(loopback.accepted(IPv4Address("TCP", "127.0.0.1", 1)))
        self.assertFalse(loopback.accepted(IPv4Address("TCP", "127.0.0.1", 2)))
        self.assertFalse(loopback.accepted(IPv4Address("TCP", "10.0.0.1", 1)))
        socket = port("unix:s", UNIXAddress("s"))
        self.assertTrue(socket.accepted(UNIXAddress("s")))
        self.assertFalse(socket.accepted(None))

    def test_position(self) -> None:
        """A poller that forgets its position causes a warning; one that keeps it does not."""
        former = GitPoller("git://h/p", name=None, category="a")
        present = replace(self.present, sources=(former,))

        def told(*sources: object) -> list[str]:
            new = replace(self.present, sources=sources)
            return consequences(self.botmaster, self.ports, diff(present, new), False)

        (said,) = told(GitPoller("git://h/p", category="b"))
        self.assertEqual(said.partition(": ")[0], "GitPoller of git://h/p (master) begins anew")
        self.assertIn("commits since its last look make no changes", said)
        self.assertEqual(told(GitPoller("git://h/p", category="a", pollInterval=9)), [])
        self.assertEqual(
            told(GitPoller("git://h/p", category="a", pollInterval=9), GitPoller("git://h/q")), []
        )
        self.assertEqual(told(), [])
        self.assertEqual(told(HgPoller("git://h/p"), object()), [])
