# -*- test-case-name: tests.unit.readers.test_following -*-
"""A process with pages asks its master again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.control.client import NoAnswer, NotRunning
from buildbot.readers.following import (
    CATCH_UP,
    EACH,
    LONGEST,
    PACE,
    REASONS,
    RETRY,
    SHORT_WAIT,
    WAIT,
    Following,
    OtherRelease,
    OutOfStep,
)
from tests.loglisteners import hearLog


def told(lastId: str, logins: int = 0, builders: Any = None) -> dict[str, Any]:
    """An answer of the master."""
    return {
        "lastId": lastId,
        "logins": logins,
        "builders": builders or {},
        "builds": [],
        "slaves": {},
        "touched": [],
    }


class FollowingTests(unittest.SynchronousTestCase):
    """The master answers what the test says."""

    known, wanted = 7, [3]
    unsettled: Sequence[str] = ["full"]
    pending: Sequence[str] = ["bot1"]

    def setUp(self) -> None:
        self.clock = Clock()
        self.asked: list[dict[str, Any]] = []
        self.answers: list[Deferred[Any]] = []
        self.taken: list[Mapping[str, Any]] = []
        self.lost: list[str] = []
        self.error: Exception | None = None
        self.following = Following(self.ask, self, self, self.clock)
        self.first = self.following.first()
        self.running = ensureDeferred(self.following.run())
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """End, so that nothing is left in the clock."""
        self.following.stop()
        for each in self.answers:
            if not each.called:
                each.errback(NotRunning("end"))
        self.successResultOf(self.running)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def ask(self, command: str, params: dict[str, Any], patience: float) -> Deferred[Any]:
        """See L{buildbot.readers.link.Link.ask}."""
        self.assertEqual(command, "follow")
        self.asked.append(params)
        self.answers.append(Deferred())
        return self.answers[-1]

    async def take(self, told: Mapping[str, Any]) -> None:
        """See L{buildbot.readers.following.Follower}."""
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.taken.append(told)

    def away(self, why: str) -> None:
        """See L{buildbot.readers.following.Follower}."""
        self.lost.append(why)

    def test_goesOn(self) -> None:
        """Each question names the last event of the answer before, and what is to be told again."""
        self.answers[0].callback(told("e-1"))
        self.successResultOf(self.first)
        self.clock.advance(PACE)
        self.assertEqual([each["since"] for each in self.asked], ["", "e-1"])
        self.assertEqual(self.asked[1]["unsettled"], ["full"])
        self.assertEqual((self.asked[1]["known"], self.asked[1]["pending"]), (7, ["bot1"]))
        self.assertEqual(self.asked[1]["wanted"], [3])

    def test_pace(self) -> None:
        """However quickly the master answers, it is asked at most ten times a second."""
        for _ in range(20):
            if not self.answers[-1].called:
                self.answers[-1].callback(told("e-1"))
            self.clock.advance(PACE / 2)
        self.assertIn(len(self.asked), (10, 11))

    def test_busy(self) -> None:
        """After an answer with much, the next question waits longer: the master has other work."""
        self.answers[0].callback(told("e-1", builders=dict.fromkeys(range(100))))
        self.clock.advance(PACE + 50 * EACH)
        self.assertEqual(len(self.asked), 1)
        self.clock.advance(51 * EACH)
        self.assertEqual(len(self.asked), 2)
        self.answers[1].callback(told("e-1", builders=dict.fromkeys(range(100_000))))
        self.clock.advance(LONGEST)
        self.assertEqual(len(self.asked), 3)

    def test_reasons(self) -> None:
        """The reasons why requests wait are asked for after events about the queue, but not too often."""
        for touched in (["queue"], ["queue"], [], [], []):
            self.answers[-1].callback({**told("e-1"), "touched": touched})
            self.clock.advance(PACE)
        self.assertEqual([each["why"] for each in self.asked], [True, False, False, False, False, False])
        self.assertTrue(all(0 < each["wait"] <= SHORT_WAIT for each in self.asked), self.asked)
        self.clock.advance(REASONS)
        self.answers[-1].callback(told("e-1"))
        self.clock.advance(PACE)
        self.assertTrue(self.asked[-1]["why"])

    def test_waits(self) -> None:
        """With nothing to wait for, the next answer may take long."""
        self.unsettled = self.pending = []
        self.answers[0].callback(told("e-1"))
        self.clock.advance(PACE)
        self.assertEqual((self.asked[1]["wait"], self.asked[1]["why"]), (WAIT, False))

    def test_away(self) -> None:
        """A master that is away is noticed once. Once it is back, a line says so; everything is asked for."""
        lines: list[str | None] = []
        hearLog(self, lambda event: lines.append(event.get("log_format")))
        self.answers[0].callback(told("e-1"))
        self.clock.advance(PACE)
        for _ in range(3):
            self.answers[-1].errback(NotRunning("here"))
            self.clock.advance(RETRY)
        self.assertEqual(self.lost, ["no master runs there"])
        self.answers[-1].callback(told("f-9"))
        self.clock.advance(PACE)
        self.assertEqual([each["since"] for each in self.asked[-2:]], ["", "f-9"])
        self.answers[-1].errback(NoAnswer("too late"))
        self.assertEqual(self.lost[1:], ["too late"])
        self.assertEqual(lines.count("the master is back"), 1)

    def test_firstAway(self) -> None:
        """A start does not wait for a master that is away."""
        self.answers[0].errback(NotRunning("here"))
        self.successResultOf(self.first)
        self.assertEqual(len(self.lost), 1)

    def test_outOfStep(self) -> None:
        """After an answer that does not fit, everything is asked for."""
        self.answers[0].callback(told("e-1"))
        self.clock.advance(PACE)
        self.error = OutOfStep("a build of full")
        self.answers[-1].callback(told("e-2"))
        self.clock.advance(PACE)
        self.assertEqual(self.asked[-1]["since"], "")
        self.assertEqual(self.lost, [])

    def test_otherRelease(self) -> None:
        """A master of another release counts as away, with the reason."""
        self.error = OtherRelease("restart them")
        self.answers[0].callback(told("e-1"))
        self.assertEqual(self.lost, ["restart them"])
        self.clock.advance(RETRY)
        self.assertEqual(self.asked[-1]["since"], "")

    def test_fault(self) -> None:
        """A fault in this process does not end it: it is logged, and everything is asked for later."""
        self.error = ValueError("oops")
        self.answers[0].callback(told("e-1"))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.clock.advance(RETRY)
        self.assertEqual([each["since"] for each in self.asked], ["", ""])
        self.answers[1].callback({"odd": "answer"})
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.clock.advance(RETRY)
        self.assertEqual(len(self.asked), 3)

    def test_caughtUp(self) -> None:
        """Who waits for an event goes on when it is taken, or after some seconds."""
        self.answers[0].callback(told("e-4"))
        self.clock.advance(PACE)
        self.successResultOf(ensureDeferred(self.following.caughtUp("e-4", 0)))
        waiting = ensureDeferred(self.following.caughtUp("e-6", 0))
        logins = ensureDeferred(self.following.caughtUp("e-4", 3))
        self.assertNoResult(waiting)
        self.answers[-1].callback(told("e-10"))
        self.successResultOf(waiting)
        self.assertNoResult(logins)
        self.clock.pump([PACE] * (round(CATCH_UP / PACE) + 1))
        self.successResultOf(logins)
