"""EC2LatentBuildSlave with the package boto3, the server of moto in place of EC2, and a real slave of 0.8."""

from __future__ import annotations

import base64
import os
import sys
from importlib.util import find_spec
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase, RealMaster
from tests.integration.processes import Child, environment, until
from tests.integration.slaves import RealSlave
from tests.ports import freePort

#: The keys and the place, as each program of AWS takes them from the environment.
KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-west-1"}

#: The rest of C{master.cfg}, in the words of 0.8.
AFTER = """
from buildbot.buildslave.ec2 import EC2LatentBuildSlave
from buildbot.steps.shell import ShellCommand
f.addStep(ShellCommand(command=['echo', 'hello']))
c['slaves'] = [EC2LatentBuildSlave(
    'box', 'pw', 'm3.xlarge', ami={image!r}, user_data='box pw', build_wait_timeout=60,
    tags={{'Name': 'the box'}}, {more})]
del c['bots']
c['builders'] = [dict(name='full', slavenames=['box'], builddir='full', factory=f)]
"""


class EC2Tests(MasterTestCase):
    """A build on an instance that exists only for it."""

    async def begin(self, more: str = "") -> RealMaster:
        """Start the server, and a master."""
        if any(find_spec(each) is None for each in ("boto3", "moto", "flask_cors")):
            raise SkipTest("the packages boto3 and moto are not installed: they come with the extra dev")
        port = freePort()
        words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        home = self.directory
        self.server = Child(self, words, home, environment(home), os.path.join(home, "moto"))
        await until(lambda: "Running on" in self.server.stdout() + self.server.stderr(), 180, "moto listens")
        self.keys = {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        self.client = await deferToThread(self.connect)
        images = await deferToThread(self.client.describe_images)
        self.image = images["Images"][0]["ImageId"]
        master = await self.createMaster()
        master.environ.update(self.keys)
        master.write(master.config(after=AFTER.format(image=self.image, more=more)))
        await master.start()
        return master

    def connect(self) -> Any:
        """A client of the server. Blocks."""
        import boto3

        session = boto3.Session("x", "x", region_name="eu-west-1")
        return session.client("ec2", endpoint_url=self.keys["AWS_ENDPOINT_URL"])

    def instances(self) -> list[dict[str, Any]]:
        """All instances of the server."""
        reservations = self.client.describe_instances()["Reservations"]
        return [instance for each in reservations for instance in each["Instances"]]

    def isRunning(self) -> bool:
        """True if an instance runs."""
        return any(each["State"]["Name"] == "running" for each in self.instances())

    async def boot(self, master: RealMaster) -> RealSlave:
        """Be the instance: start a slave with the name and the password of its user data."""
        await until(self.isRunning, 120, "an instance runs")
        [instance] = [each for each in self.instances() if each["State"]["Name"] == "running"]
        answer = self.client.describe_instance_attribute(
            InstanceId=instance["InstanceId"], Attribute="userData"
        )
        name, password = base64.b64decode(answer["UserData"]["Value"]).decode().split()
        basedir = os.path.join(self.directory, instance["InstanceId"], "slave")
        slave = RealSlave(self, self.installed[SLAVE], basedir, master.port, name, password)
        await slave.create()
        slave.start()
        return slave

    async def test_build(self) -> None:
        """A build gets an instance. It outlives a SIGKILL of the master, and ends with the next master."""
        master = await self.begin(more="spot_instance=True, max_spot_price=1, price_multiplier=None")
        await master.ask("force", builder="full")
        await self.boot(master)
        build = await master.whenFinished("full", 0)
        self.assertEqual((build["result"], build["slave"]), ("success", "box"))
        await master.kill()
        await master.start()
        await master.whenConnected("box")
        await master.ask("force", builder="full")
        await master.whenFinished("full", 1)
        stopped = await master.run("stop", master.basedir)
        [instance] = self.instances()
        self.assertEqual((stopped.status, instance["State"]["Name"]), (0, "terminated"), stopped.words)
        tags = {each["Key"]: each["Value"] for each in instance["Tags"]}
        self.assertEqual(tags, {"Name": "the box", "buildbot-slave": f"127.0.0.1:{master.port}/box"})
        self.assertNoTracebacks(master)

    async def test_refused(self) -> None:
        """What EC2 refuses stands in the log in its words, and the request waits."""
        master = await self.begin(more="subnet_id='subnet-nowhere'")
        await master.ask("force", builder="full")
        await master.whenLogged("slave box: the start failed: .*nowhere")
        self.assertEqual(len(await master.waiting("full")), 1)
        self.assertNoTracebacks(master)
