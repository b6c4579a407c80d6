"""Hashes of passwords."""

from __future__ import annotations

from types import ModuleType
from typing import cast

from twisted.trial import unittest

from buildbot.web.accounts import passwords
from buildbot.web.accounts.passwords import NO_ACCOUNT, UnusableHash, fingerprint, hashed, parsed

#: The hash of "secret", as passlib also writes it.
SECRET = "$scrypt$ln=4,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"


class FakeBcrypt:
    """Replaces the package bcrypt."""

    @staticmethod
    def checkpw(password: bytes, stored: bytes) -> bool:
        """True for the one password; the kind of the hash must be the package's own."""
        return stored.startswith(b"$2b$") and password == b"secret"


class ScryptTests(unittest.SynchronousTestCase):
    """Own hashes."""

    def setUp(self) -> None:
        self.patch(passwords, "LN", 4)  # quick
        self.patch(passwords, "P", 1)

    def test_hashed(self) -> None:
        """A new hash fits its password and no other one."""
        stored = hashed("secret")
        self.assertTrue(stored.startswith("$scrypt$ln=4,r=8,p=1$"))
        self.assertTrue(parsed(stored).isOf("secret"))
        for other in ("Secret", "secret ", "", "secre", "sécret"):
            self.assertFalse(parsed(stored).isOf(other), other)

    def test_salted(self) -> None:
        """Two hashes of one password differ, and so do their fingerprints."""
        one, other = hashed("secret"), hashed("secret")
        self.assertNotEqual(one, other)
        self.assertNotEqual(fingerprint(one), fingerprint(other))

    def test_salt(self) -> None:
        """The hash of a given salt is always the same: stored hashes stay valid in later releases."""
        self.assertEqual(
            hashed("secret", b"0123456789abcdef"),
            SECRET + hashed("secret", b"0123456789abcdef")[len(SECRET) :],
        )
        self.assertTrue(parsed(hashed("secret", b"0123456789abcdef")).isOf("secret"))

    def test_keyboards(self) -> None:
        """An accented letter is the same password whether the keyboard makes one character of it or two."""
        self.assertTrue(parsed(hashed("caf\u00e9")).isOf("cafe\u0301"))

    def test_odd(self) -> None:
        """Any text can be checked, also one that UTF-8 does not know."""
        self.assertFalse(parsed(hashed("x")).isOf("\ud800" * 5000))

    def test_noAccount(self) -> None:
        """The hash for unknown names costs as much as a new one. Nobody can give its password."""
        self.assertEqual((NO_ACCOUNT.ln, NO_ACCOUNT.r, NO_ACCOUNT.p), (14, 8, 5))

    def test_tooExpensive(self) -> None:
        """A hash with parameters that would stop the master is refused."""
        for text in ("ln=24,r=8,p=1", "ln=14,r=999,p=1", "ln=14,r=8,p=999", "ln=0,r=8,p=1", "ln=14,r=0,p=1"):
            self.assertRaises(UnusableHash, parsed, f"$scrypt${text}$c2FsdHNhbHQ${'A' * 43}")


class OtherTests(unittest.SynchronousTestCase):
    """Hashes of htpasswd files."""

    BCRYPT = "$2y$05$" + "a" * 53

    def test_refused(self) -> None:
        """Hashes that can be guessed quickly are refused; the message says why and what to do."""
        for text, word in {
            "$apr1$abc$defghijklmnopqrstuvwx.": "MD5",
            "$1$abc$defghijklmnopqrstuvwx.": "MD5",
            "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=": "SHA-1",
            "rqXexS6ZhobKA": "DES",
            "$6$salt$abc": "crypt",
            "secret": "unknown",
            "": "unknown",
            "$scrypt$ln=14,r=8,p=5$x": "unknown",
        }.items():
            why = str(self.assertRaises(UnusableHash, parsed, text))
            self.assertIn(word, why)
            self.assertIn("`buildbot account --password`", why)

    def test_bcrypt(self) -> None:
        """A hash of bcrypt is checked by the package bcrypt, under the name that the package knows."""
        self.patch(passwords, "BCRYPT", cast(ModuleType, FakeBcrypt))
        self.assertTrue(parsed(self.BCRYPT).isOf("secret"))
        self.assertFalse(parsed(self.BCRYPT).isOf("other"))

    def test_noBcrypt(self) -> None:
        """Without the package, the message names it."""
        self.patch(passwords, "BCRYPT", None)
        self.assertIn(
            "install the Python package bcrypt", str(self.assertRaises(UnusableHash, parsed, self.BCRYPT))
        )
