"""The web server over reconfigs: it stays, it moves, or the old one stands (row 27)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, timezone
from itertools import pairwise
from typing import Any

from twisted.internet.defer import Deferred

from buildbot.web import port
from buildbot.web.accounts.logins import Logins
from buildbot.web.call import Answer, Call
from buildbot.web.routes import Route, Table
from buildbot.web.service import WebStatus
from buildbot.wire.listeners import SlavePort
from tests.stories.web import WebWorld

try:
    from tests.certificates import writeCertificate
except ImportError:
    writeCertificate = None  # type: ignore[assignment]

LIVE = b"GET /live?page=%2Fbuilders HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class ReconfigTests(WebWorld):
    """The configuration changes while people look at pages."""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.add("c['projectName'] = 'Fish'")
        self.successResultOf(self.start())

    def test_tenReconfigs(self) -> None:
        """An open page stays live over ten reconfigs of other things, and events still come."""
        connection, before = self.dial(), self.web
        connection.send(LIVE)
        self.settle()
        for number in range(10):
            self.edit("'full'" if not number else f"'full{number - 1}'", f"'full{number}'")
            self.assertTrue(self.reconfig()["applied"])
            self.wait(2)
            self.assertIn(f"full{number}".encode(), connection.received())
        self.assertIs(self.web, before)
        self.assertFalse(connection.transport.disconnecting)

    def test_otherPort(self) -> None:
        """With another port, the new one opens before the old one closes."""
        old = self.web
        self.edit("http_port=8010", "http_port=8011")
        self.assertTrue(self.reconfig()["applied"])
        self.assertIsNot(self.web, old)
        self.assertEqual(self.web.describePorts(), ["tcp 8011"])
        self.assertEqual(old.describePorts(), [])
        self.assertEqual(self.ask("/builders").status, 200)

    def test_portTaken(self) -> None:
        """A port in use is a clear error. The old web server keeps running, with its open pages."""
        connection, before = self.dial(), self.web
        connection.send(LIVE)
        self.settle()
        self.reactor.taken = 8011
        self.edit("http_port=8010", "http_port=8011")
        outcome = self.reconfig()
        [error] = outcome["errors"]
        self.assertIn("cannot start WebStatus: cannot listen on tcp:8011: address already in use", error)
        self.assertIs(self.web, before)
        self.assertEqual(self.web.describePorts(), ["tcp 8010"])
        self.assertFalse(connection.transport.disconnecting)
        self.reactor.taken = None
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(self.web.describePorts(), ["tcp 8011"])

    def test_otherArgument(self) -> None:
        """With another argument and the same port, the new web server has the port. It was never closed."""
        old, idle, connection = self.web, self.dial(), self.dial()
        connection.send(LIVE)
        self.settle()
        self.reactor.taken = 8010  # nobody can open it again
        for number in (5, 6):
            self.edit(f"numbuilds={number - 1}" if number > 5 else "allowForce=False", f"numbuilds={number}")
            self.assertTrue(self.reconfig()["applied"])
            self.assertEqual(self.web.describePorts(), ["tcp 8010"])
            self.assertEqual(self.ask("/builders").status, 200)
        self.assertEqual(old.describePorts(), [])
        self.assertTrue(idle.transport.disconnecting)
        self.assertTrue(connection.transport.disconnecting)

    def test_otherWords(self) -> None:
        """Other words for the same port are no change: the web server stays, and so do its open pages."""
        connection, before = self.dial(), self.web
        connection.send(LIVE)
        self.settle()
        self.reactor.taken = 8010  # nobody can open it again
        words = ["8010", "'tcp:8010'", "'tcp:port=8010'", "'tcp:8010:interface=0.0.0.0'"]
        for old, new in pairwise(words):
            self.edit(f"http_port={old}", f"http_port={new}")
            self.assertTrue(self.reconfig()["applied"])
            self.assertIs(self.web, before)
        self.assertFalse(connection.transport.disconnecting)

    def test_stoppedWhileLoading(self) -> None:
        """A web server that is stopped before its port is open opens none. It can start later."""
        self._stopInStart(Logins, "load", [])

    def test_stoppedWhileOpening(self) -> None:
        """A web server that is stopped while its port is opened closes it. It can start later."""
        self._stopInStart(port, "openAll", ["tcp:8015"])

    def _stopInStart(self, place: object, name: str, toClose: list[str]) -> None:
        """Stop a web server in an await of its start.

        @param toClose: the ports that it must close.
        """
        waits: Deferred[None] = Deferred()
        real: Any = getattr(place, name)
        closed: list[str] = []

        async def late(*args: Any) -> Any:
            await waits
            return await real(*args)

        async def close(ports: Iterable[SlavePort]) -> None:
            closed.extend(port.description for port in ports)

        patched = self.patch(place, name, late)
        self.patch(port, "closeAll", close)
        web = WebStatus(8015)
        started = web.setServiceParent(self.master)
        stopped = web.disownServiceParent()
        self.assertNoResult(stopped)
        patched.restore()
        waits.callback(None)
        self.settle()
        self.successResultOf(started)
        self.successResultOf(stopped)
        self.assertEqual((web.describePorts(), closed), ([], toClose))
        self.successResultOf(web.setServiceParent(self.master))
        self.assertEqual(web.describePorts(), ["tcp 8015"])
        self.successResultOf(web.disownServiceParent())
        self.assertEqual(closed, [*toClose, "tcp:8015"])

    def test_begunAnswer(self) -> None:
        """An answer that has begun is completed by the old web server."""
        waits: list[Deferred[None]] = []

        async def slow(call: Call) -> Answer:
            waits.append(Deferred())
            await waits[0]
            return Answer(b"late")

        self.web.dispatcher.table = Table((Route("/slow", slow, "Slow."),))
        connection = self.dial()
        connection.send(b"GET /slow HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.edit("allowForce=False", "numbuilds=5")
        self.assertTrue(self.reconfig()["applied"])
        self.assertFalse(connection.transport.disconnecting)
        waits[0].callback(None)
        self.assertIn(b"late", connection.received())
        self.assertTrue(connection.transport.disconnecting)

    def test_failedOnSamePort(self) -> None:
        """If another plug-in does not start, the old web server has its port again, and can change later."""
        self.add("from tests.stories.plugins import Broken; c['sources'] = [Broken()]")
        self.edit("allowForce=False", "numbuilds=5")
        old = self.web
        self.reactor.taken = 8010
        self.assertIn("cannot start Broken", self.reconfig()["errors"][0])
        self.assertIs(self.web, old)
        self.assertEqual(self.ask("/builders").status, 200)
        self.edit("c['sources'] = [Broken()]", "")
        self.assertTrue(self.reconfig()["applied"])
        self.assertIsNot(self.web, old)
        self.assertEqual(self.ask("/builders").status, 200)
        self.flushLoggedErrors(OSError)

    def test_removedAndAdded(self) -> None:
        """A web server that is removed closes its port and its pages. One that is added opens it."""
        connection = self.dial()
        connection.send(LIVE)
        self.settle()
        old = self.web
        self.edit("c['status'] = [html", "c['status'] = [] and [html")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(old.describePorts(), [])
        self.assertTrue(connection.transport.disconnecting)
        self.edit("[] and ", "")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(self.web.describePorts(), ["tcp 8010"])
        self.assertEqual(self.ask("/builders").status, 200)

    def test_two(self) -> None:
        """A master may have two web servers; each has its own arguments."""
        self.edit("allowForce=False)]", "allowForce=False), html.Waterfall(8012)]")
        self.assertTrue(self.reconfig()["applied"])
        servers: tuple[Any, ...] = self.master.config.status
        first, second = servers
        self.assertEqual((first.describePorts(), second.describePorts()), (["tcp 8010"], ["tcp 8012"]))
        self.assertIn("No builder is broken.", self.ask("/").text)
        self.edit("html.WebStatus(http_port=8010, allowForce=False), ", "")
        self.assertTrue(self.reconfig()["applied"])
        self.assertIs(self.web, second)
        self.assertIn('class="waterfall"', self.ask("/").text)

    def test_failedBeside(self) -> None:
        """If another plug-in does not start, the reserved port is closed, and the old web server stands."""
        self.add("from tests.stories.plugins import Broken; c['sources'] = [Broken()]")
        self.edit("http_port=8010", "http_port=8011")
        self.assertIn("cannot start Broken", self.reconfig()["errors"][0])
        self.assertEqual(self.web.describePorts(), ["tcp 8010"])
        self.assertEqual(self.ask("/builders").status, 200)
        self.flushLoggedErrors(OSError)


class CertificateTests(WebWorld):
    """A web server with TLS, whose certificate is replaced while the master runs."""

    if writeCertificate is None:
        skip = "the packages of the tls extra are not installed"

    def setUp(self) -> None:
        self.pem = os.path.abspath(self.mktemp())
        self.certify("old.example")
        self.STATUS = WebWorld.STATUS.replace("8010", f"'ssl:8010:privateKey={self.pem}:certKey={self.pem}'")
        WebWorld.setUp(self)
        self.successResultOf(self.start())

    def certify(self, name: str) -> None:
        """Write a certificate."""
        writeCertificate(self.pem, name, datetime.now(timezone.utc), 100)

    def certificate(self) -> str:
        """The name in the certificate of the next connection."""
        (port,) = self.web.openPorts()
        return str(port.context.options.certificate.get_subject().CN)

    def test_renewed(self) -> None:
        """A reconfig reads the certificate again, whether it changes the web server or not."""
        self.assertEqual(self.certificate(), "old.example")
        before = self.web
        self.certify("first.example")
        self.add("c['projectName'] = 'Fish'")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(self.certificate(), "first.example")
        self.assertIs(self.web, before)
        self.certify("second.example")
        self.edit("allowForce=False", "allowForce=True")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(self.certificate(), "second.example")
        self.assertIsNot(self.web, before)

    def test_damaged(self) -> None:
        """A reconfig of the web server with a damaged certificate is refused, and the old one stays."""
        with open(self.pem, "w", encoding="ascii") as file:
            file.write("nothing")
        self.edit("allowForce=False", "allowForce=True")
        outcome = self.reconfig()
        self.assertFalse(outcome["applied"])
        self.assertIn("certificate", "".join(outcome["errors"]))
        self.assertEqual((self.certificate(), self.ask("/builders").status), ("old.example", 200))
        self.certify("new.example")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(self.certificate(), "new.example")
