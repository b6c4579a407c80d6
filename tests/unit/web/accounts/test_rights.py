"""Who may do what: the rules."""

from __future__ import annotations

import re
from itertools import product

from twisted.trial import unittest

from buildbot.web.accounts.authz import Authz
from buildbot.web.accounts.rights import (
    ACTIONS,
    FURTHER,
    LIKE,
    NOTHING,
    READING,
    Answer,
    Need,
    Question,
    Rights,
    Role,
    Rule,
    Subject,
    UnknownAction,
    Verdict,
    openActions,
    permissionOf,
    readingRights,
)
from buildbot.web.accounts.visitor import ANONYMOUS, Token, Visitor

ALICE = Visitor("alice", "session")
#: Six roles of people and scripts.
VISITORS = {
    "stranger": ANONYMOUS,
    "user": Visitor("ursula", "session"),
    "developer": Visitor("dora", "basic", roles=frozenset({"dev"})),
    "operator": Visitor("olaf", "proxy", roles=frozenset({"ops"})),
    "administrator": Visitor("ada", "session", roles=frozenset({"admin"})),
    "script": Visitor("ci", "token", token=Token("ci", "", frozenset({"forceBuild", "viewLogs"}))),
}
#: A typical site.
SITE = Rights(
    {
        "view": Need.ANYBODY,
        "viewLogs": Need.LOGIN,
        "viewProperties": Need.LOGIN,
        "forceBuild": (Role("dev"), Role("ops")),
        "rebuild": (Role("dev"), Role("ops")),
        "stopBuild": (Role("dev"), Role("ops")),
        "cancelRequest": Role("ops"),
        "stopChange": Role("ops"),
        "sendChange": Role("forge"),
        "pauseSlave": Role("ops"),
        "drainSlave": Role("ops"),
        "disconnectSlave": Role("ops"),
        "reconfig": Role("admin"),
        "admin": Role("admin"),
    }
)
#: For each of the six, what each of the 15 actions gives: y allowed, l after login, n never.
TABLE = {
    # in the order of ACTIONS: view, logs, properties, force, rebuild, stop, cancel, stop a change,
    # send a change, pause, drain, disconnect, reconfig, shutdown, admin
    "stranger": "y l l l l l l l l l l l l n l",
    "user": "y y y n n n n n n n n n n n n",
    "developer": "y y y y y y n n n n n n n n n",
    "operator": "y y y y y y y y n y y y n n n",
    "administrator": "y y y n n n n n n n n n y n y",
    "script": "y y n y n n n n n n n n n n n",
}
LETTERS = {Verdict.ALLOWED: "y", Verdict.AFTER_LOGIN: "l", Verdict.NEVER: "n"}


def verdict(rights: Rights, who: Visitor, action: str, subject: Subject = NOTHING) -> Verdict:
    """The verdict, where no function decides."""
    decided = rights.decide(who, action, subject)
    assert isinstance(decided, Answer), decided
    return decided.verdict


class MatrixTests(unittest.SynchronousTestCase):
    """Every action for every role."""

    def test_matrix(self) -> None:
        """A typical site: 15 actions for 6 roles, each as the table says."""
        self.assertEqual((len(ACTIONS), len(VISITORS)), (15, 6))
        found = {
            role: " ".join(LETTERS[verdict(SITE, who, action)] for action in ACTIONS)
            for role, who in VISITORS.items()
        }
        self.assertEqual(found, TABLE)

    def test_nothingSaid(self) -> None:
        """Without a configuration, everybody may read and nobody may do anything else."""
        for rights, (who, action) in product(
            (readingRights(True), readingRights(False)), product(VISITORS.values(), (*ACTIONS, *FURTHER))
        ):
            isAllowed = verdict(rights, who, action) is Verdict.ALLOWED
            wanted = action in READING
            if who.token is not None and who.token.covers(LIKE.get(action, action), None):
                wanted = True  # the token itself was made by somebody who may write to the master's directory
            self.assertEqual(isAllowed, wanted, (who, action))

    def test_empty(self) -> None:
        """Rights without any permission allow a person nothing, not even to read."""
        for who, action in product([each for each in VISITORS.values() if not each.token], ACTIONS):
            self.assertIs(verdict(Rights(), who, action), Verdict.NEVER)

    def test_closedToRead(self) -> None:
        """A site that is not open to read asks for a login."""
        rights = readingRights(True, isOpen=False)
        self.assertIs(verdict(rights, ANONYMOUS, "view"), Verdict.AFTER_LOGIN)
        self.assertIs(verdict(rights, ALICE, "viewLogs"), Verdict.ALLOWED)

    def test_unknownAction(self) -> None:
        """An unknown action is an error, not a permission."""
        self.assertRaises(UnknownAction, SITE.decide, ALICE, "frceBuild")

    def test_sentences(self) -> None:
        """Each answer has a sentence with the reason."""
        said = {
            role: SITE.decide(VISITORS[role], action).sentence  # type: ignore[union-attr]
            for role, action in (
                ("stranger", "reconfig"),
                ("user", "forceBuild"),
                ("developer", "forceBuild"),
                ("administrator", "shutdown"),
                ("script", "stopBuild"),
            )
        }
        self.assertEqual(
            said,
            {
                "stranger": "Log in with the role 'admin' to reconfigure the master.",
                "user": "ursula may not force builds: this needs the role 'dev' or 'ops'.",
                "developer": "dora may force builds.",
                "administrator": "Nobody may shut the master down here.",
                "script": "The token 'ci' is not for the action stopBuild.",
            },
        )

    def test_noAccounts(self) -> None:
        """If nobody can log in, no login is offered."""
        decided = Rights({"forceBuild": Need.LOGIN}, canLogIn=False).decide(ANONYMOUS, "forceBuild")
        self.assertEqual(
            decided,
            Answer(
                Verdict.NEVER,
                "Only users who are logged in may force builds, and this master has no accounts.",
            ),
        )


class RuleTests(unittest.SynchronousTestCase):
    """Permissions by builder, tag and branch."""

    def rights(self, *rules: Rule) -> Rights:
        """Users who are logged in may force; these rules come first."""
        return Rights({"forceBuild": Need.LOGIN, "stopBuild": Need.LOGIN}, rules)

    def isAllowed(self, rights: Rights, subject: Subject, who: Visitor = ALICE) -> bool:
        """Whether alice may force a build."""
        return verdict(rights, who, "forceBuild", subject) is Verdict.ALLOWED

    def test_builders(self) -> None:
        """A rule for builders: by name, by pattern, by regular expression."""
        for pattern in ("release-*", ["release-1", "release-*"], re.compile("release-")):
            rights = self.rights(Rule("forceBuild", "role:ops", builders=pattern))
            self.assertFalse(self.isAllowed(rights, Subject("release-1")))
            self.assertTrue(self.isAllowed(rights, Subject("docs")))
            self.assertTrue(self.isAllowed(rights, Subject("release-1"), VISITORS["operator"]))

    def test_tags(self) -> None:
        """A rule for tags: one tag or category of the builder is enough."""
        rights = self.rights(Rule(["forceBuild", "stopBuild"], False, tags=["deploy", "paid"]))
        self.assertFalse(self.isAllowed(rights, Subject("b", frozenset({"paid", "x"}))))
        self.assertTrue(self.isAllowed(rights, Subject("b", frozenset({"x"}))))

    def test_branches(self) -> None:
        """A rule for branches; None is the main line."""
        rights = self.rights(Rule("forceBuild", False, branches=[None, "stable-*"]))
        self.assertFalse(self.isAllowed(rights, Subject("b")))
        self.assertFalse(self.isAllowed(rights, Subject("b", branch="stable-1")))
        self.assertTrue(self.isAllowed(rights, Subject("b", branch="topic")))

    def test_first(self) -> None:
        """The first rule that fits decides."""
        rights = self.rights(
            Rule("forceBuild", True, builders="docs"), Rule("forceBuild", False, builders="*")
        )
        self.assertTrue(self.isAllowed(rights, Subject("docs"), ANONYMOUS))
        self.assertFalse(self.isAllowed(rights, Subject("full")))

    def test_otherActions(self) -> None:
        """A rule leaves other actions alone."""
        rights = self.rights(Rule("forceBuild", False))
        self.assertIs(verdict(rights, ALICE, "stopBuild", Subject("b")), Verdict.ALLOWED)

    def test_allBuilders(self) -> None:
        """The action on all builders has the permission of the action on one."""
        self.assertIs(verdict(self.rights(), ALICE, "forceAllBuilds"), Verdict.ALLOWED)
        self.assertIs(verdict(self.rights(), ALICE, "stopAllBuilds"), Verdict.ALLOWED)
        self.assertIs(verdict(self.rights(), ALICE, "cancelAllPendingBuilds"), Verdict.NEVER)


class FunctionTests(unittest.SynchronousTestCase):
    """Functions of the configuration."""

    def test_question(self) -> None:
        """A function is a question for a user who is logged in, and a login for a stranger."""

        def function(user: str, action: str, builder: object) -> bool:
            return user == "alice"

        rights = Rights({}, (Rule("stopBuild", function),))
        asked = rights.decide(ALICE, "stopBuild", Subject(args=("status",)))
        assert isinstance(asked, Question)
        self.assertEqual(asked.calls, ((function, ("alice", "stopBuild", "status")),))
        self.assertIs(verdict(rights, ANONYMOUS, "stopBuild"), Verdict.AFTER_LOGIN)

    def test_old(self) -> None:
        """A function of an Authz gets the arguments of 0.8."""

        def function(user: str, builder: object) -> bool:
            return True

        asked = Authz(forceBuild=function).rights(True).decide(ALICE, "forceBuild", Subject(args=("b",)))
        assert isinstance(asked, Question)
        self.assertEqual(asked.calls, ((function, ("alice", "b")),))

    def test_roleFirst(self) -> None:
        """No function is asked if a role is enough."""
        rights = Rights({"rebuild": permissionOf([lambda user, action: False, "role:dev"])})
        self.assertIs(verdict(rights, VISITORS["developer"], "rebuild"), Verdict.ALLOWED)


class TokenTests(unittest.SynchronousTestCase):
    """What a token allows."""

    def token(self, *builders: str, owner: str = "") -> Visitor:
        """The visitor with a token for forced builds."""
        token = Token("t", "", frozenset({"forceBuild"}), builders, owner)
        return Visitor(owner or "t", "token", token=token)

    def test_builders(self) -> None:
        """A token for some builders is for no other one, and not for all of them."""
        rights = readingRights(True)
        for builder, wanted in (("a1", True), ("b", False), (None, False)):
            isAllowed = verdict(rights, self.token("a*"), "forceBuild", Subject(builder)) is Verdict.ALLOWED
            self.assertEqual(isAllowed, wanted)

    def test_owner(self) -> None:
        """The token of an account never allows more than the account has."""
        self.assertIs(verdict(SITE, self.token(owner="ursula"), "forceBuild"), Verdict.NEVER)
        self.assertIs(
            verdict(Rights({"forceBuild": Need.LOGIN}), self.token(owner="u"), "forceBuild"), Verdict.ALLOWED
        )

    def test_open(self) -> None:
        """With a token one may still do what everybody may do."""
        self.assertIs(verdict(SITE, self.token(), "view"), Verdict.ALLOWED)


class PermissionTests(unittest.SynchronousTestCase):
    """The values of the configuration."""

    def test_values(self) -> None:
        """True, False, 'auth', a role, and lists of these."""
        self.assertEqual(
            [permissionOf(each) for each in (True, False, 1, 0, "auth", "role:x", ["auth", "role:x"])],
            [Need.ANYBODY, Need.NOBODY, Need.ANYBODY, Need.NOBODY, Need.LOGIN, Role("x"),
             (Need.LOGIN, Role("x"))],
        )  # fmt: skip

    def test_wrong(self) -> None:
        """Other values are errors, so that a slip never opens an action."""
        values: list[object] = [None, "yes", "role:", [], "", 2, {}, "Auth"]
        for value in values:
            self.assertRaises(ValueError, permissionOf, value)

    def test_open(self) -> None:
        """What everybody may do is found for the warning, also in rules."""
        rights = Rights(
            {"view": Need.ANYBODY, "rebuild": (Role("x"), Need.ANYBODY)},
            (Rule("shutdown", True, builders="x"),),
        )
        self.assertEqual(openActions(rights), ["rebuild", "shutdown"])
        self.assertEqual(openActions(SITE), [])
