# -*- test-case-name: tests.unit.wire.test_listeners -*-
"""The slave ports: open them (all or none), renew their certificates, describe them for people.

L{buildbot.wire.slaveport} has the factory of their connections.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IOpenSSLContextFactory, IProtocolNegotiationFactory
from twisted.internet.protocol import Factory, ServerFactory
from zope.interface import implementer

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.config.ports import plainTCP
from buildbot.events.onuse import onUse

if TYPE_CHECKING:
    from twisted.internet import endpoints
else:  # it loads all of TLS, and a process that only checks a configuration opens no port
    endpoints = onUse("twisted.internet.endpoints")

#: Connections that can wait to be accepted. With Twisted's 50, one in eight of many simultaneous ones was
#: lost.
BACKLOG = 1024
_WITH_BACKLOG = ("tcp:", "tcp6:", "ssl:", "unix:")
#: A certificate that expires within this time causes a warning (S5).
EXPIRES_SOON = timedelta(days=30)


class CannotOpen(Exception):
    """A port cannot be opened. The message says which and why, for the user.

    @ivar inUse: True if another process or port uses the address.
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
        """The context of the next connection. Twisted calls me for each connection."""
        return self.options.getContext()


@dataclass(frozen=True)
class SlavePort:
    """One open port.

    @ivar description: its strports description, as in C{c['slavePortnum']}.
    @ivar context: the context of a TLS port; None for other ports.
    """

    description: str
    listening: IListeningPort
    context: TLSContext | None

    def accepted(self, address: object) -> bool:
        """True if a connection with this local address came in by me."""
        mine = self.listening.getHost()
        if not isinstance(mine, (IPv4Address, IPv6Address)):
            return bool(mine == address)
        isHere = mine.host in ("", "0.0.0.0", "::") or mine.host == getattr(address, "host", None)
        return isHere and bool(mine.port == getattr(address, "port", None))

    def __str__(self) -> str:
        """The port for people, such as C{"tcp 9989"} or C{"ssl 9990 on 127.0.0.1"}."""
        host = self.listening.getHost()
        number = getattr(host, "port", None)
        kind = self.description.split(":", 1)[0]
        if number is None:
            return self.description.replace(":", " ", 1)
        where = getattr(host, "host", "")
        return f"{kind} {number}" + ("" if where in ("", "0.0.0.0", "::") else f" on {where}")


class _Listener:
    """I am a reactor that remembers the TLS options with which an endpoint listens."""

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
    """I remember the TLS options and do not listen."""

    def _listen(self, *arguments: Any) -> Any:
        return None


def withBacklog(description: str) -> str:
    """The strports description with our backlog, unless it sets its own."""
    if description.startswith(_WITH_BACKLOG) and ":backlog=" not in description:
        return f"{description}:backlog={BACKLOG}"
    return description


def isInUse(error: BaseException | None) -> bool:
    """True if the error is that the address is in use."""
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
            tcp = plainTCP(description)
            if tcp is not None:  # Twisted's endpoints are slow to load
                listening = reactor.listenTCP(tcp.port, factory, tcp.backlog or BACKLOG, tcp.interface)
            else:
                endpoint = endpoints.serverFromString(listener, withBacklog(description))
                listening = await endpoint.listen(factory)
        except PLUGIN_ERRORS as error:
            await closeAll(opened.values())
            raise CannotOpen(f"cannot listen on {description}: {_reason(error)}", isInUse(error)) from error
        opened[description] = SlavePort(description, listening, listener.context)
    return opened


async def closeAll(ports: Iterable[SlavePort]) -> None:
    """Close the listening ports. Existing connections stay."""
    for port in ports:
        done = port.listening.stopListening()
        if done is not None:
            await done


class Reserving:
    """I am a service that can open its ports before it starts, while the old service still runs."""

    async def reserve(self, parent: Any, old: Iterable[object]) -> None:
        """Open the ports that none of the old services has.

        @param parent: my future parent.
        @raise CannotOpen: one of them cannot be opened.
        """

    async def release(self) -> None:
        """Close the ports, if I have not started."""

    def openPorts(self) -> Sequence[SlavePort]:
        """The open ports. A reconfig reads their certificates again."""
        return ()


@implementer(IProtocolNegotiationFactory)
class Gate(ServerFactory):
    """I pass connections to another factory, once there is one. Until then they are closed."""

    noisy = False
    factory: ServerFactory | None = None

    def buildProtocol(self, addr: Any) -> Any:
        """The protocol of the other factory."""
        return None if self.factory is None else self.factory.buildProtocol(addr)

    def acceptableProtocols(self) -> list[bytes]:
        """The protocols of the other factory, for TLS: browsers need one that they know."""
        ours = IProtocolNegotiationFactory(self.factory, None)
        return [] if ours is None else list(ours.acceptableProtocols())


class PortSet(Mapping[str, SlavePort]):
    """I hold the open slave ports: description -> port."""

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
        """Close the ports that are not in C{closed} yet, and add them. L{commit} forgets them."""
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
        """Open closed ports again, after a failed change.

        @return: an error line for each port that cannot be opened; I forget such a port.
        """
        lost = []
        for description in closed:
            try:
                self._open.update(await openAll(self._reactor, self._factory, [description]))
            except CannotOpen as error:
                del self._open[description]
                lost.append(f"{error}; it was closed to open the new ports")
        return lost

    def commit(self, opened: Mapping[str, SlavePort], removed: Iterable[str]) -> list[SlavePort]:
        """Add the opened ports, remove the removed ones, and return the latter."""
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
    except PLUGIN_ERRORS as error:
        raise CannotOpen(f"cannot renew the certificate of {port.description}: {_reason(error)}") from error
    assert reader.context is not None
    return reader.context.options


def expiryWarnings(ports: Iterable[SlavePort], now: datetime) -> Iterator[str]:
    """A line for each certificate that has expired or expires soon, with the port, the subject and the date
    (S5).
    """
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
    """The end of a certificate's validity."""
    ends: datetime | None = getattr(certificate, "not_valid_after_utc", None)
    if ends is None:  # cryptography before 42 has only the naive time, in UTC
        ends = certificate.not_valid_after.replace(tzinfo=timezone.utc)
    return ends


def _reason(error: BaseException) -> str:
    if isinstance(error, CannotListenError):
        cause = error.socketError
        text = getattr(cause, "strerror", None) or str(cause)
        inUse = cause.errno == errno.EADDRINUSE and isinstance(error.port, int)
        hint = f" (ss -ltnp 'sport = :{error.port}' shows the process)" if inUse else ""
        return text[:1].lower() + text[1:] + hint
    if isinstance(error, ImportError):
        return "TLS needs more packages: pip install 'buildbot-classic[tls]'"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if type(error).__module__.startswith("OpenSSL"):
        return "its files do not hold a certificate and the key that belongs to it, as PEM"
    return str(error) or type(error).__name__
