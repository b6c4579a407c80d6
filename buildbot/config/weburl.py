# -*- test-case-name: tests.unit.config.test_weburl -*-
"""Probable mistakes in C{c['buildbotURL']}, the address of the web pages."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from buildbot.config.messages import Raw, Report, entries
from buildbot.config.model import ConfigError
from buildbot.config.optional import TakesLogins

_KEY = "buildbotURL"


def urlDoubts(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield warnings about the address."""
    url = raw.get(_KEY)
    if isinstance(url, str) and url:
        takesLogins = any(
            isinstance(each, TakesLogins) and each.takesLogins is True for each in entries(raw, "status")
        )
        for sentence in doubtsOf(url, takesLogins):
            yield report(f"c['{_KEY}'] {sentence}", _KEY)


def doubtsOf(url: str, takesLogins: bool = False) -> list[str]:
    """The probable mistakes of an address of web pages. Each text continues a sentence after its name.

    @param takesLogins: True if people log in to the pages.
    """
    try:
        parts = urlsplit(url)
        name = parts.hostname
    except ValueError:
        name = None
    if name is None or parts.scheme not in ("http", "https"):
        return ["should begin with http:// or https://, and a host: links in mails and feeds begin with it"]
    found = []
    if parts.query or parts.fragment or not parts.path.endswith("/"):
        found.append(f"should end with a slash, because addresses of pages are put after it: {url!r}")
    if parts.username is not None or parts.password is not None:
        found.append("should have no name and no password: all readers of the pages see it")
    if takesLogins and parts.scheme == "http" and not isLoopback(name):
        found.append(
            "begins with http://, so that passwords and sessions of the pages can be read on their way:"
            " use https://, by a proxy with TLS"
        )
    return found


def isLoopback(name: str) -> bool:
    """True if a host name or an address means this host: C{localhost}, C{127.0.0.1}, C{::1}."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
