"""The file of accounts on disk."""

from __future__ import annotations

import os
import stat

from twisted.logger import LogEvent, LogLevel, formatEvent
from twisted.trial import unittest

from buildbot.web.accounts.accounts import Account, Accounts, BadAccount
from buildbot.web.accounts.accountsfile import AccountsFile, changeAccounts
from tests.loglisteners import hearLog

ALICE = Account("alice", "$scrypt$x", frozenset({"dev"}))


def warnings(test: unittest.SynchronousTestCase) -> list[str]:
    """The warnings of the rest of the test, a list that grows."""
    heard: list[str] = []

    def hear(event: LogEvent) -> None:
        if event["log_level"] is LogLevel.warn:
            heard.append(formatEvent(event))

    hearLog(test, hear)
    return heard


class FileTests(unittest.SynchronousTestCase):
    """A master's directory with accounts."""

    def setUp(self) -> None:
        self.here = os.path.abspath(self.mktemp())
        os.mkdir(self.here)
        self.file = AccountsFile(self.here)

    def write(self, text: str | bytes, mode: int = 0o600) -> None:
        """Write the file by hand."""
        with open(self.file.path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(self.file.path, mode)

    def test_none(self) -> None:
        """Without a file there is no account."""
        self.assertIsNone(self.file.get("alice"))

    def test_change(self) -> None:
        """A running master sees each change at the next request. Only its own user can read the file."""
        changeAccounts(self.here, lambda old: old.withOne(ALICE))
        self.assertEqual(self.file.get("alice"), ALICE)
        self.assertEqual(stat.S_IMODE(os.stat(self.file.path).st_mode), 0o600)
        changeAccounts(self.here, lambda old: old.without("alice"))
        self.assertIsNone(self.file.get("alice"))
        self.assertEqual(os.listdir(self.here), ["accounts"])

    def test_twice(self) -> None:
        """The same change again leaves the file as it is."""
        for _ in range(2):
            changeAccounts(self.here, lambda old: old.withOne(ALICE))
            inode = os.stat(self.file.path).st_ino
        changeAccounts(self.here, lambda old: old.withOne(ALICE))
        self.assertEqual(os.stat(self.file.path).st_ino, inode)

    def test_readOnce(self) -> None:
        """An unchanged file is read once."""
        changeAccounts(self.here, lambda old: old.withOne(ALICE))
        self.assertIs(self.file.accounts(), self.file.accounts())

    def test_failedWrite(self) -> None:
        """If the file cannot be replaced, it stays as it was, and nothing else is left."""
        changeAccounts(self.here, lambda old: old.withOne(ALICE))

        def fail(*all: object) -> None:
            raise OSError(28, "No space left on device")

        self.patch(os, "replace", fail)
        self.assertRaises(OSError, changeAccounts, self.here, lambda old: Accounts())
        self.assertEqual(self.file.get("alice"), ALICE)
        self.assertEqual(os.listdir(self.here), ["accounts"])

    def test_wrongLine(self) -> None:
        """A wrong line is warned of once, and its file is not changed: the line would be lost."""
        heard = warnings(self)
        self.write("alice:$scrypt$x:dev\nnonsense\n")
        self.assertEqual(self.file.get("alice"), ALICE)
        self.file.accounts()
        self.assertEqual(len(heard), 1)
        self.assertIn("line 2", heard[0])
        why = self.assertRaises(BadAccount, changeAccounts, self.here, lambda old: Accounts())
        self.assertIn("line 2", str(why))

    def test_readable(self) -> None:
        """A file that others can read is warned of."""
        heard = warnings(self)
        self.write("alice:$scrypt$x:dev\n", 0o644)
        self.file.accounts()
        self.assertIn("chmod 600", heard[0])

    def test_unreadable(self) -> None:
        """An unreadable file has no accounts, and this is told once."""
        heard = warnings(self)
        self.write(b"alice:\xff:dev\n")
        for _ in range(3):
            self.assertIsNone(self.file.get("alice"))
        self.assertEqual(len(heard), 1)
        os.unlink(self.file.path)
        os.mkfifo(self.file.path)
        self.assertIsNone(self.file.get("alice"))
        self.assertIn("FIFO", heard[1])
