# -*- test-case-name: tests.integration.test_statusport -*-
"""The status clients of 0.7.12, as PyPI has them, follow a real master."""

from __future__ import annotations

import os

from buildbot.status.results import SUCCESS
from tests.integration.generations import OLD_SLAVE
from tests.integration.masters import MasterTestCase
from tests.integration.processes import Child, environment, until
from tests.ports import freePort

#: The rest of C{master.cfg}. Clients of 0.7 know no other password.
AFTER = """
from buildbot.status.client import PBListener
from buildbot.steps.shell import ShellCommand
f.addStep(ShellCommand(command=['echo', 'a canary sings'], usePTY=False))
c['status'] = [PBListener('tcp:{port}:interface=127.0.0.1')]
"""
#: A program for Python 2: it prints each call that the master makes, in the mode with the most of them.
FULL = """
import sys
from twisted.internet import reactor
from twisted.cred import credentials
from twisted.spread import pb
class Target(pb.Referenceable):
    def remoteMessageReceived(self, broker, message, args, kw):
        args = broker.unserialize(args, None)
        print message, [each for each in args if isinstance(each, (str, unicode, int, tuple, type(None)))]
        sys.stdout.flush()
        return broker.serialize(None, None)
def attached(perspective):
    target.perspective = perspective
    return perspective.callRemote('subscribe', 'full', 5, target)
target = Target()
factory = pb.PBClientFactory()
reactor.connectTCP('127.0.0.1', {port}, factory)
factory.login(credentials.UsernamePassword('statusClient', 'clientpw'), target).addCallback(attached)
reactor.run()
"""


class OldClientTests(MasterTestCase):
    """A master with a slave and a port for status clients."""

    def old(self, *words: str) -> Child:
        """Run something with the Python and the packages of 0.7.12."""
        installed = self.installed[OLD_SLAVE]
        name = os.path.join(self.directory, os.path.basename(words[0]).strip("-"))
        command = [installed.python, *words]
        env = environment(self.directory, PYTHONUNBUFFERED="1")
        return Child(self, command, self.directory, env, name)

    async def test_follow(self) -> None:
        """The command statuslog of 0.7.12 prints a build; a client in mode full gets each line of its log."""
        port = freePort()
        master = await self.startMaster(
            bots={"w": "sesame"}, builders={"full": ["w"]}, after=AFTER.format(port=port)
        )
        script = self.installed[OLD_SLAVE].command("buildbot", "statuslog", "--master", f"127.0.0.1:{port}")[
            1:
        ]
        command, full = self.old(*script), self.old("-c", FULL.format(port=port))
        await self.startSlaves(master.port, [(OLD_SLAVE, "w", "sesame")])
        await master.whenConnected("w")
        await until(lambda: "full" in command.stdout(), 120, "the command prints the builder")
        await until(lambda: "builderAdded" in full.stdout(), 120, "the client is told the builder")
        await master.ask("force", builder="full", reason="a try")
        build = await master.whenFinished("full", 0)
        self.assertEqual(build["results"], SUCCESS)
        await until(lambda: "buildFinished" in full.stdout(), 120, "the client is told the end of the build")
        await until(lambda: "buildFinished" in command.stdout(), 120, "the command prints that")
        lines = command.stdout().splitlines()
        for line in (
            "connected",
            "builderAdded full",
            "buildStarted full",
            "stepFinished full shell (0, [])",
        ):
            self.assertIn(line, lines)
        calls = [line.partition(" ")[0] for line in full.stdout().splitlines()]
        for name in ("buildStarted", "stepStarted", "logStarted", "logChunk", "logFinished", "stepFinished"):
            self.assertIn(name, calls)
        self.assertIn("a canary sings", full.stdout())
        self.assertNoTracebacks(master)
