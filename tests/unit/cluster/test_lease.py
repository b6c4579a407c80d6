"""The machine of the lease: every short sequence of events is tried."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from itertools import product

from twisted.trial import unittest

from buildbot.cluster.lease import (
    TRANSITIONS,
    Effect,
    Event,
    Lease,
    News,
    Seen,
    Standing,
    Terms,
    advance,
)
from tests.examples import THOROUGH, sample

TERMS = Terms(lease=12.0)
ME = Lease("here", "me", TERMS)
OTHER = Seen("there", "other", epoch=7, beats=1, lease=12.0, session="one")
MINE_EARLIER = Seen("here", "earlier", epoch=7, beats=1, lease=12.0, session="one")
PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "..", "docs", "architecture", "standby.rst")


def news(event: Event, at: float, seen: Seen | None = None) -> News:
    """An event whose question was answered at once."""
    return News(event, at, at, seen)


def looks(start: Lease, seen: Seen | None, begin: float, end: float) -> tuple[Lease, list[Effect]]:
    """Look each second, and always see the same."""
    done: list[Effect] = []
    now = start
    at = begin
    while at <= end:
        now, effects = advance(now, news(Event.LOOKED, at, seen))
        done += effects
        at += 1.0
    return now, done


class StoryTests(unittest.SynchronousTestCase):
    """Single stories."""

    def test_nobody(self) -> None:
        """A master takes the place at once if nobody has it: at the first start, or after a clean stop."""
        now, effects = advance(ME, news(Event.LOOKED, 5.0))
        self.assertEqual((now.standing, effects), (Standing.TAKING, (Effect.TAKE,)))
        now, effects = advance(now, News(Event.TAKEN, 5.0, 5.5))
        self.assertEqual((now.standing, effects, now.trusted), (Standing.ACTIVE, (Effect.SERVE,), 5.0))

    def test_restarted(self) -> None:
        """A master that was killed and started again takes its own place at once."""
        _, effects = advance(ME, news(Event.LOOKED, 5.0, MINE_EARLIER))
        self.assertEqual(effects, (Effect.TAKE,))

    def test_dead(self) -> None:
        """The place of a dead master is taken after its lease and the grace, and not before."""
        now, done = looks(ME, OTHER, 100.0, 100.0 + TERMS.patience - 0.5)
        self.assertEqual((now.standing, done), (Standing.WAITING, []))
        now, done = looks(ME, OTHER, 100.0, 100.0 + TERMS.patience + 0.5)
        self.assertEqual((now.standing, done), (Standing.TAKING, [Effect.TAKE]))

    def test_leaseOfTheOther(self) -> None:
        """The lease of the active master counts, not that of the waiting one."""
        slow = replace(OTHER, lease=40.0)
        self.assertEqual(looks(ME, slow, 0.0, 49.0)[1], [])
        self.assertEqual(looks(ME, slow, 0.0, 51.0)[1], [Effect.TAKE])

    def test_alive(self) -> None:
        """A master that beats is never taken for dead."""
        now = ME
        for second in range(1000):
            beats = second // 10
            now, effects = advance(now, news(Event.LOOKED, float(second), replace(OTHER, beats=beats)))
            self.assertEqual(effects, ())

    def test_databaseAway(self) -> None:
        """F4: after an outage of the database, the active master gets its full time again."""
        now, _ = looks(ME, OTHER, 0.0, TERMS.patience - 1)
        now, _ = advance(now, news(Event.SILENCE, 15.0))
        now, done = looks(now, OTHER, 16.0, 16.0 + TERMS.patience - 0.5)
        self.assertEqual(done, [])
        self.assertEqual(looks(now, OTHER, 31.0, 33.0)[1], [Effect.TAKE])

    def test_otherSession(self) -> None:
        """F4: so it does if the outage fell between two looks: the connection is another one."""
        now, _ = looks(ME, OTHER, 0.0, TERMS.patience - 1)
        _, done = looks(now, replace(OTHER, session="two"), 15.0, 15.0 + TERMS.patience - 0.5)
        self.assertEqual(done, [])

    def test_frozenWatcher(self) -> None:
        """F4: a watcher that was frozen itself begins to watch anew."""
        now, _ = looks(ME, OTHER, 0.0, 2.0)
        now, effects = advance(now, news(Event.LOOKED, 2.0 + TERMS.patience, OTHER))
        self.assertEqual(effects, ())
        self.assertEqual(now.since, 2.0 + TERMS.patience)

    def test_slowAnswers(self) -> None:
        """The time is counted from the answer of the first look to the question of the last one."""
        now, _ = advance(ME, News(Event.LOOKED, 0.0, 4.0, OTHER))
        now, done = looks(now, OTHER, 5.0, 4.0 + TERMS.patience - 0.5)
        self.assertEqual(done, [])

    def test_lostAnswer(self) -> None:
        """F8: a takeover whose answer was lost is found at the next look."""
        now, _ = advance(ME, news(Event.LOOKED, 0.0))
        now, _ = advance(now, news(Event.SILENCE, 1.0))
        self.assertEqual(now.standing, Standing.WAITING)
        taken = Seen("here", "me", epoch=8, beats=0, lease=12.0)
        now, effects = advance(now, news(Event.LOOKED, 2.0, taken))
        self.assertEqual((now.standing, effects), (Standing.ACTIVE, (Effect.SERVE,)))

    def test_tooLate(self) -> None:
        """Of two that wait, one takes the place; the other one watches it from the begin."""
        now, _ = advance(ME, news(Event.LOOKED, 0.0))
        now, effects = advance(now, news(Event.REFUSED, 1.0))
        self.assertEqual((now, effects), (ME, ()))

    def test_doubt(self) -> None:
        """A master whose beats have no answer doubts its lease before anybody else may take it."""
        active = replace(ME, standing=Standing.ACTIVE, trusted=100.0)
        now, effects = advance(active, news(Event.SILENCE, 100.0 + TERMS.trust - 0.1))
        self.assertEqual((now, effects), (active, ()))
        now, effects = advance(active, news(Event.SILENCE, 100.0 + TERMS.trust))
        self.assertEqual((now.standing, effects), (Standing.DOUBTFUL, (Effect.DOUBT,)))
        self.assertLess(TERMS.trust, TERMS.lease)
        now, effects = advance(now, News(Event.BEATEN, 111.0, 111.2))
        self.assertEqual((now.standing, effects, now.trusted), (Standing.ACTIVE, (Effect.TRUST,), 111.0))

    def test_oldAnswer(self) -> None:
        """An answer that was under way for too long ends no doubt."""
        doubtful = replace(ME, standing=Standing.DOUBTFUL, trusted=0.0)
        self.assertEqual(advance(doubtful, News(Event.BEATEN, 1.0, 30.0)), (doubtful, ()))

    def test_buried(self) -> None:
        """A master whose place was taken ends, once."""
        active = replace(ME, standing=Standing.ACTIVE)
        now, effects = advance(active, news(Event.BURIED, 1.0))
        self.assertEqual((now.standing, effects), (Standing.ENDED, (Effect.END,)))
        self.assertEqual(advance(now, news(Event.BURIED, 1.0)), (now, ()))


#: A short lease, so that few looks are enough for a takeover.
_SHORT = Terms(lease=4.0)
_OTHER = replace(OTHER, lease=4.0)
_ALPHABET = (
    (Event.LOOKED, None),
    (Event.LOOKED, _OTHER),
    (Event.LOOKED, replace(_OTHER, beats=2)),
    (Event.LOOKED, replace(_OTHER, home="here", incarnation="me")),
    (Event.TAKEN, None),
    (Event.REFUSED, None),
    (Event.BEATEN, None),
    (Event.SILENCE, None),
    (Event.BURIED, None),
)


class AllSequencesTests(unittest.SynchronousTestCase):
    """Rules that hold in all sequences of five events, with three paces between them."""

    def test_rules(self) -> None:
        """No sequence takes a living place, serves without a place, or does anything after the end."""
        done: dict[Effect, int] = dict.fromkeys(Effect, 0)
        for pace in (0.5, 1.5, 20.0):
            for kinds in sample(product(_ALPHABET, repeat=4), 400):
                for effect in self._play(pace, ((Event.LOOKED, _OTHER), *kinds)):
                    done[effect] += 1
        if THOROUGH:
            self.assertTrue(all(done.values()), done)

    def _play(self, pace: float, kinds: tuple[tuple[Event, Seen | None], ...]) -> list[Effect]:
        now = Lease("here", "me", _SHORT)
        quiet, last = 0.0, None
        done: list[Effect] = []
        for position, (event, seen) in enumerate(kinds):
            at = 100.0 + position * pace
            before, (now, effects) = now, advance(now, news(event, at, seen))
            isQuiet = event is Event.LOOKED and seen is not None and seen == last and pace <= _SHORT.gap
            quiet = quiet + pace if isQuiet else 0.0
            last = seen if event is Event.LOOKED else None
            if Effect.TAKE in effects and seen is not None:
                self.assertGreaterEqual(quiet, _SHORT.patience, kinds)
            if Effect.SERVE in effects:
                isMine = seen is not None and seen.incarnation == "me"
                self.assertTrue(isMine or (before.standing, event) == (Standing.TAKING, Event.TAKEN), kinds)
            if before.standing is Standing.ENDED:
                self.assertEqual((now, effects), (before, ()), kinds)
            if Effect.END in effects:
                self.assertIn(before.standing, (Standing.ACTIVE, Standing.DOUBTFUL), kinds)
            if Effect.DOUBT in effects:
                self.assertGreaterEqual(at - before.trusted, _SHORT.trust, kinds)
            done += effects
        return done

    def test_noRule(self) -> None:
        """An event without a rule changes nothing, and has no effect."""
        for standing, event in product(Standing, Event):
            if (standing, event) not in TRANSITIONS:
                now = replace(ME, standing=standing)
                self.assertEqual(advance(now, news(event, 500.0)), (now, ()))


class PageTests(unittest.SynchronousTestCase):
    """The page about the machine."""

    def test_transitions(self) -> None:
        """The table of the page has the same events for each standing as the machine."""
        with open(PAGE, encoding="utf-8") as stream:
            table = stream.read().partition(":name: lease-table")[2]
        rows = re.findall(r"\* - (.+)\n +- (.+)\n", table)
        told = {
            (standing, event)
            for standings, events in rows[1:]
            for standing in re.findall(r"``(\w+)``", standings)
            for event in re.findall(r"``(\w+)``", events)
        }
        self.assertEqual(told, {(standing.name, event.name) for standing, event in TRANSITIONS})
