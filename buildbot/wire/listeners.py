# -*- test-case-name: tests.unit.wire.test_listeners -*-
"""The slave ports: opened all or none, their certificates renewed in place, described for people.

The factory that listens on them is in L{buildbot.wire.slaveport}.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from twisted.internet import endpoints
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IOpenSSLContextFactory
from twisted.internet.protocol import Factory, ServerFactory
from zope.interface import implementer

#: Connections that can wait to be accepted. With Twisted's 50, one in eight of many at once was lost.
BACKLOG = 1024
_WITH_BACKLOG = ("tcp:", "tcp6:", "ssl:", "unix:")
#: How long before a certificate expires that is worth a warning (S5).
EXPIRES_SOON = timedelta(days=30)


class CannotOpen(Exception):
    """A port cannot be opened; the message says which and why, for the user.

    @ivar inUse: whether somebody else has it.
    """

    def __init__(self, message: str, inUse: bool = False) -> None:
        super().__init__(message)
        self.inUse = inUse


@implementer(IOpenSSLContextFactory)
class TLSContext:
    """I hold the certificate and key of one port. They can be exchanged while it is open."""

    def __init__(self, options: Any) -> None:
        """@param options: a L{twisted.internet.ssl.CertificateOptions}."""
        self.options = options

    def getContext(self) -> Any:
        """The context of the next connection. Twisted asks for each one."""
        return self.options.getContext()


@dataclass(frozen=True)
class SlavePort:
    """One open port.

    @ivar description: its strports description, as in C{c['slavePortnum']}.
    @ivar context: of a TLS port; else None.
    """

    description: str
    listening: IListeningPort
    context: TLSContext | None

    def accepted(self, address: object) -> bool:
        """Whether I accepted a connection whose end on this machine has that address."""
        mine = self.listening.getHost()
        if not isinstance(mine, (IPv4Address, IPv6Address)):
            return bool(mine == address)
        isHere = mine.host in ("", "0.0.0.0", "::") or mine.host == getattr(address, "host", None)
        return isHere and bool(mine.port == getattr(address, "port", None))

    def __str__(self) -> str:
        """What a person would call it: C{"tcp 9989"}, C{"ssl 9990 on 127.0.0.1"}."""
        host = self.listening.getHost()
        number = getattr(host, "port", None)
        kind = self.description.split(":", 1)[0]
        if number is None:
            return self.description.replace(":", " ", 1)
        where = getattr(host, "host", "")
        return f"{kind} {number}" + ("" if where in ("", "0.0.0.0", "::") else f" on {where}")


class _Listener:
    """I am a reactor that keeps the TLS options when an endpoint listens."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.context: TLSContext | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenSSL(
        self,
        port: int,
        factory: Factory,
        contextFactory: IOpenSSLContextFactory,
        backlog: int = 50,
        interface: str = "",
    ) -> Any:
        self.context = TLSContext(contextFactory)
        return self._listen(port, factory, self.context, backlog, interface)

    def _listen(self, *arguments: Any) -> Any:
        return self._reactor.listenSSL(*arguments)


class _Reader(_Listener):
    """I keep the TLS options and do not listen."""

    def _listen(self, *arguments: Any) -> Any:
        return None


def withBacklog(description: str) -> str:
    """The strports description with our backlog, unless it has one of its own."""
    if description.startswith(_WITH_BACKLOG) and ":backlog=" not in description:
        return f"{description}:backlog={BACKLOG}"
    return description


def isInUse(error: BaseException | None) -> bool:
    """Whether something failed because somebody has the port."""
    if isinstance(error, CannotOpen):
        return error.inUse
    return isinstance(error, CannotListenError) and error.socketError.errno == errno.EADDRINUSE


async def openAll(reactor: Any, factory: ServerFactory, descriptions: Iterable[str]) -> dict[str, SlavePort]:
    """Listen on every port, or on none.

    @param descriptions: strports descriptions, such as C{"tcp:9989"}.
    @return: description -> port.
    @raise CannotOpen: one of them cannot be opened; those that were are closed again.
    """
    opened: dict[str, SlavePort] = {}
    for description in descriptions:
        listener = _Listener(reactor)
        try:
            endpoint = endpoints.serverFromString(listener, withBacklog(description))
            listening = await endpoint.listen(factory)
        except Exception as error:
            await closeAll(opened.values())
            raise CannotOpen(f"cannot listen on {description}: {_reason(error)}", isInUse(error)) from error
        opened[description] = SlavePort(description, listening, listener.context)
    return opened


async def closeAll(ports: Iterable[SlavePort]) -> None:
    """Stop listening; connections that were made stay."""
    for port in ports:
        done = port.listening.stopListening()
        if done is not None:
            await done


class PortSet(Mapping[str, SlavePort]):
    """I am the slave ports that are open: description -> port."""

    def __init__(self, reactor: Any, factory: ServerFactory) -> None:
        self._reactor = reactor
        self._factory = factory
        self._open: dict[str, SlavePort] = {}

    def __getitem__(self, description: str) -> SlavePort:
        return self._open[description]

    def __iter__(self) -> Iterator[str]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)

    async def closeAll(self) -> None:
        """Close all ports."""
        closing, self._open = self._open, {}
        await closeAll(closing.values())

    async def makeRoom(self, descriptions: Iterable[str], closed: set[str]) -> None:
        """Close some ports that are not C{closed} yet, and add them there. I keep them until L{commit}."""
        closing = set(descriptions) - closed
        closed |= closing
        await closeAll(self._open[each] for each in closing)

    async def openNew(
        self, added: Iterable[str], removed: Iterable[str], closed: set[str]
    ) -> dict[str, SlavePort]:
        """Open new ports while the old ones are open. If an old port is in the way, close the old ones first.

        @param closed: the old ports that are closed already. Further ones that I close are added.
        @return: description -> port. L{commit} makes them mine.
        @raise CannotOpen: a new port cannot be opened. The C{closed} ones can be taken back.
        """
        try:
            return await openAll(self._reactor, self._factory, added)
        except CannotOpen as error:
            if not error.inUse or closed >= set(removed):
                raise
        await self.makeRoom(removed, closed)
        return await openAll(self._reactor, self._factory, added)

    async def takeBack(self, closed: Iterable[str]) -> list[str]:
        """Open ports again that made room in vain.

        @return: a line for each port that cannot be opened; I drop it.
        """
        lost = []
        for description in closed:
            try:
                self._open.update(await openAll(self._reactor, self._factory, [description]))
            except CannotOpen as error:
                del self._open[description]
                lost.append(f"{error}; it had been closed to make room")
        return lost

    def commit(self, opened: Mapping[str, SlavePort], removed: Iterable[str]) -> list[SlavePort]:
        """Add the opened ports, drop the removed ones, and return those."""
        gone = [self._open.pop(description) for description in removed]
        self._open.update(opened)
        return gone


def renewed(port: SlavePort) -> Any:
    """The TLS options of an open port, read again from its files; None for a port without TLS.

    @raise CannotOpen: the files cannot be read, or do not hold a certificate and its key.
    """
    if port.context is None:
        return None
    reader = _Reader(None)
    try:
        endpoints.serverFromString(reader, port.description).listen(Factory())
    except Exception as error:
        raise CannotOpen(f"cannot renew the certificate of {port.description}: {_reason(error)}") from error
    assert reader.context is not None
    return reader.context.options


def expiryWarnings(ports: Iterable[SlavePort], now: datetime) -> Iterator[str]:
    """A line for each certificate that has expired or soon will: its port, its name, the date (S5)."""
    for port in ports:
        if port.context is None:
            continue
        certificate = port.context.options.certificate.to_cryptography()
        ends = _endOf(certificate)
        if ends - now < EXPIRES_SOON:
            verb = "expired" if ends <= now else "expires"
            subject = certificate.subject.rfc4514_string()
            yield f"the certificate of {port} ({subject}) {verb} on {ends:%Y-%m-%d}"


def _endOf(certificate: Any) -> datetime:
    """When a certificate expires."""
    ends: datetime | None = getattr(certificate, "not_valid_after_utc", None)
    if ends is None:  # cryptography before 42, as many systems have it, knows only a UTC that does not say so
        ends = certificate.not_valid_after.replace(tzinfo=timezone.utc)
    return ends


def _reason(error: Exception) -> str:
    if isinstance(error, CannotListenError):
        cause = error.socketError
        text = getattr(cause, "strerror", None) or str(cause)
        inUse = cause.errno == errno.EADDRINUSE and isinstance(error.port, int)
        hint = f" (ss -ltnp 'sport = :{error.port}' tells by whom)" if inUse else ""
        return text[:1].lower() + text[1:] + hint
    if isinstance(error, ImportError):
        return "TLS needs more packages: pip install 'buildbot-classic[tls]'"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if type(error).__module__.startswith("OpenSSL"):
        return "its files do not hold a certificate and the key that belongs to it, as PEM"
    return str(error) or type(error).__name__
