# -*- test-case-name: tests.unit.web.accounts.test_proxies -*-
"""The headers of reverse proxies: the address of the visitor, the protocol, the host, and a name.

They count only from trusted proxies, and are read from the right: the left part may be the visitor's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

#: Headers by name in lower case, each with all of its values in their order.
Headers = Mapping[str, Sequence[str]]
#: The peer of a UNIX socket.
UNIX = "unix"
#: One pair of C{Forwarded} (RFC 7239).
_PAIR = re.compile(r"""\s*([!#$%&'*+.^_`|~\w-]+)=("(?:[^"\\]|\\.)*"|[^\s";,]*)\s*(?:;|$)""", re.ASCII)


class BadProxies(ValueError):
    """The setting of the trusted proxies is wrong; the message is for the user."""


@dataclass(frozen=True)
class Proxies:
    """I know which proxies are trusted.

    @ivar networks: their addresses.
    @ivar isUnix: whether a peer at a UNIX socket is one.
    @ivar header: the header with the name of the user, in lower case; "": there is none.
    @ivar usesForwarded: whether the proxies write C{Forwarded} (RFC 7239) in place of C{X-Forwarded-*}. The
        other headers are ignored: a visitor may have sent them.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    isUnix: bool = False
    header: str = ""
    usesForwarded: bool = False

    def trusts(self, address: str) -> bool:
        """True for the address of a trusted proxy."""
        if address == UNIX:
            return self.isUnix
        plain = plainAddress(address)
        return plain is not None and any(ip_address(plain) in each for each in self.networks)


def proxiesOf(trusted: Iterable[str], header: str | None = None, usesForwarded: bool = False) -> Proxies:
    """Read the setting.

    @param trusted: addresses and networks, C{"10.0.0.0/8"}, or C{"unix"}.
    @param header: the header with the name of the user.
    @raise BadProxies: an address is malformed, or there is a header without a trusted proxy.
    """
    names = list(trusted)
    try:
        networks = tuple(ip_network(each, strict=False) for each in names if each != UNIX)
    except ValueError as why:
        raise BadProxies(f"trustedProxies must have IP addresses, networks or 'unix': {why}") from None
    if header and not names:
        raise BadProxies(
            f"the header {header} names the user, so every visitor could write it:"
            " name the addresses of the proxy in trustedProxies"
        )
    return Proxies(networks, UNIX in names, (header or "").lower(), usesForwarded)


@dataclass(frozen=True)
class Seen:
    """A request as the visitor made it.

    @ivar address: of the visitor.
    @ivar host: the C{Host} that the visitor wrote, or None.
    @ivar user: the name that a trusted proxy gives, or "".
    """

    address: str
    isSecure: bool
    host: str | None
    user: str = ""


def seenBy(proxies: Proxies, peer: str, isSecure: bool, headers: Headers) -> Seen:
    """The visitor of a request.

    @param peer: the address of the connection's other end, or L{UNIX}.
    @param isSecure: whether this connection itself uses TLS.
    """
    host = _last(headers, "host")
    if not proxies.trusts(peer):
        return Seen(plainAddress(peer) or peer, isSecure, host)
    names = headers.get(proxies.header, ()) if proxies.header else ()
    user = names[0].strip() if len(names) == 1 else ""  # two are a sign of a visitor's own
    hops = list(_forwarded(headers) if proxies.usesForwarded else _xForwarded(headers))
    address, proto, shown = peer, "", None
    for number, hop in enumerate(reversed(hops)):
        if number == 0:
            proto, shown = hop.get("proto", ""), hop.get("host")
        found = plainAddress(hop.get("for", ""))
        if found is None:
            break
        address = found
        if not proxies.trusts(address):
            break
    return Seen(
        plainAddress(address) or address, proto.lower() == "https" if proto else isSecure, shown or host, user
    )


def plainAddress(text: str) -> str | None:
    """The IP address in C{"192.0.2.1"}, C{"192.0.2.1:80"}, C{"[2001:db8::1]:80"}; None if there is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        read = ip_address(text)
    except ValueError:
        return None
    return str(read.ipv4_mapped or read) if isinstance(read, IPv6Address) else str(read)


def _last(headers: Headers, name: str) -> str | None:
    values = headers.get(name, ())
    return values[-1].strip() if values else None


def _items(headers: Headers, name: str) -> list[str]:
    return [item.strip() for value in headers.get(name, ()) for item in value.split(",")]


def _xForwarded(headers: Headers) -> Iterator[dict[str, str]]:
    """Yield the hops, the nearest last. Only the nearest has a protocol and a host."""
    addresses = _items(headers, "x-forwarded-for") or [""]
    nearest = {
        key: value
        for key, name in (("proto", "x-forwarded-proto"), ("host", "x-forwarded-host"))
        for value in _items(headers, name)[-1:]
    }
    for number, address in enumerate(addresses, 1):
        yield {"for": address, **(nearest if number == len(addresses) else {})}


def _forwarded(headers: Headers) -> Iterator[dict[str, str]]:
    """Yield the hops of C{Forwarded}, the nearest last. A malformed hop is empty."""
    for value in headers.get("forwarded", ()):
        for item in _divided(value):
            yield _pairs(item)


def _divided(value: str) -> Iterator[str]:
    """Yield the parts between commas that are not in quotes."""
    yield from (each[0] for each in re.finditer(r"""(?:"(?:[^"\\]|\\.)*"|[^,"]|")+""", value))


def _pairs(item: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while place < len(item):
        pair = _PAIR.match(item, place)
        if pair is None:
            return {}
        name, text = pair[1].lower(), pair[2]
        if text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        if name in found:
            return {}
        found[name] = text
        place = pair.end()
    return found
