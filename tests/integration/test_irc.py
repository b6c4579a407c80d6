# -*- test-case-name: tests.integration.test_irc -*-
"""The bot of a real master on a real IRC server, with a real slave and a person in the channel."""

from __future__ import annotations

import os

from twisted.trial.unittest import SkipTest

from tests.integration import ircserver
from tests.integration.generations import SLAVE
from tests.integration.ircserver import IrcServer, enter
from tests.integration.masters import MasterTestCase

AFTER = """
from buildbot.status.words import IRC
from buildbot.steps.shell import ShellCommand
f.addStep(ShellCommand(command=['true'], usePTY=False))
c['status'] = [IRC('localhost', 'builder', ['#dev'], port={port},
    allowForce=['ann!*@127.0.0.1', 'ann!*@localhost'],
    notify_events=['started', 'finished'], lostDelay=1, failedDelay=1{more})]
"""


class IrcTests(MasterTestCase):
    """A master, an ngircd, and a person."""

    async def prepare(self, more: str = "", isTls: bool = False) -> None:
        """Start the server and the master."""
        if ircserver.PROGRAM is None:
            raise SkipTest("ngircd is not installed: apt-get install ngircd")
        self.server = IrcServer(self, os.path.join(self.directory, "irc"))
        await self.server.start()
        self.ann = await enter(self, self.server.port, "ann", "#dev")
        self.master = await self.createMaster()
        port = self.server.tlsPort if isTls else self.server.port
        after = AFTER.format(port=port, more=more.format(pem=self.server.certificate))
        self.master.write(self.master.config(bots={"w": "sesame"}, builders={"full": ["w"]}, after=after))
        await self.master.start()

    async def test_gone(self) -> None:
        """The server is killed, and somebody takes the nick: the bot is back, and gets its nick later."""
        await self.prepare()
        await self.ann.until("the bot does not come", lambda: "builder" in self.ann.present)
        await self.server.stop()
        await self.master.whenLogged("the connection to IRC server")
        await self.server.start()
        thief = await enter(self, self.server.port, "builder", "#dev")
        await thief.until("the bot does not come back", lambda: "builder_" in thief.present)
        bob = await enter(self, self.server.port, "bob", "#dev")
        bob.msg("#dev", "builder_: hello")
        await bob.hears("hello!")
        thief.transport.loseConnection()
        await bob.until("the bot does not take its nick", lambda: "builder_" not in bob.present)
        self.assertIn("builder", bob.present)
        self.assertNoTracebacks(self.master)

    async def test_notTrusted(self) -> None:
        """A certificate of its own that caFile does not name keeps the bot away, and the log says why."""
        await self.prepare(", useSSL=True, password='canary-9'", isTls=True)
        await self.master.whenLogged("its certificate is not trusted")
        self.assertNotIn("builder", self.ann.present)
        self.assertNotIn("canary", self.master.text())
        self.assertNoTracebacks(self.master)
        text = self.master.config(bots={"w": "sesame"}, builders={"full": ["w"]}).text()
        port, pem = self.server.tlsPort, self.server.certificate
        self.master.write(
            f"{text}from buildbot.status.words import IRC\n"
            f"c['status'] = [IRC('127.0.0.1', 'builder', ['#dev'], port={port}, useSSL=True,"
            f" caFile={pem!r})]\n"
        )
        await self.master.ask("reconfig")
        await self.master.whenLogged("its certificate is for another host")

    async def test_build(self) -> None:
        """A person asks, and forces a build of a real slave: start and end are told once, over TLS."""
        await self.prepare(", useSSL=True, caFile={pem!r}", isTls=True)
        await self.startSlaves(self.master.port, [(SLAVE, "w", "sesame")])
        await self.master.whenConnected("w")
        ann = self.ann
        await ann.until("the bot does not come", lambda: "builder" in ann.present)
        ann.msg("#dev", "builder: status")
        await ann.hears("the builder is idle")
        ann.msg("#dev", "builder: force build full for fun")
        await ann.hears("build #0 of full")
        await ann.hears("build #0 of full is complete")
        said = ann.texts()
        self.assertEqual(len([each for each in said if each.startswith("build #0 of full started")]), 1, said)
        self.assertEqual(len([each for each in said if "is complete" in each]), 1, said)
        (entry,) = [each for each in (await self.master.ask("audit"))["entries"] if each["how"] == "irc"]
        self.assertEqual((entry["action"], entry["outcome"]), ("forceBuild", "done"))
        self.assertTrue(entry["who"].startswith("ann!"), entry)
        self.assertNoTracebacks(self.master)
