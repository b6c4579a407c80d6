"""Servers for the clients of Python, in memory: they answer at once, fall silent, or close.

A test gives them to the clients in place of the network, with L{ServerCase.serve}.
"""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from twisted.trial import unittest

#: What a server answers: bytes to send, b"" to say nothing, None to close the connection.
Answer = bytes | None


class FakeSocket:
    """One connection to a server that a test wrote."""

    def __init__(self, take: Callable[[FakeSocket, bytes], None]) -> None:
        self._take = take
        self.unread = bytearray()
        self.isCut = self.isClosed = self.isShut = False

    def answer(self, answer: Answer) -> None:
        """Send the client an answer."""
        if answer is None:
            self.isCut = True
        else:
            self.unread += answer

    def sendall(self, data: bytes) -> None:
        """See C{socket.socket}."""
        if self.isCut:
            raise BrokenPipeError(32, "Broken pipe")
        self._take(self, bytes(data))

    def makefile(self, mode: str) -> io.BufferedReader:
        """See C{socket.socket}."""
        return io.BufferedReader(_Reading(self))

    def setsockopt(self, *option: int) -> None:
        """See C{socket.socket}."""

    def shutdown(self, how: int) -> None:
        """See C{socket.socket}."""
        if self.isCut:
            raise OSError(107, "Transport endpoint is not connected")
        self.isShut = self.isCut = True

    def close(self) -> None:
        """See C{socket.socket}."""
        self.isClosed = True


class _Reading(io.RawIOBase):
    """What a client reads: a silent server lets it time out, and a closed one ends it."""

    def __init__(self, of: FakeSocket) -> None:
        self._socket = of

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        unread = self._socket.unread
        if not unread and not self._socket.isCut:
            raise TimeoutError("timed out")
        some = bytes(unread[: len(buffer)])
        del unread[: len(some)]
        buffer[: len(some)] = some
        return len(some)


class FakeContext:
    """TLS that changes nothing, but may fail. It remembers how it was used."""

    def __init__(self) -> None:
        self.check_hostname = True
        self.verify_mode = ssl.CERT_REQUIRED
        self.error: OSError | None = None
        self.trusted: list[str] = []
        self.hosts: list[str] = []

    def load_verify_locations(self, path: str) -> None:
        """See C{ssl.SSLContext}."""
        self.trusted.append(path)

    def wrap_socket(self, sock: FakeSocket, server_hostname: str) -> FakeSocket:
        """See C{ssl.SSLContext}."""
        if self.error is not None:
            raise self.error
        self.hosts.append(server_hostname)
        return sock


class ServerCase(unittest.SynchronousTestCase):
    """I replace the network by a server of the test, and TLS by L{FakeContext}."""

    def serve(self, take: Callable[[FakeSocket, bytes], None], greeting: Answer = b"") -> None:
        """All connections from now on go to this server.

        @param take: takes what a client sent.
        @param greeting: what the server says first.
        """
        self.sockets: list[FakeSocket] = []
        self.addresses: list[tuple[str, int]] = []
        self.unreachable: OSError | None = None
        self.context = FakeContext()

        def connect(address: tuple[str, int], *others: object) -> FakeSocket:
            if self.unreachable is not None:
                raise self.unreachable
            self.addresses.append(address)
            self.sockets.append(FakeSocket(take))
            self.sockets[-1].answer(greeting)
            return self.sockets[-1]

        self.patch(socket, "create_connection", connect)
        self.patch(socket, "getfqdn", lambda *name: "master.example")
        self.patch(ssl, "create_default_context", lambda: self.context)


class MailServer:
    """A mail server: it accepts everything, but for the answers that a test gives it."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        """@param answers: the answer to each command, by the start of its line; "." answers a mail."""
        self.answers: dict[str, Answer] = {
            "DATA": b"354 go on\r\n",
            "EHLO": b"250 here\r\n",
            "QUIT": b"221 bye\r\n",
            **answers,
        }
        self.commands: list[str] = []
        self.mails: list[bytes] = []
        self._isMail = False

    def take(self, sock: FakeSocket, data: bytes) -> None:
        """Answer a command, or take a mail."""
        if self._isMail:
            self._isMail = False
            self.mails.append(data)
            sock.answer(self.answers.get(".", b"250 taken\r\n"))
            return
        command = data.decode("ascii").rstrip()
        self.commands.append(command)
        best = max(
            (start for start in self.answers if command.upper().startswith(start)), key=len, default=""
        )
        answer = self.answers.get(best, b"250 good\r\n")
        self._isMail = command.upper() == "DATA" and (answer or b"").startswith(b"354")
        sock.answer(answer)


class WebServer:
    """A web server: it gives the answers of a test, one for each request."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self._partial = b""
        self.requests: list[bytes] = []

    def take(self, sock: FakeSocket, data: bytes) -> None:
        """Answer a request when its end has come: all of these end with a brace."""
        self._partial += data
        if self._partial.endswith(b"}"):
            self.requests.append(self._partial)
            self._partial = b""
            sock.answer(self._answers.pop(0))
