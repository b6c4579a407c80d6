# -*- test-case-name: tests.integration.test_webtls -*-
"""The web pages over TLS, without a proxy."""

from __future__ import annotations

import http.client
import os
import ssl
from datetime import datetime, timezone

from twisted.internet import threads

from tests.certificates import writeCertificate
from tests.integration.masters import MasterTestCase
from tests.ports import freePort

WEB = """
from buildbot.status import html
from buildbot.status.web.auth import BasicAuth
from buildbot.status.web.authz import Authz
c['buildbotURL'] = 'https://localhost:{port}/'
c['status'].append(html.WebStatus(
    http_port='ssl:{port}:interface=127.0.0.1:privateKey={path}:certKey={path}',
    authz=Authz(auth=BasicAuth([('ann', 'sesame')]), default_action='auth')))
"""


class TLSTests(MasterTestCase):
    """A master whose web server has a certificate."""

    async def test_pages(self) -> None:
        """Clients get pages, whatever protocols they offer. The cookie of a login is for TLS alone."""
        path = os.path.join(self.directory, "web.pem")
        writeCertificate(path, "localhost", datetime.now(timezone.utc), 30)
        port = freePort()
        master = await self.startMaster(after=WEB.format(port=port, path=path))

        def asked(protocols: list[str]) -> tuple[str | None, int, str]:
            context = ssl.create_default_context(cafile=path)
            if protocols:
                context.set_alpn_protocols(protocols)
            connection = http.client.HTTPSConnection("localhost", port, timeout=120, context=context)
            connection.connect()
            chosen = connection.sock.selected_alpn_protocol()
            origin = {"Origin": f"https://localhost:{port}"}
            form = {"Content-Type": "application/x-www-form-urlencoded", **origin}
            connection.request("POST", "/login", "username=ann&passwd=sesame&next=/", form)
            answer = connection.getresponse()
            answer.read()
            cookie = answer.headers["Set-Cookie"] or ""
            connection.request("GET", "/me", headers={"Cookie": cookie.partition(";")[0]})
            page = connection.getresponse()
            text = page.read().decode()
            connection.close()
            return chosen, page.status, cookie + text

        for protocols, wanted in ((["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1"), ([], None)):
            chosen, status, said = await threads.deferToThread(asked, protocols)
            self.assertEqual((chosen, status), (wanted, 200), protocols)
            self.assertIn("__Host-bb=", said)
            self.assertIn("; Secure", said)
            self.assertIn("You are ann.", said)
        url = f"https://localhost:{port}"
        refused = await master.run("builds", f"--url={url}")
        self.assertEqual(refused.status, 1)
        self.assertIn("its certificate is not trusted", refused.stderr)

        writeCertificate(path, "localhost", datetime.now(timezone.utc), 3)  # it replaces the trusted one, too
        reconfigured = await master.run("reconfig", master.basedir)
        self.assertIn("(CN=localhost) expires on", reconfigured.words)
        self.assertEqual((await threads.deferToThread(asked, ["http/1.1"]))[1], 200)
        self.assertNoTracebacks(master)
