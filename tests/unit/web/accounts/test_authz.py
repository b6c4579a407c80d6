"""Authz of 0.8, and the arguments of WebStatus that mean one."""

from __future__ import annotations

import os
from typing import Any

from twisted.trial import unittest

from buildbot.config.arguments import BadArguments
from buildbot.config.load import load
from buildbot.config.model import ConfigErrors
from buildbot.web.accounts.authz import NEW_ACTIONS, Authz, openSentences, rightsOf
from buildbot.web.accounts.oldauth import BasicAuth
from buildbot.web.accounts.rights import ACTIONS, READING, Answer, Need, Rights, Role, Rule
from buildbot.web.accounts.visitor import ANONYMOUS, Visitor

AUTH = BasicAuth([("alice", "secret")])
#: Authz objects of the manual of 0.8 and of real files.
REAL = """\
from buildbot.status.web.auth import BasicAuth, HTPasswdAuth, HTPasswdAprAuth, UsersAuth, AuthBase, IAuth
from buildbot.status.web import authz, auth
from buildbot.status.web.authz import Authz, Rule
from buildbot.plugins import util
def mayForce(user, builder_status): return user.startswith('a')
class Own(AuthBase):
    def authenticate(self, user, passwd):
        return user == passwd
users = [('dev', 'bbot!@#')]
all = [
    Authz(auth=BasicAuth(users), gracefulShutdown=False, forceBuild='auth', forceAllBuilds=False,
          pingBuilder=False, stopBuild=False, stopAllBuilds=False, cancelPendingBuild=False),
    Authz(default_action=False, auth=HTPasswdAuth('htpasswd'), view='auth', forceBuild=mayForce,
          cancelAllPendingBuilds=True, stopChange='auth', cleanShutdown='auth', showUsersPage='auth',
          pauseSlave='auth'),
    authz.Authz(auth=auth.HTPasswdAprAuth(file='htpasswd'), default_action='auth'),
    util.Authz(auth=util.BasicAuth(users), useHttpHeader=True, httpLoginUrl='https://sso.example.org/'),
    Authz(True, Own(), False, False, True, forceBuild=True),
    Authz(auth=UsersAuth(), forceBuild=['role:dev', 'role:ops'],
          rules=[Rule('forceBuild', False, branches='release-*'), Rule(['stopBuild'], 'auth', 'docs')]),
]
c = BuildmasterConfig = {'slaves': [], 'builders': [], 'slavePortnum': 9989, 'schedulers': []}
"""


def lettersOf(rights: Rights, who: Visitor) -> dict[str, bool]:
    """What somebody may do, for each action."""
    found: dict[str, bool] = {}
    for action in ACTIONS:
        decided = rights.decide(who, action)
        assert isinstance(decided, Answer)
        found[action] = decided.isAllowed
    return found


class AuthzTests(unittest.SynchronousTestCase):
    """The arguments of 0.8."""

    ALICE = Visitor("alice", "basic")

    def allowed(self, rights: Rights, who: Visitor) -> set[str]:
        """The names of the allowed actions."""
        return {action for action, isAllowed in lettersOf(rights, who).items() if isAllowed}

    def test_default(self) -> None:
        """Authz() lets everybody read and nobody act."""
        self.assertEqual(self.allowed(Authz().rights(), ANONYMOUS), set(READING))
        self.assertEqual(self.allowed(Authz().rights(), self.ALICE), set(READING))

    def test_defaultAction(self) -> None:
        """default_action is for the actions of 0.8; those of this release must be named."""
        rights = Authz(default_action=True).rights()
        self.assertEqual(self.allowed(rights, ANONYMOUS), set(ACTIONS) - set(NEW_ACTIONS))
        rights = Authz(default_action="auth", auth=AUTH, reconfig="role:admin").rights()
        self.assertEqual(self.allowed(rights, ANONYMOUS), set(READING))
        self.assertEqual(rights.permissions["reconfig"], Role("admin"))

    def test_oldNames(self) -> None:
        """The names of actions of 0.8 are those of this release."""
        rights = Authz(gracefulShutdown=True, cancelPendingBuild=True, cleanShutdown=True).rights()
        self.assertEqual(
            self.allowed(rights, ANONYMOUS), {*READING, "drainSlave", "cancelRequest", "shutdown"}
        )

    def test_rebuild(self) -> None:
        """Who may force may rebuild, as in 0.8, unless it is said separately."""
        self.assertEqual(
            self.allowed(Authz(forceBuild=True).rights(), ANONYMOUS), {*READING, "forceBuild", "rebuild"}
        )
        self.assertEqual(
            self.allowed(Authz(forceBuild=True, rebuild=False).rights(), ANONYMOUS), {*READING, "forceBuild"}
        )

    def test_all(self) -> None:
        """forceAllBuilds and its kin are permissions of their own, as in 0.8."""
        rights = Authz(forceBuild=True, stopAllBuilds=True).rights()
        self.assertFalse(rights.decide(ANONYMOUS, "forceAllBuilds").isAllowed)  # type: ignore[union-attr]
        self.assertTrue(rights.decide(ANONYMOUS, "stopAllBuilds").isAllowed)  # type: ignore[union-attr]

    def test_view(self) -> None:
        """view is also for logs and properties."""
        rights = Authz(auth=AUTH, view="auth", viewLogs=True).rights()
        self.assertEqual(self.allowed(rights, ANONYMOUS), {"viewLogs"})
        self.assertEqual(self.allowed(rights, self.ALICE), set(READING))

    def test_wrong(self) -> None:
        """A wrong value is refused, and so is a misspelt action, with the right name."""
        self.assertIn(
            "did you mean 'forceBuild'", str(self.assertRaises(BadArguments, Authz, forceBuilds=True))
        )
        for kwargs in ({"forceBuild": "yes"}, {"auth": "alice"}, {"rules": [1]}, {"useHttpHeader": "x"}):
            self.assertRaises(BadArguments, Authz, **kwargs)
        for args in ((["x"],), ([("a", "b", "c")],), ("ab",), ([("", "x")],)):
            why = self.assertRaises(BadArguments, BasicAuth, *args)
            self.assertNotIn("'b'", str(why))

    def test_equal(self) -> None:
        """Two loads of one file give equal objects, so that a reconfig changes nothing."""
        one, other = (
            Authz(auth=BasicAuth([("a", "b")]), rules=[Rule("rebuild", True)], forceBuild="auth")
            for _ in range(2)
        )
        self.assertEqual(one, other)
        self.assertNotEqual(one, Authz(auth=BasicAuth([("a", "c")]), forceBuild="auth"))

    def test_realFiles(self) -> None:
        """Files of 0.8 load."""
        here = os.path.abspath(self.mktemp())
        os.mkdir(here)
        try:
            load(REAL, "master.cfg", here)
        except ConfigErrors as errors:
            told = [str(each) for each in errors.errors if "c['" not in str(each)]
            self.assertEqual(told, [])


class RequestTests(unittest.SynchronousTestCase):
    """Pages written for 0.8, which ask an Authz about a request."""

    def request(self, who: object = None) -> Any:
        """A request on which the site has put its visitor."""

        class Request:
            pass

        request: Any = Request()
        if who is not None:
            request.who = who
        return request

    def test_actionAllowed(self) -> None:
        """actionAllowed fires with the answer of a function of 0.8."""
        authz = Authz(auth=AUTH, stopBuild=lambda user, build: user == "alice" and build == 7)
        alice = self.request(Visitor("alice", "session"))
        self.assertTrue(self.successResultOf(authz.actionAllowed("stopBuild", alice, 7)))
        self.assertFalse(self.successResultOf(authz.actionAllowed("stopBuild", alice, 8)))
        self.assertFalse(self.successResultOf(authz.actionAllowed("stopBuild", self.request(), 7)))

    def test_advertise(self) -> None:
        """An action is shown if it is allowed, or would be after a login."""
        authz = Authz(auth=AUTH, stopBuild="auth")
        self.assertTrue(authz.advertiseAction("stopBuild", self.request()))
        self.assertFalse(authz.advertiseAction("forceBuild", self.request()))

    def test_names(self) -> None:
        """The name of the visitor, and whether there is one."""
        alice = self.request(Visitor("alice", "session"))
        authz = Authz()
        self.assertEqual((authz.getUsername(alice), authz.authenticated(alice)), ("alice", True))
        self.assertEqual(
            (authz.getUsername(self.request()), authz.authenticated(self.request("x"))), ("", False)
        )


class WebStatusTests(unittest.SynchronousTestCase):
    """allowForce and auth of 0.7.6 to 0.8."""

    def force(self, **kwargs: Any) -> object:
        """The permission to force builds."""
        return rightsOf(**kwargs).permission("forceBuild")

    def test_allowForce(self) -> None:
        """allowForce without auth opens the actions; with auth it needs a login; without both, nothing."""
        self.assertIs(self.force(allowForce=True), Need.ANYBODY)
        self.assertIs(self.force(allowForce=True, auth=AUTH), Need.LOGIN)
        for kwargs in ({}, {"allowForce": False}, {"allowForce": None, "auth": AUTH}):
            self.assertIs(self.force(**kwargs), Need.NOBODY)

    def test_authz(self) -> None:
        """An Authz decides alone."""
        self.assertIs(self.force(authz=Authz(auth=AUTH, forceBuild="auth")), Need.LOGIN)

    def test_warning(self) -> None:
        """What is open to everybody is one sentence for checkconfig; a safe site has none."""
        (sentence,) = openSentences(rightsOf(allowForce=True))
        self.assertIn("without a login: forceBuild, rebuild, stopBuild", sentence)
        for rights in (rightsOf(), rightsOf(allowForce=True, auth=AUTH), rightsOf(Authz(view=True))):
            self.assertEqual(openSentences(rights), [])
