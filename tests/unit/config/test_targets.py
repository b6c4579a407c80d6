"""Webhooks that post to one address."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.webhooks.notifier import Webhook
from tests.unit.config.test_check import CANARY, errors

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
