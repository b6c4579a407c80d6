# -*- test-case-name: tests.integration.test_pages_far -*-
"""A process with pages in a directory of its own. It follows a real master over the network."""

from __future__ import annotations

import json
import os
import signal
from datetime import datetime, timezone
from typing import Any

from OpenSSL import crypto
from twisted.internet import reactor, ssl, threads
from twisted.trial.unittest import TestCase
from twisted.web import resource, server

from buildbot.control.client import Unreachable
from buildbot.daemon.directory import readTac
from buildbot.daemon.taclines import writeTac
from buildbot.readers.pinning import digestOf
from buildbot.readers.posting import Poster
from buildbot.readers.sealing import HEADER
from tests.certificates import writeCertificate
from tests.daemons.test_pages_only import LOG, PAGES, PagesCase
from tests.daemons.test_postgrescommands import addressOf
from tests.integration import postgres
from tests.integration.generations import SLAVE
from tests.integration.masters import RealMaster
from tests.integration.processes import moments
from tests.ports import freePort

#: The seconds of a lease: a killed master is replaced after a quarter more.
LEASE = 10


class Echo(resource.Resource):
    """A web server that answers with what it got."""

    isLeaf = True

    def render_POST(self, request: Any) -> bytes:
        """Answer."""
        request.setHeader(HEADER, request.getHeader(HEADER))
        return bytes(request.content.read())


class PosterTests(TestCase):
    """A process posts to the web server of a master with TLS, whose certificate nobody has signed."""

    def setUp(self) -> None:
        self.paths = [os.path.abspath(self.mktemp()) for _ in range(2)]
        for each in self.paths:
            writeCertificate(each, "internal", datetime.now(timezone.utc), 5)
        installed: Any = reactor
        options = ssl.DefaultOpenSSLContextFactory(self.paths[0], self.paths[0])
        port = installed.listenSSL(0, server.Site(Echo()), options, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.url = f"https://127.0.0.1:{port.getHost().port}/readers-link"
        self.poster = Poster(installed)
        self.addCleanup(lambda: self.poster.close())

    def digest(self, path: str) -> str:
        """The digest of a certificate."""
        with open(path, "rb") as file:
            return digestOf(crypto.load_certificate(crypto.FILETYPE_PEM, file.read()))

    async def test_known(self) -> None:
        """With its digest, the server is asked."""
        digest = self.digest(self.paths[0])
        for number in range(2):
            said = await self.poster.post(self.url, {HEADER: "s"}, b"x%d" % number, digest, 120)
            self.assertEqual(said, (200, "s", b"x%d" % number))

    async def test_unknown(self) -> None:
        """Another server, or one without a digest and a known issuer, is told nothing."""
        for digest in (self.digest(self.paths[1]), ""):
            with self.assertRaises(Unreachable) as caught:
                await self.poster.post(self.url, {}, b"secret", digest, 120)
            self.assertIn("certificate", str(caught.exception))

    async def test_nobody(self) -> None:
        """Where nobody listens, the reason has words."""
        with self.assertRaises(Unreachable) as caught:
            await self.poster.post(f"http://127.0.0.1:{freePort()}/", {}, b"x", "", 120)
        self.assertIn("refused", str(caught.exception))


class PagesFarTests(PagesCase):
    """The master is at 127.0.0.1, and the process at 127.0.0.2, in another directory."""

    host = "127.0.0.2"
    slavePort: int
    end: str  #: the path of the file that ends the builds

    async def make(self, name: str, address: str, config: str) -> RealMaster:
        """Make a directory with a store in the database."""
        made = RealMaster(self, os.path.join(self.directory, name, "dir"), self.slavePort)
        done = await made.run("create-master", "--db", address, made.basedir)
        self.assertEqual(done.status, 0, done.words)
        made.write(config)
        tac = readTac(made.basedir)
        writeTac(made.basedir, f"lease = {LEASE}\n{tac}")
        return made

    async def makeBoth(self, *names: str) -> list[RealMaster]:
        """Make masters on a new schema, with one configuration, and the directory of the process."""
        self.port, self.slavePort = freePort(), freePort()
        self.end = os.path.abspath(self.mktemp())
        running = postgres.server()
        address = addressOf(running, running.newSchema())
        pages = PAGES.replace("{end}", self.end).replace("{port}", str(freePort()))
        config = (
            RealMaster(self, os.path.join(self.directory, "x", "dir"), self.slavePort)
            .config(bots={"bot": "sesame"}, builders={"full": ["bot"]}, after=pages)
            .text()
        )
        return [await self.make(name, address, config) for name in (*names, "far")]

    def startOf(self, far: RealMaster) -> tuple[str, ...]:
        """The command that starts the process."""
        self.addCleanup(far.run, "stop", "--pages-only", far.basedir)
        return ("start", "--pages-only", f"--http-port=tcp:{self.port}:interface=127.0.0.2", far.basedir)

    async def test_all(self) -> None:
        """A build is forced, followed and read through the process; both processes are killed and started."""
        master, far = await self.makeBoth("master")
        await master.start()
        await self.startSlaves(master.port, [(SLAVE, "bot", "sesame")])
        start = self.startOf(far)
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
        with open(self.end, "w"):
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
        await master.child.whenEnded()
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

    async def test_takeover(self) -> None:
        """When a standby takes over, the process follows that one by itself: also a log that grows there."""
        one, two, far = await self.makeBoth("one", "two")
        await one.start()
        await two.standBy()
        await self.startSlaves(self.slavePort, [(SLAVE, "bot", "sesame")])
        begun = await far.run(*self.startOf(far))
        self.assertEqual(begun.status, 0, begun.words)
        await self.until("/", "1 of 1 slave connected")
        self.assertEqual((await self.ask("/builders/full/force", b"reason=first"))[0], 200)
        await self.until(LOG, "begun")
        (named,) = (await one.ask("status"))["master"]["pagesOnly"]
        self.assertIn(os.path.join("far", "dir", "pages-only"), named["name"])

        await one.kill()
        await two.whenServing()
        log = LOG.replace("builds/0", "builds/1")  # the build is begun anew
        await self.until(log, "begun")
        followed = threads.deferToThread(self.read, log.removesuffix("text") + "follow")
        await moments(0.5)
        with open(self.end, "w"):
            pass
        self.assertIn("over", (await followed)[1])
        await self.until("/api/v1/builders/full/builds/1", '"success"')
        self.assertEqual((await self.ask("/builders/full/force", b"reason=second"))[0], 200)
        await self.until("/api/v1/builders/full/builds/2", '"success"')
        self.assertNotIn("The master is away", (await self.ask("/"))[1])
        self.assertNoTracebacks(two)
