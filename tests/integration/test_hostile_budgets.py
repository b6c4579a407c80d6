"""A real master whose slaves say too much, in messages that are each allowed."""

from __future__ import annotations

import os
from contextlib import ExitStack

from twisted.trial.unittest import SynchronousTestCase

from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS
from tests.benchmarks import hostile_budgets, servers
from tests.benchmarks.hostile_budgets import ARCHIVES, ATTACKS, attack

MIB = 1024

#: What becomes of the build; None: the slave was hung up on.
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
    """H3: what a slave can make the master keep, and do, is bounded."""

    def setUp(self) -> None:
        self._stack = ExitStack()
        self.addCleanup(self._stack.close)
        self.server = self._stack.enter_context(servers.master(50))
        hostile_budgets.prepare(self.server)

    def test_commands(self) -> None:
        """H3: whatever a slave says of a command, it costs less than 64 MiB, and others less than 1 s."""
        for name, ends in ENDS.items():
            cost = attack(self.server, name)
            self.assertLess(cost.peakKiB, 64 * MIB, f"{name}: {cost}")
            self.assertLess(cost.worst, 1.0, f"{name}: {cost}")
            self.assertEqual(cost.results, ends, f"{name}: {cost}")
        self.assertNotIn("Traceback", self.server.log())

    def test_archives(self) -> None:
        """H4: archives that are bombs fail their step, cost the master little, and leave nothing."""
        for name in ARCHIVES:
            cost = attack(self.server, name)
            self.assertLess(cost.peakKiB, 64 * MIB, f"{name}: {cost}")
            self.assertLess(cost.worst, 1.0, f"{name}: {cost}")
            self.assertEqual(cost.results, FAILURE, f"{name}: {cost}")
            self.assertEqual(os.listdir(os.path.join(self.server.basedir, "archives")), [], name)
            left = [each for each in os.listdir(self.server.basedir) if each.endswith(".part")]
            self.assertEqual(left, [], name)
        self.assertNotIn("Traceback", self.server.log())

    def test_others(self) -> None:
        """H3: calls with folded values, and very long info, cost their sender; others wait less than 1 s."""
        for scenario in (hostile_budgets.calls, hostile_budgets.longInfo):
            told = scenario(self.server, None)
            self.assertLess(float(told.split()[-2]), 1.0, told)
        self.assertNotIn("Traceback", self.server.log())

    def test_known(self) -> None:
        """Each attack that is tried here is one that the benchmark reports, too."""
        self.assertLessEqual(set(ENDS), set(ATTACKS))
