"""A visitor who may not see some builders finds them nowhere."""

from __future__ import annotations

import re
import xmlrpc.client
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from twisted.internet.defer import ensureDeferred, execute

from buildbot.control.audit import By
from buildbot.model.change import Change
from buildbot.web.routes import Route
from buildbot.web.table import TABLE
from tests.examples import sample
from tests.stories.web import Response, WebWorld

#: The beginning of each name that must not be seen.
NAME = "zzhid"
#: The beginning of names of nothing; as wide as the other.
ABSENT = "dihzz"
CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.scheduler import Scheduler, Dependent
from buildbot.schedulers.forcesched import ForceScheduler
from buildbot.steps.shell import ShellCommand
from buildbot.status import html
from buildbot.status.web.auth import BasicAuth
from buildbot.status.web.authz import Authz
from buildbot.web.accounts.rights import Rule
from buildbot.locks import MasterLock
c = BuildmasterConfig = {}
lock = MasterLock("db")
c['bots'] = [('bot1', 'sekrit'), ('zzhid-slave', 'sekrit')]
c['slavePortnum'] = 9989
def factory(name):
    f = BuildFactory()
    f.addStep(ShellCommand, name=name, command=['make'])
    return f
c['builders'] = [
    {'name': 'full', 'slavename': 'bot1', 'builddir': 'full', 'factory': factory('compile'),
     'locks': [lock.access('exclusive')]},
    {'name': 'zzhid-one', 'slavename': 'zzhid-slave', 'builddir': 'zzhid-1',
     'factory': factory('zzhid-step')},
    {'name': 'zzhid-two', 'slavename': 'bot1', 'builddir': 'zzhid-2', 'factory': factory('zzhid-step'),
     'category': 'zzhid-tag', 'locks': [lock.access('exclusive')]}]
first = Scheduler('zzhid-scheduler', None, 120, ['zzhid-one'])
c['schedulers'] = [first, Scheduler('every', None, 120, ['full', 'zzhid-two']),
    Dependent('after', first, ['full']), ForceScheduler('force', ['full', 'zzhid-one'])]
def onlyAnn(user, action, *args):
    return user == 'ann'
RULE
web = html.WebStatus(http_port=8010, authz=Authz(auth=BasicAuth([('ann', 'pw'), ('bob', 'pw')]),
    default_action=False, admin='auth', reconfig='auth', forceBuild='auth', cancelRequest='auth',
    rules=[rule]))
from buildbot.status.web.base import HtmlResource
class Own(HtmlResource):
    def body(self, request):
        status = self.getStatus(request)
        return ' '.join([*status.getBuilderNames(), *[each.getName() for each in status.getBuilders()]])
web.putChild('own', Own())
c['status'] = [web]
"""
#: The headers of each visitor: ann sees everything.
ANN: dict[str, Any] = {"Authorization": "Basic YW5uOnB3"}
BOB: dict[str, Any] = {"Authorization": "Basic Ym9iOnB3"}
_FULL = {
    **{"builder": "full", "number": "0", "slave": "bot1", "step": "compile", "log": "stdio"},
    **{"scheduler": "every", "revision": "r1", "badge": "full.svg", "path": "builders", "file": "none"},
}
#: The values of each part of a path, of things that bob sees and of those that he does not see.
SEEN = (_FULL, {**_FULL, "number": "1", "badge": "full.json", "path": "slaves", "scheduler": "after"})
_HIDDEN = {
    **{"builder": "zzhid-one", "number": "0", "slave": "zzhid-slave", "step": "zzhid-step", "log": "stdio"},
    **{"scheduler": "zzhid-scheduler", "revision": "r1", "badge": "zzhid-one.svg"},
    **{"path": "builders/zzhid-one", "file": "none"},
}
HIDDEN = (_HIDDEN, {**_HIDDEN, "number": "-1", "badge": "zzhid-one.json", "path": "slaves/zzhid-slave"})

#: The routes that answer a GET at once, and those that act.
READ = [
    route
    for route in TABLE
    if route.method == "GET"
    and route.path not in ("/live", "/api/v1/events")
    and not route.path.endswith("/follow")
]
ACT = [route for route in TABLE if route.method == "POST"]


def address(route: Route, values: dict[str, Any]) -> str:
    """The address of a route."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda match: values[match.group(1)], route.path)


class SightCase(WebWorld):
    """A master with builders that only ann may see."""

    STATUS = ""
    #: The visitors who do not see them.
    blind: tuple[dict[str, Any], ...] = (BOB, {})
    RULE = "rule = Rule('view', onlyAnn, builders='zzhid-*')"

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.routes = sample(READ, 20)
        self.write(CONFIG.replace("RULE", self.RULE))
        self.successResultOf(self.start())
        self.patch(self.master.botmaster.retention.logs, "inThread", execute)
        self.commands: list[Any] = []
        self.first = self.master.status.topics.lastId()
        self.connect(name="bot1", onCommand=self.commands.append)
        self.connect(name="zzhid-slave", onCommand=self.commands.append)
        self.work()

    def work(self) -> None:
        """Let things happen."""
        self.successResultOf(self.master.addChange(Change("eve", ["a.c"], "words", revision="r1")))
        for name in ("full", "zzhid-one", "zzhid-two", "full", "zzhid-one"):
            self.force(name)
            if len(self.commands) < 4:
                self.commands[-1].update(stdout=f"the output of {name}\n")
                self.commands[-1].end(2)
                self.wait(2)
        for name in ("full", "zzhid-one", "zzhid-two"):
            self.force(name)
        ensureDeferred(
            self.master.audit.record(By("ann"), "forceBuild", "builder/zzhid-one", detail="zzhid-one")
        )
        self.edit(
            "c['builders'] = [",
            "c['builders'] = [{'name': 'zzhid-new', 'slavename': 'bot1', "
            "'builddir': 'zzhid-new', 'factory': factory('zzhid-step')},",
        )
        self.reconfig()
        self.wait(2)

    def force(self, builder: str) -> None:
        """Force a build."""
        ensureDeferred(self.master.commands["force"](builder, reason=f"for {builder}", who="ann"))
        self.wait(1)

    def answers(
        self, who: dict[str, Any], all: tuple[dict[str, Any], ...], routes: Sequence[Route] = ()
    ) -> Iterator[tuple[str, Response]]:
        """Each answer to a GET of these routes, by default of mine, with its address."""
        for route in routes or self.routes:
            for path in dict.fromkeys(address(route, values) for values in all):
                yield path, self.ask(path, **who)

    def stream(self, path: str, who: dict[str, Any]) -> str:
        """What a stream sends within three seconds in which builds begin and end."""
        connection = self.dial()
        headers = "".join(f"{name}: {value}\r\n" for name, value in who.items())
        connection.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode())
        self.settle()
        self.reactor.advance(0)
        self.force("zzhid-two")
        self.wait(2)
        return connection.received().decode()


class WalkTests(SightCase):
    """Two visitors ask for everything."""

    def test_nowhere(self) -> None:
        """No answer about other things names a hidden builder, its build, step, slave, tag or scheduler."""
        for who in self.blind:
            for path, answer in self.answers(who, SEEN):
                self.assertLess(answer.status, 500, path)
                self.assertNotIn(NAME, f"{answer.headers} {answer.body!r}", path)

    def test_absent(self) -> None:
        """The answer about a hidden thing is that about a thing that does not exist."""
        for who in self.blind:
            absent = tuple(
                {key: each.replace(NAME, ABSENT) for key, each in values.items()} for values in HIDDEN
            )
            for (path, hidden), (_, other) in zip(
                self.answers(who, HIDDEN), self.answers(who, absent), strict=False
            ):
                self.assertEqual(hidden.status, other.status, path)
                if NAME in path:
                    self.assertEqual(hidden.text.replace(NAME, ABSENT), other.text, path)

    def test_acting(self) -> None:
        """An action on a hidden builder is one on a builder that does not exist, whoever may force builds."""
        for route in ACT:
            if "{builder}" not in route.path:
                continue
            path = address(route, _HIDDEN)
            hidden = self.ask(path, "POST", **self.blind[0])
            other = self.ask(path.replace(NAME, ABSENT), "POST", **self.blind[0])
            self.assertEqual(hidden.status, other.status, path)
            self.assertEqual(hidden.text.replace(NAME, ABSENT), other.text, path)

    def test_again(self) -> None:
        """A visitor who does not see all builders sends an action twice with one key: it acts once."""

        def send() -> Response:
            kind = {"Content_Type": "application/json", "Idempotency_Key": "k1"}
            return self.ask("/api/v1/builders/full/force", "POST", b'{"reason": "once"}', **kind, **BOB)

        first, again = send(), send()
        self.assertEqual((first.status, again.status), (202, 202), first.text)
        self.assertEqual(first.json["request"], again.json["request"])

    def test_actingOnSeen(self) -> None:
        """Every action of a visitor with all rights on what the visitor sees is answered, in both ways."""
        self.edit("default_action=False", "default_action='auth'")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(2)
        paths = [address(route, SEEN[0]) for route in sample(ACT, 20)]
        for path in paths:
            if "shutdown" in path and "slaves" not in path:
                continue  # the master would stop
            for kind in ("application/json", "application/x-www-form-urlencoded"):
                answer = self.ask(path, "POST", Content_Type=kind, Idempotency_Key=path, **BOB)
                self.assertLess(answer.status, 500, f"{path}: {answer.text}")

    def test_everywhere(self) -> None:
        """A visitor who may see them finds them wherever builders are."""
        found = {
            path for path, answer in self.answers(ANN, SEEN, READ) if NAME in answer.body.decode("latin-1")
        }
        self.assertLessEqual(
            {
                *("/", "/builders", "/one_line_per_build", "/buildslaves", "/buildslaves/bot1", "/waterfall"),
                *("/waterfall/help", "/grid", "/tgrid", "/console", "/queue", "/schedulers", "/me", "/audit"),
                *("/about/configuration", "/schedulers/every", "/api/v1/builders", "/api/v1/slaves"),
                *("/api/v1/requests", "/api/v1/schedulers", "/api/v1/builds", "/api/v1/overview"),
                *("/api/v1/status", "/atom", "/rss", "/cctray.xml", "/cc.xml", "/metrics", "/json"),
                *("/json/builders", "/json/slaves", "/api/v2/builders", "/schedulers/after"),
            },
            found,
        )
        for path, answer in self.answers(ANN, HIDDEN):
            if answer.status != 200 and NAME in path and "/rebuild" not in path and "/requests/" not in path:
                self.assertTrue(
                    answer.status in (301, 302, 303, 400) or path.endswith("/logs/stdio/html"), path
                )

    def test_request(self) -> None:
        """A request for a hidden builder is found by a visitor who may see it, and by nobody else."""
        (hidden,) = self.ask("/api/v1/builders/zzhid-one/builds/0", **ANN).json["requests"]
        path = f"/api/v1/builders/zzhid-one/requests/{hidden}"
        self.assertEqual(self.ask(path, **ANN).json["state"], "finished")
        told = self.ask(path, **self.blind[0])
        self.assertEqual(told.status, 404)
        self.assertEqual(
            told.text.replace(NAME, ABSENT),
            self.ask(path.replace(NAME, ABSENT), **self.blind[0]).text,
        )
        self.assertEqual(self.ask(f"/api/v1/builders/full/requests/{hidden}", **self.blind[0]).status, 404)

    def test_streams(self) -> None:
        """No stream names a hidden thing: neither an open page nor events nor a followed log."""
        log = address(Route("/builders/{builder}/builds/1/steps/{step}/logs/{log}", print, ""), _FULL)
        paths = [f"{log}/follow", f"{log}/text?follow=1", f"/api/v1/events?since={self.first}"]
        paths += ["/api/v1/events?topics=builder%2Fzzhid-two,all"]
        for route in self.routes:
            if route.kind == "page" and route.path != "/about/proxy":
                paths.append(f"/live?page={quote(address(route, SEEN[1]), safe='')}")
        for path in paths:
            said = self.stream(path, self.blind[0])
            self.assertNotIn(NAME, said, path)
        self.assertIn(NAME, self.stream(f"/api/v1/events?since={self.first}", ANN))
        self.assertIn(NAME, self.stream("/live?page=%2F", ANN))

    def test_ownPage(self) -> None:
        """An own page of the site gets the status without the builders that the visitor may not see."""
        self.assertIn("zzhid-one", self.ask("/own", **ANN).text)
        told = self.ask("/own", **self.blind[0])
        self.assertEqual(told.status, 200)
        self.assertIn("full full", told.text)
        self.assertNotIn(NAME, told.text)

    def test_rpc(self) -> None:
        """The methods of XML-RPC do not know the hidden builders."""
        for method, values in (
            ("getAllBuilders", ()),
            ("getLastBuildsAllBuilders", (10,)),
            ("getAllBuildsInInterval", (0, 9999)),
            ("getLastBuilds", ("zzhid-one", 1)),
            ("getBuild", ("zzhid-one", 0)),
        ):
            body = xmlrpc.client.dumps(values, method).encode()
            self.assertIn(NAME, self.ask("/xmlrpc", "POST", body, **ANN).text, method)
            said = self.ask("/xmlrpc", "POST", body, **self.blind[0]).text
            self.assertNotIn(NAME, said.replace("builder zzhid-one", ""), method)


class LoginTests(WalkTests):
    """Everybody who is logged in may see all builders."""

    RULE = "rule = Rule('view', 'auth', builders=['zzhid-*', 'other'])"
    blind = ({},)


class LockTests(SightCase):
    """A hidden build holds a lock that a visible one waits for."""

    def work(self) -> None:
        self.force("zzhid-two")
        self.force("full")

    def test_note(self) -> None:
        """Only a visitor who sees the other build is told its name."""
        for path in (
            "/builders/full/builds/0",
            "/api/v1/builders/full/builds/0",
            "/api/v1/overview",
            "/api/v1/builders/full/builds/0/record",
            "/api/v1/status",
        ):
            self.assertIn("held by zzhid-two/0", self.ask(path, **ANN).text, path)
            told = self.ask(path, **BOB).text
            self.assertNotIn(NAME, told, path)
            self.assertIn("waiting for a build that you may not see", told, path)


class ReconfigTests(SightCase):
    """The builders change, and everybody who is logged in may see all of them."""

    RULE = LoginTests.RULE

    def test_removed(self) -> None:
        """The builds of a removed builder stay hidden, except from visitors who may see all builders."""
        self.edit("c['status']", "del c['builders'][:]\nc['schedulers'] = []\nc['status']")
        self.reconfig()
        self.wait(60)
        self.assertEqual(self.ask("/api/v1/builds").json["builds"], [])
        self.assertIn(NAME, self.ask("/api/v1/builds", **ANN).text)
        self.assertEqual(self.ask("/builders/zzhid-one/builds/0").status, 404)
        self.assertEqual(self.ask("/builders/zzhid-one/builds/0", **ANN).status, 200)

    def test_streams(self) -> None:
        """Streams of visitors who do not see all builders end, so that the browser asks for the new ones."""
        for path in ("/live?page=%2Fbuilders", "/api/v1/events"):
            for who, ends in (({}, True), (ANN, False)):
                connection = self.dial()
                lines = "".join(f"{name}: {value}\r\n" for name, value in who.items())
                head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n"
                connection.send(head.encode())
                self.settle()
                self.edit(
                    "c['status']",
                    f"c['builders'].append({{'name': 'new{len(self.connections)}', "
                    f"'slavename': 'bot1', 'builddir': 'new{len(self.connections)}', "
                    "'factory': factory('compile')})\nc['status']",
                )
                self.assertTrue(self.reconfig()["applied"])
                self.wait(3)
                self.assertEqual(connection.received().endswith(b"0\r\n\r\n"), ends, f"{path} {who}")
