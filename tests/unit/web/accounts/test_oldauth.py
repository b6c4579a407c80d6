"""BasicAuth, HTPasswdAuth and UsersAuth of 0.8."""

from __future__ import annotations

import os
from typing import Any

from twisted.trial import unittest
from zope.interface.verify import verifyObject

from buildbot.web.accounts import passwords
from buildbot.web.accounts.accounts import Account
from buildbot.web.accounts.accountsfile import changeAccounts
from buildbot.web.accounts.oldauth import (
    AuthBase,
    BasicAuth,
    HTPasswdAprAuth,
    HTPasswdAuth,
    IAuth,
    UsersAuth,
    isAuth,
)
from buildbot.web.accounts.passwords import hashed


class AuthTests(unittest.SynchronousTestCase):
    """Each class."""

    def setUp(self) -> None:
        self.patch(passwords, "LN", 4)  # quick
        self.patch(passwords, "P", 1)

    def htpasswd(self, text: str) -> str:
        """The path of an htpasswd file."""
        path: str = os.path.abspath(self.mktemp())
        with open(path, "w") as file:
            file.write(text)
        return path

    def test_interface(self) -> None:
        """Each provides the interface that plug-ins of 0.8 ask for."""
        for auth in (BasicAuth([]), HTPasswdAuth("x"), HTPasswdAprAuth("x"), UsersAuth(), AuthBase()):
            verifyObject(IAuth, auth)
            self.assertTrue(isAuth(auth))
        for other in (BasicAuth, "x", object(), None):
            self.assertFalse(isAuth(other))

    def test_basic(self) -> None:
        """BasicAuth accepts the pairs of its list, and says why it refuses others."""
        auth = BasicAuth([("alice", "secret"), ("Zoë", "geheim")])
        self.assertTrue(auth.authenticate("alice", "secret"))
        self.assertTrue(auth.authenticate("Zoë", "geheim"))
        for user, password in (("alice", "geheim"), ("alice", ""), ("bob", "secret"), ("", "")):
            self.assertFalse(auth.authenticate(user, password))
            self.assertEqual(auth.errmsg(), "Invalid username or password")

    def test_basicBytes(self) -> None:
        """Files of Python 2 encode a name and a password that they have read from JSON: they are the same."""
        pairs: Any = [("Zoë".encode(), "größer".encode())]
        auth = BasicAuth(pairs)
        self.assertTrue(auth.authenticate("Zoë", "größer"))
        self.assertEqual(auth, BasicAuth([("Zoë", "größer")]))
        self.assertEqual(auth.stampOf("Zoë"), "listed")
        for wrong in (b"\xff", b"", None):
            pairs = [(wrong, "secret")]
            self.assertRaises(ValueError, BasicAuth, pairs)

    def test_htpasswd(self) -> None:
        """HTPasswdAuth accepts users with a good hash, and no others."""
        path = self.htpasswd(f"# users\nalice:{hashed('secret')}\nbob:rqXexS6ZhobKA\n\nnonsense\n")
        auth = HTPasswdAuth(path)
        self.assertTrue(auth.authenticate("alice", "secret"))
        self.assertFalse(auth.authenticate("alice", "x"))
        self.assertFalse(auth.authenticate("bob", "secret"))
        self.assertFalse(auth.authenticate("carol", "secret"))
        (told,) = auth.unusable()
        self.assertIn("'bob'", told)
        self.assertIn("DES", told)

    def test_changed(self) -> None:
        """A changed htpasswd file counts at once; a missing one has no users."""
        path = self.htpasswd(f"alice:{hashed('secret')}\n")
        auth = HTPasswdAuth(path)
        before = auth.stampOf("alice")
        with open(path, "w") as file:
            file.write(f"alice:{hashed('other')}\nbob:x\n")
        self.assertTrue(auth.authenticate("alice", "other"))
        self.assertNotEqual(auth.stampOf("alice"), before)
        os.unlink(path)
        self.assertFalse(auth.authenticate("alice", "other"))
        self.assertEqual(auth.stampOf("alice"), "")

    def test_users(self) -> None:
        """UsersAuth knows the accounts of the master's directory."""
        here = os.path.abspath(self.mktemp())
        os.mkdir(here)
        changeAccounts(here, lambda old: old.withOne(Account("alice", hashed("secret"))))
        self.patch(os, "getcwd", lambda: here)
        self.assertTrue(UsersAuth().authenticate("alice", "secret"))
        self.assertFalse(UsersAuth().authenticate("alice", "x"))
        self.assertFalse(UsersAuth().authenticate("bob", "secret"))
