"""What a reconfig says beforehand of what it will cost."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress

from buildbot.config.diff import diff
from buildbot.config.model import MasterConfig
from buildbot.reconfig.consequences import consequences
from buildbot.wire.listeners import SlavePort
from tests.slaveport import SlavePortCase, config


def port(description: str, address: Any) -> SlavePort:
    """A port that is open at an address."""
    listening: Any = SimpleNamespace(getHost=lambda: address)
    return SlavePort(description, listening, None)


class PortTests(SlavePortCase):
    """F14: ports that slaves came by."""

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
        """What a change to another configuration would cost."""
        return consequences(self.botmaster, self.ports, diff(self.present, new), drain)

    def test_removedPort(self) -> None:
        """F14: who came by a port that is being closed is told before, for they cannot come back there."""
        said = self.told(replace(self.present, ports=("tcp:9990",)))
        self.assertEqual(
            said,
            [
                "port tcp 9989 is being closed, and slave bot1 came by it: it stays connected, but cannot"
                " come back there: give each another port first"
            ],
        )

    def test_nobodyCame(self) -> None:
        """A port that nobody came by is closed without a word, and so is that of a slave that goes too."""
        self.botmaster.slaves["bot1"].disconnect()
        self.settle()
        self.assertEqual(self.told(replace(self.present, ports=("tcp:9990",))), [])
        only = config({"bot1": "sekrit"})
        self.assertEqual(self.told(replace(only, ports=("tcp:9989",))), [])

    def test_samePort(self) -> None:
        """A port that is opened again in another way, at the same number, strands nobody."""
        again = replace(self.present, ports=("tcp:9989:backlog=9", "tcp:9990"))
        self.assertEqual(self.told(again), [])
        narrow = replace(self.present, ports=("tcp:9989:interface=127.0.0.1", "tcp:9990"))
        self.assertEqual(len(self.told(narrow)), 1)
        there = replace(self.present, ports=("tcp:9989:interface=10.0.0.9", "tcp:9990"))
        self.assertEqual(self.told(there), [])

    def test_password(self) -> None:
        """F14: a new password for a slave that is connected: it is told that it must have that."""
        new = replace(config({"bot1": "other", "bot2": "sekrit"}), ports=self.present.ports)
        self.assertEqual(
            self.told(new),
            ["new password for slave bot1: it stays connected, but must have it to connect again"],
        )

    def test_accepted(self) -> None:
        """A port knows the connections that it accepted by their address here."""
        loopback = port("x", IPv4Address("TCP", "127.0.0.1", 1))
        self.assertTrue(loopback.accepted(IPv4Address("TCP", "127.0.0.1", 1)))
        self.assertFalse(loopback.accepted(IPv4Address("TCP", "127.0.0.1", 2)))
        self.assertFalse(loopback.accepted(IPv4Address("TCP", "10.0.0.1", 1)))
        socket = port("unix:s", UNIXAddress("s"))
        self.assertTrue(socket.accepted(UNIXAddress("s")))
        self.assertFalse(socket.accepted(None))
