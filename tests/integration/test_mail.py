# -*- test-case-name: tests.integration.test_mail -*-
"""Mails of a real master to a real mail server, with STARTTLS and a login; the master is killed meanwhile."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter

from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase
from tests.integration.processes import TooLate, moments
from tests.integration.smtpserver import MailServer
from tests.ports import freePort

#: Seconds for a busy machine to do anything.
PATIENCE = 180.0
#: The rest of C{master.cfg}: a notifier, and a plug-in that sends many mails when a file tells it to.
AFTER = """
import os
from email.message import EmailMessage
from buildbot.status import base, mail
from buildbot.steps.shell import ShellCommand
from twisted.internet.defer import gatherResults
f.addStep(ShellCommand(command=['sh', '-c', 'echo broken; exit 1'], usePTY=False))
notifier = mail.MailNotifier(fromaddr='bot@example.com', extraRecipients=['team@example.com'],
    smtpPort={port}, relayhost='localhost', useTls=True, smtpCAFile={certificate!r},
    smtpUser='bot', smtpPassword='canary-5')
class Burst(base.StatusReceiverMultiService):
    def startService(self):
        base.StatusReceiverMultiService.startService(self)
        if not os.path.exists('burst'):
            return
        os.remove('burst')
        def one(n):
            m = EmailMessage()
            m['Subject'] = 'mail %d' % n
            m['Message-ID'] = '<burst.%d@example.com>' % n
            m.set_content('text')
            return notifier.sendMessage(m, ['team@example.com'])
        done = gatherResults([one(n) for n in range(300)])
        done.addCallback(lambda results: open('queued', 'w').close())
c['status'] = [notifier, Burst()]
"""


class MailTests(MasterTestCase):
    """A master whose mails go to a server with STARTTLS and a login."""

    async def prepare(self) -> None:
        """Make a mail server and a master; neither runs."""
        os.makedirs(self.directory, exist_ok=True)
        self.server = MailServer(freePort(), directory=self.directory, user="bot", password="canary-5")
        self.server.start()
        self.addCleanup(self.server.stop)
        self.master = await self.createMaster()
        after = AFTER.format(port=self.server.port, certificate=self.server.certificate)
        self.master.write(self.master.config(bots={"w": "sesame"}, builders={"full": ["w"]}, after=after))

    async def whenMails(self, count: int) -> None:
        """Wait until the server has got so many mails."""
        begun = time.monotonic()
        while len(self.server.got) < count:
            if time.monotonic() - begun > PATIENCE:
                raise TooLate(f"only {len(self.server.got)} mails\n{self.master.text()}")
            await moments(0.05)

    async def test_build(self) -> None:
        """A build of a real slave is told in one mail, over TLS, after the login; the log has no password."""
        await self.prepare()
        await self.master.start()
        await self.startSlaves(self.master.port, [(SLAVE, "w", "sesame")])
        await self.master.whenConnected("w")
        await self.master.ask("force", builder="full", reason="a try")
        await self.whenMails(1)
        ((recipients, mail),) = self.server.got
        self.assertEqual((recipients, mail["Subject"]), (["team@example.com"], "buildbot failure in full"))
        self.assertIn("broken", mail.get_content())
        self.assertEqual(self.server.logins, ["bot"])
        self.assertNotIn("canary-5", self.master.text())
        self.assertNoTracebacks(self.master)

    async def test_killed(self) -> None:
        """Hundreds of mails in a second, a server that is down, two kills: each mail arrives, in order."""
        await self.prepare()
        self.server.stop()
        open(os.path.join(self.master.basedir, "burst"), "w").close()
        await self.master.start()
        while not os.path.exists(os.path.join(self.master.basedir, "queued")):
            await moments(0.05)
        await self.kill()
        self.server.start()
        await self.master.start()
        await self.whenMails(100)
        await self.kill()
        await self.master.start()
        await self.whenMails(300)
        await moments(0.5)  # a mail too many would come now
        counts = Counter(mail["Message-ID"] for _, mail in self.server.got)
        self.assertEqual(len(counts), 300)
        # the kill may have come between the answer of the server and the deletion
        self.assertLessEqual(sum(counts.values()), 301)
        self.assertEqual([n for n in counts], [f"<burst.{n}@example.com>" for n in range(300)])
        (outgoing,) = (await self.master.ask("status"))["master"]["outgoing"]
        self.assertEqual((outgoing["waiting"], outgoing["dropped"]), (0, 0))

    async def kill(self) -> None:
        """Kill the master with SIGKILL."""
        self.master.child.signal(signal.SIGKILL)
        await self.master.child.whenEnded(PATIENCE)
