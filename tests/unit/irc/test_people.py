"""Who may command the bot."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.irc.people import Person, Rules, isAllowed, isAnybody, isRule, needsAccounts


class PeopleTests(unittest.SynchronousTestCase):
    """Rules about people."""

    def test_person(self) -> None:
        """A person is the nick, as text, and knows more."""
        ann = Person("ann!~a@example.org", "annie")
        self.assertEqual((ann, ann.mask, ann.account), ("ann", "ann!~a@example.org", "annie"))

    def test_allowed(self) -> None:
        """Somebody is allowed by a mask or by an account, whatever the case of the letters."""
        ann = Person("Ann!~a@Host.Example.org", "Annie")
        rules: dict[tuple[str, ...] | bool, bool] = {
            True: True,
            False: False,
            (): False,
            ("ann!*@*.example.org",): True,
            ("ann!*@example.org",): False,
            ("bob!*@*",): False,
            ("bob!*@*", "account:annie"): True,
            ("account:ann",): False,
            ("an?!?a@*",): True,
        }
        for rule, expected in rules.items():
            told: Rules = rule
            self.assertEqual(isAllowed(told, ann), expected, rule)

    def test_withoutAccount(self) -> None:
        """A nick that looks like an account, or an empty account, meets no rule about accounts."""
        for rule in ("account:annie", "account:*"):
            self.assertFalse(isAllowed((rule,), Person("annie!a@b")))
            self.assertFalse(isAllowed((rule,), Person("account:annie!a@b")))

    def test_brackets(self) -> None:
        """Brackets in a nick are letters."""
        self.assertTrue(isAllowed(("ann[x]!*@b",), Person("ann[x]!a@b")))
        self.assertFalse(isAllowed(("ann[x]!*@b",), Person("annx!a@b")))

    def test_rules(self) -> None:
        """A rule names an account, or all three parts of a mask."""
        for rule in ("account:ann", "ann!*@*", "*!*@office.example.org"):
            self.assertTrue(isRule(rule), rule)
        for wrong in ("ann", "account:", "ann!b", "ann@b", "!a@b", "ann !a@b", "ann!a@b\n", 7, None):
            self.assertFalse(isRule(wrong), wrong)
        self.assertTrue(needsAccounts(("ann!*@b", "account:ann")))
        self.assertFalse(needsAccounts(True))

    def test_anybody(self) -> None:
        """A rule without a host protects nothing."""
        self.assertEqual(
            [isAnybody(each) for each in ("ann!*@*", "ann!a@*.*", "*!*@b.org", "account:x")],
            [True, True, False, False],
        )
