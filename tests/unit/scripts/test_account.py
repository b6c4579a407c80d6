"""The command C{account}."""

from __future__ import annotations

import io
import json
import os
import stat
import sys

from twisted.trial import unittest

from buildbot.control import client
from buildbot.web.accounts.accountsfile import AccountsFile
from buildbot.web.accounts.passwords import parsed
from tests.commandline import Spoken, command, directory
from tests.quickhash import hashQuickly


class AccountTests(unittest.SynchronousTestCase):
    """A person at a terminal changes the accounts of a master."""

    def setUp(self) -> None:
        hashQuickly(self)
        self.here = directory(self.mktemp())

    def run_(self, *words: str, password: str = "") -> Spoken:
        """Run the command; the password comes from standard input."""
        self.patch(sys, "stdin", io.StringIO(password + "\n"))
        return command("account", *words)

    def test_made(self) -> None:
        """A new account gets the password and the roles; only its owner can read the file."""
        said = self.run_("--role=admin", "-r", "dev,ops", self.here, "ann", password="correct horse")
        self.assertEqual((said.status, said.out), (0, "account ann is made; roles: admin, dev, ops\n"))
        made = AccountsFile(self.here).get("ann")
        assert made is not None
        self.assertTrue(parsed(made.stored).isOf("correct horse"))
        mode = os.stat(os.path.join(self.here, "accounts")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.assertNotIn("horse", said.out + said.err + made.stored)

    def test_list(self) -> None:
        """Who wants a list, as of `buildbot token list`, is told how to get it."""
        said = self.run_(self.here, "list", password="correct horse")
        self.assertEqual(said.status, 1)
        self.assertIn(f"`buildbot account {self.here}` lists the accounts", said.err)

    def test_noted(self) -> None:
        """A running master is told, so that it records the change; one that cannot answer does no harm."""
        asked: list[tuple[object, ...]] = []
        self.patch(client, "request", lambda *words: asked.append(words[1:3]))
        self.run_(self.here, "ann", password="correct horse")
        self.run_("--role=dev", self.here, "ann")
        self.run_("--remove", self.here, "ann")
        told = [("account", {"name": "ann", "what": what}) for what in ("made", "changed", "removed")]
        self.assertEqual(asked, told)

        def refuse(*words: object) -> None:
            raise client.ControlError("this master knows no command 'account'")

        self.patch(client, "request", refuse)
        self.assertEqual(self.run_(self.here, "ann", password="correct horse").status, 0)

    def test_changed(self) -> None:
        """Roles are changed without a password; a password is changed without the roles."""
        self.run_("--role=admin", self.here, "ann", password="correct horse")
        said = self.run_("--role=dev", self.here, "ann")
        self.assertEqual(said.out, "account ann is changed; roles: dev\n")
        said = self.run_(self.here, "ann", password="battery staple")
        self.assertEqual(said.out, "account ann is changed, and its sessions have ended; roles: dev\n")
        said = self.run_("--no-roles", self.here, "ann")
        self.assertEqual(said.out, "account ann is changed; roles: none\n")
        changed = AccountsFile(self.here).get("ann")
        assert changed is not None
        self.assertTrue(parsed(changed.stored).isOf("battery staple"))

    def test_passwordFile(self) -> None:
        """With --password-file, the first line of a file is the password; roles may change with it."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("battery staple\nanother line\n")
        self.run_(self.here, "ann", password="correct horse")
        said = self.run_("--role=dev", f"--password-file={path}", self.here, "ann", password="not asked for")
        self.assertEqual(said.out, "account ann is changed, and its sessions have ended; roles: dev\n")
        made = AccountsFile(self.here).get("ann")
        assert made is not None
        self.assertTrue(parsed(made.stored).isOf("battery staple"))

    def test_noPasswordFile(self) -> None:
        """A missing file is an error, and so is a short password in it; no account is made."""
        path = self.mktemp()
        self.assertIn(
            "cannot read the password in", self.run_(f"--password-file={path}", self.here, "ann").err
        )
        with open(path, "w") as file:
            file.write("short\n")
        self.assertIn("at least 8", self.run_(f"--password-file={path}", self.here, "ann").err)
        self.assertIsNone(AccountsFile(self.here).get("ann"))

    def test_listed(self) -> None:
        """The accounts are listed with their roles, never with a password or its hash."""
        self.assertIn("there is no account yet", self.run_(self.here).out)
        self.run_("--role=admin", self.here, "ann", password="correct horse")
        self.run_(self.here, "bob", password="correct horse")
        self.assertEqual(self.run_(self.here).out, "ann: admin\nbob: no role\n")
        self.assertEqual(json.loads(self.run_("--json", self.here).out), {"ann": ["admin"], "bob": []})

    def test_removed(self) -> None:
        """An account is removed; a second time the command says that there is none."""
        self.run_(self.here, "ann", password="correct horse")
        self.assertEqual(self.run_("--remove", self.here, "ann").status, 0)
        said = self.run_("--remove", self.here, "ann")
        self.assertEqual((said.status, said.err), (1, "there is no account 'ann'\n"))

    def test_refused(self) -> None:
        """Bad names, roles and passwords are refused, with a reason; nothing is written."""
        for words, password, why in (
            (("a:b",), "correct horse", "colon"),
            (("ann",), "short", "at least 8 characters"),
            (("ann",), "x" * 2000, "at most 1024 bytes"),
            (("ann", "--role=a b"), "correct horse", "does not fit"),
        ):
            options = [each for each in words if each.startswith("-")]
            name = words[0]
            said = self.run_(*options, self.here, name, password=password)
            self.assertEqual(said.status, 1, words)
            self.assertIn(why, said.err)
        self.assertFalse(os.path.exists(os.path.join(self.here, "accounts")))

    def test_slave(self) -> None:
        """A slave has no accounts."""
        here = directory(self.mktemp(), "buildslave")
        self.assertIn("accounts belong to a master", self.run_(here, "ann", password="correct horse").err)
