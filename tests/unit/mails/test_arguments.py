"""The arguments of MailNotifier, as files of 0.7 and 0.8 write them, and wrong ones."""

from __future__ import annotations

import inspect
from typing import Any

from twisted.trial import unittest

from buildbot.config.arguments import BadArguments, knownArguments
from buildbot.status import mail
from buildbot.status.mail import Domain, MailNotifier
from buildbot.status.tinderbox import TinderboxMailNotifier
from tests.unit.test_docs import literals, pages, tableRows


class ArgumentTests(unittest.SynchronousTestCase):
    """See L{MailNotifier}."""

    def test_positions(self) -> None:
        """The arguments of 0.7.5 may be given by position."""
        made = MailNotifier(
            *("bot@x", "failing", None, ["full"], True, "relay", "%(builder)s", "example.com", ["a@x"], False)
        )
        self.assertEqual((made.mode, made.builders, made.addLogs), ("failing", ["full"], True))
        self.assertEqual(
            (made.relay.host, made.subject, made.lookup), ("relay", "%(builder)s", Domain("example.com"))
        )
        self.assertEqual((made.extraRecipients, made.sendToInterestedUsers), (["a@x"], False))

    def test_laterPositions(self) -> None:
        """So may those of 0.8.14, where C{buildSetSummary} is before the subject."""
        order = ("bot@x", ("failing",), None, ["full"], False, "relay", True, "%(builder)s", "example.com")
        rest = (["a@x"], False, None, mail.defaultMessage, {"X-A": "b"}, False, True, "me", "sesame-1", 587)
        made = MailNotifier(*order, *rest, None, None)  # type: ignore[arg-type]
        named = MailNotifier(
            *order[:6],
            buildSetSummary=True,
            subject="%(builder)s",
            lookup="example.com",
            extraRecipients=["a@x"],
            sendToInterestedUsers=False,
            messageFormatter=mail.defaultMessage,
            extraHeaders={"X-A": "b"},
            addPatch=False,
            useTls=True,
            smtpUser="me",
            smtpPassword="sesame-1",
            smtpPort=587,
        )
        self.assertEqual(made, named)
        self.assertTrue(made.buildSetSummary)
        self.assertRaises(BadArguments, MailNotifier, *order, subject="twice")

    def test_equal(self) -> None:
        """A reconfig keeps a notifier with equal arguments, and replaces one with another password."""

        def make(**more: Any) -> MailNotifier:
            return MailNotifier("bot@x", smtpUser="u", **{"smtpPassword": "sesame-1", **more})

        self.assertEqual(make(), make())
        self.assertNotEqual(make(), make(smtpPassword="sesame-2"))
        self.assertNotEqual(make(), make(extraHeaders={"X-A": "b"}))

    def test_sets(self) -> None:
        """Names may be in sets, too; their order makes no difference."""
        made = MailNotifier("bot@x", mode={"passing", "failing"}, builders={"b", "a", "c"})  # type: ignore[arg-type]
        self.assertEqual((made.mode, made.builders), (("failing", "passing"), ["a", "b", "c"]))

    def test_secret(self) -> None:
        """The password is not in the text about a notifier or its relay."""
        made = MailNotifier("bot@x", smtpUser="u", smtpPassword="sesame-1")
        self.assertNotIn("sesame", f"{made!r} {made.relay!r} {made.relay.name}")

    def test_wrong(self) -> None:
        """Each wrong argument is told with its reason, and no password is shown."""
        for given, said in (
            ({"fromaddr": "bot"}, "fromaddr must be a mail address"),
            ({"mode": "faling"}, "did you mean 'failing'"),
            ({"mode": ("failing", "always")}, "'always' is none of them"),
            ({"mode": ()}, "mode must be 'all', or one or several of"),
            ({"subject": "%(bulder)s"}, "it has %(bulder)s, which is none of result, builder"),
            ({"subject": "%(builder)"}, "it cannot be filled in"),
            ({"extraRecipients": ["a@x", "b"]}, "'b' is not a mail address"),
            ({"lookup": 7}, "lookup must be a domain"),
            ({"extraHeaders": {"X A": "b"}}, "'X A' is not a name of a header"),
            ({"mode": 7}, "mode must be 'all', or one or several of"),
            ({"mode": ["failing", 7]}, "7 is none of them"),
            ({"extraRecipients": 7}, "extraRecipients must be a list of mail addresses"),
            ({"extraHeaders": 7}, "extraHeaders must be a dict"),
            ({"subject": 7}, "subject must be text"),
            ({"categories": ["a"], "tags": ["b"]}, "two names of one argument"),
            ({"categories": ["a"], "builders": ["b"]}, "not both"),
            ({"smtpPassword": "sesame-1"}, "smtpPassword needs smtpUser"),
            ({"smtpPassword": 7, "smtpUser": "u"}, "smtpPassword must be text"),
            ({"smtpPort": 0}, "smtpPort must be a port"),
            ({"messageFormatter": "x"}, "messageFormatter must be a function"),
        ):
            arguments: Any = {"fromaddr": "bot@x", **given}
            error = self.assertRaises(BadArguments, MailNotifier, **arguments)
            self.assertIn(said, str(error))
            self.assertNotIn("sesame", str(error))

    def test_page(self) -> None:
        """The page about mails has every argument."""
        rows = tableRows(pages()["reference/mail"], "mail-arguments")
        told = [name for names, _ in rows for name in literals(names)]
        self.assertEqual(sorted(told), sorted(knownArguments(MailNotifier)))
        section = pages()["reference/mail"].partition("Tinderbox\n===")[2]
        own = set(inspect.signature(TinderboxMailNotifier.__init__).parameters) - {"self", "more"}
        self.assertEqual(own - set(literals(section)), set())

    def test_names(self) -> None:
        """The module has the names of 0.7 and 0.8."""
        self.assertTrue(callable(mail.defaultMessage))
