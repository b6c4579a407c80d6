"""The machine of an instance: its two promises, and its page."""

from __future__ import annotations

from itertools import product

from twisted.trial import unittest

from buildbot.latent.states import COMING, OVER, TRANSITIONS, WELCOME, Effect, Event, State, advance
from tests.unit.test_docs import literals, pages, tableRows


class StatesTests(unittest.SynchronousTestCase):
    """Every state and every event."""

    def test_page(self) -> None:
        """The table of docs/architecture/latent.rst has the rule for every state and event."""
        drawn: dict[tuple[str, str], tuple[str, list[str]]] = {}
        for states, events, target, effects in tableRows(pages()["architecture/latent"], "instance-table"):
            for cell in product(literals(states), literals(events)):
                self.assertNotIn(cell, drawn)
                drawn[cell] = (literals(target)[0], literals(effects))
        real = {
            (state.name, event.name): (then.name, [each.name for each in effects])
            for (state, event), (then, effects) in TRANSITIONS.items()
        }
        self.assertEqual(drawn, real)

    def test_noted(self) -> None:
        """An instance starts only after the store has the note."""
        for (state, event), (_, effects) in TRANSITIONS.items():
            if Effect.START in effects:
                self.assertEqual((state, event), (State.NOTING, Event.NOTED))

    def test_stoppedBeforeForgotten(self) -> None:
        """A note is deleted only after a stop that succeeded, or if nothing was started."""
        before = {cell for cell, (_, effects) in TRANSITIONS.items() if Effect.FORGET in effects}
        self.assertEqual(
            before,
            {
                (State.STOPPING, Event.STOPPED),
                (State.NOTING, Event.NOT_NOTED),
                (State.NOTING, Event.STOP),
            },
        )

    def test_startedOnlyFromOff(self) -> None:
        """A build that needs the slave starts it only if nothing runs."""
        for state in State:
            then, effects = advance(state, Event.WANTED)
            self.assertEqual(then is not state, state is State.OFF)
            self.assertEqual(bool(effects), state is State.OFF)

    def test_stopsAlways(self) -> None:
        """From every state in which something may run, an order to stop leads to the stop."""
        for state in set(State) - OVER - {State.NOTING, State.FORGETTING, State.STOPPING, State.ABORTING}:
            then, effects = advance(state, Event.STOP)
            self.assertIn(then, (State.STOPPING, State.ABORTING), state)
            self.assertTrue({Effect.STOP, Effect.ABORT} & set(effects), state)

    def test_waysOut(self) -> None:
        """From every state there is a way back to the state in which it can be started."""
        reached = {State.OFF}
        while more := {state for (state, _), (then, _) in TRANSITIONS.items() if then in reached} - reached:
            reached |= more
        self.assertEqual(reached, set(State))

    def test_words(self) -> None:
        """Every state has words of its own, and no state is both coming and over."""
        self.assertEqual(len({each.value for each in State}), len(State))
        self.assertFalse((COMING | WELCOME) & OVER)
