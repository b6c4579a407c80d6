"""Failures are delayed by the rate limit of their cause; nothing else is delayed."""

from twisted.trial import unittest

from buildbot.wire import ratelimit
from buildbot.wire.ratelimit import ConnectionLimiter, Turns, source


class TurnsTests(unittest.SynchronousTestCase):
    """A rate limit with a burst."""

    def test_burst(self) -> None:
        """A burst is not delayed; later events are delayed to keep the rate."""
        turns = Turns()
        waits = [turns.take(1000.0, perSecond=10, burst=5) for _ in range(15)]
        self.assertEqual(waits[:5], [0.0] * 5)
        self.assertEqual(waits[5:], [n / 10 for n in range(1, 11)])

    def test_rests(self) -> None:
        """After a pause, a new burst is possible."""
        turns = Turns()
        for _ in range(15):
            turns.take(1000.0, perSecond=10, burst=5)
        self.assertEqual([turns.take(1010.0, perSecond=10, burst=5) for _ in range(5)], [0.0] * 5)

    def test_longest(self) -> None:
        """No delay is longer than a few seconds, and the excess is forgotten."""
        turns = Turns()
        waits = [turns.take(1000.0, perSecond=1, burst=1) for _ in range(1000)]
        self.assertEqual(max(waits), ratelimit.LONGEST)
        self.assertLessEqual(turns.take(1000.0 + ratelimit.LONGEST, perSecond=1, burst=1), 1.0)


class ConnectionLimiterTests(unittest.SynchronousTestCase):
    """The delays of failures."""

    def test_onePersistentMistake(self) -> None:
        """A machine with one wrong password is never delayed."""
        keeper = ConnectionLimiter()
        self.assertEqual({keeper.failed("from 10.0.0.1", when / 2) for when in range(1000)}, {0.0})

    def test_guesser(self) -> None:
        """H2: failures of a password guesser are delayed to a rate; other causes are not delayed."""
        keeper = ConnectionLimiter()
        waits = [keeper.failed("as bot1", 5.0) for _ in range(ratelimit.BURST + 30)]
        self.assertAlmostEqual(waits[-1], 30 / ratelimit.PACE)
        self.assertEqual(keeper.failed("as bot2", 5.0), 0.0)
        self.assertEqual(keeper.failed("from 10.0.0.1", 5.0), 0.0)

    def test_guessersFromEverywhere(self) -> None:
        """H2: when a thousand addresses guess, all failures together keep a rate."""
        keeper = ConnectionLimiter()
        waits = [keeper.failed(f"from 10.1.{n // 256}.{n % 256}", 5.0) for n in range(600)]
        self.assertEqual(waits[: ratelimit.BURST_IN_ALL], [0.0] * ratelimit.BURST_IN_ALL)
        self.assertAlmostEqual(waits[-1], (600 - ratelimit.BURST_IN_ALL) / ratelimit.PACE_IN_ALL, delta=0.1)

    def test_memoryIsBounded(self) -> None:
        """Failures from ever new addresses use bounded memory."""
        keeper = ConnectionLimiter()
        for i in range(ratelimit.REMEMBERED + 500):
            keeper.failed(f"from 2001:db8:{i >> 16:x}:{i & 0xFFFF:x}::1", 1.0)
        self.assertLessEqual(len(keeper), ratelimit.REMEMBERED)


class SourceTests(unittest.SynchronousTestCase):
    """The name under which an address is counted."""

    def test_ipv6Network(self) -> None:
        """All addresses of one IPv6 /64 network count as one."""
        self.assertEqual(source("2001:db8:1:2:3:4:5:6"), source("2001:db8:1:2::9"))
        self.assertNotEqual(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"))
        self.assertEqual(source("::1"), source("::1"))
        self.assertEqual(source("fe80::1%eth0"), source("fe80::2%eth0"))

    def test_ipv4(self) -> None:
        """An IPv4 host has the same name on a port for IPv6."""
        self.assertEqual(source("10.0.0.1"), source("::ffff:10.0.0.1"))
        self.assertNotEqual(source("10.0.0.1"), source("10.0.0.2"))
