# -*- test-case-name: tests.integration.test_hostile -*-
"""A real master with hostile input: each costs one log line and its connection, and nobody else is affected.

Each promise is an assertion on counts and sizes, with wide limits. C{python -m tests.benchmarks.hostile}
prints the exact costs. test_liveness has real slaves that fail by accident.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from typing import Any

from hypothesis import HealthCheck, given, settings
from twisted.trial.unittest import SynchronousTestCase

from buildbot.control.server import ask
from tests import hostile
from tests.benchmarks import bombs, rawpb, servers
from tests.benchmarks import hostile as scenarios
from tests.benchmarks.forgeries import calling
from tests.benchmarks.machine import openFiles, raiseFileLimit, settle
from tests.benchmarks.watch import Figures, Watch, attachOne
from tests.hostile import Bomb, Crowd, Slave, addresses

MIB = 1024


class HostileTestCase(SynchronousTestCase):
    """A master whose first slaves are hostile, and the others genuine.

    Attacks that cost it little memory share a master: to start one takes as long as most of them.
    """

    def setUp(self) -> None:
        self._stack = ExitStack()
        self.addCleanup(self._stack.close)
        raiseFileLimit(8000)
        elsewhere = self._stack.enter_context(tempfile.TemporaryDirectory())
        self.tripwire = hostile.tripwire(elsewhere)
        self.modules = elsewhere
        self.server = self._stack.enter_context(servers.master(scenarios.SLAVES, modules=elsewhere))

    def watch(self) -> Watch:
        """Start to measure."""
        return Watch(self.server, scenarios.HOSTILE)

    def assertUnimpressed(self, figures: Figures, peak: int, log: int, slowest: float = 8.0) -> None:
        """Check that the master kept serving: its memory rose by at most C{peak} KiB and its log by C{log}
        bytes, no genuine slave was lost or waited longer than C{slowest} seconds, and no connection is left
        open.
        """
        self.assertEqual(figures.stranded, 0, figures)
        self.assertGreater(len(figures.honest), 0, figures)
        self.assertLess(figures.slowest, slowest, figures)
        self.assertLess(figures.peakKiB, peak, figures)
        self.assertLess(figures.logBytes, log, figures)
        self.assertLessEqual(figures.files, 5, figures)
        text = self.server.log()
        self.assertNotIn("Traceback", text)
        self.assertNotIn("Unhandled", text)
        self.assertFalse(os.path.exists(self.tripwire), "a module was imported")

    def slaves(self) -> dict[str, dict[str, Any]]:
        """The status of each slave, by name."""
        status: Any = ask(self.server.basedir, "status", timeout=120)
        return {slave["name"]: slave for slave in status["slaves"]}


class BeforeLogin(HostileTestCase):
    """Attacks without a password."""

    #: Answered, or kept open until the limit of a login, like any peer.
    PATIENTLY = {"login as a name of 3 KB", "login without arguments", "login with a surplus of 3 KB"}

    def test_input(self) -> None:
        """Strange input before login; each part says what it proves. The modest ones come first."""
        self._bombs()
        self._random()
        self._structure()

    def test_guessesAndVisits(self) -> None:
        """Wrong passwords, and connections without any; each part says what it proves."""
        self._visits()
        self._wrongLoginsFromOneAddress()
        self._wrongLoginsFromManyAddresses()
        self._oneGuessAChallenge()
        self._honestSlavesBehindTheSameAddress()

    def _bombs(self) -> None:
        """Oversized, nested, colliding, forged and foreign input before login is disconnected at once,
        without memory or time, with at most a short log line each (A7, A8).
        """
        with self.watch() as watch:
            delivered = scenarios.bombsBeforeLogin(self.server)
        held = {name for name, bomb in delivered.items() if not bomb.hungUp}
        self.assertEqual(held - self.PATIENTLY, set())
        for name, bomb in delivered.items():
            self.assertNotIn(b"Traceback (", bomb.received, name)
            self.assertNotIn(b".py", bomb.received, name)
        self.assertUnimpressed(watch.figures, peak=8 * MIB, log=400 * len(delivered) + 20_000)
        self.assertLess(watch.figures.cpu, 6.0, watch.figures)

    def _random(self) -> None:
        """Noise, and valid banana of random structure, cost nothing that lasts (A8)."""
        with self.watch() as watch:
            outcome = scenarios.randomInput(self.server, seed=20060305, count=600)
        self.assertEqual(outcome.connections, 600)
        self.assertUnimpressed(watch.figures, peak=16 * MIB, log=400 * 260 + 20_000)

    def _structure(self) -> None:
        """For any messages before login, the master answers or disconnects, and lives."""

        @settings(
            max_examples=150, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(messages=bombs.conversations())
        def peerSays(messages: list[rawpb.Expression]) -> None:
            said = Bomb(bombs.READY + b"".join(map(rawpb.encode, messages)))
            hostile.alone(self.server.port, said, patience=0.05, source="127.21.0.1")
            self.assertNotIn(b"Traceback (", said.received)
            self.assertTrue(os.path.exists(f"/proc/{self.server.pid}"))
            self.assertEqual(self.server.log().count("Traceback"), 0, self.server.log()[-3000:])

        with self.watch() as watch:
            peerSays()
        self.assertUnimpressed(watch.figures, peak=16 * MIB, log=50_000)

    def test_slowLoris(self) -> None:
        """Five thousand sockets that log in a byte at a time are all closed after 30 s and take little
        memory; slaves attach normally meanwhile.
        """
        with self.watch() as watch:
            told = scenarios.loris(self.server, 5000)
        self.assertEqual(told.closed, 5000)
        self.assertLess(told.lastClosed, 60)
        self.assertUnimpressed(watch.figures, peak=5000 * 8 + 4 * MIB, log=60_000)

    def _wrongLoginsFromOneAddress(self) -> None:
        """Very many wrong passwords from one address do not affect others or fill the log (A7)."""
        with self.watch() as watch:
            outcome = scenarios.wrongLogins(self.server, 1500, ["127.12.0.2"])
        self.assertEqual(outcome.connections, outcome.hungUp + outcome.left)
        self.assertUnimpressed(watch.figures, peak=16 * MIB, log=100_000)

    def _wrongLoginsFromManyAddresses(self) -> None:
        """Very many wrong passwords from a thousand addresses do not fill the log either (A7)."""
        with self.watch() as watch:
            outcome = scenarios.wrongLogins(self.server, 1500, addresses(1000, 20))
        self.assertEqual(outcome.connections, outcome.hungUp + outcome.left)
        self.assertUnimpressed(watch.figures, peak=24 * MIB, log=200_000)

    def test_stormBesideGuesses(self) -> None:
        """Many genuine slaves attach at a good part of their usual rate while passwords are guessed."""
        alone, disturbed = scenarios.stormBesideGuesses(self.server, addresses(100, 23))
        # guessers, slaves and master share the processors, of which there may be one
        self.assertGreater(disturbed, alone / 10)

    def _oneGuessAChallenge(self) -> None:
        """A challenge accepts one response, and then the connection is closed."""
        guess = scenarios.guessesOnOneChallenge(self.server, 100)
        self.assertTrue(guess.hungUp)
        self.assertLessEqual(guess.refused, 1)

    def _honestSlavesBehindTheSameAddress(self) -> None:
        """Slaves attach from the address of a password guesser, with a small delay."""
        guesser = addresses(1, 22)
        scenarios.wrongLogins(self.server, 300, guesser)
        honest = [Slave(servers.PATTERN % n, servers.PASSWORD, leave=True) for n in range(60, 80)]
        deadline = time.monotonic() + 180
        while any(not slave.attached for slave in honest) and time.monotonic() < deadline:
            waiting = [slave for slave in honest if not slave.attached]
            Crowd(self.server.port, guesser, inFlight=5, patience=20).run(waiting)
        self.assertTrue(all(slave.attached for slave in honest))

    def _visits(self) -> None:
        """Very many connections that are opened and dropped leave nothing behind."""
        with self.watch() as watch:
            scenarios.visits(self.server, 1500, ["127.12.0.3"])
        self.assertUnimpressed(watch.figures, peak=16 * MIB, log=60_000)


class AfterLogin(HostileTestCase):
    """Attacks of slaves that know their password."""

    def test_limits(self) -> None:
        """Slaves that send too much, or keys that collide; each part says what it proves."""
        self._memoryComesBack()
        self._collidingKeys()
        self._oversized()

    def test_ways(self) -> None:
        """Slaves with odd ways; each part says what it proves. The modest ones come first."""
        self._namesakes()
        self._keepaliveFlood()
        self._neverReading()

    def test_forgeries(self) -> None:
        """For any forged answer or call of a slave, nothing is imported or disclosed, memory and time are
        safe, and its name is free at once (A3, A5, A6).
        """
        files = openFiles(self.server.pid)
        with self.watch() as watch:
            told = scenarios.deliverForgeries(self.server)
        self.assertEqual([what for what, forged in told.items() if not forged.nameFree], [])
        for what, forged in told.items():
            self.assertNotIn(b"Traceback (", forged.slave.received, what)
            self.assertNotIn(b".py", forged.slave.received, what)
        # several of them fill the 16 MiB that a slave may send at once
        self.assertUnimpressed(watch.figures, peak=192 * MIB, log=700 * len(told), slowest=10.0)
        settle(self.server.pid)
        self.assertLessEqual(openFiles(self.server.pid), files + 5)

    def _oversized(self) -> None:
        """A slave that sends more than its limit is disconnected, with one log line."""
        for number, (what, encoded) in enumerate(bombs.arguments()):
            if what in bombs.FORBIDDEN:
                continue
            name = scenarios.own(number)
            slave = calling(encoded)(name)
            hostile.alone(self.server.port, slave, patience=120)
            self.assertTrue(slave.attached, what)
            self.assertTrue(slave.hungUp, what)
            lines = [line for line in self.server.log().splitlines() if f"hung up on {name}" in line]
            self.assertEqual(len(lines), 1, (what, lines))

    def _memoryComesBack(self) -> None:
        """Data beyond the limit is freed with its connection."""
        encoded = dict(bombs.arguments())["expression of 18 MB"]
        slaves = [calling(encoded)(scenarios.own(number)) for number in range(10)]
        with self.watch() as watch:
            Crowd(self.server.port, inFlight=2, patience=120).run(slaves)
        self.assertTrue(all(slave.hungUp for slave in slaves))
        self.assertLess(watch.figures.keptKiB, 48 * MIB, watch.figures)

    def _collidingKeys(self) -> None:
        """Keys with equal hashes are refused before they are counted (the limits of the wire)."""
        for what, encoded in bombs.arguments():
            if "colliding" not in what:
                continue
            with self.watch() as watch:
                slave = calling(encoded)(scenarios.own(7))
                hostile.alone(self.server.port, slave, patience=120)
            self.assertTrue(slave.hungUp, what)
            self.assertLess(watch.figures.cpu, 5.0, watch.figures)

    def _neverReading(self) -> None:
        """A slave that never reads is disconnected at some MiB of unsent data."""
        with self.watch() as watch:
            slave = scenarios.neverReading(self.server)
        self.assertTrue(slave.hungUp)
        self.assertUnimpressed(watch.figures, peak=48 * MIB, log=20_000, slowest=10.0)

    def _keepaliveFlood(self) -> None:
        """A slave that calls without pause is served, and so are all others."""
        with self.watch() as watch:
            slave = scenarios.keepaliveFlood(self.server, 3.0)
        self.assertGreater(slave.answersHeard, 100)
        self.assertUnimpressed(watch.figures, peak=24 * MIB, log=10_000)

    def _namesakes(self) -> None:
        """After a hundred logins of one name from several addresses the log is short, other slaves attach
        normally, and in the end the name can be used (D2, D3, D5).
        """
        with self.watch() as watch:
            everybody = scenarios.namesakes(self.server, 100, addresses(10, 19))
        self.assertTrue(any(slave.attached for slave in everybody))
        self.assertFalse(any(slave.refused for slave in everybody), "an error stranded a slave")
        self.assertUnimpressed(watch.figures, peak=16 * MIB, log=60_000)
        self.assertIsNotNone(attachOne(self.server, 3))


class Signals(HostileTestCase):
    """Too many signals, or at the wrong moment."""

    def test_manyHangups(self) -> None:
        """Thousands of SIGHUPs are folded into a few reconfigs, and the last content of master.cfg is in
        force.
        """
        before = self.slaves()
        scenarios.hangups(self.server, 1500)
        with open(os.path.join(self.server.basedir, "master.cfg"), "a") as config:
            config.write('c["bots"].append(("latecomer", "secret"))\n')
        scenarios.hangups(self.server, 500)
        deadline = time.monotonic() + 180
        while "latecomer" not in self.slaves() and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(set(self.slaves()), {*before, "latecomer"})
        status: Any = ask(self.server.basedir, "status", timeout=120)
        self.assertLess(status["master"]["generation"], 200)
        self.assertLess(len(self.server.log()), 300_000)

    def test_hangupDuringAStorm(self) -> None:
        """Slaves that attach while the configuration is read again and again are all attached."""
        slaves = [Slave(servers.PATTERN % n, servers.PASSWORD) for n in range(150)]

        def knocking() -> Any:
            for number, slave in enumerate(slaves):
                if number % 10 == 0:
                    os.kill(self.server.pid, signal.SIGHUP)
                yield slave

        Crowd(self.server.port, inFlight=150, patience=120).run(knocking())
        self.assertEqual([slave.hungUp for slave in slaves], [False] * len(slaves))
        self.assertTrue(all(slave.attached for slave in slaves))

    def test_stopDuringAStorm(self) -> None:
        """A master that is stopped while slaves attach and hang ends within 10 s, or 30 if it has to wait for
        a processor.
        """
        told: list[float] = []

        def knocking() -> Any:
            for number in range(150):
                if number == 75:
                    os.kill(self.server.pid, signal.SIGTERM)
                    told.append(time.monotonic())
                yield Slave(servers.PATTERN % number, servers.PASSWORD, mute=True)

        Crowd(self.server.port, inFlight=150, patience=5).run(knocking())
        while os.path.exists(f"/proc/{self.server.pid}") and time.monotonic() < told[0] + 30:
            time.sleep(0.05)
        self.assertFalse(os.path.exists(f"/proc/{self.server.pid}"))
        self.assertNotIn("Traceback", self.server.log())


class Tripwire(SynchronousTestCase):
    """The helpers of these tests."""

    def test_trips(self) -> None:
        """A module named in a forged message would be detected if it were imported."""
        with tempfile.TemporaryDirectory() as directory:
            mark = hostile.tripwire(directory)
            self.assertFalse(os.path.exists(mark))
            subprocess.run([sys.executable, "-c", f"import {bombs.TRIPWIRE}"], cwd=directory, check=True)
            self.assertTrue(os.path.exists(mark))
