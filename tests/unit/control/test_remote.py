"""The command line asks a master on another machine."""

from __future__ import annotations

import http.client
import io
import json
import ssl
import urllib.error
from email.message import Message
from typing import Any

from twisted.trial import unittest

from buildbot.control import remote
from buildbot.control.client import ControlError, NoAnswer, Unreachable
from buildbot.control.remote import NeverTaken, NotRemote, questionOf, request

URL = "https://ci.example.org/bb/"


class Site:
    """A web server that gives one answer, or fails."""

    def __init__(self, answer: bytes = b"{}", failure: Exception | None = None) -> None:
        self._answer = answer
        self._failure = failure
        self.asked: list[Any] = []

    def __call__(self, asked: Any, timeout: float) -> Any:
        self.asked.append(asked)
        if self._failure is not None:
            raise self._failure
        return io.BytesIO(self._answer)


def refusal(status: int, body: bytes) -> urllib.error.HTTPError:
    """A refusal of the web server."""
    return urllib.error.HTTPError(URL, status, "", Message(), io.BytesIO(body))


class RemoteTests(unittest.TestCase):
    """One request, one answer."""

    def ask(self, site: Site, command: str = "builds", url: str = URL, token: str = "", **params: Any) -> Any:
        """The answer to a command."""
        return request(url, token, command, params, 1.0, site)

    def test_question(self) -> None:
        """A question is a GET with its parameters; the answer is what the server sends."""
        site = Site(b'{"running": []}')
        self.assertEqual(self.ask(site, builder="a/b", count=3), {"running": []})
        (asked,) = site.asked
        self.assertEqual(asked.get_method(), "GET")
        self.assertEqual(asked.full_url, f"{URL}api/v1/overview?builder=a%2Fb&count=3")

    def test_change(self) -> None:
        """The author of a change is sent; only who acts is left to the token."""
        asked = questionOf("sendchange", {"who": "ann", "files": []})
        self.assertEqual((asked.path, asked.body), ("changes", {"who": "ann", "files": []}))

    def test_neverTaken(self) -> None:
        """Values that can never be used are told apart from a master that does not take them now."""
        for status, kind in ((400, NeverTaken), (413, NeverTaken), (503, ControlError), (403, ControlError)):
            try:
                self.ask(Site(failure=refusal(status, b'{"title": "no"}')), "sendchange", files=[])
            except ControlError as why:
                self.assertIs(type(why), kind, status)

    def test_action(self) -> None:
        """An action is a POST with the token and a key of its own; the token tells who acts."""
        site = Site()
        self.ask(site, "force", token="secret", builder="a/b", who="ann", reason="why")
        (asked,) = site.asked
        self.assertEqual(asked.full_url, f"{URL}api/v1/builders/a%2Fb/force")
        self.assertEqual(json.loads(asked.data), {"reason": "why"})
        self.assertEqual(asked.get_header("Authorization"), "Bearer secret")
        self.assertTrue(asked.get_header("Idempotency-key"))

    def test_stop(self) -> None:
        """A build is stopped by its number, or as the only one that runs."""
        self.assertEqual(
            questionOf("stopbuild", {"builder": "a", "number": 7}).path, "builders/a/builds/7/stop"
        )
        self.assertEqual(questionOf("stopbuild", {"builder": "a"}).path, "builders/a/stop")

    def test_others(self) -> None:
        """Other commands work only on the master's machine."""
        self.assertRaises(NotRemote, self.ask, Site(), "progress")

    def test_questions(self) -> None:
        """Commands about slaves, the master and builds have their paths."""
        for command, params, path, body in (
            ("pause", {"slave": "a b", "who": "ann", "why": "x"}, "slaves/a%20b/pause", {"why": "x"}),
            ("disconnect", {"slave": "b"}, "slaves/b/disconnect", {}),
            ("reconfig", {"dryRun": True, "who": "ann"}, "reconfig", {"dryRun": True}),
            ("shutdown", {"who": "ann"}, "shutdown", {}),
            ("cancelshutdown", {}, "shutdown/cancel", {}),
            ("build", {"builder": "a/b", "number": 7}, "builders/a%2Fb/builds/7/record", None),
            ("audit", {"count": 5}, "audit", None),
            (
                "rebuild",
                {"builder": "a", "number": 7, "reason": "x"},
                "builders/a/builds/7/rebuild",
                {"reason": "x"},
            ),
            ("request", {"builder": "a/b", "request": 5}, "builders/a%2Fb/requests/5", None),
            ("cancel", {"builder": "a", "request": 5}, "requests/5/cancel", {}),
            ("cancel", {"builder": "a", "who": "ann"}, "builders/a/cancel", {}),
        ):
            asked = questionOf(command, params)
            self.assertEqual((asked.path, asked.body), (path, body))

    def test_refusals(self) -> None:
        """A refusal is told in the words of the server, an unknown builder as on the master's machine."""
        body = json.dumps({"title": "There is no builder ful", "hint": "Did you mean full?"}).encode()
        told = self.assertRaises(ControlError, self.ask, Site(failure=refusal(404, body)), builder="ful")
        self.assertEqual(str(told), "no builder 'ful' in c['builders'] (Did you mean full?)")
        body = json.dumps({"title": "This is not possible now", "detail": "no build runs"}).encode()
        told = self.assertRaises(ControlError, self.ask, Site(failure=refusal(409, body)))
        self.assertEqual(str(told), "no build runs")
        told = self.assertRaises(ControlError, self.ask, Site(failure=refusal(502, b"<html>")))
        self.assertIn("status 502", str(told))

    def test_proxy(self) -> None:
        """A proxy whose master is away is told apart from a site that is no master."""
        for status in (502, 503, 504):
            told = self.assertRaises(Unreachable, self.ask, Site(failure=refusal(status, b"<html>")))
            self.assertIn("the master behind it does not answer", str(told))
        told = self.assertRaises(ControlError, self.ask, Site(failure=refusal(404, b"<html>")))
        self.assertNotIsInstance(told, Unreachable)
        self.assertIn("is it the address of a Buildbot master?", str(told))
        busy = json.dumps({"title": "Too many searches"}).encode()
        told = self.assertRaises(ControlError, self.ask, Site(failure=refusal(503, busy)))
        self.assertNotIsInstance(told, Unreachable)

    def test_redirect(self) -> None:
        """A redirect is not followed, because the token would go to another site."""
        moved = refusal(302, b"")
        moved.headers["Location"] = "https://other.example.org/"
        told = self.assertRaises(ControlError, self.ask, Site(failure=moved))
        self.assertIn("leads to https://other.example.org/", str(told))

    def test_notThere(self) -> None:
        """A server that is away, slow or something else is told."""
        away = urllib.error.URLError(ConnectionRefusedError(111, "Connection refused"))
        self.assertIn("cannot reach", str(self.assertRaises(ControlError, self.ask, Site(failure=away))))
        self.assertRaises(NoAnswer, self.ask, Site(failure=TimeoutError()))
        self.assertIn("no JSON", str(self.assertRaises(ControlError, self.ask, Site(b"<html>"))))

    def test_secret(self) -> None:
        """A token is not sent in the clear to another machine; nothing is sent to an odd address."""
        for url in ("http://ci.example.org/", "file:///etc/passwd", "ci.example.org"):
            site = Site()
            self.assertRaises(ControlError, self.ask, site, url=url, token="secret")
            self.assertEqual(site.asked, [])
        self.ask(Site(), url="http://127.0.0.1:8010/", token="secret")

    def test_odd(self) -> None:
        """An answer that is too large, a server that is slow to connect, and a bad certificate are told."""
        self.patch(remote, "LARGEST", 10)
        self.assertIn("ask for less", str(self.assertRaises(ControlError, self.ask, Site(b"[" + b"1," * 20))))
        self.patch(remote, "LARGEST", 1000)
        slow = urllib.error.URLError(TimeoutError())
        self.assertRaises(NoAnswer, self.ask, Site(failure=slow))
        wrong = ssl.SSLCertVerificationError("wrong")
        wrong.verify_message = "self-signed certificate"
        told = self.assertRaises(ControlError, self.ask, Site(failure=urllib.error.URLError(wrong)))
        self.assertIn("its certificate is not trusted: self-signed certificate", str(told))
        told = self.assertRaises(ControlError, self.ask, Site(failure=http.client.BadStatusLine("x")))
        self.assertIn("cannot reach", str(told))
        body = json.dumps({"title": "You must log in first"}).encode()
        told = self.assertRaises(ControlError, self.ask, Site(failure=refusal(401, body)))
        self.assertIn("give --token FILE", str(told))


class Pieces:
    """An answer that comes in pieces."""

    def __init__(self, *pieces: bytes, length: int | None = None) -> None:
        self._pieces = list(pieces)
        self.headers = {} if length is None else {"Content-Length": str(length)}

    def __enter__(self) -> Pieces:
        return self

    def __exit__(self, *why: object) -> None:
        pass

    def read1(self, size: int) -> bytes:
        """The next piece; nothing at the end."""
        return self._pieces.pop(0) if self._pieces else b""


class StreamTests(unittest.TestCase):
    """A long answer, as it comes."""

    def pieces(self, answer: Any, token: str = "") -> list[bytes]:
        """All pieces of an answer."""
        asked: list[Any] = []

        def open(request: Any, timeout: float) -> Any:
            asked.append(request)
            if isinstance(answer, Exception):
                raise answer
            return answer

        found = list(remote.stream(URL, token, "builders/full/text", {"follow": "1"}, open))
        self.assertEqual(asked[0].full_url, f"{URL}builders/full/text?follow=1")
        self.assertEqual(asked[0].get_header("Authorization"), f"Bearer {token}" if token else None)
        return found

    def test_pieces(self) -> None:
        """The pieces come one by one, of an answer of known length or not."""
        self.assertEqual(self.pieces(Pieces(b"one", b"two", length=6)), [b"one", b"two"])
        self.assertEqual(self.pieces(Pieces(b"one"), "secret"), [b"one"])

    def test_cut(self) -> None:
        """A connection that is cut is told, and so are refusals."""
        told = self.assertRaises(ControlError, self.pieces, Pieces(b"one", length=6))
        self.assertIn("3 of 6 bytes", str(told))
        body = json.dumps({"title": "You may not do this"}).encode()
        self.assertIn(
            "You may not do this", str(self.assertRaises(ControlError, self.pieces, refusal(403, body)))
        )
        told = self.assertRaises(ControlError, self.pieces, http.client.IncompleteRead(b""))
        self.assertEqual(str(told), f"cannot reach {URL}: the connection was cut")
