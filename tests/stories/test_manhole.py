# -*- test-case-name: tests.stories.test_manhole -*-
"""Administrators use a Python prompt inside the master, and change it by reconfigs."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from buildbot import manhole
from buildbot.config.arguments import BadArguments
from buildbot.prompt import manhole as services
from tests.stories.world import World

MANHOLE = "c['manhole'] = manhole.TelnetManhole('tcp:4000:interface=127.0.0.1', 'ann', 'canary')"


class PromptTests(World):
    """A master with a TelnetManhole."""

    def setUp(self) -> None:
        super().setUp()
        self.add(f"from buildbot import manhole\n{MANHOLE}")
        self.successResultOf(self.start())

    def login(self, password: str = "canary") -> tuple[Any, StringTransport]:
        """A client that logs in at the newest port."""
        ports: list[Any] = [factory for number, factory, *_ in self.reactor.tcpServers if number == 4000]
        protocol, transport = ports[-1].buildProtocol(None), StringTransport()
        transport.abortConnection = transport.loseConnection  # type: ignore[method-assign]
        protocol.makeConnection(transport)
        for line in ("ann", password):
            protocol.dataReceived(line.encode() + b"\r\n")
        return protocol, transport

    def ask(self, client: tuple[Any, StringTransport], line: str) -> bytes:
        """The answer of the prompt."""
        protocol, transport = client
        transport.clear()
        protocol.dataReceived(line.encode() + b"\r\n")
        said: bytes = transport.value()
        return said

    def test_names(self) -> None:
        """The prompt knows the master and its status, as in 0.7.5. The login is in the record of actions."""
        client = self.login()
        self.assertIn(b"\n['bot1', 'bot2']", self.ask(client, "sorted(master.botmaster.slaves)"))
        self.assertIn(b"\n['full']", self.ask(client, "status.getBuilderNames()"))
        entries = self.successResultOf(self.store.getEntries()).rows
        self.assertIn(
            ("ann", "telnet", "openManhole"), [(each.who, each.how, each.action) for each in entries]
        )

    def test_wrongPassword(self) -> None:
        """A wrong password opens no prompt."""
        self.assertNotIn(b"bot1", self.ask(self.login("wrong"), "sorted(master.botmaster.slaves)"))

    def test_reconfig(self) -> None:
        """A reconfig of other things keeps a session; one that changes the password ends it."""
        client = self.login()
        self.edit("('bot2', 'sekrit')", "('bot3', 'sekrit')")
        self.edit("'bot1', 'bot2'", "'bot1', 'bot3'")
        self.reconfig()
        self.assertIn(b"bot3", self.ask(client, "sorted(master.botmaster.slaves)"))
        self.edit("'canary'", "'other'")
        self.assertNotIn("canary", str(self.reconfig()))
        self.assertTrue(client[1].disconnecting)
        self.assertIn(b"\n3", self.ask(self.login("other"), "1 + 2"))
        self.edit("c['manhole'] =", "unused =")
        self.reconfig()
        self.assertEqual(self.master.manhole, None)

    def test_portInUse(self) -> None:
        """A reconfig to a port that is in use says so, and the old port stays in use."""
        self.reactor.taken = 4001
        self.edit("tcp:4000:", "tcp:4001:")
        self.assertIn("4001", str(self.reconfig()))
        self.assertIn(b"\n3", self.ask(self.login(), "1 + 2"))


class ArgumentsTests(SynchronousTestCase):
    """What a manhole says of its arguments."""

    def test_telnetNumber(self) -> None:
        """Telnet does not encrypt, so a mere number is a port of this machine alone."""
        made = manhole.TelnetManhole(4000, "ann", "pw")
        self.assertEqual(made.port, "tcp:4000:interface=127.0.0.1")
        self.assertEqual(made.configurationDoubts, [])
        (doubt,) = manhole.TelnetManhole("tcp:4000", "ann", "pw").configurationDoubts
        self.assertIn("unencrypted", doubt)

    def test_wrong(self) -> None:
        """Wrong arguments are named; a password is not shown."""
        with self.assertRaises(BadArguments) as caught:
            manhole.TelnetManhole(70000, "ann", 5)  # type: ignore[arg-type]
        self.assertIn("there is no port 70000", str(caught.exception))
        self.assertIn("password", str(caught.exception))

    def test_missingPackages(self) -> None:
        """Without the packages for SSH, the check of the configuration says what to install."""
        self.patch(services, "find_spec", lambda name: None)
        with self.assertRaises(BadArguments) as caught:
            manhole.AuthorizedKeysManhole(4000, "keys")
        self.assertIn("pip install 'buildbot-classic[manhole]'", str(caught.exception))

    def test_equal(self) -> None:
        """Two with equal arguments are equal, so a reconfig keeps the running one."""
        if find_spec("bcrypt") is None:
            self.skipTest("needs buildbot-classic[manhole]")
        one = manhole.AuthorizedKeysManhole(4000, "keys", ssh_hostkey_dir="ssh")
        self.assertEqual(one, manhole.AuthorizedKeysManhole(4000, "keys"))
        self.assertNotEqual(one, manhole.AuthorizedKeysManhole(4000, "others"))
        self.assertNotEqual(one, manhole.PasswordManhole(4000, "ann", "keys"))
