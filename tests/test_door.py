"""Failures are counted per address; honest storms are not."""

from twisted.trial import unittest

from buildbot.wire import door
from buildbot.wire.door import Doorkeeper, LogLimiter, Recent, source


class RecentTests(unittest.SynchronousTestCase):
    """Counting within a window."""

    def test_forgets(self) -> None:
        """What happened more than a minute ago no longer counts."""
        recent = Recent()
        for when in (0, 1, 2, 30):
            recent.add(when)
        self.assertEqual(recent.count(31), 4)
        self.assertEqual(recent.count(75), 1)
        self.assertEqual(recent.count(1000), 0)


class DoorkeeperTests(unittest.SynchronousTestCase):
    """Who is served and who is paced."""

    def test_honestStorm(self) -> None:
        """L8: a thousand honest slaves behind one address are all served at once."""
        keeper = Doorkeeper()
        self.assertTrue(all(keeper.admit("10.0.0.1", 5.0) for _ in range(1000)))

    def test_onePersistentMistake(self) -> None:
        """A machine with one wrong password does not slow down its neighbours behind a NAT."""
        keeper = Doorkeeper()
        for when in range(0, 60, 2):
            keeper.failed("10.0.0.1", when)
        self.assertTrue(all(keeper.admit("10.0.0.1", 60.0) for _ in range(1000)))

    def test_guesserIsPaced(self) -> None:
        """An address that guesses passwords is served at a walking pace, others are not affected."""
        keeper = Doorkeeper()
        for _ in range(door.FAILURES_PER_ADDRESS + 1):
            keeper.failed("10.0.0.1", 5.0)
        served = sum(keeper.admit("10.0.0.1", 5.5) for _ in range(1000))
        self.assertEqual(served, door.PACE)
        self.assertTrue(keeper.admit("10.0.0.2", 5.5))
        self.assertTrue(keeper.admit("10.0.0.1", 6.0))

    def test_guessersFromEverywhere(self) -> None:
        """When a thousand addresses guess, each is paced sooner; one that never failed is not."""
        keeper = Doorkeeper()
        for i in range(1000):
            for _ in range(door.FAILURES_WHEN_BUSY + 1):
                keeper.failed(f"10.1.{i // 256}.{i % 256}", 5.0)
        self.assertEqual(sum(keeper.admit("10.1.0.7", 5.5) for _ in range(100)), door.PACE_WHEN_BUSY)
        self.assertTrue(all(keeper.admit("10.9.9.9", 5.5) for _ in range(100)))

    def test_forgiven(self) -> None:
        """An address that stopped failing is served as any other after a minute."""
        keeper = Doorkeeper()
        for _ in range(1000):
            keeper.failed("10.0.0.1", 5.0)
        self.assertTrue(all(keeper.admit("10.0.0.1", 90.0) for _ in range(100)))

    def test_memoryIsBounded(self) -> None:
        """Failures from ever new addresses do not grow the memory without bound."""
        keeper = Doorkeeper()
        for i in range(door.REMEMBERED + 500):
            keeper.failed(f"2001:db8:{i >> 16:x}:{i & 0xFFFF:x}::1", 1.0)
        self.assertLessEqual(len(keeper), door.REMEMBERED)

    def test_ipv6Network(self) -> None:
        """All addresses of one IPv6 /64 network count as one."""
        self.assertEqual(source("2001:db8:1:2:3:4:5:6"), source("2001:db8:1:2::9"))
        self.assertNotEqual(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"))
        self.assertEqual(source("::1"), source("::1"))


class LogLimiterTests(unittest.SynchronousTestCase):
    """A7: the log of a thousand bad logins."""

    def test_oncePerMinute(self) -> None:
        """A7: one line a minute for a name and address, and it counts what was left out."""
        limiter = LogLimiter()
        said = [limiter.allow("bot1 10.0.0.1", i * 0.06) for i in range(1001)]
        self.assertEqual([s for s in said if s is not None], [0, 999])

    def test_inAll(self) -> None:
        """A7: ever new names do not get around the limit."""
        limiter = LogLimiter(inAll=10)
        self.assertEqual(sum(limiter.allow(i, 1.0) is not None for i in range(1000)), 10)
        self.assertIsNotNone(limiter.allow("later", 62.0))
