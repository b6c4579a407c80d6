# -*- test-case-name: tests.unit.web.accounts.test_oldauth -*-
"""Who may log in, under the names of 0.7.11 to 0.8: objects that check a name and a password.

An object of one's own has C{authenticate(user, passwd)}, which may return a Deferred, and C{errmsg()}.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence
from typing import Any

from twisted.logger import Logger
from zope.interface import Attribute, Interface, implementer

from buildbot.config import secrets
from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import NAME, isText, sequenceOf
from buildbot.daemon.oserrors import inWords
from buildbot.files.plain import readPlain
from buildbot.web.accounts.accountsfile import LARGEST, AccountsFile
from buildbot.web.accounts.passwords import UnusableHash, fingerprint, parsed

log = Logger()


class IAuth(Interface):
    """I check the name and the password of a user."""

    err = Attribute("The reason of the latest refusal.")

    def authenticate(user: str, passwd: str) -> object:
        """True if the password is right, or a Deferred of it."""

    def errmsg() -> str:
        """The reason of the latest refusal, for people."""


@implementer(IAuth)
class AuthBase:
    """The base class for checks of one's own."""

    err = ""

    def authenticate(self, user: str, passwd: str) -> object:
        """True if the password is right. To be overridden."""
        raise NotImplementedError(f"{type(self).__name__} has no method authenticate")

    def errmsg(self) -> str:
        """The reason of the latest refusal."""
        return self.err


def _isPair(each: object) -> bool:
    return isinstance(each, (list, tuple)) and len(each) == 2 and all(map(_isWord, each)) and bool(each[0])


def _isWord(value: object) -> bool:
    """True for text, also as UTF-8: files of Python 2 encode what they have read from JSON."""
    return isText(_text(value))


def _text(value: Any) -> Any:
    """A value, decoded if it is bytes of UTF-8."""
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


_PAIRS = Kind("a list of pairs (name, password)", sequenceOf(_isPair), isSecret=True, standIn=())


class BasicAuth(AuthBase, ComparableMixin):
    """I know the names and the passwords in C{master.cfg}."""

    compare_attrs = ("userpass",)

    @arguments(userpass=_PAIRS)
    def __init__(self, userpass: Sequence[tuple[str, str]]) -> None:
        remember(self)
        self.userpass = [(_text(user), _text(password)) for user, password in userpass]

    def authenticate(self, user: str, passwd: str) -> bool:
        """True for a pair of the list. All names take the same time."""
        right = False
        for each, password in self.userpass:
            isRight = hmac.compare_digest(_bytes(passwd), _bytes(password))
            right |= hmac.compare_digest(_bytes(user), _bytes(each)) and isRight
        self.err = "" if right else "Invalid username or password"
        return right

    def stampOf(self, user: str) -> str:
        """A text as long as the user is in the list; else "". Its sessions end when it is taken out."""
        return "listed" if any(user == each for each, _ in self.userpass) else ""


class HTPasswdAuth(AuthBase, ComparableMixin):
    """I know the users of an htpasswd file whose passwords are hashed with bcrypt or scrypt.

    A file with other hashes does no harm: their users cannot log in, and the log says what to do.
    """

    compare_attrs = ("file",)

    @arguments(file=NAME)
    def __init__(self, file: str) -> None:
        """@param file: a path, relative to the master's directory."""
        remember(self)
        loading = secrets.current.get()
        self.file = os.path.join(loading.basedir, file) if loading is not None else file
        self._read: tuple[tuple[int, ...], dict[str, str]] | None = None

    def storedHash(self, user: str) -> str | None:
        """The stored hash of a user, or None. An unreadable file has no users; the log says why."""
        return self._users().get(user)

    def authenticate(self, user: str, passwd: str) -> bool:
        """True if the password is right. This takes about 0.2 seconds; the web uses L{storedHash}."""
        stored = self.storedHash(user)
        try:
            right = stored is not None and parsed(stored).isOf(passwd)
        except UnusableHash as why:
            log.warn("user {user} of {file} cannot log in: {why}", user=user, file=self.file, why=why)
            right = False
        self.err = "" if right else "Invalid username or password"
        return right

    def stampOf(self, user: str) -> str:
        """A text that changes with the password of a user; "" for an unknown user."""
        stored = self.storedHash(user)
        return "" if stored is None else fingerprint(stored)

    def unusable(self) -> list[str]:
        """A sentence about the users who cannot log in, or about an unreadable file."""
        wrong = []
        for user, stored in self._users().items():
            try:
                parsed(stored)
            except UnusableHash as why:
                wrong.append(f"user {user!r} of {self.file} cannot log in: {why}")
        return wrong

    def _users(self) -> dict[str, str]:
        """The stored hashes by name. The file is read again when it has changed."""
        try:
            found = os.stat(self.file)
            version = (found.st_mtime_ns, found.st_size, found.st_ino)
            if self._read is None or self._read[0] != version:
                with readPlain(self.file) as file:
                    self._read = version, _hashesIn(file.read(LARGEST).decode("utf-8", "replace"))
            return self._read[1]
        except OSError as why:
            log.warn(
                "cannot read {file}, so nobody in it can log in: {why}", file=self.file, why=inWords(why)
            )
            return {}


def _hashesIn(text: str) -> dict[str, str]:
    pairs = (line.strip().split(":")[:2] for line in text.splitlines() if not line.startswith("#"))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and pair[0]}


class HTPasswdAprAuth(HTPasswdAuth):
    """The same as HTPasswdAuth: it reads bcrypt, but no MD5 of Apache."""


class UsersAuth(AuthBase, ComparableMixin):
    """I know the accounts of C{buildbot account}. In 0.8 they were in the database."""

    compare_attrs = ()

    #: The web asks the file of accounts itself.
    usesAccounts = True

    @arguments()
    def __init__(self) -> None:
        remember(self)

    def authenticate(self, user: str, passwd: str) -> bool:
        """True if the password is right. This takes about 0.2 seconds."""
        account = AccountsFile(os.getcwd()).get(user)
        try:
            right = account is not None and parsed(account.stored).isOf(passwd)
        except UnusableHash:
            right = False
        self.err = "" if right else "Invalid username or password"
        return right


def isAuth(value: object) -> bool:
    """True for an object that can check a name and a password."""
    return not isinstance(value, type) and all(
        callable(getattr(value, name, None)) for name in ("authenticate", "errmsg")
    )


def _bytes(text: Any) -> bytes:
    return str(text).encode("utf-8", "surrogatepass")
