# -*- test-case-name: tests.integration.test_sinks -*-
"""A real master tells forges and chat servers of builds. They are down, busy, and the master is killed."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter

from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase
from tests.integration.processes import TooLate, moments
from tests.integration.sinks import SECRET, SHA, Sinks

#: Seconds for a busy machine to do anything.
PATIENCE = 180.0
#: The builds at once: each has two events for the webhook, and one for the room.
MANY = 120
#: The key of the text in a message to each chat server.
TEXTS = {"slack": "text", "mattermost": "text", "discord": "description", "matrix": "body", "teams": "text"}
#: The event of a webhook for the end of a build.
ENDED = "build.finished"
#: The rest of C{master.cfg}: all kinds of servers. The first step fails if there is a file.
ALL = """
from buildbot.status.chat import DiscordStatus, MatrixStatus, MattermostStatus, SlackStatus, TeamsStatus
from buildbot.status.gitea import GiteaStatus
from buildbot.status.github import GitHubStatus
from buildbot.status.gitlab import GitLabStatus
from buildbot.steps.shell import ShellCommand
f.addStep(ShellCommand(command=['sh', '-c', 'test ! -e {broken}'], usePTY=False))
c['buildbotURL'] = 'http://ci.example/'
server, secret, sha = 'http://127.0.0.1:{port}', {secret!r}, {sha!r}
c['status'] = [
    GitHubStatus(secret, 'acme', 'ship', sha, baseURL=server + '/github'),
    GiteaStatus(server + '/gitea', secret, 'acme', 'ship', sha),
    GitLabStatus(secret, 'acme/ship', sha, baseURL=server + '/gitlab'),
    SlackStatus(server + '/slack/services/T0/B0/' + secret, mode='all'),
    MattermostStatus(server + '/mattermost/hooks/' + secret, mode='all'),
    DiscordStatus(server + '/discord/api/webhooks/1/' + secret, mode='all'),
    MatrixStatus(server + '/matrix', secret, '!room:example.org', mode='all'),
    TeamsStatus(server + '/teams/workflows/1/triggers/manual?sig=' + secret, mode='all'),
]
"""
#: The rest of C{master.cfg}: a webhook, a room, and a plug-in that asks for many builds when there is a file.
MANY_BUILDS = """
import os
from buildbot.interfaces import IControl
from buildbot.process.base import BuildRequest
from buildbot.sourcestamp import SourceStamp
from buildbot.status import base
from buildbot.status.chat import MatrixStatus
from buildbot.status.webhook import Webhook
server, secret = 'http://127.0.0.1:{port}', {secret!r}
class Burst(base.StatusReceiverMultiService):
    def slaveConnected(self, name):
        if os.path.exists('burst'):
            os.remove('burst')
            builder = IControl(self.master).getBuilder('full')
            for n in range({count}):
                builder.requestBuild(BuildRequest('build %d' % n, SourceStamp(), 'full'))
    def startService(self):
        base.StatusReceiverMultiService.startService(self)
        self.master.getStatus().subscribe(self)
c['mergeRequests'] = False
c['status'] = [
    Webhook(server + '/hook', secret, events=['build.started', 'build.finished']),
    MatrixStatus(server + '/matrix', secret, '!room:example.org', mode='all'),
    Burst(),
]
"""


class SinkTests(MasterTestCase):
    """A master, a slave, and a server that speaks as all kinds do."""

    async def prepare(self, after: str, **more: object) -> None:
        """Make the servers, and a master that does not run yet."""
        os.makedirs(self.directory, exist_ok=True)
        self.sinks = Sinks()
        self.sinks.listen()
        self.broken = os.path.join(self.directory, "broken")
        self.master = await self.createMaster()
        said = after.format(port=self.sinks.number, secret=SECRET, sha=SHA, broken=self.broken, **more)
        self.master.write(self.master.config(bots={"w": "sesame"}, builders={"full": ["w"]}, after=said))

    async def cleanUp(self) -> None:
        """Close the servers."""
        await self.sinks.close()
        await super().cleanUp()

    async def begin(self) -> None:
        """Start the master and a slave."""
        await self.master.start()
        await self.startSlaves(self.master.port, [(SLAVE, "w", "sesame")])
        await self.master.whenConnected("w")

    async def whenShown(self, **counts: int) -> None:
        """Wait until people see so many messages."""
        begun = time.monotonic()
        while any(self.sinks.count(name) < count for name, count in counts.items()):
            if time.monotonic() - begun > PATIENCE:
                shown = {name: self.sinks.count(name) for name in counts}
                raise TooLate(f"only {shown}; {self.sinks.refused}\n{self.master.text()}")
            await moments(0.02)

    async def kill(self) -> None:
        """Kill the master with SIGKILL."""
        self.master.child.signal(signal.SIGKILL)
        await self.master.child.whenEnded(PATIENCE)

    async def test_all(self) -> None:
        """Each server accepts what it gets of a good and of a broken build, in order, also if it is busy."""
        await self.prepare(ALL)
        self.sinks.busy = {"slack": 1, "discord": 2, "matrix": 2}
        await self.begin()
        await self.master.ask("force", builder="full", reason="a try")
        await self.master.whenFinished("full", 0)
        open(self.broken, "w").close()
        await self.master.ask("force", builder="full", reason="a try")
        forges = dict.fromkeys(("github", "gitea", "gitlab"), 4)
        await self.whenShown(**forges, slack=2, mattermost=2, discord=2, matrix=2, teams=2)
        self.assertEqual(self.sinks.refused, [])
        states = {name: [each["state"] for each in self.sinks.shown[name]] for name in forges}
        usual = ["pending", "success", "pending", "failure"]
        self.assertEqual(
            states, {"github": usual, "gitea": usual, "gitlab": ["running", "success", "running", "failed"]}
        )
        for name, key in TEXTS.items():
            good, bad = (each[key].splitlines()[0] for each in self.sinks.shown[name])
            self.assertTrue(good.endswith(": success") and bad.endswith(": failed: shell"), (name, good, bad))
            self.assertIn("http://ci.example/builders/full/builds/1", bad)
        status = await self.master.ask("status")
        self.assertNotIn(SECRET, f"{self.master.text()}{status}")
        self.assertNoTracebacks(self.master)

    async def test_killed(self) -> None:
        """Hundreds of events, servers that are down, two kills: each end of a build arrives, in order.

        A message that a server had accepted just before a kill may come twice, but a room shows it once.
        """
        await self.prepare(MANY_BUILDS, count=MANY)
        await self.sinks.close()
        open(os.path.join(self.master.basedir, "burst"), "w").close()
        begun = time.monotonic()
        await self.begin()
        await self.master.whenFinished("full", MANY - 1)
        await self.kill()  # most events are not on disk yet
        built = time.monotonic() - begun
        self.sinks.listen()
        await self.master.start()
        await self.whenShown(hook=100)
        await self.kill()
        await self.master.start()
        total = await self.whenAllBuilt()
        # The end of the last build may not have been stored before the first kill: then it is begun anew.
        self.assertIn(total, (MANY, MANY + 1))
        await self.whenShown(matrix=total)
        await self.whenLast(total - 1)
        ended = [each["data"]["number"] for each in self.sinks.shown["hook"] if each["type"] == ENDED]
        counts = Counter(ended)
        self.assertEqual(list(counts), list(range(total)))
        self.assertLessEqual(len(ended), total + 1)
        rooms = [each["body"].partition(":")[0] for each in self.sinks.shown["matrix"]]
        self.assertEqual(rooms, [f"full #{n}" for n in range(total)])
        self.assertEqual(self.sinks.refused, [])
        self.tell(
            "builds", "until built", "until all arrived", rows=[(MANY, built, time.monotonic() - begun)]
        )

    async def whenAllBuilt(self) -> int:
        """Wait until no build is running or waiting. Returns the number of builds."""
        begun = time.monotonic()
        while True:
            said = await self.master.ask("builds", builder="full", count=2 * MANY)
            if not said["running"] and not said["requests"]:
                return len(said["finished"])
            if time.monotonic() - begun > PATIENCE:
                raise TooLate(f"{said['running']} {said['requests']}\n{self.master.text()}")
            await moments(0.1)

    async def whenLast(self, number: int) -> None:
        """Wait until the webhook has told the end of this build."""
        begun = time.monotonic()
        while (last := self.sinks.shown["hook"][-1])["data"]["number"] != number or last["type"] != ENDED:
            if time.monotonic() - begun > PATIENCE:
                raise TooLate(f"{last}\n{self.master.text()}")
            await moments(0.02)
