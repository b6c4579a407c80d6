"""Schedulers that steps trigger; tests/stories/test_trigger.py has the steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.triggering import NotTriggered, SchedulerStopped
from buildbot.scheduler import Dependent, Triggerable
from buildbot.schedulers.timed import NightlyTriggerable
from buildbot.store.outbox import RETRY_AFTER
from tests.schedulers import DAY, HOUR, MINUTE, SchedulerCase


class TriggerableTests(SchedulerCase):
    """A scheduler that builds when it is triggered."""

    def test_trigger(self) -> None:
        """A trigger builds the given source once, with the properties of both, and its key has the number
        of the set.
        """
        scheduler = self.use(Triggerable("t", ["full", "quick"], {"a": "1", "b": "1"}))
        self.assertEqual(self.sets(), [])
        stored = self.successResultOf(
            scheduler.trigger(SourceStamp("stable", "r7"), {"b": "2"}, ["trigger/9/k"])
        )
        (record,) = self.sets()
        self.assertEqual(stored, record)
        self.assertEqual((record.scheduler, record.properties), ("t", {"a": "1", "b": "2"}))
        self.assertEqual((record.sourcestamp["branch"], record.sourcestamp["revision"]), ("stable", "r7"))
        self.assertEqual(record.reason, "The Triggerable scheduler named 't' triggered this build")
        requests = self.successResultOf(self.store.pendingRequests())
        self.assertEqual([request.builder for request in requests], ["full", "quick"])
        self.assertEqual(self.successResultOf(self.store.getState("trigger/9/k")), record.id)

    def test_noSource(self) -> None:
        """Without a source, it builds the latest revision of its codebase."""
        codebases = {"main": {"repository": "git://x", "branch": "trunk"}}
        scheduler = self.use(Triggerable("t", ["full"], reason="by %(name)s", codebases=codebases))
        self.successResultOf(scheduler.trigger())
        (record,) = self.sets()
        source = SourceStamp.fromRecord(record.sourcestamp)
        self.assertEqual(source, SourceStamp("trunk", repository="git://x", codebase="main"))
        self.assertEqual(record.reason, "by t")

    def test_changes(self) -> None:
        """It builds no changes by itself."""
        self.use(Triggerable("t", ["full"]))
        self.commit()
        self.clock.advance(DAY)
        self.assertEqual(self.sets(), [])

    def test_full(self) -> None:
        """A trigger is answered when its set is stored, also after a failure of the store."""
        scheduler = self.use(Triggerable("t", ["full"]))
        self.store.full = True
        asked = scheduler.trigger(SourceStamp())
        self.assertNoResult(asked)
        self.store.full = False
        self.clock.advance(RETRY_AFTER)
        self.assertEqual(self.successResultOf(asked).id, 1)

    def test_stopped(self) -> None:
        """A scheduler that is removed before its set is stored fails the trigger, and submits nothing."""
        scheduler = self.use(Triggerable("t", ["full"]))
        self.store.full = True
        asked = scheduler.trigger(SourceStamp())
        scheduler.disownServiceParent()
        self.failureResultOf(asked, SchedulerStopped)
        self.store.full = False
        self.clock.advance(2 * RETRY_AFTER)
        self.assertEqual(self.sets(), [])

    def test_noBuilder(self) -> None:
        """If none of its builders exists, a trigger fails after a minute, and says so."""
        scheduler = self.use(Triggerable("t", ["lost"]))
        self.master.botmaster.config = replace(self.master.botmaster.config)  # the reconfig is over
        asked = scheduler.trigger(SourceStamp())
        self.clock.pump([1.0] * 62)
        self.assertIn("scheduler 't' cannot submit", str(self.failureResultOf(asked, NotTriggered).value))

    def test_followed(self) -> None:
        """A Dependent follows it."""
        scheduler = self.use(Triggerable("t", ["full"]))
        self.use(Dependent("after", scheduler, ["package"]))
        self.successResultOf(scheduler.trigger(SourceStamp("stable")))
        self.complete(1)
        self.assertEqual([record.scheduler for record in self.sets()], ["t", "after"])

    def test_compared(self) -> None:
        """A reconfig exchanges it if its properties or its builders have changed."""
        self.assertEqual(Triggerable("t", ["full"], {"a": "1"}), Triggerable("t", ["full"], {"a": "1"}))
        self.assertNotEqual(Triggerable("t", ["full"], {"a": "1"}), Triggerable("t", ["full"], {"a": "2"}))
        self.assertNotEqual(Triggerable("t", ["full"]), Triggerable("t", ["quick"]))


class NightlyTriggerableTests(SchedulerCase):
    """A scheduler that builds at its times what it was triggered with."""

    def nightly(self, **kw: Any) -> NightlyTriggerable:
        return NightlyTriggerable("n", ["full"], minute=0, properties={"a": "1"}, **kw)

    def test_last(self) -> None:
        """At its time it builds the last trigger once, and without another trigger not again."""
        scheduler = self.use(self.nightly())
        self.clock.pump([MINUTE] * 120)
        self.assertEqual((self.sets(), scheduler.getPendingBuildTimes()), ([], []))
        for revision in ("r1", "r2"):
            asked = scheduler.trigger(
                SourceStamp("x", revision), {"rev": revision}, [f"trigger/9/{revision}"]
            )
            self.assertIsNone(self.successResultOf(asked))
        self.assertEqual(self.sets(), [])
        self.assertEqual(self.successResultOf(self.store.getState("trigger/9/r2")), 0)
        (pending,) = scheduler.getPendingBuildsets()
        self.assertEqual(pending.getSourceStamp(), SourceStamp("x", "r2"))
        self.assertEqual(len(scheduler.getPendingBuildTimes()), 1)
        self.clock.pump([MINUTE] * 180)
        (record,) = self.sets()
        self.assertEqual(SourceStamp.fromRecord(record.sourcestamp), SourceStamp("x", "r2"))
        self.assertEqual(record.properties, {"a": "1", "rev": "r2"})
        self.assertEqual(record.reason, "The NightlyTriggerable scheduler named 'n' triggered this build")

    def test_restart(self) -> None:
        """A trigger survives a crash; so does the fact that it was built."""
        scheduler = self.use(self.nightly())
        self.successResultOf(scheduler.trigger(SourceStamp("x"), {"b": "2"}))
        self.restart(self.nightly())
        self.clock.pump([MINUTE] * 61)
        self.assertEqual([record.properties for record in self.sets()], [{"a": "1", "b": "2"}])
        self.restart(self.nightly())
        self.clock.pump([MINUTE] * 121)
        self.assertEqual(len(self.sets()), 1)

    def test_full(self) -> None:
        """A trigger is answered when it is stored, also after a failure of the store."""
        scheduler = self.use(self.nightly())
        self.store.full = True
        asked = scheduler.trigger(SourceStamp("x"))
        self.assertNoResult(asked)
        self.store.full = False
        self.clock.advance(RETRY_AFTER)
        self.assertIsNone(self.successResultOf(asked))
        self.restart(self.nightly())
        self.clock.pump([MINUTE] * 61)
        self.assertEqual(len(self.sets()), 1)

    def test_unstored(self) -> None:
        """A trigger that comes while the last build set is not stored yet waits for it: a crash loses
        neither.
        """
        scheduler = self.use(self.nightly())
        self.successResultOf(scheduler.trigger(SourceStamp("x", "r1")))
        self.store.full = True
        self.clock.advance(HOUR)
        asked = scheduler.trigger(SourceStamp("x", "r2"))
        self.store.full = False
        self.clock.pump([RETRY_AFTER] * 2)
        self.assertIsNone(self.successResultOf(asked))
        self.clock.advance(HOUR)
        self.assertEqual([record.sourcestamp["revision"] for record in self.sets()], ["r1", "r2"])

    def test_stopped(self) -> None:
        """A scheduler that is removed before it has stored a trigger fails it."""
        scheduler = self.use(self.nightly())
        self.store.full = True
        asked = scheduler.trigger(SourceStamp("x"))
        scheduler.disownServiceParent()
        self.failureResultOf(asked, SchedulerStopped)
        self.store.full = False
        self.clock.advance(RETRY_AFTER)
