# -*- test-case-name: tests.unit.web.accounts.test_passwords -*-
"""Hashes of passwords: made with scrypt, compared in constant time.

Hashes of bcrypt are read where the package C{bcrypt} is installed. Hashes that can be guessed quickly are
refused. L{buildbot.web.accounts.checking} runs these functions in threads.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import unicodedata
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import ModuleType

#: The package C{bcrypt}, or None.
BCRYPT: ModuleType | None
try:
    BCRYPT = import_module("bcrypt")
except ImportError:
    BCRYPT = None

#: The cost of new hashes: 2**LN * R * 128 bytes of memory, P times.
LN, R, P = 14, 8, 5
#: The most memory and the most cost of a stored hash, in bytes: a wrong file must not stop the master.
MOST_MEMORY = 1 << 28
MOST_WORK = 1 << 22
_SALT, _HASH = 16, 32
#: The most characters of a password.
LONGEST = 1024
_SCRYPT = re.compile(
    r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{8,128})\$([A-Za-z0-9+/]{22,128})"
)
_BCRYPT = re.compile(r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}")
_ADVICE = "set a new one with `buildbot account --password`"


class UnusableHash(ValueError):
    """A stored hash cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Scrypt:
    """A parsed hash of scrypt."""

    ln: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    def isOf(self, password: str) -> bool:
        """True if this is the hash of a password."""
        return hmac.compare_digest(_derived(password, self.ln, self.r, self.p, self.salt), self.digest)


@dataclass(frozen=True)
class Bcrypt:
    """A hash of bcrypt."""

    text: str

    def isOf(self, password: str) -> bool:
        """True if this is the hash of a password. Only the first 72 bytes count, as in Apache."""
        assert BCRYPT is not None  # parsed() refuses it otherwise
        stored = re.sub(r"\A\$2[xy]?\$", "$2b$", self.text)
        return bool(BCRYPT.checkpw(_bytes(password)[:72], stored.encode("ascii")))


def parsed(text: str) -> Scrypt | Bcrypt:
    """Parse a stored hash. Raises L{UnusableHash}."""
    found = _SCRYPT.fullmatch(text)
    if found is not None:
        ln, r, p = (int(found[number]) for number in (1, 2, 3))
        if not (1 <= ln <= 24 and r >= 1 and p >= 1):
            raise UnusableHash(f"its scrypt parameters are out of range: {_ADVICE}")
        if (128 * r << ln) > MOST_MEMORY or (r * p << ln) > MOST_WORK:
            raise UnusableHash(f"its scrypt parameters need too much memory or time: {_ADVICE}")
        try:
            return Scrypt(ln, r, p, _unbase64(found[4]), _unbase64(found[5]))
        except binascii.Error:
            raise UnusableHash(f"its scrypt hash is damaged: {_ADVICE}") from None
    if _BCRYPT.fullmatch(text):
        if BCRYPT is None:
            raise UnusableHash(f"its hash is of bcrypt: install the Python package bcrypt, or {_ADVICE}")
        return Bcrypt(text)
    raise UnusableHash(f"its password is stored {_kind(text)}: {_ADVICE}")


def hashed(password: str, salt: bytes | None = None) -> str:
    """The hash to store for a password, C{$scrypt$ln=14,r=8,p=5$SALT$HASH}. Takes about 0.2 seconds."""
    salt = os.urandom(_SALT) if salt is None else salt
    digest = _derived(password, LN, R, P, salt)
    return f"$scrypt$ln={LN},r={R},p={P}${_base64(salt)}${_base64(digest)}"


#: The hash for names without an account: its check takes as long as that of an account, and always fails.
NO_ACCOUNT = Scrypt(LN, R, P, bytes(_SALT), bytes(_HASH))


def fingerprint(text: str) -> str:
    """A short digest of a stored hash: it differs after each change of the password."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _derived(password: str, ln: int, r: int, p: int, salt: bytes) -> bytes:
    memory = 128 * r * ((1 << ln) + p + 2) + (1 << 20)
    derive = partial(hashlib.scrypt, _bytes(password), salt=salt, n=1 << ln, r=r, p=p)
    return derive(maxmem=memory, dklen=_HASH)


def _bytes(password: str) -> bytes:
    """The bytes of a password. The same characters are the same bytes on every keyboard."""
    return unicodedata.normalize("NFC", password[:LONGEST]).encode("utf-8", "surrogatepass")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")


def _unbase64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _kind(text: str) -> str:
    """How a refused hash is stored, as the end of a sentence."""
    if text.startswith(("$apr1$", "$1$")):
        return "as an MD5 hash, which can be guessed quickly"
    if text.startswith("{SHA}"):
        return "as a SHA-1 hash without a salt, which can be guessed quickly"
    if text.startswith(("$5$", "$6$", "$y$", "$7$")):
        return "as a crypt hash, which Python cannot check"
    if re.fullmatch(r"[./A-Za-z0-9]{13}", text):
        return "as a DES hash, which can be guessed quickly and has only 8 characters"
    return "in an unknown way"
