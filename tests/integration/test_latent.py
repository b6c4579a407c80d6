"""A latent slave: commands start and stop a real worker, and fail, and the master is killed meanwhile."""

from __future__ import annotations

import os

from tests.integration import localcloud
from tests.integration.generations import WORKER
from tests.integration.masters import MasterTestCase, RealMaster
from tests.integration.processes import until

#: The rest of C{master.cfg}. {python} runs the cloud, and has the package of the worker.
AFTER = """
from buildbot.buildslave import CommandLatentBuildSlave
from buildbot.steps.shell import ShellCommand
f.addStep(ShellCommand(name='work', command=['sleep', '0.1']))
cloud = [{python!r}, {program!r}, {cloud!r}]
c['slaves'] = [CommandLatentBuildSlave(
    'box', start_command=[*cloud, 'start'], stop_command=[*cloud, 'stop'], check_command=[*cloud, 'check'],
    build_wait_timeout={wait}, missing_timeout=180, retry_wait=0.2, start_timeout=180,
    stop_with_master={stops})]
del c['bots']
c['builders'] = [dict(name='full', slavenames=['box'], builddir='full', factory=f)]
"""


class LatentTests(MasterTestCase):
    """A master, a cloud on this machine, and real workers."""

    async def begin(self, **more: object) -> RealMaster:
        """Start a master with a latent slave, and its cloud."""
        self.cloud = os.path.join(self.directory, "cloud")
        os.mkdir(self.cloud)
        self.addCleanup(self.endAll)
        values = {"wait": 0, "stops": True, **more}
        values |= {"python": self.installed[WORKER].python, "cloud": self.cloud}
        return await self.startMaster(after=AFTER.format(program=localcloud.__file__, **values))

    def endAll(self) -> None:
        """End what a failed test has left."""
        os.environ["WORKERNAME"] = "box"
        localcloud.plan(self.cloud, "stop", [])
        localcloud.stop(self.cloud)

    async def whenNothing(self) -> None:
        """Wait until no instance runs."""
        await until(lambda: not localcloud.instances(self.cloud), 120, "no instance is left")

    async def test_failures(self) -> None:
        """A build waits while the start fails, and runs; a stop that fails is repeated; nothing is left."""
        master = await self.begin()
        localcloud.plan(self.cloud, "start", ["refuse", "leak", "ok"])
        localcloud.plan(self.cloud, "stop", ["fail", "ok", "ok", "fail", "ok"])
        await master.ask("force", builder="full")
        build = await master.whenFinished("full", 0)
        self.assertEqual((build["result"], build["slave"]), ("success", "box"))
        await self.whenNothing()
        await master.whenStatus(lambda slaves: slaves["box"]["instance"]["state"] == "off", "it is off")
        verbs = [each.split()[0] for each in localcloud.calls(self.cloud)]
        self.assertEqual((verbs.count("start"), verbs.count("stop")), (3, 5))
        self.assertRegex(localcloud.calls(self.cloud)[-1], r"stop ok box-\d+")
        self.assertFalse(os.path.exists(os.path.join(self.cloud, "twice")))
        self.assertIn(
            "slave box: the start failed: python start: there is no room for ********", master.text()
        )
        self.assertNoTracebacks(master)

    async def test_killed(self) -> None:
        """An instance outlives a SIGKILL of the master, attaches again, and stops with the next master."""
        master = await self.begin(wait=60)
        await master.ask("force", builder="full")
        await master.whenFinished("full", 0)
        (pid,) = localcloud.instances(self.cloud)
        await master.kill()
        await master.start()
        await master.whenConnected("box")
        await master.ask("force", builder="full")
        await master.whenFinished("full", 1)
        self.assertEqual(localcloud.instances(self.cloud), [pid])
        stopped = await master.run("stop", master.basedir)
        self.assertEqual((stopped.status, localcloud.instances(self.cloud)), (0, []), stopped.words)
        self.assertNoTracebacks(master)
