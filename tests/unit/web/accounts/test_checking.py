"""Checks of passwords in threads."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.trial import unittest

from buildbot.web.accounts import passwords
from buildbot.web.accounts.checking import AT_ONCE, WAITING, PasswordChecker, TooBusy
from buildbot.web.accounts.passwords import UnusableHash, hashed
from tests.quickhash import hashQuickly


class Threads:
    """Threads that run a function when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], object], Deferred[object]]] = []
        self.started = 0

    def run(self, function: Callable[[], object]) -> Deferred[object]:
        """Replaces deferToThread."""
        self.started += 1
        done: Deferred[object] = Deferred()
        self.waiting.append((function, done))
        return done

    def finish(self) -> None:
        """Run the first function."""
        function, done = self.waiting.pop(0)
        done.callback(function())


class CheckerTests(unittest.SynchronousTestCase):
    """A checker."""

    def setUp(self) -> None:
        hashQuickly(self)
        self.threads = Threads()
        self.checker = PasswordChecker(self.threads.run)
        self.stored = hashed("secret")

    def check(self, password: str, stored: str | None) -> Deferred[bool]:
        """Begin a check."""
        return ensureDeferred(self.checker.isRight(password, stored))

    def test_right(self) -> None:
        """A right and a wrong password."""
        for password, wanted in (("secret", True), ("other", False)):
            asked = self.check(password, self.stored)
            self.assertNoResult(asked)
            self.threads.finish()
            self.assertEqual(self.successResultOf(asked), wanted)

    def test_unknown(self) -> None:
        """An unknown name takes a whole check too, so that its answer takes the same time."""
        asked = self.check("secret", None)
        self.threads.finish()
        self.assertFalse(self.successResultOf(asked))
        self.assertEqual(self.threads.started, 1)

    def test_unusable(self) -> None:
        """A hash that cannot be used fails only after the same time."""
        asked = self.check("secret", "{SHA}x")
        self.assertNoResult(asked)
        self.threads.finish()
        self.failureResultOf(asked, UnusableHash)

    def test_twoAtOnce(self) -> None:
        """At most two passwords are checked at once; the others wait for their turn."""
        asked = [self.check("secret", self.stored) for _ in range(5)]
        self.assertEqual((self.threads.started, AT_ONCE), (2, 2))
        self.threads.finish()
        self.assertEqual(self.threads.started, 3)
        while self.threads.waiting:
            self.threads.finish()
        self.assertEqual([self.successResultOf(each) for each in asked], [True] * 5)

    def test_tooMany(self) -> None:
        """If too many wait, the next one is refused at once."""
        asked = [self.check("x", self.stored) for _ in range(AT_ONCE + WAITING)]
        self.failureResultOf(self.check("secret", self.stored), TooBusy)
        while self.threads.waiting:
            self.threads.finish()
        self.assertEqual({self.successResultOf(each) for each in asked}, {False})
        again = self.check("secret", self.stored)
        self.threads.finish()
        self.assertTrue(self.successResultOf(again))

    def test_givenUp(self) -> None:
        """Logins that are given up and sent again are checked two at once, and not without end."""
        for _ in range(AT_ONCE + WAITING):
            asked = self.check("x", self.stored)
            asked.cancel()
            self.failureResultOf(asked, CancelledError)
        self.assertEqual(self.threads.started, AT_ONCE)
        while self.threads.waiting:
            self.threads.finish()
        last = self.check("secret", self.stored)
        self.threads.finish()
        self.assertTrue(self.successResultOf(last))

    def test_hashed(self) -> None:
        """New hashes are made in the threads too."""
        made = ensureDeferred(self.checker.hashed("secret"))
        self.threads.finish()
        self.assertTrue(passwords.parsed(self.successResultOf(made)).isOf("secret"))
