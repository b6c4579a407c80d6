# -*- test-case-name: tests.daemons.test_pages_only -*-
"""A real master, a real slave, and a real process with the pages of the master."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from typing import Any

from twisted.internet import threads

from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase
from tests.integration.processes import TooLate, moments, untilNextLook
from tests.ports import freePort

#: The rest of C{master.cfg}: a build of some seconds, and pages for everybody.
PAGES = """
from buildbot.plugins import steps
from buildbot.status import html

f.addStep(steps.ShellCommand(command=[
    'sh', '-c', 'echo begun; while [ ! -e {end} ]; do sleep 0.1; done; echo over']))
c['status'] = [html.WebStatus(http_port='tcp:{port}:interface=127.0.0.1', allowForce=True)]
"""
LOG = "/builders/full/builds/0/steps/shell/logs/stdio/text"


class PagesCase(MasterTestCase):
    """I read the pages of a second process.

    @ivar port: its port.
    """

    host = "127.0.0.1"
    port: int

    def read(self, path: str, data: bytes | None = None) -> tuple[int, str]:
        """The status and the text of an answer."""
        request = urllib.request.Request(
            f"http://{self.host}:{self.port}{path}", data, {"Sec-Fetch-Site": "same-origin"}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    async def ask(self, path: str, data: bytes | None = None) -> tuple[int, str]:
        """See L{read}; the test goes on meanwhile."""
        found: tuple[int, str] = await threads.deferToThread(self.read, path, data)
        return found

    async def until(self, path: str, text: str) -> str:
        """Wait until a page has a text."""
        begun = time.monotonic()
        while True:
            _, said = await self.ask(path)
            if text in said:
                return said
            if time.monotonic() - begun > 180:
                raise TooLate(f"never on {path}: {text}; it says {said}")
            await moments(untilNextLook(begun))


class PagesOnlyTests(PagesCase):
    """People use the pages of the second process alone."""

    async def test_all(self) -> None:
        """A build is forced, followed and read through the process; both processes are killed and started."""
        self.port = freePort()
        end = os.path.abspath(self.mktemp())
        master = await self.startMaster(
            bots={"bot": "sesame"},
            builders={"full": ["bot"]},
            after=PAGES.replace("{end}", end).replace("{port}", str(freePort())),
        )
        await self.startSlaves(master.port, [(SLAVE, "bot", "sesame")])
        start = ("start", "--pages-only", f"--http-port=tcp:{self.port}:interface=127.0.0.1", master.basedir)
        self.addCleanup(master.run, "stop", "--pages-only", master.basedir)
        begun = await master.run(*start)
        self.assertEqual(begun.status, 0, begun.words)
        again = await master.run(*start)
        self.assertEqual(again.status, 1)
        self.assertIn("process with the pages", again.stderr)
        self.assertIn("is already running, pid", again.stderr)

        status, said = await self.ask("/builders/full/force", b"reason=through+the+pages")
        self.assertEqual(status, 200, said)
        self.assertIn("through the pages", said)
        await self.until(LOG, "begun")
        self.assertIn("1 build running", (await self.ask("/"))[1])
        with open(end, "w"):
            pass
        await self.until("/api/v1/builders/full/builds/0", '"success"')
        self.assertIn("over", (await self.ask(LOG))[1])
        audit: Any = json.loads((await master.run("audit", "--json", master.basedir)).stdout)
        acts = [each for each in audit if each["action"] == "forceBuild"]
        self.assertEqual([(each["address"], each["outcome"]) for each in acts], [("127.0.0.1", "done")])

        master.child.signal(signal.SIGKILL)
        await master.child.whenEnded()
        await self.until("/", "The master is away since")
        self.assertIn("over", (await self.ask(LOG))[1])
        self.assertEqual((await self.ask("/builders/full/force", b"reason=x"))[0], 503)
        await master.run("stop", "--pages-only", master.basedir)
        begun = await master.run(*start)
        self.assertIn("The master is away since", begun.stdout, begun.words)
        self.assertIn("over", (await self.ask(LOG))[1])
        await master.start()
        await self.until("/", "1 of 1 slave connected")
        self.assertNotIn("The master is away", (await self.ask("/"))[1])
