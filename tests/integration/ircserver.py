"""Debian's real IRC server ngircd for tests, and a person with a plain client."""

from __future__ import annotations

import os
import shutil
import time
from datetime import datetime, timezone
from typing import Any

from twisted.internet import defer, endpoints, reactor
from twisted.trial.unittest import TestCase
from twisted.words.protocols import irc

from tests.certificates import writeCertificate
from tests.integration.processes import Child, TooLate, environment, moments
from tests.ports import freePort

#: The program, or None if it is not installed.
PROGRAM = shutil.which("ngircd") or shutil.which("ngircd", path="/usr/sbin:/usr/local/sbin")
#: Seconds for a busy machine to do anything.
PATIENCE = 180.0
_CONFIG = """
[Global]
Name = irc.example.org
Info = a test
AdminInfo1 = a test
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = hello
{password}
[Options]
DNS = no
Ident = no
PAM = no
[Limits]
MaxConnectionsIP = 0
MaxNickLength = 20
PingTimeout = 20
PongTimeout = 10
"""
_TLS = """
[SSL]
CertFile = {pem}
KeyFile = {pem}
Ports = {port}
"""


class IrcServer:
    """I am an ngircd on a port of the loopback.

    @ivar port: its port, and C{tlsPort} the one with TLS.
    @ivar certificate: the file of its certificate, for "localhost".
    """

    def __init__(self, test: TestCase, directory: str, password: str = "") -> None:
        """@param password: of the server; empty: none is needed."""
        self._test = test
        self._directory = directory
        os.makedirs(directory, exist_ok=True)
        self.port, self.tlsPort = freePort(), freePort()
        self.certificate = os.path.join(directory, "localhost.pem")
        writeCertificate(self.certificate, "localhost", datetime.now(timezone.utc), 10)
        text = _CONFIG.format(port=self.port, password=f"Password = {password}" if password else "")
        with open(os.path.join(directory, "ngircd.conf"), "w", encoding="utf-8") as file:
            file.write(text + _TLS.format(pem=self.certificate, port=self.tlsPort))

    async def start(self) -> None:
        """Run it; returns when it listens."""
        assert PROGRAM is not None
        config = os.path.join(self._directory, "ngircd.conf")
        argv = [PROGRAM, "-n", "-f", config]
        self.child = Child(
            self._test,
            argv,
            self._directory,
            environment(self._directory),
            os.path.join(self._directory, "irc"),
        )
        end = time.monotonic() + PATIENCE
        while "ready." not in self.child.stdout() + self.child.stderr():
            if not self.child.isAlive() or time.monotonic() > end:
                raise TooLate(f"ngircd does not run\n{self.child.stdout()}{self.child.stderr()}")
            await moments(0.02)

    async def stop(self) -> None:
        """End it at once."""
        await self.child.end()


class Person(irc.IRCClient):
    """I am a person in a channel, who notes what is said.

    @ivar heard: C{(nick, channel, text)} of each message and notice.
    """

    performLogin = 0
    heartbeatInterval: Any = None
    transport: Any

    def __init__(self, nickname: str, channel: str) -> None:
        self.nickname: Any = nickname
        self.channel = channel
        self.heard: list[tuple[str, str, str]] = []
        self.present: set[str] = set()
        self.isIn = False

    def connectionMade(self) -> None:
        super().connectionMade()
        self.register(self.nickname)

    def signedOn(self) -> None:
        if self.channel:
            self.join(self.channel)
        else:
            self.isIn = True

    def joined(self, channel: str) -> None:
        self.isIn = True

    def userJoined(self, user: str, channel: str) -> None:
        self.present.add(user)

    def userQuit(self, user: str, quitMessage: str) -> None:
        self.present.discard(user)

    def irc_RPL_NAMREPLY(self, prefix: str, params: list[str]) -> None:
        self.present.update(each.lstrip("@+") for each in params[-1].split())

    def userRenamed(self, oldname: str, newname: str) -> None:
        self.present.discard(oldname)
        self.present.add(newname)

    def privmsg(self, user: str, channel: str, message: str) -> None:
        self.heard.append((user.partition("!")[0], channel, message))

    noticed = privmsg

    def texts(self) -> list[str]:
        """What was said."""
        return [text for _, _, text in self.heard]

    async def until(self, what: str, condition: Any) -> None:
        """Wait until a condition is true."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise TooLate(f"{what}: {self.heard[-10:]} {sorted(self.present)}")
            await moments(0.02)

    async def hears(self, part: str, since: int = 0) -> str:
        """Wait until somebody says this. Returns the whole text."""
        await self.until(f"nobody says {part!r}", lambda: any(part in each for each in self.texts()[since:]))
        return next(each for each in self.texts()[since:] if part in each)


async def enter(test: TestCase, port: int, nickname: str, channel: str = "") -> Person:
    """A person comes to a channel."""
    person = Person(nickname, channel)
    endpoint = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    await endpoints.connectProtocol(endpoint, person)

    def leave() -> Any:
        gone: defer.Deferred[None] = defer.Deferred()
        if not person.transport.connected:
            return None
        person.connectionLost = lambda reason: gone.callback(None)  # type: ignore[method-assign]
        person.transport.abortConnection()
        return gone

    test.addCleanup(leave)
    await person.until(f"{nickname} cannot enter", lambda: person.isIn)
    return person
