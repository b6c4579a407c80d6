"""The channels of the bot."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.irc.joining import LONGEST_WAIT, MOST, Channels, TooManyChannels


class JoiningTests(unittest.SynchronousTestCase):
    """Joined, kicked, and back."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.asked: list[tuple[str, str | None]] = []
        self.channels = Channels(
            self.clock, {"#dev": None, "#Ops": "key"}, lambda name, key: self.asked.append((name, key))
        )

    def test_begin(self) -> None:
        """All channels are joined, with their keys, and several at a time."""
        self.channels.begin()
        self.assertEqual(self.asked, [("#Ops", "key"), ("#dev", None)])
        wanted = {f"#{n}": f"k{n}" if n < 2 else None for n in range(8)}
        asked: list[tuple[str, str | None]] = []
        Channels(self.clock, wanted, lambda name, key: asked.append((name, key))).begin()
        self.assertEqual(asked, [("#0,#1", "k0,k1"), ("#2,#3,#4,#5", None), ("#6,#7", None)])

    def test_kicked(self) -> None:
        """After a kick the bot comes back, ever later, and at least once an hour."""
        waits = []
        for _ in range(10):
            wait = self.channels.missed("#ops")
            assert wait is not None
            waits.append(wait)
            self.clock.advance(wait - 1)
            before = len(self.asked)
            self.clock.advance(1)
            self.assertEqual((len(self.asked) - before, self.asked[-1]), (1, ("#Ops", "key")))
            self.channels.entered("#OPS")
        self.assertEqual(waits[:3], [60, 120, 240])
        self.assertEqual(waits[-1], LONGEST_WAIT)

    def test_forgotten(self) -> None:
        """A channel that the bot shall leave is not joined again."""
        self.channels.missed("#dev")
        self.channels.forget("#DEV")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertIsNone(self.channels.missed("#dev"))
        self.assertIsNone(self.channels.missed("#unknown"))

    def test_more(self) -> None:
        """Further channels can be joined, up to a limit; a known one again always."""
        for number in range(MOST - 2):
            self.channels.want(f"#c{number}")
        self.assertRaises(TooManyChannels, self.channels.want, "#more")
        self.channels.want("#c0")

    def test_stop(self) -> None:
        """Nothing is joined over a connection that is gone."""
        self.channels.entered("#dev")
        self.channels.missed("#ops")
        self.channels.stop()
        self.assertEqual((self.clock.getDelayedCalls(), self.channels.joined), ([], set()))
