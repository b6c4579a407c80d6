"""The limits on failed logins."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.web.accounts import limits
from buildbot.web.accounts.limits import (
    FIRST,
    FORGET,
    LONGEST_ACCOUNT,
    LONGEST_ADDRESS,
    LoginLimits,
    networkOf,
)


class LimitsTests(unittest.SynchronousTestCase):
    """Failures and delays."""

    def setUp(self) -> None:
        self.limits = LoginLimits()

    def fail(self, count: int, now: float = 0.0, address: str = "192.0.2.1", account: str = "a") -> None:  # type: ignore[override]
        """Some failures at one time."""
        for _ in range(count):
            self.limits.failed(address, account, now)

    def test_five(self) -> None:
        """Four failures in a minute cost nothing; the fifth costs a delay."""
        self.fail(4)
        self.assertEqual(self.limits.wait("192.0.2.1", "a", 1.0), 0)
        self.fail(1, 1.0)
        self.assertEqual(self.limits.wait("192.0.2.1", "a", 1.0), FIRST)
        self.assertEqual(self.limits.wait("192.0.2.1", "a", 1.0 + FIRST), 0)

    def test_slow(self) -> None:
        """Five failures in more than a minute cost nothing."""
        for now in range(0, 100, 20):
            self.fail(1, float(now))
        self.assertEqual(self.limits.wait("192.0.2.1", "a", 100.0), 0)

    def test_grows(self) -> None:
        """Each further failure doubles the delay, up to the longest one of the account and of the address."""
        self.fail(5)
        delays = [self.limits.wait("192.0.2.9", "a", 0.0)]
        for _ in range(30):
            self.fail(1)
            delays.append(self.limits.wait("192.0.2.9", "a", 0.0))
        self.assertEqual(delays[:4], [FIRST, 2 * FIRST, LONGEST_ACCOUNT, LONGEST_ACCOUNT])
        self.assertEqual(self.limits.wait("192.0.2.1", "other", 0.0), LONGEST_ADDRESS)

    def test_others(self) -> None:
        """The failures of one address and one account delay no other ones."""
        self.fail(50)
        self.assertEqual(self.limits.wait("192.0.2.2", "b", 0.0), 0)

    def test_manyAddresses(self) -> None:
        """An attack on one account from many addresses is delayed by the account."""
        for number in range(5):
            self.fail(1, address=f"198.51.100.{number}")
        self.assertGreater(self.limits.wait("203.0.113.1", "a", 0.0), 0)

    def test_success(self) -> None:
        """A right password frees the account, but not the failures of the address before it."""
        self.fail(4)
        self.fail(1)
        self.limits.succeeded("a", "192.0.2.1")
        self.assertEqual(self.limits.wait("192.0.2.9", "a", 0.0), 0)
        self.fail(1, account="b")
        self.assertGreater(self.limits.wait("192.0.2.1", "c", 0.0), 0)

    def test_manySuccesses(self) -> None:
        """Any number of right passwords delays nobody."""
        for _ in range(100):
            self.fail(1)
            self.limits.succeeded("a", "192.0.2.1")
        self.assertEqual(self.limits.wait("192.0.2.1", "a", 0.0), 0)
        self.assertEqual(self.limits.size, (0, 0))

    def test_forgotten(self) -> None:
        """After an hour without a failure, the next delay is the first one again."""
        self.fail(12)
        self.fail(5, FORGET + 1)
        self.assertEqual(self.limits.wait("192.0.2.9", "a", FORGET + 1), FIRST)

    def test_bounded(self) -> None:
        """The memory is bounded: the oldest addresses and accounts are forgotten."""
        self.patch(limits, "REMEMBERED", 100)
        for number in range(300):
            self.fail(1, address=f"10.0.{number // 250}.{number % 250}", account=str(number) * 200)
        self.assertEqual(self.limits.size, (100, 100))

    def test_networks(self) -> None:
        """An IPv6 network counts as one address; an IPv4 address in IPv6 is the IPv4 one."""
        self.assertEqual(networkOf("2001:db8::1"), networkOf("2001:db8::ffff:2"))
        self.assertNotEqual(networkOf("2001:db8:0:1::1"), networkOf("2001:db8::1"))
        self.assertEqual(networkOf("::ffff:192.0.2.1"), "192.0.2.1")
        self.assertEqual(networkOf("unix"), "unix")
