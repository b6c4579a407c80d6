"""F16: a request whose builds crash the master, with a real master and a real slave."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from buildbot.control import client
from buildbot.daemon.directory import readTac, storeAddress
from tests.daemons.test_postgrescommands import addressOf
from tests.integration.postgres import server
from tests.integration.test_build_process import BuildsCase

#: Added to the demo: builders that crash the master, when the build is made and when it runs.
BUILDERS = r"""
import os, signal
from buildbot.process.buildstep import BuildStep

class Kill(BuildStep):
    name = "kill"

    async def run(self):
        os.kill(os.getpid(), signal.SIGKILL)

class Killing(factory.BuildFactory):
    def newBuild(self, requests):
        os.kill(os.getpid(), signal.SIGKILL)

killer = factory.BuildFactory()
killer.addStep(Kill)
slow = factory.BuildFactory()
slow.addStep(ShellCommand, command="sleep 1000", timeout=None)
c['builders'] += [
    {'name': "killer", 'slavename': "bot1", 'builddir': "killer", 'factory': killer},
    {'name': "killing", 'slavename': "bot1", 'builddir': "killing", 'factory': Killing()},
    {'name': "slow", 'slavename': "bot1", 'builddir': "slow", 'factory': slow},
]
"""
GIVEN_UP = "given up: the master was killed or crashed during each of 3 builds"


class GivenUpCase(BuildsCase):
    """A master that is started again after each crash."""

    isFar = False

    def setUp(self) -> None:
        super().setUp()
        with open(self.path("master/master.cfg"), "a") as stream:
            stream.write(BUILDERS)
        self.ok("reconfig", self.master)
        self.until(lambda: len(self.ask("status", slave="bot1")["slaves"][0]["attachedTo"]) == 4, "attached")

    def tearDown(self) -> None:
        """The slave's own log has tracebacks: it loses its master during a command."""
        for here in (self.slave, self.master):
            self.run_("stop", "--kill", here)
        self.assertEqual(self.running(), [])
        self.assertNotIn("Traceback", self.read("master/twistd.log"))

    def untilDead(self) -> None:
        """Wait until the master has been killed."""
        self.until(lambda: self.tryAsk() is None, "the master is dead")

    def tryAsk(self) -> Any:
        with contextlib.suppress(client.NotRunning, client.ControlError, OSError):
            return self.ask("status")
        return None

    def waiting(self) -> list[dict[str, Any]]:
        requests: list[dict[str, Any]] = self.ask("builds")["requests"]
        return requests

    def interruptions(self, builder: str) -> list[int]:
        """The number of interruptions of the waiting request; None if its build has started, or has killed
        the master.
        """
        with contextlib.suppress(client.NotRunning, client.ControlError, OSError):
            return [each["interruptions"] for each in self.waiting() if each["builder"] == builder]
        return []

    def crashes(self, builder: str) -> None:
        """Force a build that kills the master, and start the master again until no build starts."""
        self.run_("force", self.master, builder)
        for number in range(3):
            self.untilDead()
            self.ok("start", self.master)
            if number < 2:  # it waits for its slave, which is reconnecting
                self.assertIn(self.interruptions(builder), ([number + 1], []))
        time.sleep(2)  # a fourth build would start by now
        self.assertEqual(self.waiting(), [])
        build = self.finished(builder, 2)
        self.assertEqual((build["result"], " ".join(build["text"])), ("exception", GIVEN_UP))
        self.assertIn(f"build {builder}/2: {GIVEN_UP}", self.ok("status", self.master).out)
        self.assertRegex(self.ok("builds", self.master).out, f"{builder}/2 +exception: given up: the master ")
        self.assertIn(f"build 2 of builder {builder}: {GIVEN_UP}", self.read("master/twistd.log"))
        (given,) = self.ask("status")["master"]["givenUp"]
        self.assertEqual((given["builder"], given["number"]), (builder, 2))

    def stepCrashes(self) -> None:
        """Force a build with a step that crashes the master, and see what is left of it."""
        self.crashes("killer")
        # Others are built as usual, and the next start does not report it again.
        self.ok("force", self.master, "first")
        self.assertEqual(self.finished("first", 1)["result"], "success")
        self.ok("restart", self.master)
        self.assertNotIn("given up", self.ok("status", self.master).out)
        self.assertEqual(bool(storeAddress(readTac(self.master))), self.isFar)


class GivenUpTests(GivenUpCase):
    """The store is a file."""

    def test_crashesAndRestarts(self) -> None:
        """F16: a step that crashes the master is started three times, then its request is given up. So is a
        request whose factory crashes the master. Any number of restarts during a build does not give up the
        request.
        """
        self.stepCrashes()
        self.crashes("killing")
        self.ok("restart", self.master)
        self.ok("force", self.master, "slow")
        for number in range(4):
            self.until(lambda: self.ask("builds")["running"], "it runs")
            self.ok("restart", self.master)
            self.assertEqual(self.finished("slow", number)["text"], ["the master was stopped"])
        (running,) = self.until(lambda: self.ask("builds")["running"], "it runs again")
        self.assertEqual(running["number"], 4)
        self.ok("stopbuild", self.master, "slow")
        self.assertEqual(self.ask("status")["master"]["givenUp"], [])


class PostgresTests(GivenUpCase):
    """The store is in PostgreSQL."""

    isFar = True

    def setUp(self) -> None:
        running = server()
        super().setUp()
        self.ok("stop", self.master)
        self.ok("move-store", self.master, addressOf(running, running.newSchema()))
        self.ok("start", self.master)
        self.until(lambda: len(self.ask("status", slave="bot1")["slaves"][0]["attachedTo"]) == 4, "attached")

    def test_step(self) -> None:
        """F16: the crashes during a build are counted in the database, too."""
        self.stepCrashes()
