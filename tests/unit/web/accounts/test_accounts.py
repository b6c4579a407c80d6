"""The text of the file of accounts."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.web.accounts.accounts import Account, Accounts, BadAccount, accountsOf, nameTrouble, rolesOf

ALICE = Account("alice", "$scrypt$x", frozenset({"dev", "ops"}))
BOB = Account("Bob Ö", "$scrypt$y")


class TextTests(unittest.SynchronousTestCase):
    """Reading and writing."""

    def test_roundTrip(self) -> None:
        """What is written is read again, sorted by name."""
        text = Accounts().withOne(ALICE).withOne(BOB).toText()
        self.assertEqual(accountsOf(text), Accounts({"alice": ALICE, "Bob Ö": BOB}))
        self.assertEqual(text.splitlines()[1:], ["Bob Ö:$scrypt$y:", "alice:$scrypt$x:dev,ops"])

    def test_without(self) -> None:
        """An account can be taken out, also one that is not there."""
        accounts = Accounts().withOne(ALICE)
        self.assertEqual(accounts.without("alice").without("x"), Accounts())

    def test_wrong(self) -> None:
        """A wrong line is told with its number, and harms no other account."""
        read = accountsOf(
            f"nonsense\n\n# a comment\n:x:\nalice:{ALICE.stored}:dev,ops\r\nalice:other:admin\n"
        )
        self.assertEqual(dict(read.all), {"alice": ALICE})
        self.assertEqual(
            read.wrong,
            (
                "line 1 is not NAME:HASH:ROLES",
                "line 4 is not NAME:HASH:ROLES",
                "line 6 has the account 'alice' again",
            ),
        )

    def test_secret(self) -> None:
        """The hash is in no text for people."""
        self.assertNotIn("scrypt", repr(ALICE))

    def test_names(self) -> None:
        """A name has no colon, no control character, and no outer space."""
        for name in ("", "a:b", " a", "a ", "#a", "a\nb", "a\x1bb", "x" * 101):
            self.assertIsNotNone(nameTrouble(name), name)
        for name in ("alice", "Bob Ö", "a@example.org", "-"):
            self.assertIsNone(nameTrouble(name), name)

    def test_roles(self) -> None:
        """Roles are words, one by one or with commas."""
        self.assertEqual(rolesOf(["dev,ops", "admin", ""]), frozenset({"dev", "ops", "admin"}))
        for wrong in ("a b", "ä", "a:b"):
            self.assertRaises(BadAccount, rolesOf, [wrong])
