# -*- test-case-name: tests.unit.web.accounts.test_origin -*-
"""The rules for requests from other sites, and for foreign names in the header C{Host}.

All functions are pure. L{buildbot.web.accounts.proxies} has the rules for headers of proxies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from urllib.parse import urlsplit

#: Methods that change nothing.
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_PORTS = {"http": 80, "https": 443}


class Trust(Enum):
    """How far a request is trusted, by its method and its origin."""

    #: The method changes nothing.
    READING = "reading"
    #: The request comes from a page of this site: a cookie counts.
    OWN = "own"
    #: The request comes from no browser: only Basic, Bearer or a trusted proxy counts, no cookie.
    NO_BROWSER = "no browser"
    #: The request comes from a page of another site: answer 403.
    FOREIGN = "foreign"


def trustOf(method: str, fetchSite: str | None, origin: str | None, own: Iterable[str]) -> Trust:
    """How far a request is trusted.

    @param fetchSite: the header C{Sec-Fetch-Site}, or None.
    @param origin: the header C{Origin}, or None.
    @param own: the origins of this site, as L{originOf} makes them.
    """
    if method.upper() in SAFE_METHODS:
        return Trust.READING
    if fetchSite is not None:
        return Trust.OWN if fetchSite.strip().lower() in ("same-origin", "none") else Trust.FOREIGN
    if origin is not None:
        return Trust.OWN if originOf(origin) in set(own) - {""} else Trust.FOREIGN
    return Trust.NO_BROWSER


def originOf(url: str) -> str:
    """The origin of a URL in its shortest form, C{"https://ci.example.org"}; "" if there is none."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in _PORTS or not host:
        return ""
    name = f"[{host}]" if ":" in host else host.rstrip(".")
    return f"{parts.scheme}://{name}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


@dataclass(frozen=True)
class Site:
    """I know the names of this site.

    @ivar origins: the origins that C{Origin} may name.
    @ivar hosts: the host names that C{Host} may name, in lower case and without a port.
    """

    origins: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()

    def isOwnHost(self, host: str | None) -> bool:
        """False for a C{Host} that must be answered with 421.

        A name that points to this master by a trick of another site's DNS is refused. An IP address needs no
        DNS, and a request without C{Host} comes from no browser: both are accepted.
        """
        if host is None:
            return True
        name = hostName(host)
        return name is not None and (name in self.hosts or _isAddress(name) or _isLocal(name))


def siteOf(buildbotURL: str | None, hosts: Iterable[str] = ()) -> Site:
    """The names of a site.

    @param buildbotURL: C{c['buildbotURL']}.
    @param hosts: more names under which people open the site: C{"ci"}, C{"ci.example.org:8010"}.
    """
    urls = [buildbotURL] if buildbotURL else []
    names = [hostName(urlsplit(url).netloc.rpartition("@")[2]) for url in urls] + [
        hostName(each) for each in hosts
    ]
    return Site(frozenset(filter(None, map(originOf, urls))), frozenset(filter(None, names)))


def hostName(host: str) -> str | None:
    """The name in a C{Host} header, without the port, in lower case; None if it is malformed."""
    try:
        parts = urlsplit(f"//{host.strip()}")
        parts.port  # noqa: B018 # raises for a malformed port
    except ValueError:
        return None
    if parts.netloc != host.strip() or "@" in host or not parts.hostname:
        return None
    return parts.hostname.rstrip(".")


def _isLocal(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost")


def _isAddress(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
