# -*- test-case-name: tests.integration.test_standby -*-
"""Two real masters on one store in PostgreSQL, a real HAProxy before them, and a real slave."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any

from twisted.trial.unittest import SkipTest

from buildbot.daemon.directory import readTac
from buildbot.daemon.taclines import withAddress, writeTac
from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase, RealMaster, freePort
from tests.integration.postgres import server
from tests.integration.processes import ROOT, Child, environment, moments, until
from tests.integration.test_postgrescommands import addressOf

#: The seconds of a lease in these tests: a killed master is replaced after a quarter more.
LEASE = 4
#: The seconds in which HAProxy and a slave find the master that took over, on a busy machine.
SOON = 30.0
#: The step of the builder lasts until the test says so, and tells how often it was begun.
WAITING = """
from buildbot.plugins import steps
f.addStep(steps.ShellCommand(command=['sh', '-c', 'echo >> %s; while [ ! -e %s ]; do sleep 0.1; done']))
"""


class StandbyTests(MasterTestCase):
    """The masters are C{one} and C{two}; a test starts them.

    @ivar port: the port of HAProxy for slaves.
    """

    async def makeReady(self) -> None:
        """Make two masters on a new schema, and start HAProxy."""
        await super().makeReady()
        if shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin") is None:
            raise SkipTest("HAProxy is not installed: apt install haproxy")
        self.address = addressOf(server(), server().newSchema())
        self.go = os.path.join(self.directory, "go")
        self.begun = os.path.join(self.directory, "begun")
        self.one = await self.created("one")
        self.two = await self.created("two")
        self.port = freePort()
        self.haproxy()

    async def created(self, name: str) -> RealMaster:
        """Make a master that uses the common store."""
        master = await self.createMaster(name)
        tac = withAddress(readTac(master.basedir), self.address)
        writeTac(master.basedir, f"lease = {LEASE}\n{tac}")
        master.write(
            master.config(
                bots={"bot": "sesame"},
                builders={"full": ["bot"]},
                after=WAITING % (self.begun, self.go),
            )
        )
        return master

    def haproxy(self) -> None:
        """Start HAProxy with the configuration of the documentation, at other ports."""
        with open(os.path.join(ROOT, "docs", "files", "haproxy.cfg"), encoding="utf-8") as stream:
            text = stream.read()
        places = {
            "one.example.org:9989": f"127.0.0.1:{self.one.port}",
            "two.example.org:9989": f"127.0.0.1:{self.two.port}",
            "bind :9989": f"bind 127.0.0.1:{self.port}",
            "bind :8010": f"bind 127.0.0.1:{freePort()}",
        }
        for old, new in places.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        text = re.sub(r"\w+\.example\.org:8010", "127.0.0.1:9", text)
        path = os.path.join(self.directory, "haproxy.cfg")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        Child(
            self,
            [program, "-db", "-f", path],
            self.directory,
            environment(self.directory),
            os.path.join(self.directory, "haproxy"),
        )

    async def building(self) -> Any:
        """Start one, the standby two, and a slave; begin a build. Returns the slave."""
        await self.one.start()
        await self.two.standBy()
        slaves = await self.startSlaves(self.port, [(SLAVE, "bot", "sesame")], maxdelay=2)
        await self.one.whenConnected("bot")
        forced = await self.one.run("force", self.one.basedir, "full")
        self.assertEqual(forced.status, 0, forced.words)
        await until(lambda: self.begins() == 1, SOON, "the build begins")
        return slaves["bot"]

    def begins(self) -> int:
        """How often the step of the build has begun."""
        if not os.path.exists(self.begun):
            return 0
        with open(self.begun, encoding="utf-8") as stream:
            return len(stream.readlines())

    async def test_killed(self) -> None:
        """After kill -9 of the active master, the standby takes over. The slave comes back by itself, and the
        build is begun anew, once. The old master cannot be started beside it, but can wait in its turn.
        """
        await self.building()
        await self.one.kill()
        await self.two.whenServing()
        await self.two.whenConnected("bot", timeout=SOON)
        await until(lambda: self.begins() == 2, SOON, "the build begins anew")
        refused = await self.one.run("start", self.one.basedir)
        self.assertEqual(refused.status, 1, refused.words)
        self.assertIn(f"{self.two.basedir} is the active master", refused.stderr)
        self.assertIn("start --standby", refused.stderr)
        with open(self.go, "w"):
            pass
        build = await self.two.whenFinished("full", 1)
        self.assertEqual(build["results"], 0)
        interrupted = await self.two.whenFinished("full", 0)
        self.assertNotEqual(interrupted["results"], 0)
        await moments(1.0)
        self.assertEqual(self.begins(), 2)

        await self.one.standBy()
        self.assertEqual(await self.two.stop(), 0)
        await self.one.whenServing()
        await self.one.whenConnected("bot", timeout=SOON)
        self.assertEqual((await self.one.ask("build", builder="full", number=1))["results"], 0)
        self.assertNoTracebacks(self.one, self.two)
