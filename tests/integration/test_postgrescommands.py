# -*- test-case-name: tests.integration.test_postgrescommands -*-
"""A real master with its store in PostgreSQL: the commands of its life, and a restart of the server."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet import threads
from twisted.trial.unittest import SkipTest

from buildbot.daemon.directory import readTac, storeAddress
from buildbot.daemon.taclines import withAddress, writeTac
from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase, RealMaster
from tests.integration.postgres import Server, missing, server
from tests.integration.processes import TooLate, moments

#: The step of the builder lasts until the test says so.
WAITING = """
from buildbot.plugins import steps
f.addStep(steps.ShellCommand(command=['sh', '-c', 'while [ ! -e %s ]; do sleep 0.1; done']))
"""


def addressOf(running: Server, schema: str = "public") -> str:
    """The address of a schema, as a user writes it."""
    return f"postgresql://buildbot@/postgres?host={running.home}&options=-csearch_path%3D{schema}"


class CommandsTests(MasterTestCase):
    """The server is one for all tests of a run, each with a schema of its own."""

    async def test_life(self) -> None:
        """A master is made for a database, builds there, and is looked at while it is stopped. It moves to a
        file and back. Each command can be given twice.
        """
        running = server()
        address = addressOf(running, running.newSchema())
        master = await self.createMaster()
        refused = await master.run("create-master", "--db", address, master.basedir)
        self.assertIn("has another store", refused.stderr)
        said = await self.good(
            master, "create-master", "is empty: the first start", "--force", "--db", address
        )
        self.assertIn("wrote", said)
        await self.good(master, "create-master", "is empty: the first start", "--db", address)
        await self.good(master, "upgrade-master", "has no store yet")
        await self.good(master, "checkconfig", "good")

        master.write(master.config(bots={"bot": "sesame"}, builders={"full": ["bot"]}))
        await master.start()
        slaves = await self.startSlaves(master.port, [(SLAVE, "bot", "sesame")], maxdelay=2)
        await master.whenConnected("bot")
        await self.good(master, "force", "", after=("full",))
        await master.whenFinished("full", 0)
        await slaves["bot"].stop()
        await master.stop()

        await self.good(master, "show", "full/0", after=("full/0",))
        await self.good(master, "upgrade-master", "there is nothing to upgrade")
        await self.good(master, "create-master", "has a store already, with 1 build", "--db", address)
        await self.good(master, "audit", "startMaster")
        self.assertNotIn("state.sqlite", os.listdir(master.basedir))

        other = addressOf(running, running.newSchema())
        for target, there in (("sqlite", ""), (other, other)):
            await self.good(master, "move-store", "1 build, 0 changes, 1 request;", after=(target,))
            await self.good(master, "move-store", "already", after=(target,))
            self.assertEqual(storeAddress(readTac(master.basedir)), there)
            await self.good(master, "builds", "full/0")
        for taken in (address, "sqlite"):
            refused = await master.run("move-store", master.basedir, taken)
            self.assertIn("it has a store already", refused.stderr)
        await master.start()
        self.assertEqual((await master.ask("build", builder="full", number=0))["results"], 0)
        refused = await master.run("move-store", master.basedir, "sqlite")
        self.assertIn("stop it first", refused.stderr)
        await master.stop()

    async def good(self, master: RealMaster, verb: str, words: str, *options: str, after: Any = ()) -> str:
        """Run a command that succeeds, and says something; return its output."""
        said = await master.run(verb, *options, master.basedir, *after)
        self.assertEqual(said.status, 0, said.words)
        self.assertIn(words, said.stdout)
        return said.words


class AwayTests(MasterTestCase):
    """The server is one of its own."""

    async def test_restart(self) -> None:
        """While the server is away, the running build goes on, the slave stays, and status says why nothing
        is kept. When the server is back, the end of the build is kept, and the next build begins.
        """
        if missing():
            raise SkipTest(missing())
        running = Server().start()
        self.addCleanup(running.remove)
        self.addCleanup(running.stop, "immediate")
        master = await self.createMaster()
        tac = withAddress(readTac(master.basedir), addressOf(running))
        writeTac(master.basedir, tac)
        go = os.path.join(self.directory, "go")
        master.write(master.config(bots={"bot": "sesame"}, builders={"full": ["bot"]}, after=WAITING % go))
        await master.start()
        await self.startSlaves(master.port, [(SLAVE, "bot", "sesame")], maxdelay=2)
        await master.whenConnected("bot")
        for _ in range(2):
            await master.run("force", master.basedir, "full")
        while not await master.running("full"):
            await moments(0.1)

        await threads.deferToThread(running.stop, "immediate")
        with open(go, "w"):
            pass
        found = await self.troubles(master, True)
        self.assertIn("PostgreSQL", found[0]["why"])
        self.assertEqual(await master.connected(), {"bot"})
        said = await master.run("status", master.basedir)
        self.assertEqual(said.status, 3, said.words)
        self.assertIn("PostgreSQL database postgres", said.stdout)

        await threads.deferToThread(running.start)
        for number in range(2):
            build = await master.whenFinished("full", number)
            self.assertEqual(build["results"], 0)
        await self.troubles(master, False)
        await master.stop()
        self.assertNoTracebacks(master)

    async def troubles(self, master: RealMaster, wanted: bool) -> Any:
        """Wait for troubles of the master, or for their end."""
        for _ in range(600):
            found = (await master.ask("status"))["master"]["troubles"]
            if bool(found) is wanted:
                return found
            await moments(0.1)
        raise TooLate(f"the troubles are {found}")
