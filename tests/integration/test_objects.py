# -*- test-case-name: tests.integration.test_objects -*-
"""Logs of finished builds in the bucket of a real server that speaks S3, with real masters and slaves."""

from __future__ import annotations

import os
from importlib.util import find_spec
from urllib.request import Request, urlopen

from twisted.internet import threads
from twisted.trial.unittest import SkipTest

from tests.integration.generations import WORKER
from tests.integration.masters import MasterTestCase, RealMaster, freePort
from tests.integration.processes import until
from tests.integration.s3server import BUCKET, KEYS, S3Server

CONFIG = """
from buildbot.logstorage.s3 import S3
from buildbot.steps.shell import ShellCommand
from buildbot.status.html import WebStatus
f.addStep(ShellCommand(name='say', command=['sh', '-c', {command!r}]))
c['status'].append(WebStatus('tcp:{web}:interface=127.0.0.1'))
c['logStorage'] = S3({endpoint!r}, {bucket!r}, region='us-east-1', {more})
"""
SAY = "echo hello from the slave; seq 1 2000"


class ObjectTests(MasterTestCase):
    """One server, one master with one builder, and one slave."""

    async def makeReady(self) -> None:
        """Start the server, and the slave."""
        if find_spec("minio") is None:
            raise SkipTest("no minio: pip install buildbot-classic[s3]")
        await super().makeReady()
        self.server = S3Server(self, os.path.join(self.directory, "s3"))
        await self.server.start()
        self.web = freePort()

    def configured(self, master: RealMaster, more: str = "cacheSize=0", command: str = SAY) -> None:
        """Write the configuration of a master."""
        after = CONFIG.format(
            command=command, web=self.web, endpoint=self.server.endpoint, bucket=BUCKET, more=more
        )
        master.write(master.config(bots={"bot": "pw"}, builders={"full": ["bot"]}, after=after))

    async def begin(self, more: str = "cacheSize=0", command: str = SAY) -> RealMaster:
        """Start a master and its slave."""
        master = await self.createMaster()
        master.environ.update(KEYS)
        self.configured(master, more, command)
        await master.start()
        await self.startSlaves(master.port, [(WORKER, "bot", "pw")])
        await master.whenConnected("bot")
        return master

    async def build(self, master: RealMaster, number: int) -> None:
        """Build once."""
        await master.ask("force", builder="full")
        await master.whenFinished("full", number)

    def files(self, master: RealMaster) -> list[str]:
        """The files of logs on the master's disk."""
        top = os.path.join(master.basedir, "logs", "full")
        return sorted(each for each in os.listdir(top) if "-log-" in each)

    async def whenFar(self, master: RealMaster, count: int) -> None:
        """Wait until so many builds are in the bucket, and no log is on the disk."""
        await until(
            lambda: len(self.server.objects()) == count and not self.files(master),
            60,
            lambda: f"{self.server.objects()} {self.files(master)} {master.text()}",
        )

    async def page(self, path: str, **headers: str) -> str:
        """The text of a page."""

        def read() -> str:
            request = Request(f"http://127.0.0.1:{self.web}{path}", headers=headers)
            with urlopen(request, timeout=60) as answer:
                return str(answer.read().decode("utf-8", "replace"))

        return await threads.deferToThread(read)

    async def test_leavesAndIsRead(self) -> None:
        """The log of a finished build leaves for the bucket, and its page reads it from there."""
        master = await self.begin()
        await self.build(master, 0)
        await self.whenFar(master, 1)
        page = await self.page("/builders/full/builds/0/steps/say/logs/stdio?first=1")
        self.assertIn("hello from the slave", page)
        self.assertNoTracebacks(master)
