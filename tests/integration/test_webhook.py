# -*- test-case-name: tests.integration.test_webhook -*-
"""Messages to a real web server."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from twisted.trial.unittest import TestCase

from buildbot.outgoing.target import TargetDown
from buildbot.webhooks.http import Address, HttpTarget

MESSAGE = {"id": "a.1", "body": '{"type": "build.finished"}'}


class Handler(BaseHTTPRequestHandler):
    """I answer with the status that the server has."""

    protocol_version = "HTTP/1.1"
    server: Any

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.client_address, self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        if self.server.closes:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Log nothing."""


class HttpTests(TestCase):
    """A web server on the loopback."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server = server
        self.server.daemon_threads = True
        self.server.got, self.server.status, self.server.closes = [], 200, False
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        url = f"http://127.0.0.1:{self.server.server_port}/hook?a=b"
        any: Any = reactor
        self.target = HttpTarget(Address(url, "sesame"), any, lambda: 1000.0, "buildbot/1")
        self.addCleanup(self.target.rest)

    async def test_posted(self) -> None:
        """Messages are posted over one connection, with the signature."""
        for _ in range(3):
            await self.target.deliver(MESSAGE)
        clients, paths, headers, bodies = zip(*self.server.got, strict=True)
        self.assertEqual(len(set(clients)), 1)
        self.assertEqual(set(paths), {"/hook?a=b"})
        self.assertEqual(set(bodies), {b'{"type": "build.finished"}'})
        self.assertRegex(headers[0]["webhook-signature"], "^v1,")

    async def test_closed(self) -> None:
        """A server that closes idle connections gets each message all the same."""
        self.server.closes = True
        for _ in range(3):
            await self.target.deliver(MESSAGE)
        self.assertEqual(len(self.server.got), 3)

    async def test_redirect(self) -> None:
        """A redirect is not followed."""
        self.server.status = 307
        with self.assertRaises(TargetDown):
            await self.target.deliver(MESSAGE)
        self.assertEqual([path for _, path, _, _ in self.server.got], ["/hook?a=b"])

    async def test_nobody(self) -> None:
        """A port where nobody listens is a target that is down."""
        self.server.shutdown()
        self.server.server_close()
        with self.assertRaises(TargetDown) as raised:
            await self.target.deliver(MESSAGE)
        self.assertEqual(raised.exception.reason, "Connection refused")
