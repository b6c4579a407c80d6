# -*- test-case-name: tests.unit.irc.test_link -*-
"""Keep one connection to an IRC server: connect, and connect again, ever later while the server is down."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.events.alarm import Alarm
from buildbot.events.reactors import Timers
from buildbot.files.plain import readPlain
from buildbot.irc.identity import Server
from buildbot.text.printable import plainLine

log = Logger()

#: Seconds until a new attempt: after a connection was lost, and after one could not be made.
LOST_WAIT, FAILED_WAIT = 5.0, 60.0
#: The longest wait. Each wait is twice the one before.
LONGEST_WAIT = 1800.0
#: A wait is up to this share shorter or longer: else many bots come back at the same time.
JITTER = 0.25
#: A connection that has lasted so many seconds was a good one.
GOOD = 300.0
#: Seconds for an attempt.
TIMEOUT = 30.0
_SHORTEST = 1.0
#: The most bytes of a file of certificates: those of a whole system are fewer.
_LARGEST = 10_000_000


class Connects(Protocol):
    """An endpoint of Twisted."""

    def connect(self, factory: Any, /) -> Deferred[Any]: ...


class Leaves(Protocol):
    """The bot on a connection."""

    def leaveServer(self) -> None:
        """Say goodbye, and disconnect."""


def endpointOf(server: Server, reactor: Any) -> Any:
    """The endpoint for a server.

    @raise OSError, ValueError: a file of certificates cannot be read.
    @raise ImportError: TLS needs more packages.
    """
    endpoint: Any = HostnameEndpoint(reactor, server.host, server.port, timeout=TIMEOUT)
    if not server.isTls:
        return endpoint
    from twisted.internet import ssl  # only with the extra tls

    trusted = own = None
    if server.caFile:
        trusted = _loaded(server.caFile, lambda text: ssl.trustRootFromCertificates(_certificates(text)))
    if server.clientCertificate:
        own = _loaded(server.clientCertificate, ssl.PrivateCertificate.loadPEM)
    options = ssl.optionsForClientTLS(server.host, trusted, own)
    return wrapClientTLS(options, endpoint)


def _loaded(path: str, load: Callable[[bytes], Any]) -> Any:
    """What a function makes of a file. Raises OSError or ValueError, which names the file."""
    with readPlain(path) as file:
        text = file.read(_LARGEST)
    try:
        return load(text)
    except Exception as why:  # OpenSSL and cryptography raise many kinds
        raise ValueError(f"{path} cannot be used: {why}") from why


def _certificates(text: bytes) -> list[Any]:
    """The certificates of a PEM file, which may have many."""
    from twisted.internet import ssl

    end = b"-----END CERTIFICATE-----"
    return [ssl.Certificate.loadPEM(each + end) for each in text.split(end)[:-1]]


def reasonOf(why: Failure) -> str:
    """Why a connection ended or could not be made, in words."""
    text = plainLine(why.getErrorMessage() or type(why.value).__name__)[:300]
    module = type(why.value).__module__
    if "certificate verify failed" in text:
        return "its certificate is not trusted: name it, or that of its authority, in caFile"
    if module.startswith("service_identity"):
        return "its certificate is for another host"
    if module.startswith("OpenSSL"):
        return f"TLS does not work with it: {text}"
    if isinstance(why.value, ImportError):
        return "TLS needs more packages: pip install 'buildbot-classic[tls]'"
    return text


def waitAfter(base: float, failures: int, chance: float) -> float:
    """Seconds until the next attempt.

    @param base: the first wait.
    @param failures: the failures in a row, at least 1.
    @param chance: a random number from 0 to 1.
    """
    usual = min(LONGEST_WAIT, max(base, _SHORTEST) * 2.0 ** min(failures - 1, 20))
    return usual * (1 + JITTER * (2 * chance - 1))


class Link:
    """I keep a connection until I am stopped.

    @ivar failures: the attempts in a row that failed, or made a connection that soon ended.
    """

    def __init__(
        self,
        server: Server,
        factory: Any,
        clock: Timers,
        makeEndpoint: Callable[[], Connects],
        lostDelay: float | None = None,
        failedDelay: float | None = None,
        chance: Callable[[], float] = random.random,
        tell: Callable[[int, str], object] = lambda failures, why: None,
    ) -> None:
        """@param factory: makes a protocol for each connection, and calls L{lost} when one has ended.
        @param lostDelay, failedDelay: L{LOST_WAIT} and L{FAILED_WAIT}, if they shall be others.
        @param tell: called after each failure with their number in a row, and the reason.
        """
        self._server = server
        self._factory = factory
        self._clock = clock
        self._makeEndpoint = makeEndpoint
        self._delays = (
            LOST_WAIT if lostDelay is None else lostDelay,
            FAILED_WAIT if failedDelay is None else failedDelay,
        )
        self._chance = chance
        self._tell = tell
        self._alarm = Alarm(self.connect)
        self._attempt: Deferred[Any] | None = None
        self._bot: Leaves | None = None
        self._isStopped = False
        self._since = 0.0
        self.failures = 0

    def connect(self) -> None:
        """Make a connection."""
        try:
            attempt = self._attempt = self._makeEndpoint().connect(self._factory)
        except (OSError, ValueError, ImportError) as why:
            self._failed(Failure(why))
            return
        attempt.addCallbacks(self._connected, self._failed)

    def stop(self) -> None:
        """End the present connection, and make no more."""
        self._isStopped = True
        bot, self._bot = self._bot, None
        if bot is not None:
            bot.leaveServer()
        self._alarm.stop()
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()

    def lost(self, why: str, wasReady: bool = True) -> None:
        """The connection has ended: make another one later.

        @param wasReady: False if the login was not over. Then the wait is that of a failed attempt: a server
            may lock out those who try to log in too often.
        """
        self._bot = None
        if self._isStopped:
            return
        if self._clock.seconds() - self._since >= GOOD:
            self.failures = 0
        wait = self._later(self._delays[0 if wasReady else 1])
        log.warn(
            "the connection to IRC server {name} is lost: {why}; the next attempt comes in {wait} s",
            name=self._server.name,
            why=why,
            wait=round(wait),
        )
        self._tell(self.failures, why)

    def _connected(self, bot: Leaves) -> None:
        self._attempt = None
        self._bot = bot
        self._since = self._clock.seconds()

    def _failed(self, why: Failure) -> None:
        self._attempt = None
        if not self._isStopped:
            wait = self._later(self._delays[1])
            log.warn(
                "cannot connect to IRC server {name}: {why}; the next attempt comes in {wait} s",
                name=self._server.name,
                why=reasonOf(why),
                wait=round(wait),
            )
            self._tell(self.failures, reasonOf(why))

    def _later(self, base: float) -> float:
        self.failures += 1
        wait = waitAfter(base, self.failures, self._chance())
        self._alarm.set(self._clock, wait)
        return wait
