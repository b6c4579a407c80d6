# -*- test-case-name: tests.integration.test_hostile_doors -*-
"""A real master and its ports: TLS, shared addresses, accounts other than slaves, the last files.

The limits are wide; C{python -m tests.benchmarks.hostile} prints the exact costs.
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import Any

from tests import hostile
from tests.benchmarks import hostile_doors as doors
from tests.benchmarks import rawpb, servers
from tests.benchmarks.machine import openFiles
from tests.benchmarks.servers import PATTERN
from tests.hostile import Guess, Slave
from tests.integration.test_hostile import MIB, HostileTestCase


class BeforeLogin(HostileTestCase):
    """Attacks without a password."""

    def test_halfHandshakes(self) -> None:
        """H1: connections to a TLS port that never finish a handshake are closed without a traceback; slaves
        over TLS attach meanwhile.
        """
        port = doors.openDoors(self.server)
        with self.watch() as watch:
            told = doors.halfHandshakes(self.server, port, 600)
        self.assertLess(told.open, doors.FEW)
        self.assertEqual((len(told.honest), told.stranded), (10, 0))
        self.assertIn("the TLS handshake failed: ", self.server.log())
        self.assertUnimpressed(watch.figures, peak=96 * MIB, log=60_000)

    def test_junkOverTLS(self) -> None:
        """H1: a client that sends garbage over TLS, again and again, keeps no slave of its address out."""
        port = doors.openDoors(self.server)
        for _ in range(100):
            sock = doors.withTLS(doors.connected(port))
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            sock.close()
        for number in range(20):
            slave = doors.attached(port, number, tls=True)
            self.assertIsNotNone(slave)
            if slave is not None:
                slave.close()
        self.assertNotIn("Traceback", self.server.log())

    def test_besideNonsense(self) -> None:
        """H2: many slaves attach while a client at their own address sends garbage without a pause."""
        alone, disturbed, done = doors.stormBeside(self.server, doors.nonsense, 200, 100)
        self.assertGreater(done, 50)
        self.assertGreater(disturbed, alone / 10)

    def test_besideGuesses(self) -> None:
        """H2: many slaves attach while a client at their own address guesses their passwords."""

        def guess(number: int) -> Guess:
            return Guess(PATTERN % (100 + number % 200), b"wrong")

        alone, disturbed, done = doors.stormBeside(self.server, guess, 200, 100)
        self.assertGreater(done, 50)
        self.assertGreater(disturbed, alone / 10)

    def test_junkNames(self) -> None:
        """H2: invented names fill neither the log nor the status, and hide no wrong password for a bot."""
        told = doors.junkNames(self.server, 500)
        self.assertTrue(told.guessIsLogged)
        self.assertEqual(told.guesses, 20)
        self.assertLess(told.lines, 60)
        self.assertLessEqual(told.strangers, 51)
        self.assertLess(told.bytes, 20_000)
        self.assertNotIn("\x1b", self.server.log())


class BehindLogin(HostileTestCase):
    """Attacks of clients that know a password."""

    def test_idle(self) -> None:
        """Accounts with idle connections; each part says what it proves. The modest ones come first."""
        doors.openDoors(self.server)
        self._idleClients()
        self._unfinishedMessages()

    def _unfinishedMessages(self) -> None:
        """H6: unfinished messages of an account cost limited memory, and their connections end."""
        told = doors.idleClients(self.server, 40, doors.UNFINISHED, 45)
        self.assertLess(told.open, doors.FEW)
        self.assertLess(told.grownKiB, 200 * MIB)
        self.assertNotIn("Traceback", self.server.log())

    def _idleClients(self) -> None:
        """H6: of many idle connections of an account only some stay, and a new one is accepted."""
        told = doors.idleClients(self.server, 60, b"", 25)
        self.assertLessEqual(told.open, doors.FEW)

    def test_logins(self) -> None:
        """Two logins over one connection, and invalid calls; each part says what it proves."""
        self._twoLogins()
        self._malformedCalls()
        self._logsInAgain()
        self._malformedCallOfEach()

    def _twoLogins(self) -> None:
        """H6: a connection accepts one login."""
        two = doors.TwoLogins((PATTERN % 0, PATTERN % 1))
        hostile.alone(self.server.port, two, patience=120)
        self.assertTrue(two.hungUp)
        self.assertEqual(doors.status(self.server)["master"]["connected"], 0)

    def _malformedCalls(self) -> None:
        """H7: ten thousand invalid calls cost one log line and the connection."""
        before = self.server.logSize
        slave = doors.malformedCalls(self.server, 10_000)
        self.assertTrue(slave.attached and slave.hungUp)
        self.assertLess(self.server.logSize - before, 5_000)
        self.assertIn("a malformed call", self.server.log())
        self.assertNotIn("Traceback", self.server.log())

    def _malformedCallOfEach(self) -> None:
        """H7: an invalid call ends the connection of any account, and each account has a line in the log."""
        with open(os.path.join(self.server.basedir, "master.cfg"), "a") as config:
            config.write("\nc['debugPassword'] = 'canary-debug'\n")
        doors.openDoors(self.server)
        number = rawpb.text("x"), 7, [b"list"]
        for account, password, calls in (
            (PATTERN % 2, servers.PASSWORD, {b"keepalive": number, b"shutdown": (*number, 1)}),
            ("change", doors.CHANGE_PASSWORD.decode(), {b"addChange": number}),
            ("debug", "canary-debug", {b"print": (), b"requestBuild": (), b"fakeChange": (7,)}),
        ):
            before = self.server.logSize
            for method, arguments in calls.items():
                asked = partial(_called, method, arguments)
                client = Slave(account, password, then=asked)
                hostile.alone(self.server.port, client, patience=120, source="127.26.0.2")
                self.assertTrue(client.attached and client.hungUp, (account, method))
            said = [each for each in self.server.log()[-20_000:].splitlines() if "a malformed call" in each]
            self.assertTrue([each for each in said if account in each], account)
            self.assertLess(self.server.logSize - before, 5_000)
        self.assertNotIn("Traceback", self.server.log())

    def _logsInAgain(self) -> None:
        """A slave that was disconnected for an invalid call can attach again at once."""
        doors.malformedCalls(self.server, 10)
        slave = doors.attached(self.server.port, 1, tls=False)
        self.assertIsNotNone(slave)
        if slave is not None:
            slave.close()


def _called(method: bytes, arguments: tuple[Any, ...], avatar: int, last: int) -> bytes:
    return rawpb.message(1 << 20, avatar, method, *arguments)


class FewFiles(HostileTestCase):
    """H6: file descriptors are reserved for the administrator."""

    def test_commands(self) -> None:
        """H6: slaves that need more files than there are do not lock out the administrator: commands work,
        and show the reason.
        """
        told = doors.fewFiles(self.server, 100)
        self.assertEqual(set(told.exits.values()), {0}, told)
        self.assertGreater(told.attached, 0)
        self.assertLess(told.attached, 64)
        self.assertGreater(told.turnedAway, 0)
        self.assertIn("raise the limit", told.words)
        self.assertLess(told.logBytes, 60_000)
        self.assertNotIn("Traceback", self.server.log())

    def test_afterwards(self) -> None:
        """H6: when the limit is raised, all slaves attach at once."""
        files = openFiles(self.server.pid) + 1  # one more port
        doors.fewFiles(self.server, 30, limit=64)
        slave = doors.attached(self.server.port, 40, tls=False)
        self.assertIsNotNone(slave)
        if slave is not None:
            slave.close()
        deadline = time.monotonic() + 120
        while openFiles(self.server.pid) > files + 5 and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertLessEqual(openFiles(self.server.pid), files + 5)
