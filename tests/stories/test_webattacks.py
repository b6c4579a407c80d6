"""Requests of attackers: two readings of one request, hosts, depth, ranges and others' ETags."""

from __future__ import annotations

from typing import Any

from tests.stories.test_ownpages import FilesCase
from tests.stories.test_websight import ANN, SightCase
from tests.stories.web import Response, parsed

HOST = b"Host: 127.0.0.1:8010\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
POST = b"POST /login HTTP/1.1\r\n" + HOST


class RequestTests(FilesCase):
    """Bytes arrive that a proxy may read in another way."""

    def setUp(self) -> None:
        FilesCase.setUp(self)
        self.put("own.txt", "0123456789" * 10)
        self.successResultOf(self.start())

    def send(self, data: bytes) -> bytes:
        """All that comes back."""
        connection = self.dial()
        connection.send(data)
        self.settle()
        self.reactor.advance(1)
        return connection.received()

    def get(self, path: bytes, more: bytes = b"") -> Response:
        """The answer to a GET."""
        return parsed(self.send(b"GET " + path + b" HTTP/1.1\r\n" + HOST + more + b"\r\n"))

    def test_twoReadings(self) -> None:
        """A request with two lengths, two hosts or an odd length is refused, and nothing after it is read."""
        after = b"GET /audit HTTP/1.1\r\n" + HOST + b"\r\n"
        for data in (
            POST + b"Content-Length: 4\r\n" + _CHUNKED + b"\r\n0\r\n\r\n",
            POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
            POST + b"Content-Length: 5, 5\r\n\r\nabcde",
            POST + b"Content-Length: +5\r\n\r\nabcde",
            POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            POST + _CHUNKED + b"\r\n0x1\r\nx\r\n0\r\n\r\n",
            POST + _CHUNKED + b"\r\n1_0\r\nx\r\n0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: evil.example.org\r\n" + HOST + b"\r\n",
            b"GET / HTTP/1.1\r\n" + HOST + b"Host: evil.example.org\r\n\r\n",
        ):
            received = self.send(data + after)
            self.assertTrue(received.startswith(b"HTTP/1.1 400 "), data)
            self.assertEqual(received.count(b"HTTP/1.1 "), 1, data)

    def test_nul(self) -> None:
        """A NUL in an address or a parameter is refused in words: some databases cannot even look for it."""
        for path in (
            b"/builders/a%00b/builds/1",
            b"/api/v1/builders/a%00b/builds/1",
            b"/changes?author=%00",
            b"/changes?revision=abcd%00",
            b"/search?q=abc%00",
            b"/waterfall?branch=%00",
            b"/console?branch=x&branch=%00",
            b"/api/v1/builds?branch=a%00",
            b"/builds?%00=1",
        ):
            answer = self.get(path)
            self.assertEqual(answer.status, 400 if b"?" in path else 404, path)
            self.assertIn("NUL character", answer.text)

    def test_wholeURL(self) -> None:
        """A URL in the place of the path counts with its host, whatever the header says."""
        self.assertEqual(self.get(b"http://127.0.0.1:8010/changes?numchanges=5").status, 200)
        self.assertEqual(self.get(b"http://evil.example.org/changes").status, 421)
        self.assertEqual(self.get(b"http://127.0.0.1").status, 200)

    def test_forwarded(self) -> None:
        """Headers of a proxy that is not trusted change no address, and no path."""
        plain = self.get(b"/atom").body
        for header in (
            b"X-Forwarded-Host: evil.example.org",
            b"Forwarded: host=evil.example.org",
            b"X-Original-URL: /audit",
            b"X-Forwarded-Prefix: /evil",
            b"X-Forwarded-Proto: https",
        ):
            self.assertEqual(self.get(b"/atom", header + b"\r\n").body, plain, header)

    def test_deep(self) -> None:
        """The error about a very deep path is short: it has no links that lead all the way back."""
        answer = self.get(b"/a" * 5000)
        self.assertEqual((answer.status, answer.headers["content-type"]), (404, "text/plain; charset=utf-8"))
        self.assertLess(len(answer.body), 11_000)

    def test_encodings(self) -> None:
        """An answer is compressed only for a client that takes it so."""
        for said, isZipped in (
            (b"gzip", True),
            (b"br, GZIP;q=0.5", True),
            (b"*", True),
            (b"gzip;q=0", False),
            (b"gzip; q=0.00", False),
            (b"xgzip", False),
            (b"", False),
        ):
            answer = self.get(b"/builders", b"Accept-Encoding: " + said + b"\r\n")
            self.assertEqual("content-encoding" in answer.headers, isZipped, said)
            self.assertIn("Accept-Encoding", answer.headers["vary"])

    def test_ranges(self) -> None:
        """Very many ranges of an own file are the whole file once."""
        for count, status in ((1, 206), (5, 206), (50, 200)):
            ranges = b"Range: bytes=" + b",".join([b"0-"] * count) + b"\r\n"
            self.assertEqual(self.get(b"/own.txt", ranges).status, status, count)

    def test_paths(self) -> None:
        """No path leads out of the directory of own files."""
        for path in (
            b"/../master.cfg",
            b"/..%2fmaster.cfg",
            b"/%2e%2e/master.cfg",
            b"/static/..%2f..%2fmaster.cfg",
            b"/..%5cmaster.cfg",
            b"/own.txt/../../master.cfg",
            b"/own.txt%00.html",
            b"/%00",
            b"/%ff%fe",
            b"//own.txt/../../master.cfg",
            b"/change_hook/..%2f..%2fmaster.cfg",
        ):
            answer = self.get(path)
            self.assertEqual(answer.status, 404, path)
            self.assertNotIn(b"slavePortnum", answer.body)


class OthersTests(SightCase):
    """A visitor sends the ETag of another visitor."""

    def test_etags(self) -> None:
        """The ETag of another visitor's answer tells nothing, and gets the visitor's own answer."""
        for path in ("/builders", "/api/v1/builders", "/atom?only=all", "/cctray.xml", "/json/builders"):
            for who, other in (({}, ANN), (ANN, {})):
                theirs: Any = other
                etag = self.ask(path, **theirs).headers["etag"]
                answer = self.ask(path, If_None_Match=etag, **who)
                self.assertEqual(answer.status, 200, path)
                self.assertEqual("no-store" in answer.headers["cache-control"], bool(who), path)
