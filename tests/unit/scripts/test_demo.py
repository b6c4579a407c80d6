"""The parts of C{demo}. tests.daemons.test_newcomer runs it with a slave."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from twisted.trial import unittest

from buildbot.control import client
from buildbot.daemon import lock
from buildbot.scripts import create, demo, startup, stop
from buildbot.scripts.output import CommandFailed
from tests.commandline import command


class DemoTests(unittest.TestCase):
    """Its changes of the sample, and its waits."""

    def config(self, text: str) -> str:
        """The path of a configuration with this text."""
        path: str = os.path.abspath(self.mktemp())
        with open(path, "w") as stream:
            stream.write(text)
        return path

    def test_sample(self) -> None:
        """The sample has a slave that can connect to the port set in it."""
        text, passwords = create.withPasswords(create.sampleText())
        bot = demo.expectedBot(self.config(demo.withPort(text, 12345)))
        self.assertEqual((bot.name, bot.password, bot.port), ("bot1", passwords[0], 12345))
        self.assertEqual((bot.builder, bot.auth), ("first", f"change:{passwords[1]}"))

    def test_withPort(self) -> None:
        """Only the line that sets the port changes, not one in a comment."""
        self.assertEqual(
            demo.withPort("# c['slavePortnum'] = 1\na = 1\nc['slavePortnum'] = 9989 # x\nb = 2", 7),
            "# c['slavePortnum'] = 1\na = 1\nc['slavePortnum'] = 'tcp:7:interface=127.0.0.1'\nb = 2",
        )
        self.assertRaises(CommandFailed, demo.withPort, "c = {}", 7)

    def test_withWebPort(self) -> None:
        """The web pages of the sample get another port, which is read back; other ports stay."""
        text = demo.withWebPort(create.sampleText(), 4712)
        bot = demo.expectedBot(self.config(text))
        self.assertEqual((bot.port, bot.web), (9989, 4712))
        self.assertEqual(demo.withWebPort("c['status'] = []", 4712), "c['status'] = []")

    def test_noWebPages(self) -> None:
        """A configuration without web pages, or with others than on a TCP port, has no address to print."""
        text = create.sampleText()
        for more in ("[]", "[WebStatus()]", "[WebStatus('unix:/tmp/x')]", "[WebStatus('tcp:0')]"):
            self.assertIsNone(demo.expectedBot(self.config(f"{text}\nc['status'] = {more}\n")).web, more)

    def test_otherConfig(self) -> None:
        """An existing configuration is used; one without a usable slave is reported."""
        text = create.sampleText().replace("9989", '"tcp:port=4711:interface=127.0.0.1"')
        self.assertEqual(demo.expectedBot(self.config(text)).port, 4711)
        for bad in ("c = BuildmasterConfig = {}", text.replace('"tcp:', '"unix:/x'), "c = ="):
            self.assertRaises(CommandFailed, demo.expectedBot, self.config(bad))

    def test_noChanges(self) -> None:
        """No change is sent if none would be built: no source, one with another port, no scheduler."""
        text = create.sampleText()
        for more in (
            "c['sources'] = []",
            "c['sources'] = [PBChangeSource(port=4711)]",
            "c['schedulers'] = []",
            "c['schedulers'] = [Scheduler('s', 'branch', 1, ['first'])]",
        ):
            bot = demo.expectedBot(self.config(f"{text}\n{more}\n"))
            self.assertEqual((bot.builder, bot.auth), ("first", None), more)
        bot = demo.expectedBot(self.config(f"{text}\nc['builders'] = c['schedulers'] = []\n"))
        self.assertEqual((bot.builder, bot.auth), (None, None))

    def built(self, *answers: dict[str, object], timeout: float = 30.0) -> dict[str, Any]:
        """Wait for a build after number 3, while a master gives these answers to C{builds}."""
        left = list(answers)

        def request(here: str, verb: str, params: dict[str, Any], patience: float) -> object:
            if verb == "build":
                return {"number": params["number"], "whole": True}
            return left.pop(0) if len(left) > 1 else left[0]

        self.patch(client, "request", request)
        self.patch(time, "sleep", lambda seconds: None)
        return demo.whenBuilt("/m", "first", 3, timeout)

    def test_whenBuilt(self) -> None:
        """It waits for a build newer than the ones before, and prints why none has come."""
        nothing: dict[str, object] = {"running": [], "waiting": [], "requests": [], "finished": []}
        old, new = {**nothing, "finished": [{"number": 3}]}, {**nothing, "finished": [{"number": 4}]}
        self.assertEqual(self.built(nothing, old, old, new), {"number": 4, "whole": True})
        waiting = {**old, "waiting": [{"why": "slave bot1: not attached"}]}
        why = self.assertRaises(CommandFailed, self.built, waiting, timeout=0.0)
        self.assertEqual(
            str(why),
            "first has not finished a build within 0 s; it waits: slave bot1: not attached: "
            "see /m/twistd.log",
        )

    def test_freePort(self) -> None:
        """The port is free, and outside of the range of outgoing connections."""
        port = demo.freePort()
        self.assertTrue(15000 <= port < 32000)
        with socket.socket() as trial:
            trial.bind(("127.0.0.1", port))

    def test_withoutWorker(self) -> None:
        """Without buildbot-worker nothing is started, and the line says what to install."""
        self.patch(demo, "find_spec", lambda name: None)
        here = self.mktemp()
        said = command("demo", here)
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertEqual(said.err, "the demo needs a slave: pip install 'buildbot-classic[slave]'\n")
        self.assertFalse(os.path.exists(here))

    def test_failure(self) -> None:
        """After an error, everything that this call started is stopped, the latest first."""
        self.patch(demo, "find_spec", lambda name: True)
        started: list[str] = []
        stopped: list[str] = []
        here = os.path.realpath(self.mktemp())

        def start(config: dict[str, str]) -> int:
            started.append(os.path.basename(config["basedir"]))
            if started[-1] == "slave":
                raise CommandFailed("no slave today")
            return 0

        self.patch(startup, "start", start)
        self.patch(stop, "stop", lambda config: stopped.append(os.path.basename(config["basedir"])))
        said = command("demo", here)
        self.assertEqual((said.status, said.err), (1, "no slave today\n"))
        self.assertEqual((started, stopped), (["master", "slave"], ["slave", "master"]))
        lock.hold(os.path.join(here, "master"))
        self.addCleanup(lock.release, os.path.join(here, "master"))
        said = command("demo", here)
        self.assertIn(f"already running, pid {os.getpid()}", said.out)
        self.assertEqual(stopped[2:], ["slave"])

    def attached(self, *answers: object, slaveRuns: bool = True) -> None:
        """Wait for a slave, while a master gives these answers."""
        left = list(answers)

        def ask(*arguments: object, **params: object) -> object:
            answer = left.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return {"slaves": [{"connected": answer}]}

        here = os.path.realpath(self.mktemp())
        os.mkdir(here)
        if slaveRuns:
            lock.hold(here)
            self.addCleanup(lock.release, here)
        self.patch(client, "ask", ask)
        demo.whenAttached("/m", "bot1", 30.0 if left else 0.0, here)

    def test_whenAttached(self) -> None:
        """It waits until the slave is attached; a process that ended, and a timeout, are reported."""
        self.attached(True)
        for answers, runs, reason in (
            ([client.NotRunning("/m")], True, "the master has ended: see /m/twistd.log"),
            ([False], False, "the slave has ended: see"),
            ([], True, "has not connected within 0 s"),
        ):
            why = self.assertRaises(CommandFailed, self.attached, *answers, slaveRuns=runs)
            self.assertIn(reason, str(why))
