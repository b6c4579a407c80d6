# -*- test-case-name: tests.unit.readers.test_door -*-
"""The master tells in its store where it is, and answers there who knows the secret."""

from __future__ import annotations

import json
import os
import shutil
import socket
from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial import unittest
from twisted.web.test.requesthelper import DummyRequest

from buildbot.readers import whereabouts
from buildbot.readers.door import LinkResource, Offer
from buildbot.readers.sealing import HEADER, sealOf, sealOfAnswer
from buildbot.readers.whereabouts import KEY, here, whereaboutsOf
from buildbot.store.interface import StoreFailed
from buildbot.store.memory import MemoryStore

SECRET = "ab" * 32
ANN = "a" * 32


class Broken(MemoryStore):
    """A store that fails when it is told to."""

    isBroken = False

    def setState(self, key: str, value: Any) -> Deferred[None]:
        """See L{MemoryStore}."""
        if self.isBroken:
            raise StoreFailed("the disk is full")
        return super().setState(key, value)


class Web:
    """A web server with open ports."""

    def __init__(self, *ports: Any) -> None:
        self.ports = ports

    def openPorts(self) -> list[Any]:
        """See L{buildbot.web.service.WebStatus}."""
        return [
            SimpleNamespace(
                description=kind, listening=SimpleNamespace(getHost=lambda at=at: at), context=tls
            )
            for kind, at, tls in self.ports
        ]


def tcp(host: str, port: int) -> IPv4Address:
    """An address."""
    return IPv4Address("TCP", host, port)


class OfferTests(unittest.SynchronousTestCase):
    """A process with pages finds the master."""

    def setUp(self) -> None:
        self.patch(whereabouts, "ownAddress", lambda: ["10.0.0.5"])
        self.patch(socket, "gethostname", lambda: "m1")
        self.home = self.mktemp()
        os.mkdir(self.home)
        self.store = Broken()
        self.successResultOf(self.store.open())
        self.web = Web(("tcp:8010", tcp("0.0.0.0", 8010), None))
        self.offer = Offer(self.store, self.home, lambda: [self.web])

    def tell(self) -> Any:
        """Tell, and return what the store has."""
        self.successResultOf(ensureDeferred(self.offer.tell()))
        return whereaboutsOf(self.successResultOf(self.store.getState(KEY)))

    def urls(self, *ports: Any) -> list[str]:
        """The addresses with these open ports."""
        return list(here(self.home, [Web(*ports)], SECRET).urls)

    def test_tells(self) -> None:
        """It tells the address and the name of its machine, its directory, and a secret of its own."""
        found = self.tell()
        self.assertEqual(found.urls, ("http://10.0.0.5:8010/readers-link", "http://m1:8010/readers-link"))
        self.assertEqual(found.name, f"m1:{os.path.realpath(self.home)}")
        self.assertEqual(found.secret, self.offer.secret)
        self.assertTrue(found.isIn(self.home))
        self.assertFalse(found.isIn("/elsewhere"))
        copy = self.mktemp()
        shutil.copytree(self.home, copy)
        self.assertFalse(found.isIn(copy))
        self.assertNotIn(found.secret, repr(found))
        self.assertNotEqual(Offer(self.store, self.home, lambda: []).secret, found.secret)

    def test_changes(self) -> None:
        """After a reconfig it tells another port; without a change it writes nothing."""
        self.tell()
        self.store.isBroken = True
        self.tell()
        self.store.isBroken = False
        self.web.ports = (("tcp:8011", tcp("10.1.1.1", 8011), None),)
        self.assertEqual(self.tell().urls, ("http://10.1.1.1:8011/readers-link",))

    def test_broken(self) -> None:
        """A store that fails does not stop the master: the next reconfig tells it."""
        self.store.isBroken = True
        self.assertIsNone(self.tell())
        self.store.isBroken = False
        self.assertIsNotNone(self.tell())

    def test_ports(self) -> None:
        """Ports that another machine cannot speak to by itself are left out."""
        self.assertEqual(self.urls(("unix:x", UNIXAddress("x"), None)), [])
        self.assertEqual(self.urls(("haproxy:tcp:1", tcp("", 1), None)), [])
        six = IPv6Address("TCP", "fd00::5", 80)
        self.assertEqual(self.urls(("tcp6:80", six, None)), ["http://[fd00::5]:80/readers-link"])

    def test_certificate(self) -> None:
        """With TLS it tells the digest of its certificate, so that no other server can take its place."""
        certificate = SimpleNamespace(digest=lambda name: b"AB:CD")
        tls = SimpleNamespace(options=SimpleNamespace(certificate=certificate))
        found = here(self.home, [Web(("ssl:443", tcp("10.1.1.1", 443), tls))], SECRET)
        self.assertEqual(found.urls, ("https://10.1.1.1:443/readers-link",))
        self.assertEqual(dict(found.digests), {found.urls[0]: "abcd"})
        self.assertEqual(whereaboutsOf(json.loads(json.dumps(found.toRecord()))), found)

    def test_given(self) -> None:
        """An address that the administrator gives takes the place of those that are found."""
        found = here(self.home, [self.web], SECRET, "https://ci/")
        self.assertEqual((found.urls, found.digests), (("https://ci/readers-link",), ()))

    def test_givenCertificate(self) -> None:
        """With https, it tells the certificate of its own port, which may be self-signed. A server before the
        master may have another one.
        """
        url = "https://ci:8443/readers-link"
        for ports, digest in (((8443, 8444), "ab"), ((8444, 8445), "ab")):
            web = Web(*(self.tls(port, name) for port, name in zip(ports, (b"AB", b"CD"), strict=True)))
            found = here(self.home, [web], SECRET, "https://ci:8443")
            self.assertEqual((found.urls, dict(found.digests)), ((url, url), {url: digest}))
        web = Web(self.tls(1, b"AB"), self.tls(8443, b"CD"))
        self.assertEqual(dict(here(self.home, [web], SECRET, "https://ci:8443/").digests), {url: "cd"})
        self.assertEqual(here(self.home, [web], SECRET, "http://ci/").digests, ())

    def tls(self, number: int, digest: bytes) -> Any:
        """An open port with TLS."""
        options = SimpleNamespace(certificate=SimpleNamespace(digest=lambda name: digest))
        return (f"ssl:{number}", tcp("10.1.1.1", number), SimpleNamespace(options=options))

    def test_odd(self) -> None:
        """What is no such record counts as none."""
        good = here(self.home, [self.web], SECRET).toRecord()
        for odd in (None, 5, {}, {**good, "secret": "xyz"}, {**good, "digests": []}, {**good, "urls": 7}):
            self.assertIsNone(whereaboutsOf(odd), odd)


class OwnAddressTests(unittest.SynchronousTestCase):
    """A machine finds its own address."""

    def test_found(self) -> None:
        """Nothing is sent for it, and a machine without a network has none."""
        for each in whereabouts.ownAddress():
            socket.inet_aton(each)
        self.patch(whereabouts, "AWAY", ("256.256.256.256", 9))
        self.assertEqual(whereabouts.ownAddress(), [])


class LinkResourceTests(unittest.SynchronousTestCase):
    """Somebody posts to the link."""

    def setUp(self) -> None:
        self.heard: list[bytes] = []
        self.waiting: list[Deferred[bytes]] = []
        self.gone: list[Deferred[None]] = []
        self.resource = LinkResource(SECRET, self.answers)

    async def answers(self, line: bytes, gone: Deferred[None]) -> bytes:
        """See L{buildbot.control.server.ControlServer.answer}."""
        self.heard.append(line)
        self.gone.append(gone)
        if line == b"fail":
            raise RuntimeError("broken")
        if line == b"wait":
            self.waiting.append(Deferred())
            return await self.waiting[-1]
        return b'{"ok": 1}'

    def post(self, body: bytes, seal: str) -> Any:
        """A request, answered as far as possible."""
        request: Any = DummyRequest([b""])
        request._disconnected = False
        request.content = SimpleNamespace(seek=lambda at: None, read=lambda: body)
        request.failures = []
        request.requestHeaders.setRawHeaders(HEADER, [seal])
        request.processingFailed = request.failures.append
        found = self.resource.render(request)
        if isinstance(found, bytes):
            request.write(found)
        return request

    def test_good(self) -> None:
        """A sealed question is answered, with a seal."""
        seal = sealOf(SECRET, ANN, 1, b"{}")
        request = self.post(b"{}", str(seal))
        self.assertEqual(request.written, [b'{"ok": 1}'])
        sealed = request.responseHeaders.getRawHeaders(HEADER)
        self.assertEqual(sealed, [sealOfAnswer(SECRET, seal, b'{"ok": 1}')])

    def test_stranger(self) -> None:
        """Others are refused, and nothing is done."""
        for seal in ("", str(sealOf("00" * 32, ANN, 1, b"{}"))):
            request = self.post(b"{}", seal)
            self.assertEqual(request.responseCode, 403)
            self.assertIn(b"for processes with pages", request.written[0])
        self.assertEqual(self.heard, [])

    def test_again(self) -> None:
        """A question that somebody has overheard and sends again is refused."""
        seal = str(sealOf(SECRET, ANN, 1, b"{}"))
        self.post(b"{}", seal)
        self.assertEqual(self.post(b"{}", seal).responseCode, 403)
        self.assertEqual(self.heard, [b"{}"])

    def test_gone(self) -> None:
        """A client that goes before the answer is noticed, and nothing is written to it."""
        request = self.post(b"wait", str(sealOf(SECRET, ANN, 1, b"wait")))
        request.processingFailed = None
        request._disconnected = True
        for each in request._finishedDeferreds:
            each.callback(None)
        self.assertTrue(self.gone[0].called)
        self.waiting[0].callback(b"{}")
        self.assertEqual(request.written, [])

    def test_fault(self) -> None:
        """A fault ends the request."""
        self.assertEqual(len(self.post(b"fail", str(sealOf(SECRET, ANN, 1, b"fail"))).failures), 1)
        request = self.post(b"wait", str(sealOf(SECRET, ANN, 2, b"wait")))
        request._disconnected = True
        self.waiting[0].errback(RuntimeError("late"))
        self.assertEqual(request.failures, [])
