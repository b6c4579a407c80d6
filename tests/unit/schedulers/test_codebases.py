"""Schedulers with several codebases: a build set has a source stamp for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.trial import unittest

from buildbot.changes.filter import ChangeFilter
from buildbot.config.arguments import BadArguments
from buildbot.model.sourcestamp import SourceStamp
from buildbot.scheduler import AnyBranchScheduler, Dependent, Nightly, Periodic, Triggerable
from buildbot.schedulers.basic import SingleBranchScheduler
from buildbot.schedulers.choice import chosen
from buildbot.schedulers.timed import NightlyTriggerable
from tests.schedulers import HOUR, MINUTE, SchedulerCase

#: The codebases of most tests, as files of 0.8 have them.
BOTH: Mapping[str, Any] = {
    "app": {"repository": "git://h/app", "branch": "master", "revision": None},
    "lib": {"repository": "git://h/lib", "branch": "stable", "revision": "l0"},
}
_LIB: tuple[Any, ...] = ("lib", "git://h/lib", "stable", "l0", [])


def _each(source: SourceStamp) -> list[tuple[Any, ...]]:
    """The facts of each codebase: name, repository, branch, revision, and the numbers of the changes."""
    return [
        (
            *(each.codebase, each.repository, each.branch, each.wantedRevision()),
            [change.number for change in each.changes],
        )
        for each in source.each()
    ]


class KindTests(unittest.SynchronousTestCase):
    """The values of the argument codebases."""

    def test_good(self) -> None:
        """A dictionary of dictionaries, or a list of names; also none, and a codebase that says nothing."""
        for codebases in (BOTH, ["app", "lib"], ("a",), {}, [], {"a": None}, {"a": {"revision": 7}}):
            self.assertNotIn("_misconfigured", vars(Triggerable("t", ["full"], codebases=codebases)))

    def test_wrong(self) -> None:
        """The error names the codebase, and what is wrong with it."""
        for codebases, words in (
            (
                {"a": {"repositry": "x"}},
                "that of 'a' has the key 'repositry'; did you mean 'repository'?; keys are",
            ),
            ({"a": {7: "x"}}, "that of 'a' has the key 7; keys are repository, branch, revision, project"),
            ({"a": "git://x"}, "that of 'a' must be a dict, as in {'repository': 'git://…'}, not"),
            ({"a": {"branch": 7}}, "the branch of 'a' must be text or None, not"),
            ({7: {}}, "the name of a codebase must be text, not"),
            (["a", 7], "it holds 7"),
            (["a", "b", "a"], "it has 'a' twice"),
            ("app", "codebases must be a dict of codebases"),
            (7, "or a list of their names"),
        ):
            why = self.assertRaises(BadArguments, Triggerable, "t", ["full"], codebases=codebases)
            self.assertIn(words, str(why))


class ChoiceTests(unittest.SynchronousTestCase):
    """The sources of build sets."""

    def test_latest(self) -> None:
        """Without changes, each codebase has its values; the branch of the scheduler is for those without."""
        self.assertEqual(
            _each(chosen(codebases={**BOTH, "doc": {}}).latest("dev")),
            [("app", "git://h/app", "master", None, []), _LIB, ("doc", "", "dev", None, [])],
        )
        self.assertEqual(
            _each(chosen(codebases=["a", "b"]).latest()), [(n, "", None, None, []) for n in "ab"]
        )

    def test_completed(self) -> None:
        """A source that a step passes on gets the codebases that it lacks, and loses the others."""
        both = chosen(codebases=BOTH)
        given = SourceStamp.together(
            [SourceStamp("x", "a1", codebase="app"), SourceStamp("y", codebase="doc")]
        )
        self.assertEqual(_each(both.completed(given)), [("app", "git://h/app", "x", "a1", []), _LIB])
        asked = SourceStamp(repository="git://mine", codebase="lib")
        self.assertEqual(_each(both.completed(asked))[1], ("lib", "git://mine", "stable", "l0", []))
        self.assertEqual(both.completed(None), both.latest())
        self.assertEqual(both.completed(SourceStamp("x")), both.latest())

    def test_notCompleted(self) -> None:
        """A source stays as it is if no codebase is named, or if it has no name and there is but one."""
        plain, named = SourceStamp("x", "r1"), SourceStamp("x", codebase="other")
        self.assertIs(chosen().completed(named), named)
        self.assertIs(chosen(codebases={"": {"branch": "b"}}).completed(named), named)
        one = chosen(codebases={"main": {"branch": "b"}})
        self.assertIs(one.completed(plain), plain)
        self.assertEqual(one.completed(named), SourceStamp("b", codebase="main"))


class CodebasesCase(SchedulerCase):
    """Schedulers of two codebases."""

    def sources(self) -> list[list[tuple[Any, ...]]]:
        """The facts of the sources of all sets."""
        return [_each(SourceStamp.fromRecord(record.sourcestamp)) for record in self.sets()]

    def change(self, codebase: str, revision: str, branch: str = "master") -> None:
        """A change of a codebase arrives."""
        repository = f"git://h/{codebase}"
        self.commit(codebase=codebase, revision=revision, branch=branch, repository=repository)

    def storeOne(self) -> None:
        """Let a minute pass, in which the store does its work only until it has one more set."""
        wanted = len(self.sets()) + 1
        self.store.lazy = True
        self.clock.pump([10] * 6)
        self.store.lazy = False
        while len(self.sets()) < wanted:
            self.store.lazy = True
            self.assertTrue(self.store.flush(1), "no set is stored")
            self.store.lazy = False
        self.assertEqual(len(self.sets()), wanted)

    def app(self, revision: str, *numbers: int, branch: str = "master") -> tuple[Any, ...]:
        return ("app", "git://h/app", branch, revision, list(numbers))

    def lib(self, revision: str, *numbers: int, branch: str = "master") -> tuple[Any, ...]:
        return ("lib", "git://h/lib", branch, revision, list(numbers))


def single(name: str = "s", timer: float | None = MINUTE, **more: Any) -> SingleBranchScheduler:
    """A scheduler of both codebases, in the style of 0.8."""
    given = {"change_filter": ChangeFilter(branch=["master", "dev"]), "codebases": BOTH, **more}
    return SingleBranchScheduler(name=name, treeStableTimer=timer, builderNames=["full"], **given)


class TreeTests(CodebasesCase):
    """Schedulers that build changes."""

    def test_together(self) -> None:
        """Changes of two codebases make one build set; the time of quiet is that of both."""
        self.use(single())
        self.change("app", "a1")
        self.clock.advance(MINUTE - 1)
        self.change("lib", "l1")
        self.clock.advance(MINUTE - 1)
        self.change("app", "a2")
        self.change("doc", "d1")
        self.change("", "x1")
        self.clock.advance(MINUTE - 1)
        self.assertEqual(self.sources(), [])
        self.clock.advance(1)
        self.assertEqual(self.sources(), [[self.app("a2", 1, 3), self.lib("l1", 2)]])

    def test_alone(self) -> None:
        """A codebase without a change has the values of the configuration."""
        self.use(single(timer=None))
        self.change("app", "a1")
        self.change("lib", "l1")
        self.assertEqual(
            self.sources(),
            [[self.app("a1", 1), _LIB], [("app", "git://h/app", "master", None, []), self.lib("l1", 2)]],
        )

    def test_branches(self) -> None:
        """Codebases on different branches are built together; two branches of one codebase are not."""
        scheduler = self.use(single())
        self.change("app", "a1")
        self.change("lib", "l1", branch="dev")
        self.change("lib", "l2", branch="other")
        pending = scheduler.getPendingBuildsets()
        self.assertEqual(
            [_each(each.getSourceStamp()) for each in pending],
            [[self.app("a1", 1), self.lib("l1", 2, branch="dev")]],
        )
        self.assertEqual(len(scheduler.getPendingBuildTimes()), 1)
        self.change("app", "a2", branch="dev")
        self.clock.advance(MINUTE)
        self.assertEqual(
            self.sources(),
            [[self.app("a1", 1), self.lib("l1", 2, branch="dev")], [self.app("a2", 4, branch="dev"), _LIB]],
        )

    def test_killed(self) -> None:
        """A kill of the master between two sets of the same changes loses neither."""
        for codebases in (BOTH, None):
            first = len(self.sets())
            self.use(single(codebases=codebases))
            # two branches of one codebase, or two codebases
            for name, branch in (("app", "master"), ("lib" if codebases is None else "app", "dev")) * 2:
                self.change(name, "r1", "master" if codebases is None else branch)
            self.storeOne()
            self.restart(single(codebases=codebases))
            self.clock.advance(MINUTE)
            number = 2 * first
            self.assertEqual(self.built()[first:], [[number + 1, number + 3], [number + 2, number + 4]])
            self.restart()

    def test_broken(self) -> None:
        """If a class of the site fails on the first of two sets, the second one is built later."""
        tried: list[Any] = []

        class Own(AnyBranchScheduler):
            def submitBuildSet(self, bs: Any) -> None:
                tried.append(bs)
                if len(tried) == 1:
                    raise RuntimeError("not now")
                super().submitBuildSet(bs)

        self.use(Own("own", None, MINUTE, ["full"]))
        self.change("app", "a1")
        self.change("lib", "l1")
        self.clock.pump([MINUTE] * 5)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.sources(), [[self.lib("l1", 2)]])

    def test_oneBranch(self) -> None:
        """A scheduler of one branch takes the changes of this branch of all its codebases."""
        self.use(single(branch="master", change_filter=None))
        self.change("lib", "l1")
        self.change("app", "a1", branch="dev")
        self.change("app", "a2")
        self.clock.advance(MINUTE)
        self.assertEqual(self.sources(), [[self.app("a2", 3), self.lib("l1", 1)]])

    def test_anyBranch(self) -> None:
        """AnyBranchScheduler keeps the branches apart, each with both codebases."""
        self.use(AnyBranchScheduler("any", None, MINUTE, ["full"], codebases=BOTH))
        self.change("app", "a1")
        self.change("lib", "l1", branch="dev")
        self.change("app", "a2", branch="dev")
        self.clock.advance(MINUTE)
        self.assertEqual(
            self.sources(),
            [[self.app("a1", 1), _LIB], [self.app("a2", 3, branch="dev"), self.lib("l1", 2, branch="dev")]],
        )

    def test_list(self) -> None:
        """A list of names is enough."""
        self.use(single(codebases=["lib", "app"]))
        self.change("app", "a1")
        self.clock.advance(MINUTE)
        self.assertEqual(self.sources(), [[("lib", "", None, None, []), self.app("a1", 1)]])

    def test_overridden(self) -> None:
        """A subclass may say where a codebase without changes stands, as in 0.8."""

        class Own(SingleBranchScheduler):
            def getCodebaseDict(self, codebase: str) -> Mapping[str, Any]:
                return {"repository": f"git://own/{codebase}", "revision": "own"}

        filtered = ChangeFilter(branch="master")
        self.use(Own(name="o", builderNames=["full"], change_filter=filtered, codebases=BOTH))
        self.change("app", "a1")
        self.assertEqual(self.sources(), [[self.app("a1", 1), ("lib", "git://own/lib", None, "own", [])]])

    def test_fire(self) -> None:
        """A build that a subclass starts without changes has all codebases."""
        self.use(single(branch="dev", change_filter=None)).fireTimer()
        self.assertEqual(self.sources(), [[("app", "git://h/app", "master", None, []), _LIB]])

    def test_restart(self) -> None:
        """Changes of two codebases wait across a crash, and so does the time."""
        self.use(single())
        self.change("app", "a1")
        self.clock.advance(MINUTE / 2)
        self.restart(single())
        self.change("lib", "l1")
        self.restart(single())
        self.clock.advance(MINUTE - 1)
        self.assertEqual(self.sources(), [])
        self.clock.advance(1)
        self.assertEqual(self.sources(), [[self.app("a1", 1), self.lib("l1", 2)]])

    def test_added(self) -> None:
        """A reconfig that adds a codebase keeps the waiting changes; the new one is built with them."""
        old = self.use(single(codebases={"app": BOTH["app"]}))
        self.change("app", "a1")
        self.change("lib", "l1")
        self.change("app", "a2", branch="dev")
        new = self.replace(old, single())
        self.assertEqual(new.waitingChanges(), 2)
        self.change("lib", "l2")
        self.clock.advance(MINUTE)
        self.assertEqual(
            self.sources(),
            [[self.app("a1", 1), self.lib("l2", 4)], [self.app("a2", 3, branch="dev"), _LIB]],
        )

    def test_removed(self) -> None:
        """A reconfig that removes a codebase drops its changes, and says so."""
        old = self.use(single())
        self.change("lib", "l1")
        self.change("app", "a1")
        self.replace(old, single(codebases={"app": BOTH["app"]}))
        self.clock.advance(MINUTE)
        self.assertEqual(self.sources(), [[self.app("a1", 2)]])

    def test_dropped(self) -> None:
        """Changes that a reconfig has dropped do not come back when a later one adds their codebase again."""
        old = self.use(single())
        self.change("lib", "l1")
        self.change("app", "a1")
        without = self.replace(old, single(codebases=["app"]))
        self.clock.advance(20)
        self.replace(without, single())
        self.clock.advance(MINUTE)
        self.assertEqual(self.sources(), [[self.app("a1", 2), _LIB]])

    def test_unimportant(self) -> None:
        """An unimportant change of one codebase is built with the next important one of another."""
        self.use(single(fileIsImportant=lambda change: change.codebase == "app"))
        self.change("lib", "l1")
        self.clock.advance(HOUR)
        self.assertEqual(self.sources(), [])
        self.change("app", "a1")
        self.clock.advance(MINUTE)
        self.assertEqual(self.sources(), [[self.app("a1", 2), self.lib("l1", 1)]])


class TimedTests(CodebasesCase):
    """Schedulers that build at times."""

    def nightly(self, **kw: Any) -> Nightly:
        given = {"branch": "master", "onlyIfChanged": True, "codebases": BOTH, **kw}
        return Nightly("n", ["full"], minute="*", **given)

    def test_periodic(self) -> None:
        """Each codebase has the branch of its own, or else that of the scheduler."""
        codebases = {**BOTH, "doc": {"repository": "git://h/doc"}}
        scheduler = self.use(Periodic("p", ["full"], HOUR, "dev", codebases=codebases))
        facts = [("app", "git://h/app", "master", None, []), _LIB, ("doc", "git://h/doc", "dev", None, [])]
        self.assertEqual(_each(scheduler.getPendingBuildsets()[0].getSourceStamp()), facts)
        self.clock.advance(0)
        self.assertEqual(self.sources(), [facts])

    def test_nightly(self) -> None:
        """Each night, the changes of both codebases since the last build are built together."""
        self.use(self.nightly())
        self.change("lib", "l1")
        self.change("doc", "d1")
        self.change("app", "a1", branch="dev")
        self.change("app", "a2")
        self.clock.pump([10] * 12)
        self.assertEqual(self.sources(), [[self.app("a2", 4), self.lib("l1", 1)]])

    def test_reconfig(self) -> None:
        """A reconfig that removes a codebase drops its changes."""
        old = self.use(self.nightly())
        self.change("lib", "l1")
        self.change("app", "a1")
        self.replace(old, self.nightly(codebases=["app"]))
        self.clock.pump([10] * 12)
        self.assertEqual(self.sources(), [[self.app("a1", 2)]])

    def test_dropped(self) -> None:
        """Changes that a reconfig has dropped do not come back when a later one adds their codebase again."""
        old = self.use(self.nightly())
        self.change("lib", "l1")
        self.change("app", "a1")
        without = self.replace(old, self.nightly(codebases=["app"]))
        self.clock.advance(15)
        self.replace(without, self.nightly())
        self.clock.pump([10] * 12)
        self.assertEqual(self.sources(), [[self.app("a1", 2), _LIB]])

    def test_branch(self) -> None:
        """A codebase that has no changes and says no branch is built on the branch of the scheduler."""
        self.use(self.nightly(codebases={"app": {}, "doc": {"repository": "git://h/doc"}}))
        self.change("app", "a1")
        self.clock.pump([10] * 12)
        self.assertEqual(self.sources(), [[self.app("a1", 1), ("doc", "git://h/doc", "master", None, [])]])

    def test_ownBranches(self) -> None:
        """If the scheduler says no branch, changes of each codebase on the branch of its own count."""
        self.use(self.nightly(branch=None))
        self.change("app", "a1", branch="stable")
        self.change("lib", "l1")
        self.change("doc", "d1")
        self.clock.pump([10] * 12)
        self.assertEqual(self.sources(), [])
        self.change("app", "a2")
        self.change("lib", "l2", branch="stable")
        self.clock.pump([10] * 12)
        self.assertEqual(self.sources(), [[self.app("a2", 4), self.lib("l2", 5, branch="stable")]])

    def test_without(self) -> None:
        """Without codebases, each build has the changes of one codebase; a kill between them loses none."""
        for codebases in (None, [""]):
            first = len(self.sets())
            self.use(self.nightly(codebases=codebases))
            for name in ("app", "lib", "app"):
                self.change(name, "r1")
            self.storeOne()
            self.restart(self.nightly(codebases=codebases))
            self.clock.pump([10] * 6)
            number = 3 * (first // 2)
            self.assertEqual(self.built()[first:], [[number + 1, number + 3], [number + 2]])
            self.restart()

    def test_overridden(self) -> None:
        """A subclass may say where a codebase without changes stands."""

        class Own(Nightly):
            def getCodebaseDict(self, codebase: str) -> Mapping[str, Any]:
                return {"revision": "own"}

        self.use(Own("n", ["full"], minute="*", branch="master", onlyIfChanged=True, codebases=BOTH))
        self.change("app", "a1")
        self.clock.pump([10] * 12)
        self.assertEqual(self.sources(), [[self.app("a1", 1), ("lib", "", None, "own", [])]])


class FollowingTests(CodebasesCase):
    """Schedulers that build what others have built, or pass on."""

    def test_triggerable(self) -> None:
        """A step's source is completed, at once or at the next time."""
        now = self.use(Triggerable("t", ["full"], codebases=BOTH))
        later = self.use(NightlyTriggerable("n", ["full"], codebases=BOTH))
        source = SourceStamp("x", "a1", codebase="app")
        for scheduler in (now, later):
            self.successResultOf(scheduler.trigger(source))
        self.clock.pump([MINUTE] * 61)
        self.assertEqual(self.sources(), [[("app", "git://h/app", "x", "a1", []), _LIB]] * 2)

    def test_reconfig(self) -> None:
        """A source that waits for its time is completed again with the codebases of a new configuration."""
        old = self.use(NightlyTriggerable("n", ["full"], codebases=["app"]))
        self.successResultOf(old.trigger(SourceStamp("x", "a1", codebase="app")))
        self.replace(old, NightlyTriggerable("n", ["full"], codebases=BOTH))
        self.clock.pump([MINUTE] * 61)
        self.assertEqual(self.sources(), [[("app", "git://h/app", "x", "a1", []), _LIB]])

    def test_dependent(self) -> None:
        """A Dependent builds the sources of all codebases of its upstream."""
        upstream = self.use(single())
        self.use(Dependent("d", upstream, ["package"], codebases=BOTH))
        self.change("app", "a1")
        self.change("lib", "l1")
        self.clock.advance(MINUTE)
        self.complete(1)
        self.assertEqual(self.sources(), [[self.app("a1", 1), self.lib("l1", 2)]] * 2)
