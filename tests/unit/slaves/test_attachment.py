"""The attachment machine: every short sequence of events is tried."""

from __future__ import annotations

from itertools import product

from twisted.trial import unittest

from buildbot.slaves.attachment import ABSENT, TRANSITIONS, Attachment, Effect, Event, State, advance

HAPPY = (("connected", "a"), ("answered", "a"), ("accepted", "a"))


def play(*events: tuple[str, str], start: Attachment[str] = ABSENT) -> tuple[Attachment[str], list[Effect]]:
    """Play named events from C{start}; return the last attachment and all effects."""
    now = start
    done: list[Effect] = []
    for name, peer in events:
        now, effects = advance(now, Event("builders changed" if name == "changed" else name), peer)
        done.extend(effects)
    return now, done


class StoryTests(unittest.SynchronousTestCase):
    """Single stories."""

    def test_attach(self) -> None:
        """A slave is ready after two volleys."""
        now, done = play(*HAPPY)
        self.assertEqual(now, Attachment(State.READY, "a"))
        self.assertEqual(done, [Effect.ASK, Effect.OFFER, Effect.ATTACH])

    def test_lostWhileAsked(self) -> None:
        """A3: a slave whose connection drops during login can attach again at once."""
        now, _ = play(("connected", "a"), ("lost", "a"), *[(e, "b") for e, _ in HAPPY])
        self.assertEqual(now, Attachment(State.READY, "b"))

    def test_lostWhileOffered(self) -> None:
        """A3: a connection lost while the builder list is being accepted leaves the name free."""
        now, done = play(("connected", "a"), ("answered", "a"), ("lost", "a"))
        self.assertEqual(now, ABSENT)
        self.assertEqual(done[-1], Effect.TAKE_BACK)

    def test_newerWins(self) -> None:
        """D1: the newer connection is served when the older one is gone, and not before."""
        now, done = play(*HAPPY, ("connected", "b"))
        self.assertEqual(now, Attachment(State.DISPLACING, "a", "b"))
        self.assertEqual(done[-1], Effect.HANG_UP)
        now, done = play(("lost", "a"), start=now)
        self.assertEqual(now, Attachment(State.ASKING, "b"))
        self.assertEqual(done, [Effect.TAKE_BACK, Effect.ASK])

    def test_lateGoodbye(self) -> None:
        """D3: the late loss of a displaced connection does not affect the new one."""
        ready, _ = play(*HAPPY, ("connected", "b"), ("lost", "a"), ("answered", "b"), ("accepted", "b"))
        self.assertEqual(play(("lost", "a"), start=ready), (Attachment(State.READY, "b"), []))

    def test_threeAtOnce(self) -> None:
        """D5: of several newcomers the last one waits; the one before it is disconnected."""
        now, done = play(*HAPPY, ("connected", "b"), ("connected", "c"))
        self.assertEqual(now, Attachment(State.DISPLACING, "a", "c"))
        self.assertEqual(done[-1], Effect.HANG_UP_WAITING)

    def test_waitingGivesUp(self) -> None:
        """A waiting newcomer that leaves changes nothing else."""
        now, _ = play(*HAPPY, ("connected", "b"), ("lost", "b"), ("lost", "a"))
        self.assertEqual(now, ABSENT)

    def test_waitingGivesUpThenAnother(self) -> None:
        """After a waiting newcomer left, another one can still take over."""
        now, _ = play(*HAPPY, ("connected", "b"), ("lost", "b"), ("connected", "c"), ("lost", "a"))
        self.assertEqual(now, Attachment(State.ASKING, "c"))

    def test_changedWhileOffering(self) -> None:
        """A builder list that changes while one is being accepted is sent again."""
        now, done = play(("connected", "a"), ("answered", "a"), ("changed", "a"))
        self.assertEqual((now.state, done[-2:]), (State.OFFERING, [Effect.OFFER, Effect.OFFER]))

    def test_changedWhileAsking(self) -> None:
        """A change before the first builder list is sent has no effect: that list will be current."""
        now, done = play(("connected", "a"), ("changed", "a"))
        self.assertEqual((now.state, done), (State.ASKING, [Effect.ASK]))

    def test_disconnectWhileDisplacing(self) -> None:
        """A disconnect during a takeover closes both connections."""
        now, done = play(*HAPPY, ("connected", "b"), ("close", "a"))
        self.assertEqual(now, Attachment(State.CLOSING, "a"))
        self.assertEqual(done[-2:], [Effect.HANG_UP, Effect.HANG_UP_WAITING])


class EnumerationTests(unittest.SynchronousTestCase):
    """Invariants after every sequence of up to six events of three connections."""

    def test_invariants(self) -> None:
        """A3, D1, D3, D5: after any sequence of events, a name can be used and no connection is left open."""
        # All reachable (attachment, open connections) pairs, breadth first. Each connection arrives at most
        # once, and is lost at most once, after its arrival.
        nobody: frozenset[str] = frozenset()
        start = (ABSENT, nobody, nobody, False)
        seen, frontier, tried = {start}, [start], 0
        for _ in range(12):
            following = []
            for now, arrived, alive, attached in frontier:
                for event, peer in product(Event, "abc"):
                    if (peer in arrived) == (event is Event.CONNECTED) or (
                        event is not Event.CONNECTED and peer not in alive
                    ):
                        continue
                    tried += 1
                    after, effects = advance(now, event, peer)
                    here = (after, *self._check(now, after, event, peer, effects, arrived, alive, attached))
                    if here not in seen:
                        seen.add(here)
                        following.append(here)
            frontier = following
        self.assertFalse(frontier, "the search did not end")
        self.assertGreater(len(seen), 100)
        self.assertGreater(tried, 1000)

    def _check(self, now, after, event, peer, effects, arrived, alive, attached):  # type: ignore[no-untyped-def]
        """Check one step; return the next open connections."""
        if event is Event.CONNECTED:
            arrived, alive = arrived | {peer}, alive | {peer}
        if event is Event.LOST:
            alive = alive - {peer}
        for effect in effects:
            if effect is Effect.ATTACH:
                self.assertFalse(attached, "attached twice")
                attached = True
            if effect is Effect.TAKE_BACK:
                attached = False
            if effect is Effect.HANG_UP:
                self.assertIs(after.peer, now.peer)
                self.assertNotEqual(now.state, State.CLOSING, "cut twice")
        self.assertEqual(after.state is State.ABSENT, after.peer is None)
        self.assertEqual(after.waiting is not None, after.state is State.DISPLACING)
        if after.peer is not None:
            self.assertIn(after.peer, alive, "a dead connection is being served")
        if after.waiting is not None:
            self.assertIn(after.waiting, alive, "a dead connection is waiting")
        self.assertLessEqual(attached, after.state in (State.READY, State.CLOSING, State.DISPLACING))
        if after.state is State.READY:
            self.assertTrue(attached)
        if peer not in (now.peer, now.waiting) and event is not Event.CONNECTED:
            self.assertEqual((after, effects), (now, ()), "a stranger's event had an effect")
        return arrived, alive, attached

    def test_everyStateCanLetGo(self) -> None:
        """L7: from every state, losing the connections leads to absent."""
        for state in State:
            if state is State.ABSENT:
                continue
            waiting = "b" if state is State.DISPLACING else None
            now, _ = play(("lost", "a"), ("lost", "b"), start=Attachment(state, "a", waiting))
            self.assertEqual(now, ABSENT)

    def test_everyStateIsServed(self) -> None:
        """Every state except absent has rules for a newcomer and for a loss."""
        for state in State:
            self.assertIn((state, Event.CONNECTED), TRANSITIONS)
            self.assertEqual((state, Event.LOST) in TRANSITIONS, state is not State.ABSENT)
