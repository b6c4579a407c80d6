"""Every answer has the security headers: of routes, errors, files, streams, hooks and own pages."""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.defer import ensureDeferred, fail

from buildbot.store.interface import StoreFailed
from buildbot.web.http import SECURITY
from buildbot.web.table import TABLE
from tests.examples import sample
from tests.stories.test_ownpages import FilesCase
from tests.stories.test_websight import address
from tests.stories.web import Response, parsed

CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.steps.shell import ShellCommand
from buildbot.status import html
from buildbot.status.web.auth import BasicAuth
from buildbot.status.web.authz import Authz
from twisted.web import resource
c = BuildmasterConfig = {}
c['bots'] = [('bot1', 'sekrit')]
c['slavePortnum'] = 9989
f = BuildFactory()
f.addStep(ShellCommand, name='compile', command=['make'])
c['builders'] = [{'name': 'full', 'slavename': 'bot1', 'builddir': 'full', 'factory': f}]
class Own(resource.Resource):
    isLeaf = True
    def render_GET(self, request):
        return b'mine'
class Broken(resource.Resource):
    isLeaf = True
    def render_GET(self, request):
        raise ValueError('broken')
web = html.WebStatus(http_port=8010, authz=Authz(auth=BasicAuth([('ann', 'pw')]), default_action='auth',
    admin='auth', shutdown=False), change_hook_dialects={'github': {'secret': 'a-long-secret'}})
web.putChild('own', Own())
web.putChild('broken', Broken())
c['status'] = [web]
"""
VALUES = {
    **{"builder": "full", "number": "0", "slave": "bot1", "step": "compile", "log": "stdio"},
    **{"scheduler": "none", "revision": "r1", "badge": "full.svg", "path": "builders", "file": "none"},
}
ANN: dict[str, Any] = {"Authorization": "Basic YW5uOnB3"}
#: The kinds of answers that other sites may show.
SHARED = ("/atom", "/rss", "/cctray.xml", "/cc.xml", "/badge/full.svg", "/badge/full.json", "/png")


class HeadersTests(FilesCase):
    """A program reads the headers of all kinds of answers."""

    STATUS = ""

    def setUp(self) -> None:
        FilesCase.setUp(self)
        self.write(CONFIG)
        self.put("page.html", "<p>mine</p>")
        self.successResultOf(self.start())
        self.connect(onCommand=lambda command: command.end(2))
        ensureDeferred(self.master.commands["force"]("full"))
        self.wait(2)

    def examine(self, where: str, answer: Response, cache: bool = True) -> None:
        """The answer has the headers of all answers."""
        found = answer.headers
        for name, value in SECURITY:
            wanted = value.decode()
            if (
                name == b"Cross-Origin-Resource-Policy"
                and where.partition("?")[0] in SHARED
                and answer.status != 405
            ):
                wanted = "cross-origin"
            if name == b"Content-Security-Policy" and where == "/page.html":
                self.assertIn(
                    "script-src 'self'; style-src 'self' 'unsafe-inline'", found[name.decode().lower()]
                )
                continue
            self.assertEqual(found.get(name.decode().lower()), wanted, f"{name!r} of {answer.status} {where}")
        self.assertNotIn("server", found, where)
        self.assertNotIn("x-powered-by", found, where)
        self.assertNotIn("strict-transport-security", found, where)
        if answer.body:
            self.assertIn("content-type", found, where)
        if cache:
            self.assertIn("cache-control", found, where)

    def test_routes(self) -> None:
        """Each route by each method, with a login and without."""
        routes = [each for each in TABLE if not each.path.endswith(("/live", "/follow", "/events"))]
        for route in sample(routes, 20):
            path = address(route, VALUES)
            for who in ({}, ANN):
                for method in (route.method, "HEAD", "DELETE"):
                    answer = self.ask(path, method, **who)
                    self.examine(path, answer)
                    if who and answer.status == 200 and route.kind != "static" and method == route.method:
                        self.assertIn("no-store", answer.headers["cache-control"], path)
                        self.assertNotIn("public", answer.headers["cache-control"], path)

    def test_files(self) -> None:
        """Style sheets and scripts, own files, own pages, and the hooks."""
        home = self.ask("/")
        for file in re.findall(r'(?:href|src)="(static/[^"]+)"', home.text):
            answer = self.ask(f"/{file}")
            self.assertEqual(answer.status, 200, file)
            self.examine(file, answer)
            self.assertIn("immutable", answer.headers["cache-control"])
        for path in ("/page.html", "/own", "/change_hook/github", "/broken", "/favicon.ico", "/robots.txt"):
            connection = self.dial()
            connection.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            self.settle()
            self.reactor.advance(1)
            self.examine(path, parsed(connection.received()), cache=False)
        self.flushLoggedErrors(ValueError)
        self.examine("hook", self.ask("/change_hook/github", "POST", b"{}"))

    def test_streams(self) -> None:
        """Streams."""
        log = "/builders/full/builds/0/steps/compile/logs/stdio"
        for path in ("/live?page=%2F", "/api/v1/events", f"{log}/follow", f"{log}/text?follow=1"):
            connection = self.dial()
            connection.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            self.settle()
            head = connection.received().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            answer = parsed(head.replace(b"Transfer-Encoding: chunked\r\n", b""))
            self.assertEqual(answer.status, 200, path)
            self.examine(path, answer)

    def test_errors(self) -> None:
        """Each kind of error, also those of the parser of HTTP."""
        seen = set()
        wrong: dict[str, Any] = {"Authorization": "Basic YW5uOndyb25n"}
        asked: list[tuple[str, str, bytes, dict[str, Any]]] = [
            ("/changes?numchanges=x", "GET", b"", {}),
            ("/audit", "GET", b"", {}),
            ("/api/v1/audit", "GET", b"", wrong),
            ("/authfail", "GET", b"", {}),
            ("/none/such", "GET", b"", {}),
            ("/builders", "PUT", b"", {}),
            ("/builders", "TRACE", b"", {}),
            ("/builders", "OPTIONS", b"", {}),
            ("/login", "POST", b"x" * 70_000, {}),
            ("/", "GET", b"", {"Host": "evil.example.org"}),
            ("/broken", "GET", b"", {}),
            ("/api/v1/builders/full/force", "POST", b"x", {**ANN, "Content-Type": "text/plain"}),
            *[("/audit", "GET", b"", wrong)] * 7,
        ]
        for path, method, body, headers in asked:
            answer = self.ask(path, method, body, **headers)
            self.examine(path, answer, cache=answer.status != 500)
            seen.add(answer.status)
        self.patch(self.store, "getChanges", lambda *args: fail(StoreFailed("full")))
        answer = self.ask("/changes")
        self.examine("/changes", answer)
        seen.add(answer.status)
        self.flushLoggedErrors(ValueError)
        self.assertLessEqual({400, 401, 403, 404, 405, 413, 415, 421, 429, 500, 503}, seen)

    def test_malformed(self) -> None:
        """Bytes that are no request get 400 with these headers."""
        for data in (
            b"nonsense\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ):
            connection = self.dial()
            connection.send(data)
            self.settle()
            answer = parsed(connection.received())
            self.assertEqual(answer.status, 400, data)
            self.examine(repr(data), answer, cache=False)
        for data in (b"GET /" + b"x" * 20_000, b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000):
            connection = self.dial()
            connection.send(data + b"\r\n\r\n")
            answer = parsed(connection.received())
            self.assertEqual(answer.status, 431)
            self.examine("long", answer, cache=False)
        connection = self.dial()
        head = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.send(head + b"20000\r\n" + b"x" * 0x20000 + b"\r\n0\r\n\r\n")
        answer = parsed(connection.received())
        self.assertEqual(answer.status, 413)
        self.examine("chunked", answer, cache=False)
