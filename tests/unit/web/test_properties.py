"""Properties without secrets."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.text.secrets import isSecret
from buildbot.web.properties import withoutSecrets


class PropertiesTests(unittest.SynchronousTestCase):
    """The properties that visitors see."""

    def test_names(self) -> None:
        """The name of a property tells that its value is secret."""
        for name in (
            "password",
            "deployPassword",
            "DB_PASSWD",
            "api_key",
            "apiKey",
            "my-token",
            "private key",
        ):
            self.assertTrue(isSecret(name), name)
        for name in (
            "branch",
            "got_revision",
            "passed",
            "tokens_made_of",
            "key",
            "api",
            "secretary",
            "bypass",
        ):
            self.assertFalse(isSecret(name), name)

    def test_values(self) -> None:
        """Secret values are struck out, alone and inside of others; empty values stay."""
        given = {
            "a": "x long-password y",
            "b": [{"c": "long-password"}],
            "pwd": "1",
            "token": "",
            "d": 3,
        }
        shown = withoutSecrets(given, {"long-password"})
        self.assertEqual(
            shown,
            {"a": "x ******** y", "b": [{"c": "********"}], "pwd": "********", "token": "", "d": 3},
        )
        self.assertEqual(withoutSecrets({"a": "x", "n": None}, ()), {"a": "x", "n": None})
