"""Warnings about C{c['buildbotURL']}."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.config.weburl import doubtsOf, isLoopback


class DoubtsTests(unittest.TestCase):
    """Somebody writes the address of the pages."""

    def test_good(self) -> None:
        """An address with its last slash is fine; without logins, and on this host, http is fine, too."""
        for url in (
            "http://ci.example.org/",
            "https://ci.example.org:8010/buildbot/",
            "http://[2001:db8::1]/",
        ):
            self.assertEqual(doubtsOf(url), [], url)
        for url in (
            "https://ci.example.org/",
            "http://localhost:8010/",
            "http://127.0.0.1/",
            "http://[::1]:1/",
        ):
            self.assertEqual(doubtsOf(url, takesLogins=True), [], url)

    def test_slash(self) -> None:
        """An address without its last slash is doubtful."""
        for url in ("http://ci.example.org", "https://ci.example.org/ci", "http://a/?x=/", "http://a/#/"):
            (said,) = doubtsOf(url)
            self.assertIn("should end with a slash", said)

    def test_scheme(self) -> None:
        """Anything but http:// or https:// with a host is doubtful."""
        for url in ("ci.example.org/", "ftp://a/", "http:///x/", "//a/", "http://[x/", "mailto:a@b/"):
            (said,) = doubtsOf(url)
            self.assertIn("should begin with http:// or https://", said, url)

    def test_plain(self) -> None:
        """Logins over http to another host are doubtful; so is a password in the address."""
        (said,) = doubtsOf("http://ci.example.org/", takesLogins=True)
        self.assertIn("passwords and sessions", said)
        (said,) = doubtsOf("https://me:secret@ci.example.org/", takesLogins=True)
        self.assertIn("no password", said)
        self.assertNotIn("secret", said)

    def test_loopback(self) -> None:
        """Only names and addresses of this host itself are loopback."""
        for name in ("localhost", "ci.localhost", "127.3.2.1", "::1"):
            self.assertTrue(isLoopback(name), name)
        for name in ("192.0.2.1", "localhost.example", "2001:db8::1", ""):
            self.assertFalse(isLoopback(name), name)
