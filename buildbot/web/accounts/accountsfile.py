# -*- test-case-name: tests.unit.web.accounts.test_accountsfile -*-
"""The file of accounts on disk: read when it has changed, and replaced completely or not at all."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable
from contextlib import suppress

from twisted.logger import Logger

from buildbot.daemon.oserrors import inWords
from buildbot.files.partial import partialPath
from buildbot.files.plain import readPlain
from buildbot.web.accounts.accounts import FILE, Account, Accounts, BadAccount, accountsOf

log = Logger()

#: The most bytes of the file.
LARGEST = 16 << 20


class AccountsFile:
    """I read and change the accounts of one master. Several processes may do this at once.

    A file that cannot be read gives no account at all: nobody can log in until it is mended.
    """

    def __init__(self, basedir: str) -> None:
        self.path = os.path.join(basedir, FILE)
        self._accounts = Accounts()
        self._version: tuple[int, ...] | None = None
        self._told = ""

    def accounts(self) -> Accounts:
        """The accounts now. This asks the file system for the time of the last change, no more."""
        try:
            found = os.stat(self.path)
            version = (found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns)
            if version != self._version:
                self._accounts = readAccounts(self.path)
                self._version = version
                self._tell(self._troubles(found.st_mode))
        except FileNotFoundError:
            self._accounts, self._version = Accounts(), None
        except (OSError, ValueError) as why:
            self._accounts, self._version = Accounts(), None
            words = inWords(why) if isinstance(why, OSError) else str(why)
            self._tell(f"cannot read the accounts in {self.path}, so nobody can log in: {words}")
        return self._accounts

    def get(self, name: str) -> Account | None:
        """One account, or None."""
        return self.accounts().all.get(name)

    def _troubles(self, mode: int) -> str:
        wrong = list(self._accounts.wrong)
        if stat.S_IMODE(mode) & 0o077:
            wrong.append("other users can read or change it: chmod 600 it")
        return f"the file of accounts {self.path}: {'; '.join(wrong)}" if wrong else ""

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._told:
            log.warn("{trouble}", trouble=trouble)
        self._told = trouble


def readAccounts(path: str) -> Accounts:
    """The accounts in a file. Raises OSError, or ValueError for a file that is not text or too large."""
    with readPlain(path) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"it has more than {LARGEST} bytes")
    try:
        return accountsOf(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None


def changeAccounts(basedir: str, change: Callable[[Accounts], Accounts]) -> Accounts:
    """Change the file of accounts: C{change} makes the new accounts of the old ones.

    Other processes that change it wait. A reader sees the old file or the new one.

    @return: the new accounts.
    @raise BadAccount: the file has wrong lines, or C{change} raised it. The file is unchanged.
    @raise OSError: the file cannot be read or written. It is unchanged.
    @raise ValueError: the file is not text, or too large.
    """
    path = os.path.join(basedir, FILE)
    directory = os.open(basedir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        try:
            old = readAccounts(path)
        except FileNotFoundError:
            old = Accounts()
        if old.wrong:  # writing the file would delete these lines
            raise BadAccount(f"{path}: {'; '.join(old.wrong)}. Correct or delete these lines first")
        new = change(old)
        if new != old or not os.path.exists(path):
            _replace(path, new.toText().encode("utf-8"), directory)
        return new
    finally:
        os.close(directory)


def _replace(path: str, data: bytes, directory: int) -> None:
    partial = partialPath(path)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        os.fsync(directory)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial)
        raise
