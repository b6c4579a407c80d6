"""Passwords in URLs."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.text.urls import splitCredentials, withoutPasswords


class PasswordTests(unittest.TestCase):
    """Nobody sees the password of a repository."""

    def test_replaced(self) -> None:
        """The password of each URL is replaced; its user and host stay (S3)."""
        told = withoutPasswords("fatal: https://me:s3cr3t@host/a.git and svn+ssh://you:p:a@ss@other/b")
        self.assertEqual(told, "fatal: https://me:XXXX@host/a.git and svn+ssh://you:XXXX@other/b")

    def test_unchanged(self) -> None:
        """A URL without a password stays as it is, and so do other texts."""
        for text in ("https://host:80/a@b", "git@host:a/b.git", "ssh://git@host/a", "a: b@c", "file:///a"):
            self.assertEqual(withoutPasswords(text), text)

    def test_split(self) -> None:
        """The user and the password of a web server are taken out of its URL; other URLs stay as they are."""
        for url, wanted in (
            ("https://m%40e:a:b%2Fc@host:80/x?y=@z", ("https://host:80/x?y=@z", ("m@e", "a:b/c"))),
            ("http://:p@host/", ("http://host/", ("", "p"))),
            *(
                (url, (url, None))
                for url in ("http://me@host/x", "ssh://me:p@host/x", "me@host:x", "/x", "http://[")
            ),
        ):
            self.assertEqual(splitCredentials(url), wanted)
