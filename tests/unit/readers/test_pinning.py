# -*- test-case-name: tests.unit.readers.test_pinning -*-
"""TLS to a server whose certificate is known."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from OpenSSL import SSL, crypto
from twisted.trial import unittest

from buildbot.readers.pinning import Pinned, digestOf
from tests.certificates import writeCertificate


def handshake(client: Any, server: Any) -> None:
    """Exchange the messages of both. Raises SSL.Error if one of them refuses."""
    client.set_connect_state()
    server.set_accept_state()
    for _ in range(6):
        for one, other in ((client, server), (server, client)):
            try:
                one.do_handshake()
            except SSL.WantReadError:
                pass
            try:
                other.bio_write(one.bio_read(65536))
            except SSL.WantReadError:
                pass


class PinnedTests(unittest.SynchronousTestCase):
    """A process with pages connects to its master."""

    def setUp(self) -> None:
        self.paths = [self.mktemp(), self.mktemp()]
        for each in self.paths:
            writeCertificate(each, "internal", datetime.now(timezone.utc), 5)

    def digest(self, path: str) -> str:
        """The digest of a certificate."""
        with open(path, "rb") as file:
            return digestOf(crypto.load_certificate(crypto.FILETYPE_PEM, file.read()))

    def server(self) -> Any:
        """A server with the first certificate."""
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate_file(self.paths[0])
        context.use_privatekey_file(self.paths[0])
        return SSL.Connection(context, None)

    def client(self, digest: str) -> Any:
        """A client that knows a certificate."""
        return Pinned(digest).creatorForNetloc(b"10.0.0.5", 443).clientConnectionForTLS(None)

    def test_known(self) -> None:
        """The known certificate is taken, whatever it names and whoever has signed it."""
        client, server = self.client(self.digest(self.paths[0])), self.server()
        handshake(client, server)
        client.send(b"hello")
        server.bio_write(client.bio_read(65536))
        self.assertEqual(server.recv(100), b"hello")

    def test_other(self) -> None:
        """Another one is refused."""
        with self.assertRaises(SSL.Error):
            handshake(self.client(self.digest(self.paths[1])), self.server())
