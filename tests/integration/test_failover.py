"""Two real masters with one PostgreSQL behind a balancer lose nothing, whatever breaks."""

from __future__ import annotations

import os
import re
import signal
import time

from twisted.trial import unittest

from tests.benchmarks import failover
from tests.benchmarks.failover_audit import ALL_DONE, NONE_OPEN, ONE_SET
from tests.benchmarks.failover_directed import direct
from tests.benchmarks.failover_faults import USUAL
from tests.benchmarks.failover_rig import Master, Rig
from tests.integration import generations, postgres


class FailoverTests(unittest.SynchronousTestCase):
    """The benchmark in short."""

    def setUp(self) -> None:
        reason = postgres.missing() or generations.missing()
        if reason:
            raise unittest.SkipTest(reason)
        self.said: list[str] = []

    def test_faults(self) -> None:
        """One fault of each kind: all that was acknowledged is finished once, and all slaves come back."""
        outcome = failover.play(len(USUAL), 7, say=self.said.append)
        told = "\n".join([*self.said, *outcome.lines(), str(outcome.findings)])
        self.assertTrue(outcome.isGood, told)
        self.assertEqual(sum(map(len, outcome.away.values())), len(USUAL))
        self.assertGreater(outcome.told["change"], 0, told)
        self.assertGreater(outcome.told["request"], 0, told)

    def test_frozenAndIsolated(self) -> None:
        """A master that hangs loses its slaves to the standby meanwhile; when it wakes, it ends itself.

        So does a master that has lost the database, but not its slaves: it ends itself when it reaches the
        database again.
        """
        rig = self.rig()
        with rig.running():
            old, new, names = self.begin(rig)
            old.signal(signal.SIGSTOP)
            rig.until(lambda: new.connected() == names, 240.0, "all slaves are attached to the new master")
            old.signal(signal.SIGCONT)
            rig.until(lambda: not old.isAlive(), 120.0, "the old master ends itself")
            self.assertEqual(old.status, 1)
            self.assertIs(rig.active, new)

            waits = f"standby: .*{new.name} is active"
            before = len(re.findall(waits, old.text()))
            old.start()
            rig.until(lambda: len(re.findall(waits, old.text())) > before, 180.0, "the old master waits")
            time.sleep(rig.lease)  # until the other one has noticed
            old, new = new, old
            old.cable.cut()
            rig.until(lambda: new.connected() == names, 240.0, "all slaves are attached to the new master")
            self.assertTrue(old.isAlive())
            old.cable.heal()
            rig.until(lambda: not old.isAlive(), 120.0, "the old master ends itself")
            self.assertIs(rig.active, new)

    def rig(self) -> Rig:
        """Two masters, which do not run yet."""
        home = os.path.realpath(self.mktemp())
        os.makedirs(home)
        return Rig(home, 3.0, [])

    def begin(self, rig: Rig) -> tuple[Master, Master, set[str]]:
        """Start slaves. Returns the active master, which has them all; the standby; and their names."""
        failover.begin(rig)
        old = rig.active
        assert old is not None
        (new,) = (each for each in rig.masters if each is not old)
        names = old.connected()
        self.assertEqual(names, {each.name for each in rig.slaves})
        return old, new, names

    def test_withoutFence(self) -> None:
        """Masters that change what they do not own any more are found out after some faults: a build ends
        twice, or a change or a request is there twice. The run ends with the first finding.
        """
        outcome = failover.play(20, 3, kinds=["freeze-long"], weaken=["fence"], say=self.said.append)
        self.assertTrue(outcome.findings.wrong, "\n".join([*self.said, *outcome.lines()]))

    def test_withoutAnswer(self) -> None:
        """Masters that repeat a commit whose answer was lost are found out."""
        outcome = failover.play(20, 3, kinds=["blink"], weaken=["answer"], say=self.said.append)
        self.assertTrue(outcome.findings.wrong, "\n".join([*self.said, *outcome.lines()]))

    def test_withoutRow(self) -> None:
        """A fence that does not hold its row lets a build begin that nobody ends."""
        self.assertEqual(direct("late-build", 3.0, [], self.said.append).wrong, {}, self.said)
        found = direct("late-build", 3.0, ["row"], self.said.append).wrong
        self.assertLessEqual({ALL_DONE, NONE_OPEN}, set(found), self.said)

    def test_withSequence(self) -> None:
        """Numbers from a sequence let a change become visible too late, if there is no fence in between."""
        found = direct("late-change", 3.0, ["row", "sequence"], self.said.append).wrong
        self.assertIn(ONE_SET, found, self.said)
