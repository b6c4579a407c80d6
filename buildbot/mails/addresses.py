# -*- test-case-name: tests.unit.mails.test_people -*-
"""Mail addresses: find them in what version controls and configurations write."""

from __future__ import annotations

import re

from zope.interface import implementer

from buildbot.config.arguments import arguments
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import TEXT
from buildbot.interfaces import IEmailLookup

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]"
_ADDRESS = re.compile(rf"({_LOCAL})@({_HOST})")


#: What stands between commas or semicolons; those in quotes do not count.
_PARTS = re.compile(r'(?:"[^"]*"|[^,;])+')
#: An address with a name before it, or with a comment after it.
_NAMED = re.compile(r"[^<>]*<\s*([^<>\s]+)\s*>(?:\s*\([^()]*\))?")
_COMMENTED = re.compile(r"([^\s<>()]+)\s*\([^()]*\)")

# The functions of the standard library for this find other addresses since some release of each Python: they
# refuse a name that is an address, which git often has.


def addressOf(text: object) -> str | None:
    """The first address in a text, such as C{Ann <ann@example.com>}; None if there is no valid one."""
    return next(iter(addressesIn(text)), None)


def addressesIn(text: object) -> list[str]:
    """The valid addresses in a text that may have several, with commas between them."""
    if not isinstance(text, str) or len(text) > 10_000:
        return []
    found = [_only(part) for part in _PARTS.findall(" ".join(text.split()))]
    return [each for each in found if each is not None]


def _only(part: str) -> str | None:
    """The address in a text that has one; None if it is not valid."""
    part = part.strip()
    named = _NAMED.fullmatch(part) or _COMMENTED.fullmatch(part)
    local, at, host = (named[1] if named else part).rpartition("@")
    try:
        found = local + at + (host if host.isascii() else host.encode("idna").decode("ascii"))
    except UnicodeError:
        return None
    return found if _ADDRESS.fullmatch(found) else None


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
