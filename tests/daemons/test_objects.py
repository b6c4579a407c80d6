# -*- test-case-name: tests.daemons.test_objects -*-
"""Logs of finished builds in the bucket of a real server that speaks S3, with real masters and slaves."""

from __future__ import annotations

import os
import random
import signal
from dataclasses import replace
from importlib.util import find_spec
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from twisted.internet import threads
from twisted.trial.unittest import SkipTest

from buildbot.logstorage.bucket import PART, Bucket, StorageAway
from buildbot.logstorage.s3 import S3
from buildbot.scripts.farlogs import whatWaits
from tests.daemons.test_postgrescommands import addressOf
from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase, RealMaster, Result
from tests.integration.postgres import server
from tests.integration.processes import until
from tests.integration.s3server import BUCKET, KEYS, S3Server
from tests.integration.signedserver import SignedServer
from tests.ports import freePort

CONFIG = """
from buildbot.logstorage.s3 import S3
from buildbot.steps.shell import ShellCommand
from buildbot.status.html import WebStatus
f.addStep(ShellCommand(name='say', command=['sh', '-c', {command!r}]))
c['status'].append(WebStatus('tcp:{web}:interface=127.0.0.1'))
c['logStorage'] = S3({endpoint!r}, {bucket!r}, region='us-east-1', {more})
"""
TEXT = "/builders/full/builds/0/steps/say/logs/stdio/text"
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
        await self.startSlaves(master.port, [(SLAVE, "bot", "pw")])
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
            with urlopen(request, timeout=180) as answer:
                return str(answer.read().decode("utf-8", "replace"))

        return await threads.deferToThread(read)

    async def test_leavesAndIsRead(self) -> None:
        """The log of a finished build leaves for the bucket, and its page reads it from there."""
        master = await self.begin()
        await self.build(master, 0)
        await self.whenFar(master, 1)
        page = await self.page("/builders/full/builds/0/steps/say/logs/stdio?first=1")
        self.assertIn("hello from the slave", page)
        text = await self.page(TEXT)
        self.assertIn("\n1999\n2000\n", text)
        # commands read it, too, and need the keys for that
        for words in (("log", master.basedir, "full/0/say"), ("grep", master.basedir, "1999")):
            made = await self.command(master, *words)
            self.assertIn("1999", made.stdout, made.words)
        refused = await master.run("log", master.basedir, "full/0/say")
        self.assertIn("object storage", refused.words)
        # a master on another machine with the same store has the log; nobody shows the keys
        archive, other = os.path.join(self.directory, "b.tar.gz"), os.path.join(self.directory, "other")
        for words in (("backup", master.basedir, archive), ("restore", archive, other)):
            made = await master.run(*words)
            self.assertEqual(made.status, 0, made.words)
        made = await self.command(master, "log", other, "full/0/say")
        self.assertIn("\n1999\n", made.stdout, made.words)
        said = await master.run("status", "--json", master.basedir)
        for each in (
            said.words,
            master.text(),
            await self.page("/about"),
            await self.page("/about/configuration"),
        ):
            self.assertNotIn(KEYS["AWS_SECRET_ACCESS_KEY"], each)
        self.assertNoTracebacks(master)

    async def command(self, master: RealMaster, *words: str) -> Result:
        """Run a command that has the keys."""
        child = master.spawned(words, "with-keys", **KEYS)
        status = await child.whenEnded()
        return Result(status, child.stdout(), child.stderr())

    async def test_otherMachine(self) -> None:
        """A master on another machine with the same store reads the logs in the bucket. It says of others
        that they may wait on the first machine; they do, and are sent when that is active again.
        """
        running = server()
        address = addressOf(running, running.newSchema())
        master = await self.createMaster()
        master.environ.update(KEYS)
        made = await master.run("create-master", "--force", "--db", address, master.basedir)
        self.assertEqual(made.status, 0, made.words)
        self.configured(master)
        await master.start()
        await self.startSlaves(master.port, [(SLAVE, "bot", "pw")])
        await master.whenConnected("bot")
        await self.build(master, 0)
        await self.whenFar(master, 1)
        await self.server.stop()
        await self.build(master, 1)
        await master.stop()
        await self.server.start()

        other = await self.createMaster("other")
        other.environ.update(KEYS)
        made = await other.run("create-master", "--force", "--db", address, other.basedir)
        self.assertEqual(made.status, 0, made.words)
        self.configured(other)
        await other.start()
        self.assertIn("\n2000\n", await self.page(TEXT))
        missing = TEXT.replace("/builds/0/", "/builds/1/")
        with self.assertRaises(HTTPError) as caught:
            await self.page(missing)
        self.assertEqual(caught.exception.code, 404)
        self.assertIn("may still wait", caught.exception.read().decode())
        said = await self.command(other, "log", other.basedir, "full/1/say")
        self.assertIn("may still wait", said.words)
        await other.stop()
        said = await self.command(other, "log", other.basedir, "full/1/say")
        self.assertIn("may still wait", said.words)

        await master.start()
        await self.whenFar(master, 2)
        self.assertIn("\n2000\n", await self.page(missing))
        self.assertNoTracebacks(master, other)

    async def test_protocol(self) -> None:
        """Long objects in parts, ranges, lists, and errors in words: as the server has them."""
        path = os.path.join(self.directory, "long")
        data = random.Random(3).randbytes(2 * PART + 5)
        await threads.deferToThread(self.speak, path, data)

    def speak(self, path: str, data: bytes) -> None:
        """Use the client against the server; blocks."""

        def opened(key: str, bucket: str = BUCKET) -> Bucket:
            keys = os.path.join(self.directory, f"keys-{key}")
            with open(keys, "w") as file:
                file.write(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = geheim\n")
            setup = S3(self.server.endpoint, bucket, region="us-east-1", credentialsFile=keys)
            return setup.open()

        with open(path, "wb") as file:
            file.write(data)
        bucket = opened("S3RVER")
        bucket.put("a b/!41/1.logs", path)
        held = bucket.look("a b/!41/1.logs")
        assert held is not None
        self.assertEqual(held.size, len(data))
        self.assertEqual(bucket.get("a b/!41/1.logs", PART - 2, 4), data[PART - 2 : PART + 2])
        self.assertEqual(bucket.get("a b/!41/1.logs", len(data) - 2, 10), data[-2:])
        self.assertEqual([key for key, _ in bucket.list("a b/")], ["a b/!41/1.logs"])
        for _ in range(2):
            bucket.delete("a b/!41/1.logs")
        self.assertIsNone(bucket.look("a b/!41/1.logs"))
        self.assertRaises(FileNotFoundError, bucket.get, "a b/!41/1.logs", 0, 1)
        why = self.assertRaises(StorageAway, opened("other").put, "x", path)
        self.assertIn("correct the keys", why.cure)
        self.assertNotIn("geheim", f"{why} {why.cure}")
        why = self.assertRaises(StorageAway, opened("S3RVER", "missing").put, "x", path)
        self.assertIn("create the bucket", why.cure)

    async def test_signed(self) -> None:
        """A server that checks signatures takes those of the client; what it refuses is said in words."""
        server = SignedServer(self.server.port, {"me": "geheim"}, "eu-central-1")
        try:
            await threads.deferToThread(self.speakSigned, server)
        finally:
            await threads.deferToThread(server.stop)

    def speakSigned(self, server: SignedServer) -> None:
        """Use the client against a server that checks; blocks."""
        path = os.path.join(self.directory, "long")
        data = random.Random(5).randbytes(2 * PART + 5)
        with open(path, "wb") as file:
            file.write(data)

        def opened(secret: str = "geheim", region: str | None = "eu-central-1", bucket: str = BUCKET) -> S3:
            keys = os.path.join(self.directory, f"keys-{len(secret)}")
            with open(keys, "w") as file:
                file.write(f"[ci]\naws_access_key_id = me\naws_secret_access_key = {secret}\n")
            return S3(server.endpoint, bucket, "p/", region, credentialsFile=keys, profile="ci")

        bucket = opened().open()
        names = [f"p/id/a b!41%+~/{number}.logs" for number in range(3)]
        for name in names:
            bucket.put(name, path)
        self.assertEqual(bucket.get(names[1], PART - 2, 4), data[PART - 2 : PART + 2])
        self.assertEqual([key for key, _ in bucket.list("p/id/")], names)
        self.assertEqual([key for key, _ in bucket.list("p/id/", names[0])], names[1:])
        bucket.delete(names[0])
        self.assertIsNone(bucket.look(names[0]))
        self.assertIn(f"/{BUCKET}/{names[0]}", server.paths)
        self.assertEqual(opened().whyUnusable(), "")
        # what administrators meet
        for setup, words in (
            (
                opened("wrong"),
                "SignatureDoesNotMatch: The signature does not match. (correct the",
            ),
            (opened(region="us-east-1"), "expecting 'eu-central-1' (correct the region"),
            (opened(bucket="gone"), "NoSuchBucket: The specified bucket does not exist (create the bucket"),
            (replace(opened(), profile="other"), "it has no part [other]"),
        ):
            why = setup.whyUnusable()
            self.assertIn(words, why)
            self.assertNotIn("geheim", why)
        server.ahead = 3600
        self.assertIn("(set the clock of this machine)", opened().whyUnusable())
        why = self.assertRaises(StorageAway, opened().open().look, names[1])
        self.assertIn("set the clock", why.cure)
        server.ahead = 0
        server.mayNot = {"PUT", "POST"}
        why = self.assertRaises(StorageAway, bucket.put, names[0], path)
        self.assertIn("right to read, write, list and delete", why.cure)
        # a bucket that is gone is not a log that is gone
        gone = opened(bucket="gone").open()
        why = self.assertRaises(StorageAway, gone.look, names[1])
        self.assertIn("create the bucket", why.cure)

    async def test_checked(self) -> None:
        """checkconfig asks the server; a master says at its start what is wrong, and when it is over."""
        master = await self.createMaster()
        master.environ.update(KEYS)
        right, self.server.endpoint = self.server.endpoint, f"http://127.0.0.1:{freePort()}"
        self.configured(master)
        said = await self.command(master, "checkconfig", master.basedir)
        self.assertIn("warning: c['logStorage']: object storage", said.stdout + said.stderr)
        self.assertIn("Connection refused", said.stdout + said.stderr)
        await master.start()
        await until(lambda: "object storage of logs cannot be used" in master.text(), 120, master.text)
        (trouble,) = (await master.ask("status"))["master"]["troubles"]
        self.assertIn("Connection refused", trouble["why"])
        self.server.endpoint = right
        self.configured(master)
        said = await self.command(master, "checkconfig", master.basedir)
        self.assertEqual(said.stdout.strip(), "Config file is good!")
        await master.ask("reconfig")
        await until(lambda: "no more trouble with log storage" in master.text(), 120, master.text)

    async def test_killAndOutage(self) -> None:
        """A kill in the middle of an upload, and an outage, lose nothing; limits remove objects."""
        master = await self.begin("cacheSize=0, spoolLimit=1")
        self.server.child.signal(signal.SIGSTOP)  # an upload begins, and never ends
        await self.build(master, 0)
        await until(lambda: self.parts(master), 120, "the upload begins")
        await master.kill()
        await self.server.stop()
        self.assertEqual(len(self.files(master)), 1)
        await master.start()
        await master.whenConnected("bot")
        said = (await master.ask("status"))["master"]["logStorage"]
        self.assertEqual(said["waiting"], 1)
        # a stop of the master says so
        told = await threads.deferToThread(whatWaits, os.path.realpath(master.basedir))
        self.assertRegex(
            told, rf"^\S+ \S+ of logs of 1 build were not in {said['place']} yet: they are sent when"
        )
        # beyond the limit no build begins, and it is said why
        await master.ask("force", builder="full")
        (waiting,) = (await master.ask("status"))["master"]["waiting"]
        self.assertIn("spoolLimit is 1", waiting["why"])
        self.assertIn("hello from the slave", await self.page(TEXT))
        await self.server.start()
        await master.whenFinished("full", 1, 90.0)
        await self.whenFar(master, 2)
        self.assertIn("\n2000\n", await self.page(TEXT))
        # what a limit removes is removed in the bucket
        self.horizon(master)
        await master.stop()
        await master.start()
        await until(lambda: len(self.server.objects()) == 1, 180, lambda: str(self.server.objects()))
        self.assertNoTracebacks(master)

    def horizon(self, master: RealMaster) -> None:
        """Keep one build from the next start on."""
        self.configured(master)
        path = os.path.join(master.basedir, "master.cfg")
        with open(path, "a") as file:
            file.write("c['buildHorizon'] = 1\n")

    def parts(self, master: RealMaster) -> list[str]:
        """The files that are being sent."""
        return [each for each in os.listdir(os.path.join(master.basedir, "logs", "full")) if "part" in each]
