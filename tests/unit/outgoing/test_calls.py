"""The end of a connection that another thread uses."""

from __future__ import annotations

import contextlib
import socket
import ssl

from twisted.trial import unittest

from buildbot.outgoing.calls import cut


class CutTests(unittest.SynchronousTestCase):
    """See L{cut}."""

    def setUp(self) -> None:
        self.mine, self.peer = socket.socketpair()
        self.addCleanup(self.peer.close)
        self.addCleanup(self.mine.close)

    def test_plain(self) -> None:
        """The peer of a connection that is cut sees its end, and nothing more can be sent; twice is once."""
        cut(self.mine)
        cut(self.mine)
        self.assertEqual(self.peer.recv(1), b"")
        self.assertRaises(OSError, self.mine.send, b"x")

    def test_encrypted(self) -> None:
        """An encrypted connection that is cut stays encrypted: nothing is ever sent as plain text."""
        context = ssl.create_default_context()
        sock = context.wrap_socket(self.mine, server_hostname="mail.example", do_handshake_on_connect=False)
        self.addCleanup(sock.close)
        cut(sock)
        cut(sock)
        self.assertEqual(self.peer.recv(1), b"")
        with contextlib.suppress(OSError):  # a ValueError would mean that TLS was given up
            self.assertEqual(sock.read(1), b"")
        self.assertRaises(OSError, sock.sendall, b"canary")
