"""The choice of a request and a slave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations, product

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.queue import SlaveView, canShareBuild, nextBuild, whyWaiting
from tests.examples import examples


@dataclass(frozen=True)
class Request:
    """A request for a build."""

    submitted: float
    source: SourceStamp
    lostOn: frozenset[str]
    isChosen: bool = False


def request(when: float, revision: str | None = None, *lostOn: str) -> Request:
    """A request for a revision; None: for the latest one."""
    return Request(when, SourceStamp(None, revision), frozenset(lostOn))


IDLE = SlaveView("b1")


class SlaveTests(unittest.TestCase):
    """Idle slaves."""

    def test_idle(self) -> None:
        """A slave is idle if it is connected, not paused, has room, and runs no build of the same builder."""
        for slave, idle in (
            (IDLE, True),
            (replace(IDLE, attached=False), False),
            (replace(IDLE, paused="disk"), False),
            (replace(IDLE, paused=""), False),
            (replace(IDLE, busy=True, running=1), False),
            (replace(IDLE, running=7), True),
            (replace(IDLE, running=1, maxBuilds=2), True),
            (replace(IDLE, running=2, maxBuilds=2), False),
            (replace(IDLE, running=3, maxBuilds=2), False),
        ):
            self.assertEqual(slave.isIdle, idle, slave)


class NextBuildTests(unittest.TestCase):
    """The next build of a builder."""

    def test_nothing(self) -> None:
        """Nothing starts without a request that waits, or without an idle slave."""
        self.assertIsNone(nextBuild([replace(request(1), isChosen=True)], [IDLE]))
        self.assertIsNone(nextBuild([], [IDLE]))
        self.assertIsNone(nextBuild([request(1)], []))
        self.assertIsNone(nextBuild([request(1)], [replace(IDLE, busy=True), replace(IDLE, attached=False)]))

    def test_oldestFirst(self) -> None:
        """The oldest request is first, and requests for the same source share its build."""
        pending = [request(1, "7"), request(2, "8"), request(3, "7"), request(4)]
        self.assertEqual(nextBuild(pending, [IDLE]), (IDLE, [pending[0], pending[2]]))
        self.assertEqual(nextBuild(pending[1:], [IDLE]), (IDLE, [pending[1]]))

    def test_noMerging(self) -> None:
        """A builder may refuse merging."""
        pending = [request(1), request(2)]
        self.assertEqual(nextBuild(pending, [IDLE], lambda one, other: False), (IDLE, pending[:1]))
        self.assertTrue(canShareBuild(*pending))

    def test_lostElsewhere(self) -> None:
        """B5: a request whose slave was lost goes to another slave if one is idle; else to the same."""
        lost, other = SlaveView("b1"), SlaveView("b2", running=3, used=9.0)
        for slaves in permutations([lost, other]):
            self.assertEqual(nextBuild([request(1, None, "b1")], slaves), (other, [request(1, None, "b1")]))
            [slave, _] = nextBuild([request(1), request(2, None, "b1")], slaves) or [None, None]
            self.assertEqual(slave, other)
        again = nextBuild([request(1, None, "b1")], [lost, replace(other, attached=False)])
        self.assertEqual(again, (lost, [request(1, None, "b1")]))

    def test_spread(self) -> None:
        """The slave with the fewest builds is chosen; then the one idle for longest; then the first in the
        list.
        """
        one, two, three = SlaveView("b1", running=1), SlaveView("b2", used=5), SlaveView("b3", used=4)
        for slaves in permutations([one, two, three]):
            self.assertEqual(nextBuild([request(1)], slaves), (three, [request(1)]))
        self.assertEqual(nextBuild([request(1)], [two, replace(three, used=5)]), (two, [request(1)]))

    @given(
        st.lists(
            st.tuples(st.sampled_from((None, "7", "8")), st.frozensets(st.sampled_from("ab"))), max_size=6
        ),
        st.lists(
            st.builds(
                SlaveView,
                name=st.sampled_from("abc"),
                attached=st.booleans(),
                busy=st.booleans(),
                running=st.integers(0, 3),
                maxBuilds=st.none() | st.integers(1, 2),
            ),
            max_size=3,
            unique_by=lambda slave: slave.name,
        ),
    )
    @settings(max_examples=examples(70), deadline=None, derandomize=True, database=None)
    def test_untilEmpty(
        self, wishes: list[tuple[str | None, frozenset[str]]], slaves: list[SlaveView]
    ) -> None:
        """B7, B9: a build starts exactly if there are a request and an idle slave; limits always hold."""
        pending = [request(n, revision, *lostOn) for n, (revision, lostOn) in enumerate(wishes)]
        wanted, served = list(pending), []
        while found := nextBuild(pending, slaves):
            slave, requests = found
            self.assertTrue(slave.isIdle)
            self.assertIs(requests[0], pending[0])
            self.assertEqual(len({each.source.revision for each in requests}), 1)
            served += requests
            pending = [each for each in pending if each not in requests]
            busier = replace(slave, busy=True, running=slave.running + 1)
            self.assertLessEqual(busier.running, busier.maxBuilds or busier.running)
            slaves = [busier if each is slave else each for each in slaves]
        self.assertTrue(not pending or not any(slave.isIdle for slave in slaves))
        self.assertEqual(sorted([*served, *pending], key=lambda each: each.submitted), wanted)


class WhyWaitingTests(unittest.TestCase):
    """B8: the reason why a request waits."""

    def test_each(self) -> None:
        """Each reason that keeps a slave from building has a text."""
        for slave, words in (
            (replace(IDLE, attached=False), "slave b1: not seen since the master started"),
            (replace(IDLE, paused="disk full"), "slave b1: paused (disk full)"),
            (replace(IDLE, paused=""), "slave b1: paused"),
            (replace(IDLE, busy=True, running=1), "slave b1: building for this builder"),
            (replace(IDLE, running=1, maxBuilds=1), "slave b1: busy with 1 build, which is the limit"),
            (replace(IDLE, running=2, maxBuilds=2), "slave b1: busy with 2 builds, which is the limit"),
            (IDLE, "about to start"),
        ):
            self.assertEqual(whyWaiting([slave]), words)
        self.assertEqual(whyWaiting([]), "no slave builds for this builder")
        self.assertEqual(whyWaiting([IDLE, replace(IDLE, attached=False)]), "about to start")

    def test_together(self) -> None:
        """Slaves with the same reason are named together, with the time since when."""
        gone = [replace(IDLE, name=name, attached=False, away=1000.0) for name in ("b1", "b2")]
        text = whyWaiting([*gone, replace(IDLE, name="b3", paused="disk")])
        self.assertRegex(
            text, r"^slaves b1, b2: offline since 1970-01-01 \d\d:\d\d:40; slave b3: paused \(disk\)$"
        )

    def test_goneAndPaused(self) -> None:
        """The reason names the disconnect and the pause: the slave's return alone starts no build (F14)."""
        gone = replace(IDLE, attached=False, paused="by alice: disk")
        self.assertEqual(
            whyWaiting([gone]), "slave b1: not seen since the master started, and paused (by alice: disk)"
        )
        self.assertRegex(
            whyWaiting([replace(gone, away=1000.0, paused="")]),
            r"^slave b1: offline since 1970-01-01 \d\d:\d\d:40, and paused$",
        )

    def test_neverSilent(self) -> None:
        """Whenever a slave is not idle there is a text for the reason."""
        for attached, paused, busy, running, most in product(
            (True, False), (None, ""), (True, False), (0, 1), (None, 1)
        ):
            slave = SlaveView("b1", attached, None, paused, busy, running, most)
            self.assertEqual(whyWaiting([slave]) == "about to start", slave.isIdle)
