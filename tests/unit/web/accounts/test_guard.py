"""The object that pages ask about rights."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.defer import ensureDeferred
from twisted.trial import unittest

from buildbot.web.accounts.guard import Guard, visitorOf
from buildbot.web.accounts.rights import ACTIONS, Need, Rights, Rule, Subject
from buildbot.web.accounts.visitor import ANONYMOUS, Visitor

ALICE = Visitor("alice", "session")
TAGS = {"docs": frozenset({"public"}), "full": frozenset({"private"})}


@dataclass
class Shown:
    """The visitor as pages know it."""

    name: str
    detail: object


class GuardTests(unittest.SynchronousTestCase):
    """A site where users may force public builders."""

    def setUp(self) -> None:
        rules = (Rule("forceBuild", "auth", tags="public"), Rule("rebuild", "auth", branches="topic"))
        self.guard = Guard(
            Rights({"view": Need.ANYBODY}, rules), lambda name: Subject(name, TAGS.get(name, frozenset()))
        )

    def may(self, who: object, action: str, builder: str | None = None) -> bool:
        """Whether somebody may do something."""
        return self.successResultOf(ensureDeferred(self.guard.may(who, action, builder)))

    def test_may(self) -> None:
        """The tags of the builder count."""
        self.assertTrue(self.may(ALICE, "forceBuild", "docs"))
        self.assertFalse(self.may(ALICE, "forceBuild", "full"))
        self.assertFalse(self.may(ANONYMOUS, "forceBuild", "docs"))
        self.assertTrue(self.may(ANONYMOUS, "view"))

    def test_branch(self) -> None:
        """The branch counts, too."""
        for branch, wanted in (("topic", True), (None, False)):
            asked = self.guard.ask(ALICE, "rebuild", self.guard.subject("docs", branch))
            self.assertEqual(self.successResultOf(ensureDeferred(asked)).isAllowed, wanted)

    def test_login(self) -> None:
        """A login is offered only where it would help."""
        could = self.guard.couldAfterLogin
        self.assertTrue(self.successResultOf(ensureDeferred(could("forceBuild", "docs"))))
        self.assertFalse(self.successResultOf(ensureDeferred(could("forceBuild", "full"))))

    def test_all(self) -> None:
        """The page of one's rights shows each action."""
        found = self.successResultOf(ensureDeferred(self.guard.all(ALICE, "docs")))
        self.assertEqual(list(found), list(ACTIONS))
        self.assertTrue(found["forceBuild"].isAllowed)

    def test_visitor(self) -> None:
        """Pages may wrap the visitor; anything else is a stranger."""
        self.assertIs(visitorOf(Shown("alice", ALICE)), ALICE)
        self.assertIs(visitorOf(Shown("alice", None)), ANONYMOUS)
        self.assertIs(visitorOf("alice"), ANONYMOUS)
