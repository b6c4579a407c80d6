"""Schedulers across restarts, kills, reconfigs and full disks."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.logger import capturedLogs, formatEvent

from buildbot.config.diff import diff
from buildbot.model.change import Change
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.scheduler import AnyBranchScheduler, Scheduler
from buildbot.schedulers.savedstate import SAVE_WITHIN
from buildbot.schedulers.submissions import BUILDERS_AFTER, BUILDERS_WITHIN
from buildbot.store.outbox import RETRY_AFTER
from tests.garbage import setOthersAside
from tests.schedulers import DAY, MINUTE, START, SchedulerCase, mainScheduler
from tests.slaveport import config


class RestartTests(SchedulerCase):
    """The master is stopped, killed and reconfigured."""

    def test_killed(self) -> None:
        """P2: killed at any second, the master builds each change once, and on time if it is up then."""
        for second in range(0, 100, 7):
            self.setUp()
            self.use(mainScheduler())
            self.commit()
            self.clock.advance(25)
            self.commit()
            self.clock.advance(second)
            self.restart(mainScheduler())
            self.clock.advance(100)
            self.assertEqual(self.built(), [[1, 2]], second)
            self.stop()

    def test_stopped(self) -> None:
        """A change that waits when the master stops is built in time after the next start."""
        self.use(mainScheduler())
        self.commit()
        self.clock.advance(30)
        self.stop()
        self.start(mainScheduler())
        self.clock.advance(29)
        self.assertEqual(self.built(), [])
        self.clock.advance(1)
        self.assertEqual(self.built(), [[1]])

    def test_overdue(self) -> None:
        """A build that became due while the master was down starts at the next start."""
        self.use(mainScheduler())
        self.commit()
        self.kill()
        self.clock.advance(DAY)
        self.start(mainScheduler())
        self.clock.advance(0)
        self.assertEqual(self.built(), [[1]])

    def test_killedBeforeTold(self) -> None:
        """P2: a change is built if the master dies after storing it and before notifying the scheduler."""
        self.use(mainScheduler())
        self.commit(tells=False)
        self.restart(mainScheduler())
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1]])

    def test_manyUntold(self) -> None:
        """Any number of missed changes is taken."""
        self.use(mainScheduler())
        for _ in range(2500):
            self.successResultOf(self.store.addChange(Change("ann", ["a.c"], "")))
        self.restart(mainScheduler())
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [list(range(1, 2501))])

    def test_outOfTurn(self) -> None:
        """If changes are reported out of order, twice or not at all, a scheduler takes each once, in
        order.
        """
        scheduler = self.use(mainScheduler())
        one, two, three, four = (self.commit(tells=False) for _ in range(4))
        for change in (three, one, two, three, four, four):
            scheduler.changeAdded(change)
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1, 2, 3, 4]])

    def test_toldWhileLooking(self) -> None:
        """Changes reported while a scheduler reads missed ones are taken too."""
        scheduler = self.use(mainScheduler())
        one, two = (self.commit(tells=False) for _ in range(2))
        self.store.lazy = True
        scheduler.changeAdded(two)
        scheduler.changeAdded(one)
        self.store.flush()
        self.store.lazy = False
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1, 2]])

    def test_stopWaits(self) -> None:
        """A stop ends when the scheduler's state is on disk."""
        self.use(mainScheduler())
        self.commit()
        self.store.lazy = True
        stopped = self.master.stopService()
        self.assertNoResult(stopped)
        self.store.flush()
        self.successResultOf(stopped)
        self.store.lazy = False
        self.assertEqual(self.successResultOf(self.store.getState("scheduler/main"))["seen"], 1)

    def test_newName(self) -> None:
        """A scheduler with a new name starts with the next change, also when it is killed at once."""
        self.commit()
        self.use(mainScheduler())
        self.kill()
        self.clock.advance(DAY)
        self.start()
        self.commit()
        self.use(mainScheduler())
        self.clock.advance(DAY)
        self.assertEqual(self.built(), [[2]])

    def test_otherTimer(self) -> None:
        """P2: a reconfig with another timer keeps the waiting changes, and the new timer applies."""
        old = self.use(mainScheduler())
        self.commit()
        self.clock.advance(30)
        new = self.replace(old, mainScheduler(5 * MINUTE))
        self.assertEqual(new.getPendingBuildTimes(), [START + 5 * MINUTE])
        self.clock.advance(4.5 * MINUTE)
        self.assertEqual(self.built(), [[1]])

    def test_otherKind(self) -> None:
        """A reconfig to another kind of scheduler keeps the waiting changes."""
        old = self.use(mainScheduler())
        self.commit()
        old = self.replace(old, AnyBranchScheduler("main", None, MINUTE, ["full"]))
        self.commit(branch="b")
        self.replace(old, mainScheduler())
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1]])  # main does not build branch b, so b waits for nothing

    def test_changeDuringReconfig(self) -> None:
        """A change that comes while one scheduler replaces another is built once."""
        old = self.use(mainScheduler())
        self.commit()
        self.remove(old)
        self.commit()
        old.changeAdded(self.commit())
        self.use(mainScheduler())
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1, 2, 3]])

    def test_startedAgain(self) -> None:
        """A failed reconfig leaves the scheduler unchanged."""
        scheduler = self.use(mainScheduler())
        self.commit()
        self.replace(scheduler, scheduler)
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1]])

    def test_startedAgainMeanwhile(self) -> None:
        """The same, while its build sets are being stored."""
        scheduler = self.use(mainScheduler())
        self.commit()
        self.store.lazy = True
        self.clock.advance(MINUTE)
        self.remove(scheduler)
        starting = ensureDeferred(self.takeIn(scheduler))
        self.store.flush()
        self.successResultOf(starting)
        self.store.lazy = False
        self.commit()
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1], [2]])

    def test_removedMeanwhile(self) -> None:
        """A scheduler that was removed while it read missed changes takes no more of them."""
        seen: list[Change] = []
        scheduler = self.use(mainScheduler(fileIsImportant=seen.append))
        changes = [self.commit(tells=False) for _ in range(3)]
        self.store.lazy = True
        scheduler.changeAdded(changes[2])
        self.remove(scheduler)
        self.store.flush()
        self.assertEqual(seen, [])

    def test_nothingRemains(self) -> None:
        """A master that is reconfigured every day keeps no old schedulers."""
        setOthersAside(self)
        gone = weakref.ref(self.replace(self.use(mainScheduler()), mainScheduler(61)))
        self.replace(gone(), mainScheduler(62))
        gc.collect()
        self.assertIsNone(gone())

    def test_otherStore(self) -> None:
        """A store that lost its changes does not make a scheduler wait for old numbers."""
        self.use(mainScheduler())
        self.successResultOf(self.store.setState("scheduler/main", {"seen": 1000, "trees": []}))
        self.restart(mainScheduler())
        self.commit()
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1]])

    def test_unreadable(self) -> None:
        """P3: with an invalid state a scheduler starts, logs it, and takes no change a second time."""
        self.use(mainScheduler())
        self.commit()
        self.commit()
        self.stop()
        damaged = self.successResultOf(self.store.getState("scheduler/main"))
        tree = damaged["trees"][0][1]
        tree["bhanges"] = tree.pop("changes")
        self.successResultOf(self.store.setState("scheduler/main", damaged))
        with capturedLogs() as events:
            self.start(mainScheduler())
        (said,) = [formatEvent(each) for each in events]
        self.assertIn("the stored state of scheduler main cannot be read (KeyError('changes'))", said)
        self.assertIn("kept as unreadable/scheduler/main", said)
        self.assertEqual(self.successResultOf(self.store.getState("unreadable/scheduler/main")), damaged)
        self.commit()
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[3]])

    def test_unreadableAtAll(self) -> None:
        """P3: the same for any invalid state; the new starting point survives a restart."""
        damaged: Any
        for damaged in ([], "x", 7, {"seen": "x", "trees": 3}, {"seen": None, "trees": [[None, None]]}):
            self.setUp()
            self.commit()
            self.successResultOf(self.store.setState("scheduler/main", damaged))
            self.use(mainScheduler())
            self.assertEqual(self.successResultOf(self.store.getState("unreadable/scheduler/main")), damaged)
            self.kill()
            self.start()
            self.commit()
            self.use(mainScheduler())
            self.clock.advance(MINUTE)
            self.assertEqual(self.built(), [[2]])
            self.stop()

    def test_unreadableOnAFullDisk(self) -> None:
        """P4: an invalid state that cannot be put aside now is put aside later."""
        self.successResultOf(self.store.setState("scheduler/main", {"seen": 0, "trees": 3}))
        self.store.lazy = True
        mainScheduler().setServiceParent(self.master)
        self.store.flush(2)
        self.store.full = True
        self.store.flush()
        self.store.full = self.store.lazy = False
        self.assertIsNone(self.successResultOf(self.store.getState("unreadable/scheduler/main")))
        self.clock.advance(RETRY_AFTER)
        self.assertEqual(
            self.successResultOf(self.store.getState("unreadable/scheduler/main")), {"seen": 0, "trees": 3}
        )
        self.commit()
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1]])

    def test_cannotRestore(self) -> None:
        """R1: a scheduler that cannot start with any state still refuses the configuration."""

        class Broken(Scheduler):
            def restore(self, record: Mapping[str, Any]) -> None:
                raise ZeroDivisionError

        for known in (None, {"seen": 0, "trees": []}):
            self.successResultOf(self.store.setState("scheduler/main", known))
            scheduler = Broken("main", None, MINUTE, ["full"])
            self.failureResultOf(ensureDeferred(self.takeIn(scheduler)), ZeroDivisionError)
            self.remove(scheduler)

    def test_fewWrites(self) -> None:
        """A thousand changes in a few seconds cost few writes, although all of them wait."""
        self.use(mainScheduler())
        before = self.store.writes
        for _ in range(1000):
            self.commit()
            self.clock.advance(SAVE_WITHIN / 1000)
        self.assertLess(self.store.writes - before - 1000, 3)


class FullDiskTests(SchedulerCase):
    """P4: the store refuses writes."""

    def test_submitLater(self) -> None:
        """Build sets that cannot be stored are submitted later, in order."""
        self.use(mainScheduler())
        self.commit()
        self.store.full = True
        self.clock.advance(MINUTE)
        self.store.full = False
        self.commit()
        self.clock.pump([RETRY_AFTER] * 7)
        self.assertEqual(self.built(), [[1], [2]])

    def test_killedMeanwhile(self) -> None:
        """Killed while the disk is full, the master has lost nothing."""
        self.use(mainScheduler())
        self.commit()
        self.store.full = True
        self.clock.pump([SAVE_WITHIN] * 20)
        self.kill()
        self.store.full = False
        self.start(mainScheduler())
        self.clock.advance(0)
        self.assertEqual(self.built(), [[1]])

    def test_stoppedMeanwhile(self) -> None:
        """Stopped or reconfigured while the disk is full, the master has lost nothing."""
        old = self.use(mainScheduler())
        self.commit()
        self.store.full = True
        self.clock.advance(MINUTE + 1)
        self.remove(old)
        new = self.use(mainScheduler())
        self.store.full = False
        self.clock.advance(RETRY_AFTER)
        self.assertEqual(self.built(), [[1]])
        self.commit()
        self.assertEqual(len(new.getPendingBuildTimes()), 1)

    def test_cannotLook(self) -> None:
        """A scheduler that cannot read missed changes reads them later."""
        scheduler = self.use(mainScheduler())
        change = self.commit(tells=False)
        self.commit(tells=False)
        self.store.full = True
        scheduler.changeAdded(change.numbered(2))
        self.store.full = False
        self.clock.advance(RETRY_AFTER)
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1, 2]])

    def test_cannotSave(self) -> None:
        """A state that cannot be stored now is stored later."""
        self.use(mainScheduler())
        self.commit()
        self.store.full = True
        self.clock.advance(SAVE_WITHIN)
        self.store.full = False
        self.clock.advance(SAVE_WITHIN)
        record = self.successResultOf(self.store.getState("scheduler/main"))
        self.assertEqual(record["seen"], 1)

    def test_savedMeanwhile(self) -> None:
        """A state stored while build sets wait does not count their changes as seen."""
        self.use(mainScheduler())
        self.commit()
        self.clock.advance(MINUTE - 5)
        self.commit("README", branch="other")  # so the state is stored within ten seconds
        self.store.full = True
        self.clock.advance(5)
        self.store.full = False
        self.clock.advance(6)
        self.restart(mainScheduler())
        self.clock.advance(0)
        self.assertEqual(self.built(), [[1]])

    def test_killedBetween(self) -> None:
        """Killed when one of two sets is stored, the master submits the other one at the next start."""
        self.use(AnyBranchScheduler("any", None, MINUTE, ["full"]))
        self.commit()
        self.commit(branch="b")
        self.store.full = True
        self.clock.advance(MINUTE)
        self.store.full, self.store.lazy = False, True
        self.clock.advance(RETRY_AFTER)
        self.store.flush(1)
        self.store.lazy = False
        self.restart(AnyBranchScheduler("any", None, MINUTE, ["full"]))
        self.clock.advance(0)
        self.assertEqual(self.built(), [[1], [2]])

    def test_builderToCome(self) -> None:
        """A missing builder of the new configuration, as during a start, is waited for without a limit."""
        self.builders = ("package",)
        self.use(mainScheduler())
        self.restart(mainScheduler())
        self.commit()
        self.clock.pump([BUILDERS_AFTER] * round(5 * BUILDERS_WITHIN))
        self.assertEqual(self.built(), [])
        self.master.botmaster.apply(*_grown(self.master.botmaster.config, "full", "quick"))
        self.clock.advance(BUILDERS_AFTER)
        self.assertEqual(self.built(), [[1]])

    def test_noSuchBuilder(self) -> None:
        """P2: a builder that is missing for a minute does not block other builds."""
        scheduler = self.use(mainScheduler())
        for names in (["gone"], ["full", "gone"], ["quick"], ["lost"], ["full"]):
            scheduler.submit(BuildSet(names, SourceStamp(), "+".join(names)))
        self.assertEqual(self.sets(), [])
        self.clock.pump([BUILDERS_AFTER] * round(BUILDERS_WITHIN))
        self.assertEqual([record.reason for record in self.sets()], ["full+gone", "quick"])
        self.clock.pump([BUILDERS_AFTER] * round(BUILDERS_WITHIN))
        self.assertEqual([record.reason for record in self.sets()], ["full+gone", "quick", "full"])
        requests = self.successResultOf(self.store.pendingRequests())
        self.assertEqual([request.builder for request in requests], ["full", "quick", "full"])

    def test_builderDoesNotCome(self) -> None:
        """A builder that the configuration in force lacks is not waited for, even if the scheduler lists
        it.
        """
        self.builders = ()
        self.start(mainScheduler(0))
        self.commit()
        self.clock.advance(0)
        self.master.botmaster.apply(*_grown(self.master.botmaster.config, "full"))
        self.clock.pump([BUILDERS_AFTER] * (2 + round(BUILDERS_WITHIN)))
        requests = self.successResultOf(self.store.pendingRequests())
        self.assertEqual([request.builder for request in requests], ["full"])

    def test_noSuchBuilderAgain(self) -> None:
        """A builder that existed meanwhile is waited for again."""
        scheduler = self.use(mainScheduler())
        scheduler.submit(BuildSet(["gone"], SourceStamp(), "one"))
        self.clock.pump([BUILDERS_AFTER] * round(BUILDERS_WITHIN))
        scheduler.submit(BuildSet(["gone"], SourceStamp(), "two"))
        self.clock.pump([BUILDERS_AFTER] * 30)
        self.master.botmaster.apply(*_grown(self.master.botmaster.config, "gone"))
        self.clock.advance(BUILDERS_AFTER)
        self.assertEqual([record.reason for record in self.sets()], ["two"])

    def test_manyWithoutBuilder(self) -> None:
        """Many sets without a builder delay others by a minute or two at most."""
        scheduler = self.use(mainScheduler())
        for _ in range(30):
            scheduler.submit(BuildSet(["gone"], SourceStamp(), "gone"))
            self.clock.advance(BUILDERS_AFTER)
        scheduler.submit(BuildSet(["full"], SourceStamp(), "full"))
        self.clock.pump([BUILDERS_AFTER] * round(BUILDERS_WITHIN))
        self.assertEqual([record.reason for record in self.sets()], ["full"])

    def test_nothingToBuild(self) -> None:
        """A set that can never be stored is logged once, and does not block others."""
        scheduler = self.use(mainScheduler())
        scheduler.submit(BuildSet([], SourceStamp()))
        self.commit()
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1]])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


def _grown(old: Any, *names: str) -> tuple[Any, Any]:
    new = config(builders={**{name: "bot1" for name in old.builders}, **{name: "bot1" for name in names}})
    return new, diff(old, new)
