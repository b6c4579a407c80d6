# -*- test-case-name: tests.integration.test_pages_far -*-
"""A process with pages in a directory of its own. It follows a real master over the network."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

from twisted.internet import threads

from tests.integration.generations import SLAVE
from tests.integration.masters import RealMaster, freePort
from tests.integration.postgres import server
from tests.integration.processes import moments
from tests.integration.test_pages_only import LOG, PAGES, PagesCase
from tests.integration.test_postgrescommands import addressOf


class PagesFarTests(PagesCase):
    """The master is at 127.0.0.1, and the process at 127.0.0.2, in another directory."""

    async def make(self, name: str, address: str, config: str) -> RealMaster:
        """Make a directory with a store in the database."""
        made = RealMaster(self, os.path.join(self.directory, name, "dir"), self.slavePort)
        done = await made.run("create-master", "--db", address, made.basedir)
        self.assertEqual(done.status, 0, done.words)
        made.write(config)
        return made

    async def test_all(self) -> None:
        """A build is forced, followed and read through the process; both processes are killed and started."""
        self.port, self.slavePort = freePort(), freePort()
        end = os.path.abspath(self.mktemp())
        running = server()
        address = addressOf(running, running.newSchema())
        pages = PAGES.replace("{end}", end).replace("{port}", str(freePort()))
        config = (
            RealMaster(self, os.path.join(self.directory, "x", "dir"), self.slavePort)
            .config(bots={"bot": "sesame"}, builders={"full": ["bot"]}, after=pages)
            .text()
        )
        master = await self.make("master", address, config)
        far = await self.make("far", address, config)
        await master.start()
        await self.startSlaves(master.port, [(SLAVE, "bot", "sesame")], maxdelay=2)
        start = ("start", "--pages-only", f"--http-port=tcp:{self.port}:interface=127.0.0.1", far.basedir)
        self.addCleanup(far.run, "stop", "--pages-only", far.basedir)
        begun = await far.run(*start)
        self.assertEqual(begun.status, 0, begun.words)
        self.assertNotIn("away", begun.stdout)

        status, said = await self.ask("/builders/full/force", b"reason=through+the+pages")
        self.assertEqual(status, 200, said)
        self.assertIn("through the pages", said)
        await self.until(LOG, "begun")
        self.assertIn("1 build running", (await self.ask("/"))[1])
        followed = threads.deferToThread(self.read, LOG.removesuffix("text") + "follow")
        await moments(0.5)
        with open(end, "w"):
            pass
        status, said = await followed
        self.assertIn("over", said)
        self.assertIn("event: end", said)
        await self.until("/api/v1/builders/full/builds/0", '"success"')
        self.assertIn("over", (await self.ask(LOG))[1])
        audit: Any = json.loads((await master.run("audit", "--json", master.basedir)).stdout)
        acts = [each for each in audit if each["action"] == "forceBuild"]
        self.assertEqual([(each["address"], each["outcome"]) for each in acts], [("127.0.0.1", "done")])
        self.assertFalse(os.path.exists(os.path.join(far.basedir, "logs")))

        master.child.signal(signal.SIGKILL)
        await master.child.whenEnded(30)
        await self.until("/", "The master is away since")
        self.assertEqual((await self.ask("/builders/full/force", b"reason=x"))[0], 503)
        await far.run("stop", "--pages-only", far.basedir)
        begun = await far.run(*start)
        self.assertIn("The master is away since", begun.stdout, begun.words)
        await master.start()
        await self.until("/", "1 of 1 slave connected")
        self.assertNotIn("The master is away", (await self.ask("/"))[1])
        self.assertIn("over", (await self.ask(LOG))[1])
        self.assertNoTracebacks(master)
