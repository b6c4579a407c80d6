"""The end of a build, as a table. tests.unit.test_docs compares the page about it."""

from __future__ import annotations

from itertools import product

from twisted.trial import unittest

from buildbot.model.results import EXCEPTION, FAILURE, RETRY, SUCCESS, WARNINGS
from buildbot.process.ending import STOPPED, Effect, Event, State, advance, resultsOf


class EndingTests(unittest.SynchronousTestCase):
    """A build ends once, in any order of events."""

    def play(self, *events: Event) -> tuple[State, list[Effect]]:
        """The state after some events, and all effects."""
        state = State.RUNNING
        done: list[Effect] = []
        for event in events:
            state, effects = advance(state, event)
            done += effects
        return state, done

    def test_oneEnd(self) -> None:
        """After any four events followed by two ends, exactly one end finishes the build."""
        for events in product(Event, repeat=4):
            state, done = self.play(*events, Event.END, Event.END)
            self.assertEqual((state, done.count(Effect.FINISH)), (State.OVER, 1), events)
            after = done[done.index(Effect.FINISH) + 1 :]
            self.assertEqual(after, [], events)

    def test_stopLasts(self) -> None:
        """After a stop, only the end changes that state."""
        for state, event in product(STOPPED, Event):
            self.assertIn(advance(state, event)[0], (*STOPPED, State.OVER), (state, event))

    def test_deaf(self) -> None:
        """A slave that does not react to a stop is disconnected, and then the step is left behind."""
        state, done = self.play(Event.STOP, Event.SLAVE_OVERDUE, Event.SLAVE_OVERDUE)
        self.assertEqual(state, State.CUT)
        self.assertEqual(
            done,
            [Effect.STOP_TIME, Effect.INTERRUPT, Effect.CUT_OFF, Effect.LOSS_TIME, Effect.ABANDON],
        )

    def test_lostOnce(self) -> None:
        """A second loss of the slave does not extend the limit of the step."""
        for first in ([Event.LOSS], [Event.STOP, Event.LOSS], [Event.LOSS, Event.STOP]):
            state = self.play(*first)[0]
            self.assertEqual(advance(state, Event.LOSS), (state, ()), first)

    def test_results(self) -> None:
        """The result of a build follows from the state in which it ended."""
        for state in STOPPED:
            self.assertEqual(
                resultsOf(state, SUCCESS, ["x"], "enough", "cut", "slow"),
                (FAILURE, ["interrupted", "enough"]),
            )
        self.assertEqual(resultsOf(State.LOST, SUCCESS, ["x"]), (RETRY, ["slave", "lost"]))
        self.assertEqual(
            resultsOf(State.LOST, SUCCESS, [], whyLost="it hangs"), (RETRY, ["slave", "lost", "(it hangs)"])
        )
        self.assertEqual(resultsOf(State.LOST, FAILURE, [], None, "cut", "slow"), (EXCEPTION, ["slow"]))
        self.assertEqual(resultsOf(State.RUNNING, SUCCESS, ["good"]), (SUCCESS, ["good"]))
        self.assertEqual(resultsOf(State.RUNNING, FAILURE, ["shell"]), (FAILURE, ["failed", "shell"]))
        self.assertEqual(resultsOf(State.RUNNING, WARNINGS, ["shell"]), (WARNINGS, ["warnings", "shell"]))
