"""Functions of the configuration that decide about rights, now or later."""

from __future__ import annotations

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.trial import unittest

from buildbot.web.accounts.permits import mayDo, whatMay
from buildbot.web.accounts.rights import ACTIONS, Answer, Rights, Verdict, permissionOf
from buildbot.web.accounts.visitor import Visitor

ALICE = Visitor("alice", "session")


class MayTests(unittest.SynchronousTestCase):
    """The answer of functions."""

    def may(self, *functions: object) -> Answer:
        """Whether alice may stop builds, if these functions decide."""
        rights = Rights({"stopBuild": permissionOf(list(functions))})
        return self.successResultOf(ensureDeferred(mayDo(rights, ALICE, "stopBuild")))

    def test_now(self) -> None:
        """A function that answers at once."""
        self.assertTrue(self.may(lambda user, action: user == "alice").isAllowed)
        self.assertFalse(self.may(lambda user, action: None).isAllowed)

    def test_later(self) -> None:
        """A function may return a Deferred."""
        answer: Deferred[bool] = Deferred()
        rights = Rights({"stopBuild": permissionOf(lambda user, action: answer)})
        asked = ensureDeferred(mayDo(rights, ALICE, "stopBuild"))
        self.assertNoResult(asked)
        answer.callback(True)
        self.assertTrue(self.successResultOf(asked).isAllowed)

    def test_several(self) -> None:
        """One of several functions is enough."""
        self.assertTrue(self.may(lambda *all: False, lambda *all: succeed(True)).isAllowed)

    def test_failure(self) -> None:
        """A function that fails allows nothing, and the failure is in the log."""
        for function in (lambda *all: 1 / 0, lambda *all: fail(ZeroDivisionError())):
            self.assertIs(self.may(function).verdict, Verdict.NEVER)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_all(self) -> None:
        """The page of one's rights has an answer for each action."""
        found = self.successResultOf(ensureDeferred(whatMay(Rights(), ALICE)))
        self.assertEqual(list(found), list(ACTIONS))
