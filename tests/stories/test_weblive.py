"""Open pages: their streams of changes."""

from __future__ import annotations

import zlib
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail

from buildbot.status.topics import BUILDERS
from buildbot.web import live
from buildbot.web.lastrows import LastRows
from tests.stories.test_webpages import BuildingCase
from tests.stories.web import parsed
from tests.stories.world import World


class StreamTests(BuildingCase):
    """A browser keeps a page open."""

    def open(self, page: str = "%2Fbuilders", more: str = "", codings: str = "") -> Any:
        """Open the stream of a page.

        @param codings: what the browser can decompress.
        """
        connection = self.dial()
        head = f"Host: 127.0.0.1\r\nAccept-Encoding: {codings}\r\n"
        line = f"GET /live?page={page}{more} HTTP/1.1\r\n{head}\r\n"
        connection.send(line.encode())
        self.settle()
        return connection

    def test_since(self) -> None:
        """A page that is up to date gets no parts again; one that is not gets them."""
        last = self.master.status.topics.lastId()
        self.assertNotIn(b"event: parts", self.open(more=f"&since={last}").received())
        self.force()
        late = self.open(more=f"&since={last}")
        self.wait(1)
        self.assertIn(b"event: parts", late.received())

    def test_shared(self) -> None:
        """Two browsers on one page share it; it ends with the last of them."""
        first, second = self.open(), self.open()
        self.assertEqual(self.master.status.topics.count(), 1)
        first.close()
        self.force()
        self.wait(2)
        self.assertIn(b"building", second.received())
        second.close()
        self.assertEqual(self.master.status.topics.count(), 0)

    def test_together(self) -> None:
        """A page is made once for hundreds of browsers that open it at the same time."""
        made = 0
        rows: Deferred[None] = Deferred()
        original = LastRows.of

        async def later(*args: Any) -> Any:
            nonlocal made
            made += 1
            await rows
            return await original(*args)

        self.patch(LastRows, "of", later)
        self.force()
        browsers = [self.open() for _ in range(100)]
        self.master.status.topics.touch(BUILDERS)
        self.settle()
        rows.callback(None)
        self.settle()
        self.assertEqual(made, 1)
        self.assertEqual({each.received().count(b"event: parts") for each in browsers}, {0})
        self.wait(2)
        self.assertEqual({each.received().count(b"event: parts") for each in browsers}, {1})
        self.assertEqual(made, 2)

    def test_cleanStop(self) -> None:
        """An open page about the master tells that somebody wants it to stop, and that it does not stop."""
        self.force()
        stream = self.open("%2Fabout")
        ensureDeferred(self.master.commands["shutdown"]("ann"))
        self.wait(2)
        self.assertIn(b"ann wants the master to stop", stream.received())
        before = len(stream.received())
        ensureDeferred(self.master.commands["cancelshutdown"]("ann"))
        self.wait(2)
        self.assertIn(b"event: parts", stream.received()[before:])
        stream.close()

    def test_nobody(self) -> None:
        """A live page ends if its only client goes away while the page is made for the first time."""
        rows: Deferred[Any] = Deferred()
        self.patch(self.store, "getLastRows", lambda *args: rows)
        self.force()
        self.open().close()
        rows.callback([])
        self.wait(16)
        self.assertEqual(self.master.status.topics.count(), 0)

    def test_alive(self) -> None:
        """A sign of life comes every 15 seconds, but not to a client that does not read."""
        first, slow = self.open(), self.open()
        slow.protocol.pauseProducing()
        self.wait(16)
        self.assertIn(b": alive", first.received())
        self.assertNotIn(b": alive", slow.received())
        first.close()
        slow.close()
        self.wait(16)

    def test_longPause(self) -> None:
        """A new browser gets the last state at once if the next update is far."""
        first = self.open()
        self.patch(live, "BYTES", 1)
        self.force()
        self.wait(2)
        self.commands[0].end(0)
        self.assertIn(b"building", first.received())
        late = self.open()
        self.assertIn(b"event: parts", late.received())

    def test_compressed(self) -> None:
        """Browsers that can decompress a stream get it compressed, the others do not; all get the same."""
        plain, packed = self.open(), self.open(codings="gzip, deflate, br, zstd")
        refusing = self.open(codings="gzip, deflate;q=0")
        self.force()
        self.wait(2)
        late = self.open(codings="deflate")
        self.wait(20)
        for number in (0, 1):
            self.commands[number].end(0)
            self.wait(2)
        whole = parsed(plain.received())
        self.assertNotIn("content-encoding", whole.headers)
        self.assertEqual(whole.headers["vary"], "Accept-Encoding")
        self.assertEqual(parsed(refusing.received()).body, whole.body)
        said = parsed(packed.received())
        self.assertEqual(
            (said.headers["content-encoding"], said.headers["vary"]), ("deflate", "Accept-Encoding")
        )
        self.assertEqual(zlib.decompressobj().decompress(said.body), whole.body)
        self.assertLess(len(said.body), len(whole.body) / 2)
        self.assertIn(b"event: parts", zlib.decompressobj().decompress(parsed(late.received()).body))
        World.stop(self)
        ended = zlib.decompressobj()
        self.assertTrue(ended.decompress(parsed(packed.received()).body).startswith(b"retry: 3000"))
        self.assertTrue(ended.eof)

    def test_compressedUpdates(self) -> None:
        """A page with very many readers is updated more often if they get it compressed."""
        self.patch(live, "BYTES", 150)
        self.force()
        counts = []
        for codings in ("", "deflate"):
            stream = self.open(codings=codings)
            for _ in range(30):
                self.master.status.topics.touch(BUILDERS)
                self.wait(1)
            body = parsed(stream.received()).body
            counts.append((zlib.decompressobj().decompress(body) if codings else body).count(b"event: "))
            stream.close()
        self.assertGreater(counts[1], 1.5 * counts[0])

    def test_slow(self) -> None:
        """A client that does not read loses its stream at the next change, and may come back."""
        slow = self.open()
        slow.protocol.pauseProducing()
        self.force()
        self.wait(2)
        self.assertEqual(self.master.status.topics.count(), 0)

    def test_changesMeanwhile(self) -> None:
        """Changes that come faster than twice a second are sent together, and none is lost."""
        stream = self.open()
        self.force()
        self.wait(1)
        self.commands[0].end(0)
        self.wait(3)
        self.commands[1].end(0)
        self.wait(3)
        self.assertIn(b"#0", stream.received())
        self.assertGreater(stream.received().count(b"event: "), 2)

    def test_refused(self) -> None:
        """A page that does not exist, is not live, or has a wrong parameter has no stream."""
        for page, status in (
            ("%2Fnowhere", b" 404 "),
            ("%2Fbuilders%2Fx", b" 404 "),
            ("%2Fstatic%2Fx.css", b" 404 "),
            ("%2Fone_line_per_build%3Fnumbuilds%3Dx", b" 400 "),
        ):
            self.assertIn(status, self.open(page).received(), page)
        self.assertIn(b" 200 ", self.open("").received())

    def test_tooMany(self) -> None:
        """A stream above the limit is refused for a minute."""
        self.patch(live, "MOST", 1)
        self.open()
        refused = self.open().received()
        self.assertIn(b" 503 ", refused)
        self.assertIn(b"Retry-After: 60", refused)

    def test_fails(self) -> None:
        """A page that cannot be made again ends its streams; the log has the reason."""
        stream = self.open()
        self.patch(self.store, "getLastRows", lambda *args: fail(ZeroDivisionError()))
        self.force()
        self.wait(2)
        self.assertEqual(self.master.status.topics.count(), 0)
        self.assertTrue(self.flushLoggedErrors(ZeroDivisionError))
        stream.close()

    def test_stops(self) -> None:
        """The streams end when the master stops."""
        stream = self.open()
        World.stop(self)
        self.assertTrue(stream.transport.disconnecting)
