# -*- test-case-name: tests.integration.test_standby -*-
"""Two real masters on one store in PostgreSQL, a real HAProxy before them, and a real slave."""

from __future__ import annotations

import os
import shutil
import signal
import time
from typing import Any
from urllib.request import urlopen

from twisted.internet import threads
from twisted.trial.unittest import SkipTest

from buildbot.daemon.directory import readTac
from buildbot.daemon.taclines import withAddress, writeTac
from tests.daemons.test_postgrescommands import addressOf
from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase, RealMaster
from tests.integration.postgres import server
from tests.integration.processes import ROOT, Child, TooLate, environment, moments, never, until
from tests.ports import freePort

#: The seconds of a lease in these tests: a killed master is replaced after a quarter more.
LEASE = 10
#: The seconds in which HAProxy and a slave find the master that took over, on a busy machine.
SOON = 180.0
#: The step of the builder lasts until the test says so, and tells how often it was begun.
WAITING = """
from buildbot.plugins import steps
f.addStep(steps.ShellCommand(command=['sh', '-c', 'echo >> %s; while [ ! -e %s ]; do sleep 0.1; done']))
"""
PAGES = """
from buildbot.status import html
c['status'] = [html.WebStatus(http_port='tcp:%s:interface=127.0.0.1')]
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
        self.pages = {name: freePort() for name in ("one", "two", "all")}
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
                after=WAITING % (self.begun, self.go) + PAGES % self.pages[name],
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
            "one.example.org:8010": f"127.0.0.1:{self.pages['one']}",
            "two.example.org:8010": f"127.0.0.1:{self.pages['two']}",
            "bind :8010": f"bind 127.0.0.1:{self.pages['all']}",
        }
        for old, new in places.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
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
        slaves = await self.startSlaves(self.port, [(SLAVE, "bot", "sesame")])
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

    async def whenShown(self) -> None:
        """Wait until HAProxy shows the pages of an active master."""
        url = f"http://127.0.0.1:{self.pages['all']}/readyz"
        begun = time.monotonic()
        while True:
            try:
                answer = await threads.deferToThread(urlopen, url, timeout=60)
                answer.close()
                return
            except OSError as why:
                if time.monotonic() - begun > SOON:
                    raise TooLate(f"no pages: {why}") from why
            await moments(0.2)

    async def test_killed(self) -> None:
        """After kill -9 of the active master, the standby takes over. The slave comes back by itself, and the
        build is begun anew, once. Who followed it learns that from the store. The old master cannot be
        started beside it, but can wait in its turn.
        """
        await self.building()
        await self.whenShown()
        follows = self.one.spawned(["log", "--follow", self.one.basedir, "full/0"], "follow")
        await until(lambda: "==== " in follows.stdout(), SOON, follows.stderr)
        await self.one.kill()
        await self.two.whenServing()
        await self.two.whenConnected("bot", timeout=SOON)
        await until(lambda: self.begins() == 2, SOON, "the build begins anew")
        refused = await self.one.run("start", self.one.basedir)
        self.assertEqual(refused.status, 1, refused.words)
        self.assertIn(f"{self.two.basedir} is the active master", refused.stderr)
        self.assertIn("start --standby", refused.stderr)
        await self.whenShown()
        for words in (
            ("token", "add", "-a", "view", self.one.basedir, "bot"),
            ("move-store", self.one.basedir, "sqlite"),
        ):
            refused = await self.one.run(*words)
            self.assertEqual(refused.status, 1, refused.words)
            self.assertIn("another master, or another command, uses", refused.stderr)
        seen = await self.one.run("builds", self.one.basedir)
        self.assertEqual(seen.status, 0, seen.words)
        with open(self.go, "w"):
            pass
        build = await self.two.whenFinished("full", 1)
        self.assertEqual(build["results"], 0)
        interrupted = await self.two.whenFinished("full", 0)
        self.assertEqual(interrupted["text"], ["interrupted when another master took over"])
        self.assertEqual(await follows.whenEnded(), 5, follows.stderr())
        self.assertIn(f"{self.two.basedir} has taken over: this is what it stores", follows.stderr())
        self.assertIn("build full/0: exception: interrupted when another master", follows.stdout())
        await moments(1.0)
        self.assertEqual(self.begins(), 2)

        await self.one.standBy()
        self.assertEqual(await self.two.stop(), 0)
        await self.one.whenServing()
        await self.one.whenConnected("bot", timeout=SOON)
        self.assertEqual((await self.one.ask("build", builder="full", number=1))["results"], 0)
        self.assertNoTracebacks(self.one, self.two)

    async def test_frozen(self) -> None:
        """A master that is frozen for longer than its lease finds, when it wakes, that another one has taken
        its place. It changes nothing, says so, and ends by itself within seconds, with a failure.
        """
        await self.building()
        self.one.child.signal(signal.SIGSTOP)
        await self.two.whenServing()
        await self.two.whenConnected("bot", timeout=SOON)
        await until(lambda: self.begins() == 2, SOON, "the build begins anew")
        with open(self.go, "w"):
            pass
        self.assertEqual((await self.two.whenFinished("full", 1))["results"], 0)
        before = await self.two.ask("build", builder="full", number=0)
        after = self.one.size()
        self.one.child.signal(signal.SIGCONT)
        self.assertEqual(await self.one.child.whenEnded(), 1)
        self.assertEqual(
            self.one.count(f"{self.two.basedir} has taken over: this one changes nothing", after), 1
        )
        self.assertEqual(await self.two.ask("build", builder="full", number=0), before)
        self.assertEqual((await self.two.ask("builds", builder="full", count=9))["requests"], [])
        self.assertEqual(await self.two.connected(), {"bot"})
        self.assertNoTracebacks(self.one, self.two)

    async def test_handOver(self) -> None:
        """A hand-over needs a master that waits. The running build ends first, with its slave connected; the
        next one is begun by the other master. The slave is back within ten seconds.
        """
        await self.one.start()
        refused = await self.one.run("handover", self.one.basedir)
        self.assertEqual(refused.status, 1, refused.words)
        self.assertIn("no other master waits", refused.stderr)
        await self.one.stop()
        await self.building()
        said = await self.one.run("status", self.one.basedir)
        self.assertIn(f"{self.two.basedir} waits, heard", said.stdout)
        said = await self.two.run("status", self.two.basedir)
        self.assertIn("standby, takes over when the active master is gone", said.stdout)
        refused = await self.two.run("force", self.two.basedir, "full")
        self.assertEqual(refused.status, 1, refused.words)
        self.assertIn(f"{self.one.basedir} is active: ask there", refused.stderr)
        await self.one.run("force", self.one.basedir, "full")

        asked = self.one.spawned(["handover", self.one.basedir], "handover")
        await until(lambda: "once 1 running build ends" in asked.stdout(), SOON, asked.stdout)
        again = self.one.spawned(["handover", self.one.basedir], "handover-again")
        await until(lambda: "has asked for this before" in again.stdout(), SOON, again.stdout)
        await never(lambda: not asked.isAlive(), 2.0, "the hand-over has not waited")
        self.assertEqual(await self.one.connected(), {"bot"})
        with open(self.go, "w"):
            pass
        await self.one.whenLogged("build 0 of builder full finished: success")
        gone = time.monotonic()
        await self.two.whenServing()
        await self.two.whenConnected("bot")
        took = time.monotonic() - gone
        self.assertLess(took, 30.0)
        for each in (asked, again):
            self.assertEqual(await each.whenEnded(), 0, each.stderr())
            self.assertIn(f"{self.two.basedir} is active", each.stdout())
        self.assertEqual(await self.one.child.whenEnded(), 0)
        self.assertEqual((await self.two.whenFinished("full", 1))["results"], 0)
        self.assertEqual(self.begins(), 2)
        self.tell("hand-over", "seconds", rows=[("without the slave", f"{took:.1f}")])
        self.assertNoTracebacks(self.one, self.two)

    async def test_handOverNow(self) -> None:
        """With --now the running build is interrupted, and begun anew by the other master. A standby that
        stops meanwhile leaves the active one at work.
        """
        await self.building()
        asked = self.one.spawned(["handover", self.one.basedir], "handover")
        await until(lambda: "takes over once" in asked.stdout(), SOON, asked.stdout)
        await self.two.stop()
        self.assertEqual(await asked.whenEnded(), 1)
        self.assertIn("the hand-over was given up: no other master waits", asked.stderr())
        self.assertEqual(self.one.count("the hand-over is given up: no other master waits"), 1)
        await self.two.standBy()
        said = await self.one.run("handover", "--now", self.one.basedir)
        self.assertEqual(said.status, 0, said.words)
        await self.two.whenServing()
        await self.two.whenConnected("bot", timeout=SOON)
        await until(lambda: self.begins() == 2, SOON, "the build begins anew")
        with open(self.go, "w"):
            pass
        self.assertEqual((await self.two.whenFinished("full", 1))["results"], 0)
