"""Followers of a scheduler build the source that its builds have built."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial import unittest

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.scheduler import BaseUpstreamScheduler, Dependent, Periodic
from buildbot.schedulers.built import REMEMBERED, Told, whatWasBuilt
from buildbot.store.outbox import RETRY_AFTER
from tests.schedulers import HOUR, MINUTE, SchedulerCase, ended, mainScheduler


def stamp(*numbers: int, **place: Any) -> SourceStamp:
    """Make a source of changes."""
    changes = [Change("me", [], "", revision=f"r{n}", when=1.0, **place).numbered(n) for n in numbers]
    return SourceStamp(changes=changes)


def record(
    source: SourceStamp | None, number: int = 0, builder: str = "full", **properties: Any
) -> BuildRecord:
    """Make a record of a build of a source."""
    said = None if source is None else source.toRecord()
    return BuildRecord(builder, number, "bot1", (), 1.0, sourcestamp=said, properties=properties)


class WhatTests(unittest.TestCase):
    """The rule."""

    def test_merged(self) -> None:
        """F3: a build that served several requests has built the changes of all."""
        self.assertEqual(whatWasBuilt(stamp(2), [record(stamp(2, 3))]), stamp(2, 3))

    def test_builders(self) -> None:
        """F3: if builders merged differently, the source has all changes that they built."""
        built = [record(stamp(2, 3)), record(stamp(1, 2), builder="quick")]
        self.assertEqual(whatWasBuilt(stamp(2), built), stamp(1, 2, 3))

    def test_unknown(self) -> None:
        """F3: if builds are pruned, have no source or disagree, the requested source counts."""
        for builds in (
            [],
            [record(None)],
            [record(stamp(1, branch="a")), record(stamp(1, branch="b"))],
            [record(SourceStamp(None, "1")), record(SourceStamp(None, "2"))],
            [record(stamp(1, repository="a")), record(stamp(1, repository="b"))],
        ):
            self.assertEqual(whatWasBuilt(stamp(9), builds), stamp(9))

    def test_latest(self) -> None:
        """F3: after a build of the latest revision, the follower builds the revision that was found."""
        latest = SourceStamp("dev")
        one, same = record(latest, got_revision="abc"), record(latest, builder="quick", got_revision="abc")
        self.assertEqual(whatWasBuilt(latest, [one, same]), SourceStamp("dev", "abc"))
        for other in (record(latest), record(latest, got_revision="abd")):
            self.assertEqual(whatWasBuilt(latest, [one, other]), latest)

    def test_asked(self) -> None:
        """F3: a requested revision stays; so do changes, which can still be merged."""
        asked = SourceStamp("dev", "abc")
        self.assertEqual(whatWasBuilt(asked, [record(asked, got_revision="abc1234")]), asked)
        self.assertEqual(whatWasBuilt(stamp(1), [record(stamp(1), got_revision="abc")]), stamp(1))

    def test_oddRevision(self) -> None:
        """H5: a slave's revision that looks like an option or has several words is not sent to other
        slaves.
        """
        latest = SourceStamp("stable")
        odd: Any
        for odd in ("--upload-pack=evil", "a b", "a\nb", "a\0", "x" * 257, ["list"], {}):
            self.assertIsNone(whatWasBuilt(latest, [record(latest, got_revision=odd)]).revision)
        found = whatWasBuilt(latest, [record(latest, got_revision="release/1.0-3-gabc")])
        self.assertEqual(found.revision, "release/1.0-3-gabc")


class CodebaseTests(unittest.TestCase):
    """Builds of several codebases."""

    def both(self, *numbers: int, revision: str | None = None) -> SourceStamp:
        """A source with changes of C{app}, and a revision of C{lib}."""
        return SourceStamp.together(
            [stamp(*numbers, codebase="app"), SourceStamp("stable", revision, codebase="lib")]
        )

    def test_found(self) -> None:
        """The follower builds the revision that was found of each codebase without changes."""
        found = {"app": "a9", "lib": "abc"}
        built = [record(self.both(1, 2), got_revision=found), record(self.both(1), got_revision=found)]
        self.assertEqual(whatWasBuilt(self.both(1), built), self.both(1, 2, revision="abc"))

    def test_notFound(self) -> None:
        """A codebase stays as it is if builders found different revisions, or none under its name."""
        for got in ({"lib": "abd"}, {"app": "abc"}, {"lib": "--evil"}, "abc", None):
            built = [
                record(self.both(1), got_revision={"lib": "abc"}),
                record(self.both(1), got_revision=got),
            ]
            self.assertEqual(whatWasBuilt(self.both(1), built), self.both(1))

    def test_unnamed(self) -> None:
        """A plain revision is that of the codebase without a name."""
        latest = SourceStamp.together([SourceStamp("x"), SourceStamp("y", codebase="lib")])
        found = whatWasBuilt(latest, [record(latest, got_revision="abc")])
        self.assertEqual([each.revision for each in found.each()], ["abc", None])

    def test_apart(self) -> None:
        """If builds differ in the revision of one codebase, the requested source counts."""
        built = [record(self.both(1, revision="l1")), record(self.both(1, revision="l2"))]
        self.assertEqual(whatWasBuilt(self.both(9), built), self.both(9))

    def test_once(self) -> None:
        """One build is followed once; another revision of one codebase makes it another source."""
        told = Told()
        self.assertTrue(told.isNew(self.both(1, 2), [record(None, 1)]))
        again = Told(told.toRecord())
        self.assertFalse(again.isNew(self.both(2), [record(None, 1)]))
        self.assertTrue(again.isNew(self.both(2, revision="l2"), [record(None, 1)]))


class ToldTests(unittest.TestCase):
    """One build leads to one build of the follower."""

    def test_once(self) -> None:
        """F3: of sets that shared a build of one source, the first is followed; another build is followed
        again.
        """
        told = Told()
        self.assertTrue(told.isNew(stamp(2, 3), [record(None, 1)]))
        self.assertFalse(told.isNew(stamp(2, 3), [record(None, 1)]))
        self.assertFalse(told.isNew(stamp(3), [record(None, 1), record(None, 7, "quick")]))
        self.assertTrue(told.isNew(stamp(3, branch="dev"), [record(None, 1)]))
        self.assertTrue(told.isNew(stamp(2, 3), [record(None, 2)]))
        self.assertTrue(told.isNew(SourceStamp(), [record(None, 3)]))
        self.assertTrue(told.isNew(SourceStamp(), [record(None, 4)]))

    def test_kept(self) -> None:
        """F3: this survives a restart, and uses bounded memory."""
        told = Told()
        for number in range(2 * REMEMBERED):
            told.isNew(stamp(number), [record(None, number)])
        again = Told(told.toRecord())
        self.assertEqual(len(again.toRecord()), REMEMBERED)
        last = 2 * REMEMBERED - 1
        self.assertFalse(again.isNew(stamp(last), [record(None, last)]))


class FollowTests(SchedulerCase):
    """Merged builds of C{main}, and a Dependent."""

    def setUp(self) -> None:
        super().setUp()
        self.begin()

    def begin(self) -> None:
        self.upstream = mainScheduler()
        self.dependent = Dependent("package", self.upstream, ["package"])
        self.use(self.upstream)
        self.use(self.dependent)

    def build(self, *sets: int, builder: str = "full", results: int = SUCCESS, tells: bool = True) -> None:
        """Run one build of a builder for these sets, to its end."""
        requests = [
            each
            for each in self.successResultOf(self.store.pendingRequests())
            if each.buildset in sets and each.builder == builder
        ]
        source, *others = [SourceStamp.fromRecord(each.sourcestamp) for each in requests]
        new = BuildRecord(builder, None, "bot1", tuple(each.id for each in requests), self.clock.seconds())
        new = replace(new, sourcestamp=source.mergeWith(others).toRecord())
        started = self.successResultOf(self.store.startBuild(new))
        over = self.successResultOf(self.store.finishBuild(ended(started, results)))
        if tells:
            self.master.botmaster.engine.buildsetsComplete(over)
        self.clock.advance(0)

    def commits(self, count: int) -> None:
        """Make changes, each submitted by itself."""
        for _ in range(count):
            self.commit()
            self.clock.advance(MINUTE)

    def package(self) -> list[list[int]]:
        """The changes of each set of the Dependent."""
        pairs = zip(self.sets(), self.built(), strict=True)
        return [numbers for each, numbers in pairs if each.scheduler == "package"]

    def test_merged(self) -> None:
        """F3: after builds of [1] and [2, 3], the follower builds [1] and [2, 3]."""
        self.commits(3)
        for builder in ("full", "quick"):
            self.build(1, builder=builder)
            self.build(2, 3, builder=builder)
        self.assertEqual(self.package(), [[1], [2, 3]])

    def test_builders(self) -> None:
        """F3: builders that merged differently are followed once for each source that all have built."""
        self.commits(3)
        self.build(1)
        self.build(2, 3)
        self.build(1, 2, builder="quick")
        self.assertEqual(self.package(), [[1, 2], [1, 2, 3]])
        self.build(3, builder="quick")
        self.assertEqual(self.package(), [[1, 2], [1, 2, 3]])

    def test_oneFails(self) -> None:
        """F3: of two sets that shared a build, one failed on another builder: only the other is followed."""
        self.commits(2)
        self.build(1, 2)
        self.build(1, builder="quick", results=FAILURE)
        self.assertEqual(self.package(), [])
        self.build(2, builder="quick")
        self.assertEqual(self.package(), [[1, 2]])

    def test_killed(self) -> None:
        """F3: a master killed between two sets of one build does not follow the build twice."""
        self.commits(2)
        self.build(1, 2)
        self.build(1, builder="quick")
        self.assertEqual(self.package(), [[1, 2]])
        self.build(2, builder="quick", tells=False)
        self.kill()
        self.start()
        self.begin()
        self.assertEqual(self.package(), [[1, 2]])

    def test_storeFails(self) -> None:
        """F3: while the store cannot be read the follower waits, and then builds what was built."""
        self.commits(2)
        self.build(1, 2)
        read = self.store.getBuildsOf
        self.patch(self.store, "getBuildsOf", lambda number: self.refused())
        self.build(1, 2, builder="quick")
        self.assertEqual(self.package(), [])
        self.patch(self.store, "getBuildsOf", read)
        self.clock.advance(RETRY_AFTER)
        self.assertEqual(self.package(), [[1, 2]])

    def refused(self) -> Any:
        """Raise the error of a store on a full disk."""
        self.store.full = True
        answer = self.store.getState("x")
        self.store.full = False
        return answer

    def test_watchers(self) -> None:
        """F3: a watcher of a scheduler is called once, with the source that was built."""
        heard: list[Any] = []
        self.upstream.subscribeToSuccessfulBuilds(lambda ss: heard.append([c.number for c in ss.changes]))
        self.commits(3)
        for builder in ("full", "quick"):
            self.build(1, builder=builder)
            self.build(2, 3, builder=builder)
        self.assertEqual(heard, [[1], [2, 3]])

    def test_finishedSets(self) -> None:
        """F3: buildSetFinished of a user's scheduler is called for each of its sets, even if they shared a
        build.
        """
        finished: list[Any] = []

        class Own(type(self.upstream)):  # type: ignore[misc]
            def buildSetFinished(self, bss: Any) -> None:
                changes = bss.getSourceStamp().changes
                finished.append((bss.getResults() == SUCCESS, [c.number for c in changes]))
                BaseUpstreamScheduler.buildSetFinished(self, bss)

        self.replace(self.upstream, Own("main", None, MINUTE, ["full", "quick"]))
        self.commits(2)
        self.build(1, 2)
        self.build(1, 2, builder="quick")
        self.assertEqual(finished, [(True, [1, 2])] * 2)

    def test_latest(self) -> None:
        """F3: builds of the latest revision are followed one by one, although their sources are equal."""
        upstream = self.use(Periodic("often", ["quick"], HOUR))
        self.use(Dependent("after", upstream, ["package"]))
        for number in (1, 3):
            self.clock.advance(HOUR)
            self.build(number, builder="quick")
        self.assertEqual([each.scheduler for each in self.sets()][:4], ["often", "after", "often", "after"])
