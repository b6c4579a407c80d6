"""C{buildbot stop --clean}: a real master ends after its running build."""

from __future__ import annotations

from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase

#: The rest of C{master.cfg}: a build that takes two seconds.
AFTER = """
from buildbot.steps.shell import ShellCommand
f.addStep(ShellCommand(name='wait', command=['sleep', '2']))
c['builders'] = [dict(name='full', slavenames=['a'], builddir='full', factory=f)]
"""


class CleanStopTests(MasterTestCase):
    """A master with a slave and a running build."""

    async def test_waits(self) -> None:
        """The command waits for the build, the master is gone then, and the build has succeeded."""
        master = await self.startMaster(bots={"a": "sesame"}, after=AFTER)
        await self.startSlaves(master.port, [(SLAVE, "a", "sesame")])
        await master.whenConnected("a")
        await master.ask("force", builder="full")
        waiting = await master.ask("force", builder="full")
        self.assertIsNone(waiting["build"])
        stopped = await master.run("stop", "--clean", master.basedir)
        self.assertEqual(stopped.status, 0, stopped.words)
        self.assertIn("stops once 1 running build ends", stopped.stdout)
        self.assertIn("is no longer running", stopped.stdout)
        self.assertEqual(await master.child.whenEnded(), 0)
        await master.start()
        build = await master.whenFinished("full", 0)
        self.assertEqual(build["result"], "success")
        self.assertEqual((await master.whenFinished("full", 1))["result"], "success")
        actions = [each["action"] for each in (await master.ask("audit"))["entries"]]
        self.assertEqual(actions.count("startMaster"), 2)
        self.assertEqual(actions.count("stopMaster"), 1)
