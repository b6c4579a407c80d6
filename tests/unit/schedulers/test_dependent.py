"""Schedulers that follow others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import ensureDeferred
from zope.interface import implementer

from buildbot.interfaces import IUpstreamScheduler
from buildbot.model.results import CANCELLED, FAILURE, SUCCESS, WARNINGS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.scheduler import Dependent, Scheduler
from buildbot.schedulers import upstream
from buildbot.schedulers.savedstate import SAVE_WITHIN
from buildbot.store.outbox import RETRY_AFTER
from tests.schedulers import MINUTE, START, SchedulerCase, mainScheduler


@implementer(IUpstreamScheduler)
class Foreign:
    """A plug-in's upstream scheduler that is not based on ours."""

    name = "foreign"

    def __init__(self) -> None:
        self.watchers: list[Any] = []

    def subscribeToSuccessfulBuilds(self, target: Any) -> None:
        self.watchers.append(target)

    def unsubscribeToSuccessfulBuilds(self, target: Any) -> None:
        self.watchers.remove(target)

    def listBuilderNames(self) -> list[str]:
        return ["full"]


class DependentTests(SchedulerCase):
    """A Dependent builds what its upstream has built."""

    def both(self) -> tuple[Scheduler, Dependent]:
        upstream = mainScheduler()
        return upstream, Dependent("package", upstream, ["package"])

    def setUp(self) -> None:
        super().setUp()
        self.upstream, self.dependent = self.both()
        self.use(self.upstream)
        self.use(self.dependent)

    def build(self) -> None:
        """Add a change, which is submitted."""
        self.commit()
        self.clock.advance(MINUTE)

    def package(self) -> list[list[int]]:
        """The changes of each set of the Dependent."""
        return [
            n for record, n in zip(self.sets(), self.built(), strict=True) if record.scheduler == "package"
        ]

    def test_success(self) -> None:
        """A set that succeeded upstream is built with the same source."""
        self.build()
        self.assertEqual(self.package(), [])
        self.complete(1)
        self.assertEqual(self.package(), [[1]])
        self.assertEqual(self.sets()[1].reason, "scheduler package")

    def test_results(self) -> None:
        """Warnings are a success; failures and cancelled sets are not."""
        for number, results in enumerate((WARNINGS, FAILURE, CANCELLED), 1):
            self.build()
            self.complete(len(self.sets()), results)
            self.assertEqual(self.package(), [[1]], number)

    def test_others(self) -> None:
        """Sets of other schedulers are not built."""
        submitted = ensureDeferred(self.master.submitBuildSet(BuildSet(["full"], SourceStamp(), "by hand")))
        self.successResultOf(submitted)
        self.complete(1)
        self.assertEqual(self.package(), [])

    def test_pendingTimes(self) -> None:
        """A Dependent builds no earlier than its upstream."""
        self.assertEqual(self.dependent.getPendingBuildTimes(), [])
        self.commit()
        self.assertEqual(self.dependent.getPendingBuildTimes(), [START + MINUTE])

    def test_killedBeforeTold(self) -> None:
        """P1: the master is killed right after the last build; the next start finds the set."""
        self.build()
        self.complete(1, tells=False)
        self.restart(*self.both())
        self.assertEqual(self.package(), [[1]])
        self.restart(*self.both())
        self.assertEqual(self.package(), [[1]])

    def test_killedMeanwhile(self) -> None:
        """A set that is built across a restart counts once."""
        self.build()
        self.restart(*self.both())
        self.complete(1)
        self.restart(*self.both())
        self.assertEqual(self.package(), [[1]])

    def test_fullDiskBehindIt(self) -> None:
        """P1: a set is found after a kill, although the disk was full right after the set was stored."""
        self.commit()
        self.clock.advance(MINUTE - 1)
        self.store.lazy = True
        self.clock.advance(1)
        self.store.flush(1)
        self.store.full = True
        self.store.flush()
        self.store.full = self.store.lazy = False
        self.complete(1, tells=False)
        self.restart(*self.both())
        self.assertEqual(self.package(), [[1]])

    def test_removedBeforeKept(self) -> None:
        """P1: the same for a set that was stored after its scheduler had been removed."""
        self.commit()
        self.store.lazy = True
        self.clock.advance(MINUTE)
        stopping = [each.disownServiceParent() for each in (self.upstream, self.dependent)]
        self.store.flush()
        self.store.lazy = False
        for each in stopping:
            self.successResultOf(each)
        for scheduler in self.both():
            self.use(scheduler)
        self.complete(1, tells=False)
        self.restart(*self.both())
        self.assertEqual(self.package(), [[1]])

    def test_many(self) -> None:
        """The record of handled sets stays small, and an old set that ends late is built once."""
        self.patch(upstream, "FOLLOWED", 40)
        self.build()
        for number in range(2, 50):
            self.build()
            self.complete(number, FAILURE)
        self.complete(1)
        self.assertEqual(self.package(), [[1]])
        self.restart(*self.both())
        self.clock.advance(MINUTE)
        self.assertEqual(self.package(), [[1]])
        kept = self.successResultOf(self.store.getState("scheduler/package"))
        self.assertLessEqual(len(kept["done"]), 40)

    def test_allOver(self) -> None:
        """If all sets have ended at a start, a single number is stored."""
        for number in range(1, 4):
            self.build()
            self.complete(number, FAILURE)
        self.clock.advance(SAVE_WITHIN)
        self.restart(*self.both())
        self.build()
        self.complete(4, FAILURE)
        self.stop()
        kept = self.successResultOf(self.store.getState("scheduler/package"))
        self.assertEqual((kept["after"], kept["done"]), (3, [4]))

    def test_duringReconfig(self) -> None:
        """A set that ends while a reconfig replaces the Dependent counts once."""
        self.build()
        self.remove(self.dependent)
        self.complete(1)
        self.use(Dependent("package", self.upstream, ["package", "quick"]))
        self.assertEqual(self.package(), [[1]])

    def test_outOfOrder(self) -> None:
        """Sets count in the order of their ends, each once."""
        self.build()
        self.build()
        self.complete(2)
        self.complete(1, tells=False)
        self.restart(*self.both())
        self.assertEqual(self.package(), [[2], [1]])

    def test_new(self) -> None:
        """A new Dependent does not build sets that ended before; running ones count."""
        self.build()
        self.build()
        self.complete(1, tells=False)
        self.use(Dependent("other", self.upstream, ["package"]))
        self.complete(2)
        scheduled = [record.scheduler for record in self.sets()]
        self.assertEqual(scheduled.count("other"), 1)

    def test_overWhileStarting(self) -> None:
        """A set that ends while the Dependent reads its state counts once; also for a new Dependent."""
        self.build()
        self.kill()
        self.start(self.both()[0])
        self.store.lazy = True
        dependents = [self.both()[1], Dependent("other", self.upstream, ["quick"])]
        starting = [ensureDeferred(self.takeIn(each)) for each in dependents]
        self.store.lazy = False
        self.complete(1)
        self.store.lazy = True
        for _ in range(20):
            self.store.flush()
            self.clock.advance(0)
        self.store.lazy = False
        for each in starting:
            self.successResultOf(each)
        scheduled = [record.scheduler for record in self.sets()]
        self.assertEqual(sorted(map(str, scheduled)), ["main", "other", "package"])

    def test_otherUpstream(self) -> None:
        """With another upstream, a Dependent starts like a new one."""
        other = self.use(Scheduler("other", None, MINUTE, ["full"]))
        self.build()
        for record in self.sets():
            self.complete(record.id, FAILURE if record.scheduler == "main" else SUCCESS)
        self.replace(self.dependent, Dependent("package", other, ["package"]))
        self.clock.advance(MINUTE)
        self.assertEqual(self.package(), [])

    def test_chain(self) -> None:
        """A Dependent can follow a Dependent."""
        self.use(Dependent("third", self.dependent, ["quick"]))
        self.build()
        self.complete(1)
        self.complete(2)
        self.assertEqual([record.scheduler for record in self.sets()], ["main", "package", "third"])

    def test_fullDisk(self) -> None:
        """P4: a set that cannot be submitted or read now is submitted later, once."""
        self.build()
        self.complete(1, tells=False)
        self.kill()
        self.start()
        self.store.full = True
        for scheduler in self.both():
            self.use(scheduler)
        self.store.full = False
        self.clock.advance(RETRY_AFTER)
        self.assertEqual(self.package(), [[1]])
        self.build()
        over = replace(self.sets()[-1], results=SUCCESS, complete=START)
        self.store.full = True
        self.master.botmaster.engine.buildsetsComplete([over])
        self.clock.advance(0)
        self.store.full = False
        self.clock.advance(RETRY_AFTER)
        self.assertEqual(self.package(), [[1], [2]])

    def test_foreign(self) -> None:
        """A plug-in's upstream notifies in the way of 0.7.5."""
        foreign = Foreign()
        dependent = self.use(Dependent("after", foreign, ["package"]))
        (watcher,) = foreign.watchers
        watcher(SourceStamp(revision="7"))
        self.assertEqual(self.sets()[0].sourcestamp["revision"], "7")
        self.remove(dependent)
        self.assertEqual(foreign.watchers, [])

    def test_fails(self) -> None:
        """A subclass that fails on a set still builds later ones, also at a start."""

        class Failing(Dependent):
            failures = 1

            def upstreamBuilt(self, ss: SourceStamp) -> None:
                if self.failures:
                    self.failures -= 1
                    raise RuntimeError("once")
                super().upstreamBuilt(ss)

        self.build()
        self.build()
        self.complete(1, tells=False)
        self.complete(2, tells=False)
        upstream = mainScheduler()
        self.restart(upstream, Failing("package", upstream, ["package"]))
        self.assertEqual(self.package(), [[2]])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_watchers(self) -> None:
        """A plug-in can follow our schedulers in the way of 0.7.5, across a restart."""
        told: list[Any] = []
        self.build()
        self.restart(*self.both())
        (upstream,) = [each for each in self.master if each.name == "main"]
        upstream.subscribeToSuccessfulBuilds(told.append)
        self.complete(1)
        self.assertEqual([ss.changes[0].number for ss in told], [1])
        upstream.unsubscribeToSuccessfulBuilds(told.append)
        self.build()
        self.complete(len(self.sets()))
        self.assertEqual(len(told), 1)

    def test_watcherRaises(self) -> None:
        """A plug-in that fails does not keep the news from those who follow the scheduler later."""
        told: list[Any] = []

        def fails(ss: SourceStamp) -> None:
            raise RuntimeError("of a plug-in")

        self.build()
        self.restart(*self.both())
        (upstream,) = [each for each in self.master if each.name == "main"]
        for watcher in (fails, told.append):
            upstream.subscribeToSuccessfulBuilds(watcher)
        self.complete(1)
        self.assertEqual([ss.changes[0].number for ss in told], [1])
        self.assertEqual(self.package(), [[1]])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
