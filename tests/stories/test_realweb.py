"""Configurations with a web server, in the shapes that public files of 0.7.5 to 0.8.14 have."""

from __future__ import annotations

import os
from base64 import b64encode

from buildbot.changes.changes import Change
from tests.stories.web import WebWorld

OLD = """
import os.path
from buildbot.process import factory, step
from buildbot.scheduler import Scheduler
from buildbot.status import html
s = factory.s
c = BuildmasterConfig = {}
c['bots'] = [("bot1name", "bot1passwd")]
c['slavePortnum'] = 9989
c['sources'] = []
f1 = factory.BuildFactory([s(step.ShellCommand, command=["make", "all"])])
c['builders'] = [{'name': "buildbot-full", 'slavename': "bot1name", 'builddir': "full", 'factory': f1,
                  'category': 'linux'}]
c['schedulers'] = [Scheduler("all", None, 2*60, ["buildbot-full"])]
c['projectName'] = "Buildbot"
c['projectURL'] = "http://buildbot.sourceforge.net/"
c['buildbotURL'] = "http://localhost:8010/"
c['status'] = []
"""
NEW = """
from buildbot.plugins import util
from buildbot.buildslave import BuildSlave
from buildbot.config import BuilderConfig
from buildbot.process.factory import BuildFactory
from buildbot.schedulers.basic import SingleBranchScheduler
from buildbot.schedulers.forcesched import ForceScheduler
from buildbot.changes import filter
from buildbot.status import html
from buildbot.status.web import authz, auth
from buildbot.steps.shell import ShellCommand
c = BuildmasterConfig = {}
c['slaves'] = [BuildSlave("example-slave", "pass")]
c['protocols'] = {'pb': {'port': 9989}}
f = BuildFactory()
f.addStep(ShellCommand(command=["trial", "hello"]))
c['builders'] = [BuilderConfig(name="runtests", slavenames=["example-slave"], factory=f, tags=['quick'])]
c['schedulers'] = [
    SingleBranchScheduler(name="all", change_filter=filter.ChangeFilter(branch='master'),
                          treeStableTimer=None, builderNames=["runtests"]),
    ForceScheduler(name="force", builderNames=["runtests"]),
]
c['title'] = "Hello World CI"
c['titleURL'] = "https://example.org/hello/"
c['buildbotURL'] = "http://localhost:8010/"
c['status'] = []
"""


class RealCase(WebWorld):
    """A master starts with such a file, and answers."""

    STATUS = ""

    def begin(self, text: str, builder: str) -> None:
        """Start the master; the usual pages answer."""
        self.write(text)
        self.successResultOf(self.start())
        for path in ("/waterfall", "/builders", f"/builders/{builder}", "/buildslaves", "/changes", "/about"):
            self.assertEqual(self.ask(path).status, 200, path)

    def post(self, path: str, body: bytes = b"", **headers: str) -> int:
        """The status of the answer to a form of our own pages."""
        own = {"Origin": "http://127.0.0.1:8010", "Content_Type": "application/x-www-form-urlencoded"}
        return self.ask(path, "POST", body, **{**own, **headers}).status


def login(name: str, password: str) -> str:
    """The header of a login."""
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


class OldFileTests(RealCase):
    """Files of 0.7."""

    def test_waterfall(self) -> None:
        """0.7.5: a Waterfall with categories and its own style sheet. By default nobody may force."""
        css = os.path.join(self.basedir, "own.css")
        with open(css, "w", encoding="utf-8") as file:
            file.write("td {}")
        line = f"c['status'].append(html.Waterfall(http_port=8010, categories=['linux'], css={css!r}))\n"
        self.begin(OLD + line, "buildbot-full")
        self.assertIn('class="waterfall"', self.ask("/").text)
        self.assertIn('href="buildbot.css"', self.ask("/").text)
        self.assertEqual(self.post("/builders/buildbot-full/force", b"username=ann&comments=x"), 403)

    def test_webStatus(self) -> None:
        """0.7.6 to 0.7.12: a WebStatus on one interface, with force for everybody."""
        line = (
            "c['status'].append(html.WebStatus(http_port='tcp:8010:interface=127.0.0.1', allowForce=True))\n"
        )
        self.begin(OLD + line, "buildbot-full")
        self.assertEqual(self.post("/builders/buildbot-full/force", b"username=ann&comments=x"), 303)
        self.assertIn((8010, "127.0.0.1"), [(port, where) for port, _, _, where in self.reactor.tcpServers])

    def test_auth(self) -> None:
        """0.7.11: force needs one of the given passwords."""
        line = (
            "from buildbot.status.web.auth import BasicAuth\n"
            "users = [('dev', 'devpw')]\n"
            "auth = BasicAuth(users)\n"
            "ws = html.WebStatus(8010, allowForce=True, auth=auth, num_events=50, num_events_max=99)\n"
            "c['status'].append(ws)\n"
        )
        self.begin(OLD + line, "buildbot-full")
        self.assertIn(self.post("/builders/buildbot-full/force", b"comments=x"), (401, 403))


class NewFileTests(RealCase):
    """Files of 0.8."""

    def test_authz(self) -> None:
        """The sample of 0.8: an Authz with BasicAuth and an action for each right."""
        lines = (
            "authz_cfg = authz.Authz(auth=auth.BasicAuth([('pyflakes', 'pyflakes')]),\n"
            "    gracefulShutdown=False, forceBuild='auth', forceAllBuilds='auth', pingBuilder=False,\n"
            "    stopBuild=False, stopAllBuilds=False, cancelPendingBuild=False)\n"
            "c['status'].append(html.WebStatus(http_port=8010, authz=authz_cfg))\n"
        )
        self.begin(NEW + lines, "runtests")
        self.assertIn(self.post("/builders/runtests/force", b"forcescheduler=force"), (401, 403))
        self.assertIn(self.post("/builders/runtests/ping"), (401, 403))

    def test_hooks(self) -> None:
        """A WebStatus with hooks of forges behind a login, the console by time, and links to revisions."""
        lines = (
            "from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse as Users\n"
            "ws = html.WebStatus(http_port=8010, authz=authz.Authz(view=True), order_console_by_time=True,\n"
            "    change_hook_dialects={'base': True}, change_hook_auth=[Users(hook='pw')],\n"
            "    revlink=lambda rev, repo: 'https://example.org/%s' % rev,\n"
            "    changecommentlink=(r'#(\\d+)', r'https://example.org/\\1', r'Ticket \\1'),\n"
            "    numbuilds=40, logRotateLength=1000000, maxRotatedFiles=5, provide_feeds=['atom'])\n"
            "c['status'].append(ws)\n"
        )
        self.begin(NEW + lines, "runtests")
        body = b"who=ann&comments=mend+%237&files=%5B%22a%22%5D&revision=abc&branch=other"
        self.assertEqual(self.post("/change_hook/base", body), 401)
        self.assertEqual(self.post("/change_hook/base", body, Authorization=login("hook", "pw")), 202)
        self.wait(1)
        self.assertIn('<a href="https://example.org/abc">source</a>', self.ask("/changes").text)
        self.assertIn('title="Ticket 7">#7</a>', self.ask("/changes").text)
        self.assertEqual(self.ask("/atom").status, 200)
        self.assertEqual(self.ask("/rss").status, 404)

    def test_revlink(self) -> None:
        """0.8.5: the pages of revisions are known by c['revlink'], or by the repository itself."""
        lines = (
            "from buildbot.changes.pb import PBChangeSource\n"
            "c['status'].append(html.WebStatus(http_port=8010))\n"
            "from buildbot import revlinks\n"
            "c['revlink'] = revlinks.RevlinkMatch([r'git://x/(.*)'], r'http://x/\\1/commit/%s')\n"
        )
        self.begin(NEW + lines, "runtests")
        for number, repository in enumerate(("git://x/fish", "https://github.com/a/b.git"), 1):
            change = Change("ann", ["a"], "mend", revision=f"{number}f", repository=repository)
            self.successResultOf(self.master.addChange(change))
        self.wait(1)
        page = self.ask("/changes").text
        self.assertIn('<a href="http://x/fish/commit/1f">source</a>', page)
        self.assertNotIn("github.com/a/b/commit", page)
        self.edit("c['revlink'] = ", "unused = ")
        self.assertTrue(self.reconfig()["applied"])
        page = self.ask("/changes").text
        self.assertNotIn("http://x/fish/commit", page)
        self.assertIn('<a href="https://github.com/a/b/commit/2f">source</a>', page)

    def test_plugins(self) -> None:
        """0.8.11: the classes come from buildbot.plugins, and the pages are for users only."""
        lines = (
            "a = util.Authz(auth=util.BasicAuth([('ann', 'pw')]), default_action='auth', view='auth')\n"
            "c['status'] = [html.WebStatus(http_port=8010, authz=a, jinja_loaders=None)]\n"
        )
        self.write(NEW + lines)
        self.successResultOf(self.start())
        self.assertEqual(self.ask("/builders").status, 401)
        self.assertEqual(self.ask("/full").status, 401)
        self.assertEqual(self.ask("/livez").status, 200)
