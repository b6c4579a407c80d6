"""The web server of a master: pages, errors, headers and limits, through HTTP."""

from __future__ import annotations

import gzip

from twisted.internet.defer import Deferred
from twisted.python.versions import Version

from buildbot.web import service
from buildbot.web.call import Answer, Out, Stream
from buildbot.web.routes import Route, Table
from tests.stories.web import WebWorld


class WebTests(WebWorld):
    """Requests to a master with one builder."""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.successResultOf(self.start())

    def test_pages(self) -> None:
        """The first pages show the builder; every answer has the headers that protect it."""
        home = self.ask("/")
        self.assertEqual(home.status, 200)
        self.assertIn("No builder is broken.", home.text)
        self.assertIn("default-src 'none'", home.headers["content-security-policy"])
        self.assertNotIn("server", home.headers)
        self.assertIn('<a href="builders/full">full</a>', self.ask("/builders").text)

    def test_errors(self) -> None:
        """An unknown page, a wrong method and a wrong parameter are told in plain words."""
        self.assertEqual(self.ask("/nowhere").status, 404)
        wrong = self.ask("/builders", "POST")
        self.assertEqual((wrong.status, wrong.headers["allow"]), (405, "GET, HEAD"))
        self.assertIn("There is no such page", self.ask("/%ff/%00").text)
        plain = self.ask("/nowhere", Accept="text/plain")
        self.assertEqual(plain.headers["content-type"], "text/plain; charset=utf-8")

    def test_unchanged(self) -> None:
        """A page that has not changed is not sent again."""
        first = self.ask("/about")
        again = self.ask("/about", If_None_Match=first.headers["etag"])
        self.assertEqual((again.status, again.body), (304, b""))

    def test_compressed(self) -> None:
        """A page is compressed for a browser that asks for it."""
        small = self.ask("/builders", Accept_Encoding="gzip")
        self.assertEqual(small.headers["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(small.body), self.ask("/builders").body)

    def test_head(self) -> None:
        """HEAD has the headers of GET, and no body."""
        whole, head = self.ask("/about"), self.ask("/about", "HEAD")
        self.assertEqual(head.body, b"")
        self.assertEqual(head.headers["content-length"], str(len(whole.body)))

    def test_largeBody(self) -> None:
        """A body that is too large is refused before it is read; the connection is closed."""
        connection = self.dial()
        connection.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n")
        self.assertIn(b" 413 ", connection.received())
        self.assertTrue(connection.transport.disconnecting)

    def test_mute(self) -> None:
        """A client that does not read is disconnected after a minute."""
        connection = self.dial()
        connection.protocol.pauseProducing()
        self.reactor.advance(59)
        self.assertFalse(connection.transport.disconnecting)
        self.reactor.advance(2)
        self.assertTrue(connection.transport.disconnecting)

    def test_staysOverReconfig(self) -> None:
        """A reconfig that does not touch the web server keeps it as it is."""
        before = self.web.site
        self.edit("'full'", "'other'")
        self.assertTrue(self.reconfig()["applied"])
        self.assertIs(self.web.site, before)
        self.assertIn("other", self.ask("/builders").text)

    def test_stopped(self) -> None:
        """The port is closed when the web server leaves the configuration."""
        self.edit("c['status'] = [html.WebStatus(http_port=8010, allowForce=False)]", "")
        port, logs = self.web.site, self.master.botmaster.resources.logs
        self.assertEqual(len(logs.readers), 1)
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(list(port.connections), [])
        self.assertEqual(len(logs.readers), 0)


class OldTwistedTests(WebWorld):
    """A Twisted with known holes in its web server."""

    def test_refused(self) -> None:
        """The master does not start, and says which Twisted the pages need."""
        self.patch(service, "OLDEST_TWISTED", Version("Twisted", 99, 1, 0))
        why = self.failureResultOf(self.start())
        self.assertIn("needs Twisted 99.1.0 or later", why.getErrorMessage())


class HandlerTests(WebWorld):
    """Handlers with faults: people see a plain error, and the log has the reason."""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.successResultOf(self.start())
        self.web.dispatcher.table = Table(
            [
                Route("/odd", lambda call: 5, "It returns no page."),
                Route("/split", lambda call: Answer(b"", headers=(("X", "a\r\nb"),)), "It splits a header."),
                Route("/stream", lambda call: Stream(self.fails), "Its stream fails."),
                Route("/never", lambda call: Deferred(), "It never answers."),
            ]
        )

    async def fails(self, out: Out) -> None:
        """A stream that fails after some bytes."""
        out.write(b"some")
        raise ValueError("a fault")

    def test_odd(self) -> None:
        """A handler that returns something else than a page is a failed page."""
        self.assertEqual(self.ask("/odd").status, 500)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_split(self) -> None:
        """A header with a line break is never sent."""
        answer = self.ask("/split")
        self.assertEqual(answer.status, 500)
        self.assertNotIn("x", answer.headers)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_stream(self) -> None:
        """A stream that fails ends; a question for its headers only does not begin it."""
        self.assertEqual(self.ask("/stream").text, "some")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(self.ask("/stream", "HEAD").body, b"")

    def test_gone(self) -> None:
        """A client that goes away stops the work on its answer."""
        connection = self.dial()
        connection.send(b"GET /never HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        connection.close()
        self.settle()
        self.assertEqual(connection.received(), b"")
