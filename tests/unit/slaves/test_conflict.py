"""Two machines with one name: when a takeover is one too many."""

from twisted.trial import unittest

from buildbot.slaves.conflict import MENTION_EVERY, TAKEOVERS, WINDOW, NameConflict


class NameConflictTests(unittest.SynchronousTestCase):
    """The rule of design.md: more than three takeovers in five minutes."""

    def fought(self, *times: float) -> NameConflict:
        rule = NameConflict()
        for when in times:
            rule = rule.takeover(when)
        return rule

    def test_rebootIsNoConflict(self) -> None:
        """D4: a slave that met its own dead link a few times is no name conflict."""
        self.assertFalse(self.fought(*range(TAKEOVERS - 1)).isOn(TAKEOVERS))

    def test_oneTooMany(self) -> None:
        """D3: after three takeovers within five minutes the next is one too many."""
        self.assertTrue(self.fought(0, 1, 2).isOn(3))

    def test_slowTakeoversAreForgotten(self) -> None:
        """Takeovers spread over more than five minutes do not add up."""
        self.assertFalse(self.fought(0, 1, WINDOW).isOn(WINDOW + 2))

    def test_mentionedOnceAMinute(self) -> None:
        """D2: a name conflict is logged once a minute, with both addresses."""
        rule, first = self.fought(0, 1, 2).mention(3, "a:1", "b:2")
        rule, second = rule.mention(4, "a:1", "b:3")
        rule, third = rule.mention(3 + MENTION_EVERY, "a:1", "b:4")
        self.assertEqual((first, second, third), (True, False, True))
        self.assertEqual(rule.addresses, ("a:1", "b:4"))

    def test_staysOnWhileNewcomersCome(self) -> None:
        """D3: the rule holds as long as newcomers keep coming, and ends after."""
        rule = self.fought(0, 1, 2)
        for when in range(60, 1200, 60):
            self.assertTrue(rule.isOn(when))
            rule, _ = rule.mention(when, "a:1", "b:2")
        self.assertFalse(rule.isOn(1200 + WINDOW))

    def test_bounded(self) -> None:
        """A flood of takeovers does not grow the memory of them."""
        self.assertLess(len(self.fought(*[i / 100 for i in range(1000)]).takeovers), 10)
