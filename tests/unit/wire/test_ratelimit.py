"""Failures wait for their turn, behind those of the same cause; nobody else waits."""

from twisted.trial import unittest

from buildbot.wire import ratelimit
from buildbot.wire.ratelimit import ConnectionLimiter, Turns, source


class TurnsTests(unittest.SynchronousTestCase):
    """So many a second."""

    def test_burst(self) -> None:
        """The first few need not wait; those beyond wait so long that the pace is kept."""
        turns = Turns()
        waits = [turns.take(1000.0, perSecond=10, burst=5) for _ in range(15)]
        self.assertEqual(waits[:5], [0.0] * 5)
        self.assertEqual(waits[5:], [n / 10 for n in range(1, 11)])

    def test_rests(self) -> None:
        """Who has made a pause may begin anew."""
        turns = Turns()
        for _ in range(15):
            turns.take(1000.0, perSecond=10, burst=5)
        self.assertEqual([turns.take(1010.0, perSecond=10, burst=5) for _ in range(5)], [0.0] * 5)

    def test_longest(self) -> None:
        """Nobody waits longer than some seconds, and what was taken in vain is not owed afterwards."""
        turns = Turns()
        waits = [turns.take(1000.0, perSecond=1, burst=1) for _ in range(1000)]
        self.assertEqual(max(waits), ratelimit.LONGEST)
        self.assertLessEqual(turns.take(1000.0 + ratelimit.LONGEST, perSecond=1, burst=1), 1.0)


class DoorkeeperTests(unittest.SynchronousTestCase):
    """Who waits."""

    def test_onePersistentMistake(self) -> None:
        """A machine with one wrong password never waits to hear of it."""
        keeper = ConnectionLimiter()
        self.assertEqual({keeper.failed("from 10.0.0.1", when / 2) for when in range(1000)}, {0.0})

    def test_guesser(self) -> None:
        """H2: a guesser of passwords hears of his failures at a walking pace; others do not wait with him."""
        keeper = ConnectionLimiter()
        waits = [keeper.failed("as bot1", 5.0) for _ in range(ratelimit.BURST + 30)]
        self.assertAlmostEqual(waits[-1], 30 / ratelimit.PACE)
        self.assertEqual(keeper.failed("as bot2", 5.0), 0.0)
        self.assertEqual(keeper.failed("from 10.0.0.1", 5.0), 0.0)

    def test_guessersFromEverywhere(self) -> None:
        """H2: when a thousand addresses guess, all their failures together keep a pace."""
        keeper = ConnectionLimiter()
        waits = [keeper.failed(f"from 10.1.{n // 256}.{n % 256}", 5.0) for n in range(600)]
        self.assertEqual(waits[: ratelimit.BURST_IN_ALL], [0.0] * ratelimit.BURST_IN_ALL)
        self.assertAlmostEqual(waits[-1], (600 - ratelimit.BURST_IN_ALL) / ratelimit.PACE_IN_ALL, delta=0.1)

    def test_memoryIsBounded(self) -> None:
        """Failures from ever new addresses do not grow the memory without bound."""
        keeper = ConnectionLimiter()
        for i in range(ratelimit.REMEMBERED + 500):
            keeper.failed(f"from 2001:db8:{i >> 16:x}:{i & 0xFFFF:x}::1", 1.0)
        self.assertLessEqual(len(keeper), ratelimit.REMEMBERED)


class SourceTests(unittest.SynchronousTestCase):
    """What counts as one address."""

    def test_ipv6Network(self) -> None:
        """All addresses of one IPv6 /64 network count as one."""
        self.assertEqual(source("2001:db8:1:2:3:4:5:6"), source("2001:db8:1:2::9"))
        self.assertNotEqual(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"))
        self.assertEqual(source("::1"), source("::1"))
        self.assertEqual(source("fe80::1%eth0"), source("fe80::2%eth0"))

    def test_ipv4(self) -> None:
        """An IPv4 host is the same on a port for IPv6."""
        self.assertEqual(source("10.0.0.1"), source("::ffff:10.0.0.1"))
        self.assertNotEqual(source("10.0.0.1"), source("10.0.0.2"))
