"""The commands about tokens, as a running master carries them out."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred, fail
from twisted.trial import unittest

from buildbot.control.client import ControlError
from buildbot.store.interface import StoreFailed
from buildbot.store.memory import MemoryStore
from buildbot.web.accounts.logins import Logins
from buildbot.web.accounts.tokencommands import TokenCommands


class TokenCommandsTests(unittest.SynchronousTestCase):
    """An administrator makes, lists and revokes tokens."""

    def setUp(self) -> None:
        self.store = MemoryStore()
        self.successResultOf(self.store.open())
        self.logins = Logins(self.store)
        self.commands = TokenCommands(lambda: self.logins, lambda: 1000.0).handlers()

    def do(self, command: str, **params: Any) -> Any:
        """The answer to a command."""
        call: Any = self.commands[command]
        return self.successResultOf(ensureDeferred(call(**params)))

    def refusal(self, command: str, **params: Any) -> str:
        """The reason why a command is refused."""
        call: Any = self.commands[command]
        work = ensureDeferred(call(**params))
        return str(self.failureResultOf(work, ControlError).value)

    def test_made(self) -> None:
        """A new token works at once, and its list shows all but the token and its hash."""
        made = self.do("addtoken", name="ci", actions=["view"], builders=["a*"], days=2, owner="ann")
        found = self.logins.tokens.find(made["token"], 1001.0)
        assert found is not None
        self.assertEqual((found.name, found.owner, found.expires), ("ci", "ann", 1000.0 + 2 * 86400))
        (listed,) = self.do("tokens")["tokens"]
        self.assertEqual(listed["used"], 1001.0)
        self.assertEqual(listed["builders"], ["a*"])
        self.assertFalse(listed["hasExpired"])
        self.assertNotIn(made["token"], repr(listed))
        self.assertNotIn("digest", listed)

    def test_forEver(self) -> None:
        """With 0 days the token does not expire."""
        self.assertIsNone(self.do("addtoken", name="ci", actions=["view"], days=0)["expires"])

    def test_revoked(self) -> None:
        """A revoked token is unknown at once, and after a restart."""
        made = self.do("addtoken", name="ci", actions=["view"])
        self.assertEqual(self.do("revoketoken", name="ci"), {"revoked": "ci"})
        self.assertIsNone(self.logins.tokens.find(made["token"], 1001.0))
        unread = Logins(self.store)
        again = TokenCommands(lambda: unread, lambda: 1000.0)
        self.assertEqual(self.successResultOf(ensureDeferred(again.tokens())), {"tokens": []})

    def test_refused(self) -> None:
        """An unknown action, a known name, too many days and an unknown token are refused in plain words."""
        self.do("addtoken", name="ci", actions=["view"])
        self.assertIn("no action 'fly'", self.refusal("addtoken", name="x", actions=["fly"]))
        self.assertIn("a token 'ci' already", self.refusal("addtoken", name="ci", actions=["view"]))
        self.assertIn("3650 days", self.refusal("addtoken", name="x", actions=["view"], days=9999))
        self.assertIn("no token 'x'", self.refusal("revoketoken", name="x"))

    def test_broken(self) -> None:
        """A store that does not work is told, and an unread list is not taken for an empty one."""
        self.store.getStates = lambda prefix: fail(StoreFailed("broken"))  # type: ignore[method-assign]
        self.assertIn("cannot be read", self.refusal("tokens"))

    def test_unwritable(self) -> None:
        """A token that cannot be stored is not made."""
        self.do("tokens")
        self.store.setState = lambda key, value: fail(StoreFailed("disk is full"))  # type: ignore[method-assign]
        self.assertEqual(self.refusal("addtoken", name="ci", actions=["view"]), "disk is full")
        self.assertEqual(self.do("tokens"), {"tokens": []})
