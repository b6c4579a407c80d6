"""Passwords in URLs."""

from __future__ import annotations

import json
from types import MappingProxyType

from twisted.trial import unittest

from buildbot.text.urls import splitCredentials, struck, struckJSON, withoutPasswords


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

    def test_json(self) -> None:
        """No password of a URL is in JSON, wherever it stands; other values stay."""
        odd = ("s3cr3t", "a:b", 'a"b', "a\\b", "p@ss", "\u00e9", "\ud800", "\0", "{}[],", "a,b:c@")
        for secret in odd:
            url = f"https://me:{secret}@host/a"
            for value in (url, [f"a\n{url} b"], {"a": {url: 1}}, {"b": (1, MappingProxyType({"c": url}))}):
                for isASCII in (True, False):
                    text = struckJSON(value, ensure_ascii=isASCII)
                    self.assertEqual(text, json.dumps(struck(value), ensure_ascii=isASCII))
                    self.assertIn("https://me:XXXX@host/a", text)
        plain = {"url": "http://host:80/x", "who": ["a@b: c"], "n": MappingProxyType({"x": None})}
        self.assertEqual(json.loads(struckJSON(plain)), struck(plain))
        self.assertEqual(struckJSON({"b": 1, "a": 2}, sort_keys=True), '{"a": 2, "b": 1}')
        self.assertRaises(TypeError, struckJSON, {"a": object()})

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
