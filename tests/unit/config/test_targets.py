"""Webhooks that post to one address, and IRC bots with one nick."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.status.words import IRC
from buildbot.webhooks.notifier import Webhook
from tests.unit.config.test_check import CANARY, errors, warnings

URL = f"https://hooks.example/{CANARY}"


class TargetTests(unittest.SynchronousTestCase):
    """Two entries of c['status']."""

    def test_secrets(self) -> None:
        """Two webhooks with one URL need one secret: the receiver must be able to check both."""
        for secret in (f"{CANARY} 2", None):
            (told,) = errors(status=[Webhook(URL, f"{CANARY} 1"), Webhook, Webhook(URL, secret)])[-1:]
            self.assertEqual(
                told,
                "entries 1 and 3 of c['status'] post to one URL with different secrets: "
                "give both the same secret, or two URLs",
            )

    def test_fine(self) -> None:
        """Two webhooks may have one URL and one secret, or two URLs."""
        one = Webhook(URL, "a", builders=["full"])
        self.assertEqual(errors(status=[one, Webhook(URL, "a", events=["slave.lost"])]), [])
        self.assertEqual(errors(status=[one, Webhook(f"{URL}/2", "b"), Webhook(f"{URL}/3")]), [])

    def test_nicks(self) -> None:
        """Two IRC entries with one nick on one server are told: the second bot would get another nick."""
        (told,) = warnings(status=[IRC("irc.example", "builder", [each]) for each in ("#dev", "#ops")])
        self.assertIn("are builder at irc.example:6667 on IRC: name all channels in one entry", told)
        bots = [IRC("irc.example", "builder", ["#dev"]), IRC("irc.example", "other", ["#dev"])]
        self.assertEqual(warnings(status=[*bots, IRC("irc2.example", "builder", ["#dev"])]), [])
