"""Tokens of scripts."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial import unittest

from buildbot.store.interface import StoreFailed
from buildbot.web.accounts import tokens
from buildbot.web.accounts.tokens import BadToken, Tokens, describeToken, tokenFromRecord, tokenToRecord
from tests.unit.web.accounts.keepers import MemoryKeeper


class TokensTests(unittest.SynchronousTestCase):
    """A master with tokens."""

    def setUp(self) -> None:
        self.keeper = MemoryKeeper()
        self.tokens = Tokens(self.keeper)

    def adding(self, name: str = "ci", *actions: str, **kwargs: Any) -> Deferred[Any]:
        """Begin to make a token."""
        return ensureDeferred(self.tokens.add(name, list(actions), 100.0, **kwargs))

    def secret(self, name: str = "ci", *actions: str, **kwargs: Any) -> str:
        """The text of a new token."""
        secret: str = self.successResultOf(self.adding(name, *(actions or ("forceBuild",)), **kwargs))[0]
        return secret

    def test_find(self) -> None:
        """A token is found by its text alone, also after a restart. The text itself is not stored."""
        secret = self.secret()
        self.assertTrue(secret.startswith("bbt_"))
        self.assertNotIn(secret, repr(self.keeper.tokens))
        again = Tokens(self.keeper)
        self.successResultOf(ensureDeferred(again.load()))
        for each in (self.tokens, again):
            found = each.find(secret, 200.0)
            assert found is not None
            self.assertEqual((found.name, found.actions), ("ci", frozenset({"forceBuild"})))
            self.assertIsNone(each.find(found.digest, 200.0))
            self.assertIsNone(each.find("", 200.0))

    def test_expiry(self) -> None:
        """A token allows nothing after its time, and the list says that it has expired."""
        secret = self.secret(expires=150.0)
        self.assertIsNotNone(self.tokens.find(secret, 149.0))
        self.assertIsNone(self.tokens.find(secret, 150.0))
        (token,) = self.tokens.all()
        self.assertTrue(describeToken(token, 150.0)["hasExpired"])

    def test_revoke(self) -> None:
        """A revoked token allows nothing any more, and its name is free again."""
        secret = self.secret()
        self.successResultOf(ensureDeferred(self.tokens.revoke("ci")))
        self.assertIsNone(self.tokens.find(secret, 200.0))
        self.assertEqual(self.keeper.tokens, {})
        self.failureResultOf(ensureDeferred(self.tokens.revoke("ci")), BadToken)
        self.assertNotEqual(self.secret(), secret)

    def test_wrong(self) -> None:
        """All that is wrong is told at once."""
        self.secret()
        why = self.failureResultOf(self.adding("ci", "frce", expires=99.0), BadToken).value
        self.assertIn("there is a token 'ci' already", str(why))
        self.assertIn("there is no action 'frce'", str(why))
        self.assertIn("expired already", str(why))
        self.assertIn("needs an action", str(self.failureResultOf(self.adding("x"), BadToken).value))
        self.assertIn("the name is empty", str(self.failureResultOf(self.adding("", "view"), BadToken).value))

    def test_oldNames(self) -> None:
        """Actions may have their names of 0.8."""
        self.secret("x", "cleanShutdown")
        self.assertEqual(self.tokens.all()[0].actions, frozenset({"shutdown"}))

    def test_brokenStore(self) -> None:
        """A token that cannot be stored does not exist."""
        self.keeper.isBroken = True
        self.failureResultOf(self.adding("ci", "view"), StoreFailed)
        self.assertEqual(self.tokens.all(), [])

    def test_bounded(self) -> None:
        """The number of tokens is bounded."""
        self.patch(tokens, "MOST", 1)
        self.secret()
        self.assertIn("revoke some", str(self.failureResultOf(self.adding("y", "view"), BadToken).value))

    def test_record(self) -> None:
        """A stored token is read as it was; its description has no digest."""
        self.secret("ci", "view", builders=["a*"], owner="alice", expires=500.0)
        (token,) = self.tokens.all()
        self.assertEqual(tokenFromRecord(tokenToRecord(token)), token)
        self.assertNotIn(token.digest, repr(describeToken(token, 0.0)))


class RoomTests(unittest.SynchronousTestCase):
    """Many tokens."""

    def test_each(self) -> None:
        """One account has at most some tokens, so that it does not take the room of all others."""
        self.patch(tokens, "MOST_EACH", 2)
        made = Tokens(MemoryKeeper())

        def add(name: str, owner: str) -> Any:
            return ensureDeferred(made.add(name, ["view"], 100.0, owner=owner))

        for name, owner in (("a", "ann"), ("b", "ann"), ("c", ""), ("d", ""), ("e", ""), ("f", "bob")):
            self.successResultOf(add(name, owner))
        why = self.failureResultOf(add("g", "ann"), BadToken).value
        self.assertEqual(str(why), "ann has 2 tokens: revoke some")
