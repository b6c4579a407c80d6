"""Two machines with one name: the limit of takeovers."""

from twisted.trial import unittest

from buildbot.slaves.conflict import MENTION_EVERY, TAKEOVERS, WINDOW, NameConflict


class NameConflictTests(unittest.SynchronousTestCase):
    """The rule of design.md: at most three takeovers in five minutes."""

    def fought(self, *times: float) -> NameConflict:
        rule = NameConflict()
        for when in times:
            rule = rule.takeover(when)
        return rule

    def test_rebootIsNoConflict(self) -> None:
        """D4: a slave that displaced its own dead connection a few times is not a name conflict."""
        self.assertFalse(self.fought(*range(TAKEOVERS - 1)).isOn(TAKEOVERS))

    def test_oneTooMany(self) -> None:
        """D3: after three takeovers within five minutes, the next one is too many."""
        self.assertTrue(self.fought(0, 1, 2).isOn(3))

    def test_slowTakeoversAreForgotten(self) -> None:
        """Takeovers spread over more than five minutes are no conflict."""
        self.assertFalse(self.fought(0, 1, WINDOW).isOn(WINDOW + 2))

    def test_mentionedOnceAMinute(self) -> None:
        """D2: a name conflict is logged once a minute, with both addresses."""
        rule, first = self.fought(0, 1, 2).mention(3, "a:1", "b:2")
        rule, second = rule.mention(4, "a:1", "b:3")
        rule, third = rule.mention(3 + MENTION_EVERY, "a:1", "b:4")
        self.assertEqual((first, second, third), (True, False, True))
        self.assertEqual(rule.addresses, ("a:1", "b:4"))

    def test_staysOnWhileNewcomersCome(self) -> None:
        """D3: the conflict lasts as long as newcomers come."""
        rule = self.fought(0, 1, 2)
        for when in range(60, 1200, 60):
            self.assertTrue(rule.isOn(when))
            rule, _ = rule.mention(when, "a:1", "b:2")
        self.assertFalse(rule.isOn(1200 + WINDOW))

    def test_bounded(self) -> None:
        """Many takeovers use bounded memory."""
        self.assertLess(len(self.fought(*[i / 100 for i in range(1000)]).takeovers), 10)
