# -*- test-case-name: tests.unit.mails.test_people -*-
"""Mail addresses: find them in what version controls and configurations write."""

from __future__ import annotations

import re
from email.utils import getaddresses, parseaddr

from zope.interface import implementer

from buildbot.config.arguments import arguments
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import TEXT
from buildbot.interfaces import IEmailLookup

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]"
_ADDRESS = re.compile(rf"({_LOCAL})@({_HOST})")


def addressOf(text: object) -> str | None:
    """The address in a text, such as C{Ann <ann@example.com>}; None if there is no valid one.

    A name with a line break is no address: it would add headers to a mail.
    """
    if not isinstance(text, str) or len(text) > 1000:
        return None
    found = text.strip() if _ADDRESS.fullmatch(text.strip()) else parseaddr(text)[1]
    local, at, host = found.rpartition("@")
    try:
        found = local + at + (host if host.isascii() else host.encode("idna").decode("ascii"))
    except UnicodeError:
        return None
    return found if _ADDRESS.fullmatch(found) else None


def addressesIn(text: object) -> list[str]:
    """The valid addresses in a text that may have several, with commas between them."""
    if not isinstance(text, str) or len(text) > 10_000:
        return []
    found = [addressOf(each) for _, each in getaddresses([" ".join(text.split())])]
    return [each for each in found if each is not None] or [each for each in [addressOf(text)] if each]


@implementer(IEmailLookup)
class Domain(ComparableMixin):
    """I add a domain to the names of users. A name that is an address already stays as it is."""

    compare_attrs = ("domain",)

    @arguments(domain=TEXT)
    def __init__(self, domain: str) -> None:
        """@param domain: without C{@}: C{"example.com"}."""
        self.domain = domain.lstrip("@")

    def getAddress(self, name: str) -> str | None:
        """See L{IEmailLookup}."""
        return addressOf(name) or addressOf(f"{name.strip()}@{self.domain}")
