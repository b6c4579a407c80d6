"""No page, feed, event or answer of an API shows a password of the configuration or of a URL."""

from __future__ import annotations

import io
import json
import os
import re
import xmlrpc.client
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from typing import Any
from urllib.parse import quote, unquote

from twisted.internet.defer import ensureDeferred
from twisted.logger import globalLogPublisher

from buildbot.daemon import logfile
from buildbot.model.change import Change
from buildbot.web.table import TABLE
from tests.examples import sample
from tests.stories.test_websight import address
from tests.stories.web import WebWorld

#: Every secret begins with this, and has characters that HTML, JSON and URLs escape.
MARK = "Qz7"
#: The header of an administrator.
ANN: dict[str, Any] = {"Authorization": "Basic " + b64encode(b'ann:Qz7Web"10').decode()}
CONFIG = """
import os
from buildbot.process.factory import BuildFactory
from buildbot.steps.shell import ShellCommand
from buildbot.steps.source.git import Git
from buildbot.steps.source.svn import SVN
from buildbot.scheduler import Scheduler, Try_Userpass
from buildbot.changes.pb import PBChangeSource
from buildbot.changes.gitpoller import GitPoller
from buildbot.changes.hgpoller import HgPoller
from buildbot.changes.svnpoller import SVNPoller
from buildbot.changes.p4poller import P4Source
from buildbot.status import html
from buildbot.status.web.auth import BasicAuth
from buildbot.status.web.authz import Authz
from buildbot.config.secrets import passwordFromEnv
c = BuildmasterConfig = {}
c['bots'] = [('bot1', "Qz7Slave&1'"), ('bot2', 'Qz7Other<2>')]
c['slavePortnum'] = 9989
c['debugPassword'] = 'Qz7Debug"3'
URL = 'https://me:Qz7Url%26x@git.example.org/r.git'
f = BuildFactory()
f.addStep(Git(repourl=URL, mode='full'))
f.addStep(SVN(svnurl='https://you:Qz7SvnUrl@svn.example.org/r', username='you', password='Qz7SvnPass&4'))
f.addStep(ShellCommand, name='deploy', command=['curl', '-u', ('obfuscated', 'Qz7Hidden/5', 'XXX')],
    env={'TOKEN': 'Qz7Environment'})
c['properties'] = {'deploy_password': passwordFromEnv('QZ7_TOKEN'), 'mirror': URL}
c['builders'] = [{'name': 'full', 'slavename': 'bot1', 'builddir': 'full', 'factory': f,
    'properties': {'api': passwordFromEnv('QZ7_TOKEN')}}]
c['schedulers'] = [Scheduler('every', None, 60, ['full']),
    Try_Userpass('try', ['full'], port=9990, userpass=[('dev', 'Qz7Try=6')])]
c['sources'] = [PBChangeSource(user='change', passwd='Qz7Pb+7'), GitPoller(repourl=URL, workdir='g'),
    HgPoller('https://me:Qz7Hg@hg.example.org/r', workdir='h'),
    SVNPoller('https://me:Qz7SvnPoll@svn.example.org/r', svnuser='me', svnpasswd='Qz7SvnPassword8'),
    P4Source(p4user='me', p4passwd='Qz7Perforce9')]
c['status'] = [html.WebStatus(http_port=8010,
    authz=Authz(auth=BasicAuth([('ann', 'Qz7Web"10')]), default_action='auth', admin='auth', reconfig='auth'),
    change_hook_dialects={'github': {'secret': 'Qz7Github&11'}, 'gitlab': {'secret': 'Qz7Gitlab12'}})]
"""
VALUES = {
    **{"builder": "full", "number": "0", "slave": "bot1", "step": "deploy", "log": "stdio", "file": "none"},
    **{"scheduler": "every", "revision": "r1", "badge": "full.svg", "path": "builders/full/builds/0"},
}
#: More paths of the resources of 0.8, and more steps and logs.
MORE = (
    *("/json/builders/full/builds/_all", "/json/slaves", "/json/change_sources", "/json/project"),
    *(f"/builders/full/builds/0/steps/{step}/logs/stdio/text?headers=1" for step in range(3)),
    *(f"/builders/full/builds/0/steps/{step}/logs/stdio" for step in range(3)),
    *("/schedulers/try", "/atom?only=all", "/rss?only=all", "/no/such/page?x=1", "/builders/none"),
    *("/api/v1/builds?limit=x", "/changes/1", "/changes/2", "/me?builder=full", "/one_line_per_build"),
)


def shapes(secret: str) -> set[str]:
    """A secret as it may stand in an answer."""
    plain = {secret, unquote(secret)}
    coded = {b64encode(b"x" * shift + each.encode()).decode()[4:-4] for each in plain for shift in range(3)}
    escaped = {escape(each) for each in plain} | {json.dumps(each)[1:-1] for each in plain}
    return plain | coded | escaped | {quote(each, safe="") for each in plain}


def noProgram(protocol: Any, *args: Any, **kw: Any) -> None:
    """No program of a change source can be started."""
    raise OSError(2, f"cannot run {args}")


class SecretsCase(WebWorld):
    """A master whose configuration, changes and builds are full of secrets."""

    STATUS = ""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.patch(os, "environ", {**os.environ, "QZ7_TOKEN": "Qz7FromEnvironment"})
        self.reactor.spawnProcess = noProgram  # type: ignore[attr-defined]
        self.logged = io.StringIO()
        observer = logfile.observer(self.logged)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.write(CONFIG)
        self.successResultOf(self.start())
        self.first = self.master.status.topics.lastId()
        self.commands: list[Any] = []
        self.connect(onCommand=self.commands.append, password="Qz7Slave&1'")
        self.connect(name="stranger", password="Qz7Stranger")
        url = "https://me:Qz7Change@git.example.org/r.git"
        change = Change(
            f"eve {url}",
            ["a.c"],
            f"see {url} {'x' * 260} {url}",
            revision="r1",
            revlink=url,
            properties={"p": url},
        )
        change.project = change.repository = url
        self.change = self.successResultOf(self.master.addChange(change))
        self.successResultOf(self.master.addChange(change))
        ensureDeferred(
            self.master.commands["force"]("full", reason=f"for {url}", who="ann", properties={"u": url})
        )
        self.wait(2)
        for each in self.commands:  # more come meanwhile
            each.update(stdout="done\n")
            each.end(2 if "curl" in str(each.args) else 0)
            self.wait(2)
        ensureDeferred(self.master.commands["force"]("full", reason=f"for {url}", who="ann"))
        self.wait(2)
        for name in ("Url", "Pb", "Try", "Github", "Other", "Perforce", "SvnPass"):
            self.edit(f"Qz7{name}", f"Qz7More{name}")
        self.assertTrue(self.successResultOf(self.master.reconfigurer.request())["applied"])
        self.wait(2)

    def secrets(self) -> set[str]:
        """All secrets, in all shapes."""
        with open(f"{self.basedir}/master.cfg", encoding="utf-8") as file:
            text = file.read() + CONFIG
        found = set(re.findall(r"Qz7[^'\s@]*", text)) | {"Qz7Change", "Qz7FromEnvironment", "Qz7Stranger"}
        return {shape for each in found for shape in shapes(each) if len(shape) >= 8} | {MARK}

    def addresses(self) -> Iterator[str]:
        """The addresses of all answers."""
        for each in TABLE:
            if each.method == "GET" and each.kind != "stream" and each.path != "/api/v1/events":
                yield address(each, VALUES)
        yield from MORE


class SecretsTests(SecretsCase):
    """Visitors look everywhere."""

    def setUp(self) -> None:
        SecretsCase.setUp(self)
        self.pattern = re.compile("|".join(map(re.escape, sorted(self.secrets(), key=len, reverse=True))))

    def found(self, where: str, text: str) -> list[str]:
        """Where a text has a secret, with some of it."""
        hit = self.pattern.search(text)
        return [] if hit is None else [f"{where}: {text[max(0, hit.start() - 90) : hit.end() + 20]}"]

    def test_nowhere(self) -> None:
        """Neither a visitor nor an administrator gets any secret, however it is written."""
        found = []
        self.assertEqual(self.ask("/audit", **ANN).status, 200)
        for who in ({}, ANN):
            for path in sample(self.addresses(), 25):
                answer = self.ask(path, **who)
                self.assertLess(answer.status, 500, path)
                found += self.found(path, f"{answer.headers} {answer.body.decode('latin-1')}")
        self.assertEqual("\n".join(found), "")

    def test_log(self) -> None:
        """The log of the master has none, whatever people say in reasons and comments."""
        url = "https://me:Qz7Reason@git.example.org/r.git"
        for command, args in (
            ("pause", {"slave": "bot1", "why": url, "who": url}),
            ("stopbuild", {"builder": "full", "number": 1, "reason": url, "who": url}),
            ("force", {"builder": "full", "reason": url, "who": url, "properties": {"u": url}}),
        ):
            ensureDeferred(self.master.commands[command](**args)).addErrback(lambda why: None)
            self.wait(2)
        self.test_refusals()
        text = self.logged.getvalue()
        self.assertIn("received: forced by https://me:XXXX@", text)
        self.assertEqual(self.found("log", text), [])

    def test_refusals(self) -> None:
        """No answer to a failed login, delivery of a hook, or wrong form has one."""
        found = []
        wrong = {"Authorization": "Basic " + b64encode(b"ann:wrong").decode()}
        question = xmlrpc.client.dumps(("full", 0), "getBuild").encode()
        asked: list[tuple[str, str, bytes, dict[str, Any]]] = [
            ("/", "GET", b"", wrong),
            ("/change_hook/github", "POST", b"{}", {"X-Hub-Signature-256": "sha256=00"}),
            ("/change_hook/gitlab", "POST", b"{}", {"X-Gitlab-Token": "wrong"}),
            ("/login", "POST", b"username=ann&passwd=wrong", {}),
            ("/builders/full/force", "POST", b"branch=%00", ANN),
            ("/api/v1/builders/full/force", "POST", b"{", ANN),
            ("/xmlrpc", "POST", question, ANN),
            ("/api/v1/reconfig", "POST", b"", ANN),
        ]
        for name in ("MoreUrl", "MorePb", "Gitlab", "Hg"):
            self.edit(f"Qz7{name}", f"Qz7New{name}")
        for path, method, body, headers in asked:
            answer = self.ask(path, method, body, **headers)
            found += self.found(path, f"{answer.headers} {answer.body.decode('latin-1')}")
        self.assertEqual("\n".join(found), "")

    def test_streams(self) -> None:
        """No event, no part of an open page and no followed log has one."""
        log = "/builders/full/builds/1/steps/0/logs/stdio"
        found = []
        for path in (
            f"/api/v1/events?since={self.first}",
            *("/live?page=%2F", "/live?page=%2Fbuilders%2Ffull%2Fbuilds%2F1", "/live?page=%2Fchanges"),
            *(f"{log}/follow", f"{log}/text?follow=1&headers=1"),
        ):
            connection = self.dial()
            lines = "".join(f"{name}: {value}\r\n" for name, value in ANN.items())
            connection.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())
            self.settle()
            self.successResultOf(self.master.addChange(self.change))
            self.wait(2)
            self.assertIn(b"200 OK", connection.received(), f"{path} {connection.received()!r}")
            found += self.found(path, connection.received().decode("latin-1"))
        self.assertEqual("\n".join(found), "")
