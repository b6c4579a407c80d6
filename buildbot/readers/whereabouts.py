# -*- test-case-name: tests.unit.readers.test_door -*-
"""Where the active master of a shared store can be reached over the network, as it has written there.

Who can read the store is trusted: the record has the secret of L{buildbot.readers.sealing}. A master makes
a new one at each start. Nothing here shows it to people.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.address import IPv4Address, IPv6Address

from buildbot.cluster.home import ID, homeOf

#: The key of the record in the store.
KEY = "readers/active"
#: The path of the resource of L{buildbot.readers.door}.
PATH = "readers-link"
_EVERYWHERE = ("", "0.0.0.0", "::")
#: An address for documents only: nothing is ever sent there.
AWAY = ("192.0.2.1", 9)


@dataclass(frozen=True)
class Whereabouts:
    """I am what the active master tells about itself.

    @ivar host, basedir: the name of its machine, and its directory there.
    @ivar home: what tells this directory from all others: see L{buildbot.cluster.home}.
    @ivar urls: the addresses of its link, the best one first. One that is there twice is tried without its
        digest, too: a server before the master may have a certificate of its own.
    @ivar digests: the SHA-256 of its certificate, in hexadecimal digits, by URL. Others need a known issuer.
    @ivar secret: 64 hexadecimal digits, made at its start.
    """

    host: str
    basedir: str
    home: str
    urls: tuple[str, ...]
    digests: tuple[tuple[str, str], ...]
    secret: str = field(repr=False)

    @property
    def name(self) -> str:
        """The name of the master for people."""
        return f"{self.host}:{self.basedir}"

    def isIn(self, basedir: str) -> bool:
        """True if this is the master of a directory on this machine. Nothing is written there."""
        if not os.path.exists(os.path.join(basedir, ID)):
            return False
        return self.home == homeOf(basedir, socket.gethostname())

    def toRecord(self) -> dict[str, Any]:
        """The value in the store."""
        return {
            "host": self.host,
            "basedir": self.basedir,
            "home": self.home,
            "urls": list(self.urls),
            "digests": dict(self.digests),
            "secret": self.secret,
        }


def whereaboutsOf(record: Any) -> Whereabouts | None:
    """The whereabouts in a value of the store; None if it has none that can be used."""
    try:
        digests = tuple((str(url), str(digest)) for url, digest in record["digests"].items())
        secret = str(record["secret"])
        bytes.fromhex(secret)
        urls = tuple(map(str, record["urls"]))
        host, basedir, home = (str(record[each]) for each in ("host", "basedir", "home"))
        return Whereabouts(host, basedir, home, urls, digests, secret)
    except (TypeError, KeyError, ValueError, AttributeError):
        return None


def newSecret() -> str:
    """A secret that nobody can guess."""
    return secrets.token_hex(32)


def here(basedir: str, servers: Iterable[Any], secret: str, given: str = "") -> Whereabouts:
    """The whereabouts of the master of this process.

    @param servers: its running web servers (L{buildbot.web.service.WebStatus}).
    @param given: the address that buildbot.tac names; "" finds some.
    """
    host = socket.gethostname()
    ports = [port for each in servers for port in each.openPorts()]
    urls, digests = _found(ports, [*ownAddress(), host])
    if given:
        urls, digests = _given(given, ports)
    home = homeOf(basedir, host)
    return Whereabouts(host, os.path.realpath(basedir), home, tuple(urls), tuple(digests.items()), secret)


def _given(address: str, ports: Sequence[Any]) -> tuple[list[str], dict[str, str]]:
    """The URL of the address that buildbot.tac names, and the digest of the certificate that the master shows
    there, unless a server before it shows another one.
    """
    url = f"{address.rstrip('/')}/{PATH}"
    parts = urlsplit(address)
    own = {port.listening.getHost().port: digest for port in ports if (digest := _digest(port))}
    if parts.scheme != "https" or not own:
        return [url], {}
    return [url, url], {url: own.get(parts.port or 443, next(iter(own.values())))}


def _digest(port: Any) -> str:
    """The digest of the certificate of an open port; "" without one."""
    certificate = getattr(getattr(port.context, "options", None), "certificate", None)
    return (
        "" if certificate is None else certificate.digest("sha256").decode("ascii").replace(":", "").lower()
    )


def _found(ports: Sequence[Any], hosts: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The URLs of open ports, and the digests of their certificates."""
    urls: list[str] = []
    digests: dict[str, str] = {}
    for port in ports:
        address = port.listening.getHost()
        kind = port.description.partition(":")[0]
        if not isinstance(address, (IPv4Address, IPv6Address)) or kind == "haproxy":
            continue
        scheme = "http" if port.context is None else "https"
        for host in hosts if address.host in _EVERYWHERE else [address.host]:
            url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{address.port}/{PATH}"
            if url not in urls:
                urls.append(url)
            if digest := _digest(port):
                digests[url] = digest
    return urls, digests


def ownAddress() -> list[str]:
    """The address of this machine in its network; [] if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(AWAY)  # sends nothing
            return [str(probe.getsockname()[0])]
        except OSError:
            return []
