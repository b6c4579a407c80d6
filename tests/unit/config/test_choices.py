"""The builders that entries of c['status'] follow."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.irc.service import IRC
from buildbot.mails.notifier import MailNotifier
from buildbot.webhooks.notifier import Webhook
from tests.unit.config.test_check import Factory, warnings

URL = "https://hooks.example/x"


class ChoiceTests(unittest.SynchronousTestCase):
    """A file with the builders full, of category release, and quick, with two tags."""

    def told(self, *status: Any) -> list[str]:
        """The warnings about these entries of c['status']."""
        rest = {"slavename": "b1", "factory": Factory()}
        full = {"name": "full", "builddir": "full", "category": "release", **rest}
        quick = {"name": "quick", "builddir": "quick", "tags": ["linux", "try"], **rest}
        return warnings(builders=[full, quick], status=list(status))

    def test_misspelt(self) -> None:
        """A builder, a category and a tag that no builder has are told, with what was meant."""
        self.assertEqual(
            self.told(
                MailNotifier("ci@example.com", builders=["full", "quik"]),
                Webhook(URL, categories="relaese"),
                IRC("127.0.0.1", "ci", ["#dev"], tags=["linux", "mac"]),
            ),
            [
                "MailNotifier: there is no builder 'quik'; did you mean 'quick'?",
                "Webhook: no builder has the category or tag 'relaese'; did you mean 'release'?",
                "IRC: no builder has the category or tag 'mac'",
            ],
        )

    def test_good(self) -> None:
        """Existing ones, and all builders, are fine; so is another program's part with such an attribute."""

        class Own:
            builders = 7

        own: Any = Own()
        own.categories = [7]
        good = Webhook(URL, builders=["quick"], categories=["try", "release"])
        self.assertEqual(self.told(good, Webhook(URL), Webhook), [])
        self.assertEqual([each for each in self.told(own) if "there is no" in each or "has the" in each], [])
