"""Which builders a visitor sees."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.web.accounts.rights import Function, Need, Rights, Role, Rule
from buildbot.web.accounts.visitor import ANONYMOUS, Token, Visitor
from buildbot.web.sight import Sight, sightOf

ANN = Visitor("ann", "basic", roles=frozenset(["boss"]))
BOB = Visitor("bob", "basic")


class SightTests(unittest.SynchronousTestCase):
    """The value."""

    def setUp(self) -> None:
        self.sight = sightOf({"full"}, ["full", "secret", "a.b"], {"bot": ["full", "secret"], "far": ["a.b"]})

    def test_names(self) -> None:
        """Builders that are not in the configuration are not seen; a slave is if it serves a seen builder."""
        self.assertEqual([self.sight.sees(each) for each in ("full", "secret", "gone")], [True, False, False])
        self.assertEqual([self.sight.seesSlave(each) for each in ("bot", "far", "idle")], [True, False, True])
        self.assertEqual([self.sight.seesOne(each) for each in ([], ["secret"], ["a.b", "full"])], [1, 0, 1])

    def test_idleSlave(self) -> None:
        """A slave without builders is seen."""
        self.assertEqual(sightOf(set(), ["a"], {"idle": [], "busy": ["a"]}).hiddenSlaves, {"busy"})

    def test_topics(self) -> None:
        """A topic or subject about a hidden thing is not seen, however its name is quoted."""
        for topic in (
            "builder/secret",
            "build/secret/3",
            "builder/secret/build/3",
            "builder/a%2Eb",
            "slave/far",
        ):
            self.assertFalse(self.sight.seesTopic(topic), topic)
        for topic in ("builders", "builder/full", "build/full/3", "slave/bot", "master", "token/secret"):
            self.assertTrue(self.sight.seesTopic(topic), topic)

    def test_words(self) -> None:
        """A text hides nothing unless it has a hidden name as a word of its own."""
        for text in ("builder secret: wrong", "far", "held by a.b/3"):
            self.assertTrue(self.sight.hides(text), text)
        for text in ("builder full", "secretly", "a-secret-2", "axb", "afar"):
            self.assertFalse(self.sight.hides(text), text)
        self.assertFalse(Sight(frozenset(["full"]), frozenset()).hides("full"))


class DiffersTests(unittest.SynchronousTestCase):
    """Whether the rules must be asked for each builder."""

    def differs(self, who: Visitor, *rules: Rule, view: object = Need.ANYBODY) -> bool:
        """The answer for the action view."""
        permissions = {"view": view}
        return Rights(permissions, rules).differs(who, "view")  # type: ignore[arg-type]

    def test_none(self) -> None:
        """Without a rule for this action all builders are equal."""
        self.assertFalse(self.differs(ANONYMOUS))
        self.assertFalse(self.differs(BOB, Rule("forceBuild", False, "full"), view=Need.LOGIN))

    def test_rule(self) -> None:
        """A visitor who may see all builders by every rule, or no builder, needs no check of each builder."""
        rule = Rule("view", "role:boss", "secret")
        self.assertTrue(self.differs(BOB, rule))
        self.assertFalse(self.differs(ANN, rule))
        self.assertFalse(self.differs(BOB, rule, view=Role("boss")))

    def test_function(self) -> None:
        """A function may answer differently for each builder."""
        self.assertTrue(self.differs(BOB, view=Function(lambda *args: True)))
        self.assertFalse(self.differs(ANONYMOUS, view=Function(lambda *args: True)))

    def test_token(self) -> None:
        """A token for some builders sees these alone, unless everybody sees all."""
        token = Token("t", "", frozenset(["view"]), ("full",))
        script = Visitor("t", "token", token=token)
        self.assertTrue(self.differs(script, view=Need.LOGIN))
        self.assertFalse(self.differs(script))
