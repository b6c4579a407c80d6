"""C{buildbot stop --clean}: a real master ends after its running build."""

from __future__ import annotations

import os

from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase
from tests.integration.processes import until

#: The rest of C{master.cfg}: a build that lasts until there is a file.
AFTER = """
from buildbot.steps.shell import ShellCommand
f.addStep(ShellCommand(name='wait', command='while [ ! -e %s ]; do sleep 0.1; done'))
c['builders'] = [dict(name='full', slavenames=['a'], builddir='full', factory=f)]
"""


class CleanStopTests(MasterTestCase):
    """A master with a slave and a running build."""

    async def test_waits(self) -> None:
        """The command waits for the build, the master is gone then, and the build has succeeded."""
        master = await self.startMaster(
            bots={"a": "sesame"}, after=AFTER % (go := os.path.join(self.directory, "go"))
        )
        await self.startSlaves(master.port, [(SLAVE, "a", "sesame")])
        await master.whenConnected("a")
        await master.ask("force", builder="full")
        waiting = await master.ask("force", builder="full")
        self.assertIsNone(waiting["build"])
        stopping = master.spawned(["stop", "--clean", master.basedir], "stop")
        await until(lambda: "stops once 1 running build ends" in stopping.stdout(), 180, stopping.stdout)
        self.assertTrue(master.isAlive())
        with open(go, "w"):
            pass
        self.assertEqual(await stopping.whenEnded(), 0, stopping.stderr())
        self.assertIn("is no longer running", stopping.stdout())
        self.assertEqual(await master.child.whenEnded(), 0)
        await master.start()
        build = await master.whenFinished("full", 0)
        self.assertEqual(build["result"], "success")
        self.assertEqual((await master.whenFinished("full", 1))["result"], "success")
        actions = [each["action"] for each in (await master.ask("audit"))["entries"]]
        self.assertEqual(actions.count("startMaster"), 2)
        self.assertEqual(actions.count("stopMaster"), 1)
