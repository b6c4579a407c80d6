"""Who gets a mail."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.mails.addresses import Domain, addressesIn, addressOf
from buildbot.mails.people import addressed, addressesOf, usersOf


class Lookup:
    """I look addresses up: in a dictionary, later, or never."""

    def getAddress(self, user: str) -> Any:
        """See L{buildbot.interfaces.IEmailLookup}."""
        if user == "slow":
            return Deferred()
        return succeed({"ann": "ann@example.com", "odd": "a b@example.com\nBcc: x@y"}[user])


class Build:
    """A build with authors and properties."""

    def __init__(self, *users: str, **properties: Any) -> None:
        self.users = list(users)
        self.properties = properties

    def getInterestedUsers(self) -> list[str]:
        """The authors."""
        return self.users


class AddressTests(unittest.SynchronousTestCase):
    """See L{addressOf} and L{Domain}."""

    def test_forms(self) -> None:
        """An address is found alone, and behind a name as git writes it."""
        for text, address in (
            ("ann@example.com", "ann@example.com"),
            ("Ann Other <ann@example.com>", "ann@example.com"),
            ("ann@home <ann@example.com>", "ann@example.com"),
            ("Other, Ann <ann@example.com>", "ann@example.com"),
            ("ann@example.com (Ann Other)", "ann@example.com"),
            ("ann@example.com, bob@example.com", "ann@example.com"),
            ("ann@b\xfccher.example", "ann@xn--bcher-kva.example"),
            ("root@localhost", "root@localhost"),
        ):
            self.assertEqual(addressOf(text), address)

    def test_noAddress(self) -> None:
        """What could add a header, a recipient or an argument to a mail is no address."""
        for text in ("ann", "", "a@b\nBcc: c@d", "a@b\r\nX: y", "<a@b>, c@d", "a b@c", "@b", "a@", 7, None):
            found = addressOf(text)
            self.assertIn(found, (None, "a@b"), text)
            self.assertNotIn("\n", found or "")

    def test_impossibleHost(self) -> None:
        """A host that no network can have is no address."""
        self.assertIsNone(addressOf("ann@" + "\xfc" * 100 + ".example"))

    def test_several(self) -> None:
        """A text may have several addresses. Wrong ones are left out, and so is a text that is too long."""
        text = "Ann <ann@x.example>, bob@x.example,\n eve"
        self.assertEqual(addressesIn(text), ["ann@x.example", "bob@x.example"])
        for nothing in ("", "eve", None, 7, "ann@x.example, " * 1000):
            self.assertEqual(addressesIn(nothing), [])

    def test_domain(self) -> None:
        """A domain is added to names; an address stays."""
        domain = Domain("example.com")
        self.assertEqual(domain.getAddress("ann"), "ann@example.com")
        self.assertEqual(domain.getAddress("Bob <bob@example.org>"), "bob@example.org")
        self.assertEqual(domain.getAddress("ann other"), None)
        self.assertEqual(Domain("@example.com"), domain)


class PeopleTests(unittest.SynchronousTestCase):
    """See L{addressesOf} and L{usersOf}."""

    def test_lookup(self) -> None:
        """Addresses are looked up, also later; a look-up that fails or gives nonsense costs one address."""
        clock = Clock()
        found = ensureDeferred(addressesOf(["ann", "ann", "odd", "unknown", "slow"], Lookup(), clock))
        clock.advance(31)
        self.assertEqual(self.successResultOf(found), ["ann@example.com"])
        self.assertEqual(len(self.flushLoggedErrors()), 2)

    def test_withoutLookup(self) -> None:
        """Without a look-up, only users with an address in their name get a mail."""
        found = ensureDeferred(addressesOf(["ann", "Bob <bob@example.org>"], None, Clock()))
        self.assertEqual(self.successResultOf(found), ["bob@example.org"])

    def test_users(self) -> None:
        """The authors of changes and the owners of a build care about it."""
        builds: list[Any] = [Build("ann", "bob"), Build("ann", owner="carl", owners=["dora", 7])]
        self.assertEqual(usersOf(builds), ["ann", "bob", "carl", "dora"])

    def test_copies(self) -> None:
        """Who cares is in To and the others in Cc; without such people, the others are in To."""
        self.assertEqual(addressed(["a@x", "b@x"], ["b@x", "c@x"]), (["a@x", "b@x"], ["c@x"]))
        self.assertEqual(addressed([], ["c@x"]), (["c@x"], []))
