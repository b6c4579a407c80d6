"""Which builders visitors see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.trial import unittest

from buildbot.config.model import MasterConfig
from buildbot.web.accounts import sights
from buildbot.web.accounts.guard import Guard
from buildbot.web.accounts.rights import Function, Need, Rights, Rule, Subject
from buildbot.web.accounts.sights import Sights
from buildbot.web.accounts.visitor import ANONYMOUS, Token, Visitor
from buildbot.web.sight import Sight

ANN = Visitor("ann", "session", "10.0.0.1", session="1")


class SightsTests(unittest.SynchronousTestCase):
    """Many visitors ask."""

    def setUp(self) -> None:
        self.asked: list[str] = []
        builders: Any = {"full": None, "secret": None}
        self.config = MasterConfig()
        object.__setattr__(self.config, "builders", builders)

    def sights(self, *rules: Rule, **permissions: Any) -> Sights:
        """The sights under these rules."""

        def subjectOf(name: str) -> Subject:
            self.asked.append(name)
            return Subject(name)

        return Sights(Guard(Rights({"view": Need.ANYBODY, **permissions}, rules), subjectOf), self.config)

    def of(self, sights: Sights, who: Visitor) -> Sight | None:
        """What one visitor sees."""
        return self.successResultOf(ensureDeferred(sights.of(who)))

    def test_equal(self) -> None:
        """Without a rule for view nobody is asked about a builder."""
        self.assertIsNone(self.of(self.sights(Rule("forceBuild", False, "full")), ANONYMOUS))
        self.assertEqual(self.asked, [])

    def test_shared(self) -> None:
        """Visitors without a name share an answer, wherever they are; those with a role have another."""
        known = self.sights(Rule("view", "role:boss", "secret"))
        first = self.of(known, ANONYMOUS)
        self.assertEqual(first, Sight(frozenset({"full"}), frozenset({"secret"})))
        self.assertEqual(len(self.asked), 2)
        self.assertIs(self.of(known, Visitor(address="10.0.0.2")), first)
        self.assertEqual(len(self.asked), 2)
        self.assertIsNone(self.of(known, Visitor("eve", "basic", roles=frozenset({"boss"}))))
        self.assertIs(self.of(known, Visitor("bob", "basic")), self.of(known, ANN))

    def test_login(self) -> None:
        """A visitor with a login sees builders that visitors without a name do not see."""
        known = self.sights(Rule("view", ["auth", "role:boss"], "secret"), Rule("view", False, "none"))
        named = self.of(known, ANN)
        assert named is not None
        self.assertEqual(named.seen, {"full", "secret"})
        self.assertNotEqual(self.of(known, ANONYMOUS), named)

    def test_tokens(self) -> None:
        """Each token has its own answer."""
        known = self.sights(view=Need.LOGIN)
        for pattern in ("full", "secret"):
            token = Token(pattern, pattern, frozenset(["view"]), (pattern,))
            sight = self.of(known, Visitor(pattern, "token", token=token))
            assert sight is not None
            self.assertEqual(sight.seen, {pattern})

    def test_proof(self) -> None:
        """A visitor's password, and the last use of a token, do not matter."""
        known = self.sights(Rule("view", "role:boss", "secret"))
        self.assertIs(self.of(known, replace(ANN, stamp="1")), self.of(known, replace(ANN, stamp="2")))
        tokens = [Token("t", "t", frozenset(["view"]), used=used) for used in (None, 1.0)]
        first, second = (self.of(known, Visitor("t", "token", token=each)) for each in tokens)
        self.assertIs(first, second)
        self.assertIsNotNone(first)

    def test_function(self) -> None:
        """A function of the configuration is asked each time."""
        answers = [True, False, False, False]
        known = self.sights(view=Function(lambda *args: answers.pop(0)))
        found = [self.of(known, ANN) for _ in range(2)]
        self.assertEqual([each.seen if each else None for each in found], [{"full"}, frozenset()])

    def test_most(self) -> None:
        """The number of kept answers is limited."""
        self.patch(sights, "MOST", 0)
        known = self.sights(Rule("view", "auth", "secret"))
        self.assertEqual(self.of(known, ANONYMOUS), self.of(known, ANONYMOUS))
        self.assertEqual(len(self.asked), 4)
