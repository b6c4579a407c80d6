"""A real master whose slaves send too much, in messages that are each valid."""

from __future__ import annotations

import os
from contextlib import ExitStack

from twisted.trial.unittest import SynchronousTestCase

from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS
from tests.benchmarks import hostile_budgets, servers
from tests.benchmarks.hostile_budgets import ARCHIVES, ATTACKS, Cost, attack

MIB = 1024
#: The most seconds by which others may be delayed: 1 s, or more if they have to wait for a processor.
WORST = 3.0
#: How often an attack is tried: a busy machine may delay others once, but not each time.
TRIES = 4
#: The most seconds of an attack. The longest one takes 23 s on a machine that does nothing else.
PATIENCE = 180.0

#: The results of the build; None: the slave was disconnected.
ENDS = {
    "a value that stands in itself": None,
    "48 MB of news": EXCEPTION,
    "news of empty lists": EXCEPTION,
    "empty output": SUCCESS,
    "output of single bytes": SUCCESS,
    "15 MB of line ends in a message": SUCCESS,
    "text of wide letters": None,
    "a property of 60 MB": FAILURE,
    "numbers of 9,000 digits": FAILURE,
    "an error of 14 MB": EXCEPTION,
    "large numbers": EXCEPTION,
    "words after the end": SUCCESS,
    "complaints of control characters": SUCCESS,
}


class BudgetsTests(SynchronousTestCase):
    """H3: the memory and work that a slave can cause is limited."""

    def setUp(self) -> None:
        self._stack = ExitStack()
        self.addCleanup(self._stack.close)
        self.server = self._stack.enter_context(servers.master(50))
        hostile_budgets.prepare(self.server)

    def cost(self, name: str) -> Cost:
        """The cost of an attack; it is tried again if it has delayed others."""
        for _ in range(TRIES):
            cost = attack(self.server, name, PATIENCE)
            if cost.worst < WORST:
                break
        return cost

    def test_commands(self) -> None:
        """H3: any updates of a command cost less than 64 MiB, and delay others by less than 1 s."""
        for name, ends in ENDS.items():
            cost = self.cost(name)
            self.assertLess(cost.peakKiB, 64 * MIB, f"{name}: {cost}")
            self.assertLess(cost.worst, WORST, f"{name}: {cost}")
            self.assertEqual(cost.results, ends, f"{name}: {cost}")
        self.assertNotIn("Traceback", self.server.log())

    def test_archives(self) -> None:
        """H4: hostile archives fail their step, cost the master little, and leave no files."""
        for name in ARCHIVES:
            cost = self.cost(name)
            self.assertLess(cost.peakKiB, 64 * MIB, f"{name}: {cost}")
            self.assertLess(cost.worst, WORST, f"{name}: {cost}")
            self.assertEqual(cost.results, FAILURE, f"{name}: {cost}")
            self.assertEqual(os.listdir(os.path.join(self.server.basedir, "archives")), [], name)
            left = [each for each in os.listdir(self.server.basedir) if each.endswith(".part")]
            self.assertEqual(left, [], name)
        self.assertNotIn("Traceback", self.server.log())

    def test_others(self) -> None:
        """H3: calls with repeated values, and very long info, end the connection; others wait less than 1
        s.
        """
        for scenario in (hostile_budgets.calls, hostile_budgets.longInfo):
            for _ in range(TRIES):
                told = scenario(self.server, None)
                if float(told.split()[-2]) < WORST:
                    break
            self.assertLess(float(told.split()[-2]), WORST, told)
        self.assertNotIn("Traceback", self.server.log())


class AttacksTests(SynchronousTestCase):
    """The table of attacks."""

    def test_known(self) -> None:
        """Each attack that is tried here is also reported by the benchmark."""
        self.assertLessEqual(set(ENDS), set(ATTACKS))
