# -*- test-case-name: tests.daemons.test_postgrescommands -*-
"""A real master with its store in PostgreSQL: the commands of its life, and a restart of the server."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from twisted.internet import reactor, threads
from twisted.internet.defer import gatherResults
from twisted.trial.unittest import SkipTest

from buildbot.daemon.directory import readTac, storeAddress
from buildbot.daemon.taclines import withAddress, writeTac
from buildbot.model.change import Change
from buildbot.store.sqlite import SqliteStore
from tests.commandline import command
from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase, RealMaster
from tests.integration.postgres import Server, missing, server
from tests.integration.processes import ROOT, Child, TooLate, environment, moments

#: The command that copies a part of the store, and then waits.
_PAUSING = """
import time
from buildbot.scripts import move
from buildbot.scripts.runner import run

class Tally(move.Tally):
    def __setattr__(self, name, value):
        if name == "copied" and value > 1000:
            time.sleep(1000)
        super().__setattr__(name, value)

move.Tally = Tally
run()
"""
#: The step of the builder lasts until the test says so.
WAITING = """
from buildbot.plugins import steps
f.addStep(steps.ShellCommand(command=['sh', '-c', 'while [ ! -e %s ]; do sleep 0.1; done']))
"""


def addressOf(running: Server, schema: str = "public", database: str = "postgres") -> str:
    """The address of a schema, as a user writes it."""
    return f"postgresql://buildbot@/{database}?host={running.home}&options=-csearch_path%3D{schema}"


class CommandsTests(MasterTestCase):
    """The server is one for all tests of a run, each with a schema of its own."""

    async def test_life(self) -> None:
        """A master is made for a database, builds there, and is looked at while it is stopped. It moves to a
        file and back. Each command can be given twice. At last, all is put back from a dump.
        """
        running = server()
        address = addressOf(running, running.newSchema())
        master = await self.createMaster()
        refused = command("create-master", "--db", address, master.basedir)
        self.assertIn("has another store", refused.err)
        said = await self.good(
            master, "create-master", "is empty: the first start", "--force", "--db", address
        )
        self.assertIn("wrote", said)
        await self.good(master, "create-master", "is empty: the first start", "--db", address)
        await self.good(master, "upgrade-master", "has no store yet")
        await self.good(master, "checkconfig", "good")

        master.write(master.config(bots={"bot": "sesame"}, builders={"full": ["bot"]}))
        await master.start()
        slaves = await self.startSlaves(master.port, [(SLAVE, "bot", "sesame")])
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

        schema = running.newSchema()
        other = addressOf(running, schema)
        for target, there in (("sqlite", ""), (other, other)):
            await self.good(master, "move-store", "1 build, 0 changes, 1 request;", after=(target,))
            await self.good(master, "move-store", "already", after=(target,))
            self.assertEqual(storeAddress(readTac(master.basedir)), there)
            await self.good(master, "builds", "full/0")
        for taken in (address, "sqlite"):
            refused = command("move-store", master.basedir, taken)
            self.assertIn("it has a store already", refused.err)

        dump, who = os.path.join(running.home, "dump"), ("-h", running.home, "-U", "buildbot")
        running.run("pg_dump", *who, "-n", schema, "-f", dump, "postgres")
        running.run("createdb", *who, schema)
        running.run("psql", *who, "-q", "-f", dump, schema)
        writeTac(master.basedir, withAddress(readTac(master.basedir), addressOf(running, schema, schema)))
        await master.start()
        self.assertEqual((await master.ask("build", builder="full", number=0))["results"], 0)
        refused = command("move-store", master.basedir, "sqlite")
        self.assertIn("stop it first", refused.err)
        await master.stop()

    async def test_killedMove(self) -> None:
        """A move that is killed in the middle leaves the old store in force. No master uses the half new one.
        The same command continues, and has everything.
        """
        running = server()
        address = addressOf(running, running.newSchema())
        master = await self.createMaster()
        store = SqliteStore(master.basedir, reactor, pace=0.0)  # type: ignore[arg-type]
        await store.open()
        for _ in range(10):
            changes = [Change("mary", ["a.c"], "mend " * 100, when=1.0) for _ in range(400)]
            await gatherResults([store.addChange(each) for each in changes])
        await store.close()

        words = [sys.executable, "-c", _PAUSING, "move-store", master.basedir, address]
        home = self.directory
        moving = Child(self, words, home, environment(home, PYTHONPATH=ROOT), os.path.join(home, "move"))
        schema = address.rpartition("%3D")[2]
        count = f"SELECT COUNT(*) FROM {schema}.changes"
        made = f"SELECT COUNT(*) FROM pg_tables WHERE schemaname = '{schema}' AND tablename = 'changes'"
        while running.ask(made) == [(0,)] or running.ask(count) == [(0,)]:
            self.assertTrue(moving.isAlive(), moving.stderr())
            await moments(0.05)
        moving.signal(signal.SIGKILL)
        await moving.whenEnded()
        ((half,),) = running.ask(count)
        self.assertEqual(storeAddress(readTac(master.basedir)), "")
        other = await self.createMaster("other")
        writeTac(other.basedir, withAddress(readTac(other.basedir), address))
        refused = await other.run("start", other.basedir)
        self.assertEqual(refused.status, 1)
        self.assertIn("has only a part of the store", refused.stderr)

        said = await self.good(master, "move-store", "4000 changes", after=(address,))
        self.assertLess(half, 4000)
        self.assertIn("continues the move", said)
        self.assertEqual(running.ask(count), [(4000,)])
        self.assertEqual(storeAddress(readTac(master.basedir)), address)
        await self.good(master, "changes", "4000")

    async def good(self, master: RealMaster, verb: str, words: str, *options: str, after: Any = ()) -> str:
        """Run a command that succeeds, and says something; return its output. A start of Python for each
        would take a minute.
        """
        said = command(verb, *options, master.basedir, *after)
        self.assertEqual(said.status, 0, said.err)
        self.assertIn(words, said.out)
        return said.out + said.err


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
        await self.startSlaves(master.port, [(SLAVE, "bot", "sesame")])
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
