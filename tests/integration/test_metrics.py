"""The metrics of a real master, checked by the program of Prometheus."""

from __future__ import annotations

import subprocess
import urllib.request

from twisted.internet import threads
from twisted.python import procutils
from twisted.trial import unittest

from tests.integration.masters import MasterTestCase
from tests.ports import freePort

#: Seconds to wait for any answer.
PATIENCE = 180.0

#: The rest of C{master.cfg}: names of builders that need each kind of quoting, and the web server.
AFTER = r"""
from buildbot.status import html
names = ['plain', 'all "of" it\\', 'gr\xfcn']
c['builders'] = [dict(name=each, slavenames=['a'], builddir='b%d' % number, factory=f)
                 for number, each in enumerate(names)]
c['status'].append(html.WebStatus(http_port='tcp:{port}:interface=127.0.0.1'))
"""


def fetch(url: str) -> bytes:
    """The body of an answer."""
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        body: bytes = answer.read()
    return body


def check(text: bytes) -> str:
    """The complaints of C{promtool check metrics} about a text; empty if it is correct."""
    command = [procutils.which("promtool")[0], "check", "metrics"]
    ended = subprocess.run(command, input=text, capture_output=True, timeout=PATIENCE, check=False)
    return f"{ended.stdout.decode()}{ended.stderr.decode()}".strip() + ("" if ended.returncode == 0 else "!")


class PromtoolTests(MasterTestCase):
    """A master with a web server."""

    async def test_promtool(self) -> None:
        """C{promtool check metrics} finds nothing wrong, with builders of odd names."""
        if not procutils.which("promtool"):
            raise unittest.SkipTest("no promtool here: apt-get install prometheus")
        port = freePort()
        await self.startMaster(bots={"a": "sesame"}, after=AFTER.replace("{port}", str(port)))
        root = f"http://127.0.0.1:{port}"
        await threads.deferToThread(fetch, f"{root}/builders")
        for _ in range(2):
            text = await threads.deferToThread(fetch, f"{root}/metrics")
        self.assertIn(b"buildbot_http_requests_total", text)
        self.assertEqual(await threads.deferToThread(check, text), "")
