"""The schedulers of branches, and users' schedulers written for 0.7.5."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from twisted.trial import unittest
from zope.interface.verify import verifyObject

from buildbot import scheduler
from buildbot.changes import changedict, pb
from buildbot.interfaces import IScheduler, ISchedulerStatus, IUpstreamScheduler
from buildbot.model.change import LONGEST_COMMENTS, Change
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.scheduler import (
    AnyBranchScheduler,
    BaseScheduler,
    Dependent,
    Nightly,
    Periodic,
    Scheduler,
)
from buildbot.schedulers import branches
from buildbot.schedulers.branches import MOST_UNIMPORTANT
from buildbot.schedulers.submissions import BUILDERS_WITHIN
from buildbot.schedulers.upstream import FOLLOWED
from buildbot.store.outbox import RETRY_AFTER
from tests.schedulers import DAY, HOUR, MINUTE, START, SchedulerCase, isCode, mainScheduler


def broken(change: Change) -> bool:
    """A fileIsImportant that raises."""
    raise RuntimeError("oops")


class SchedulerTests(SchedulerCase):
    """One branch."""

    def test_interfaces(self) -> None:
        """Schedulers provide 0.7.5's interfaces."""
        scheduler = mainScheduler()
        each: object
        for each in (scheduler, AnyBranchScheduler("b", None, 1, []), Dependent("d", scheduler, [])):
            verifyObject(IScheduler, each)
            verifyObject(IUpstreamScheduler, each)
        for each in (Periodic("p", [], 60), Nightly("n", [])):
            verifyObject(IScheduler, each)

    def test_stable(self) -> None:
        """A change is built on all builders when nobody has committed for a minute."""
        scheduler = self.use(mainScheduler())
        self.commit()
        self.clock.advance(30)
        self.commit()
        self.assertEqual(scheduler.getPendingBuildTimes(), [START + 90])
        self.clock.advance(59.9)
        self.assertEqual(self.built(), [])
        self.clock.advance(0.1)
        self.assertEqual(self.built(), [[1, 2]])
        self.assertEqual([self.sets()[0].scheduler, self.sets()[0].reason], ["main", "scheduler main"])
        requests = self.successResultOf(self.store.pendingRequests())
        self.assertEqual([request.builder for request in requests], ["full", "quick"])
        self.assertEqual(scheduler.getPendingBuildTimes(), [])

    def test_noTimer(self) -> None:
        """Without a timer a change is built at once."""
        self.use(mainScheduler(None))
        self.commit()
        self.assertEqual(self.built(), [[1]])

    def test_otherBranch(self) -> None:
        """A change on another branch is ignored."""
        self.use(mainScheduler(branch="stable"))
        self.commit()
        self.commit(branch="stable")
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[2]])
        self.assertEqual(self.sets()[0].sourcestamp["branch"], "stable")

    def test_unimportant(self) -> None:
        """An unimportant change is built along with the next important one, and not alone."""
        self.use(mainScheduler(fileIsImportant=isCode))
        self.commit("README")
        self.clock.advance(DAY)
        self.assertEqual(self.built(), [])
        self.commit("a.c")
        self.clock.advance(30)
        self.commit("README")
        self.clock.advance(30)
        self.assertEqual(self.built(), [[1, 2, 3]])

    def test_manyUnimportant(self) -> None:
        """P5: the latest thousand unimportant changes wait, and are built with the next important one."""
        scheduler = self.use(mainScheduler(fileIsImportant=isCode))
        for _ in range(MOST_UNIMPORTANT + 5):
            self.commit("README")
        self.assertEqual(len(scheduler.toRecord()["trees"][0][1]["changes"]), MOST_UNIMPORTANT)
        self.commit("a.c")
        for _ in range(3):
            self.commit("README")
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [list(range(6, MOST_UNIMPORTANT + 10))])

    def test_brokenJudge(self) -> None:
        """A fileIsImportant that raises may cost a build, but never a change."""
        self.use(mainScheduler(fileIsImportant=broken))
        self.commit()
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1]])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_stopped(self) -> None:
        """A stopped scheduler does nothing."""
        scheduler = self.use(mainScheduler())
        change = self.commit()
        self.stop()
        scheduler.changeAdded(change)
        self.assertEqual(scheduler.getPendingBuildTimes(), [])
        self.clock.advance(DAY)
        self.assertEqual(self.built(), [])

    def test_equal(self) -> None:
        """R5: loading the same master.cfg again gives equal schedulers; any other value gives unequal
        ones.
        """

        class Method(Scheduler):
            def fileIsImportant(self, change: Change) -> bool:
                return True

        alike = [
            lambda: mainScheduler(fileIsImportant=isCode),
            lambda: Method("m", None, 1, []),
            lambda: AnyBranchScheduler("a", ["b"], 1, ["full"]),
            lambda: Dependent("d", mainScheduler(), ["package"]),
            lambda: Periodic("p", ["full"], 60),
            lambda: Nightly("n", ["full"], hour=[1, 2]),
        ]
        for make in alike:
            self.assertEqual(make(), make())
        others: list[Any] = [
            mainScheduler(61),
            mainScheduler(branch="b"),
            mainScheduler(),
            mainScheduler(fileIsImportant=broken),
            Method("n", None, 1, []),
            AnyBranchScheduler("a", None, 1, ["full"]),
            Dependent("d", mainScheduler(61), ["package"]),
            Periodic("p", ["full"], 61),
            Nightly("n", ["full"], hour=[1, 3]),
        ]
        for other in others:
            self.assertNotIn(other, [make() for make in alike])
        self.assertEqual(self.use(mainScheduler()), mainScheduler())

    def test_wrongArguments(self) -> None:
        """Wrong arguments in master.cfg are reported in the user's words."""
        one: Any = Scheduler
        hourly: Any = Periodic
        wrong: Any
        for wrong, words in (
            (lambda: one("x", None, 60, "full"), "'x': builderNames must be a list of names, not"),
            (lambda: one("x", None, 60, [1]), "a list of names: it holds 1"),
            (lambda: one("x", None, "60", []), "treeStableTimer must be a number of seconds"),
            (lambda: one("x", None, 60, [], "code"), "fileIsImportant must be a function"),
            (lambda: one(None, None, 60, []), "Scheduler: name must be a name (text), not None"),
            (lambda: AnyBranchScheduler("x", "trunk", 60, []), "branches must be a list of branches"),
            (lambda: Dependent("x", "main", []), "upstream must be another scheduler"),
            (lambda: Periodic("x", [], 0), "periodicBuildTimer must be a number of seconds above 0"),
            (lambda: hourly("x", [], "1h"), "periodicBuildTimer must be a number of seconds above 0"),
        ):
            self.assertIn(words, str(self.assertRaises(TypeError, wrong)))
        self.assertRaises(ValueError, Nightly, "x", [], hour=24)

    def test_followsItself(self) -> None:
        """A Dependent with the name of its upstream, which would build for ever, is refused."""
        error = self.assertRaises(ValueError, Dependent, "main", mainScheduler(), ["package"])
        self.assertIn("Dependent 'main': upstream has the same name", str(error))


class DocumentationTests(unittest.SynchronousTestCase):
    """The reference page."""

    def test_signatures(self) -> None:
        """The reference lists every scheduler and source with its parameters and defaults."""
        page = (
            Path(__file__).parent.parent.parent.parent / "docs" / "reference" / "schedulers.rst"
        ).read_text()
        for module, names in ((scheduler, scheduler.__all__), (pb, ["PBChangeSource"])):
            for name in names:
                thing = getattr(module, name)
                if name.startswith("Base"):
                    continue
                parameters = [
                    each.replace(annotation=inspect.Parameter.empty)
                    for each in inspect.signature(thing).parameters.values()
                    if each.name != "sep"
                ]
                told = ", ".join(map(str, parameters)).replace("'change", '"change').replace("w'", 'w"')
                told = told.replace("\"change'", '"change"')
                self.assertIn(f"\n``{module.__name__}.{name}({told})``\n", page)

    def test_numbers(self) -> None:
        """The limits in the reference are those in the code."""
        page = " ".join(
            (Path(__file__).parent.parent.parent.parent / "docs" / "reference" / "schedulers.rst")
            .read_text()
            .split()
        )
        for words in (
            f"Names of more than {changedict.LONGEST_NAME} characters",
            f"more than {changedict.MOST_FILES} files",
            f"properties of more than {changedict.LARGEST_PROPERTIES} characters",
            f"comments are cut at {LONGEST_COMMENTS} characters",
        ):
            self.assertIn(words, page)
        self.assertIn(f"the newest {MOST_UNIMPORTANT} unimportant changes wait", page)
        self.assertIn(f"unless {FOLLOWED} later sets", page)
        self.assertEqual((RETRY_AFTER, BUILDERS_WITHIN), (10, 60))


class AnyBranchTests(SchedulerCase):
    """Several branches."""

    def test_eachBranch(self) -> None:
        """Each branch is built when it is stable itself."""
        scheduler = self.use(AnyBranchScheduler("any", None, MINUTE, ["full"]))
        for branch in (None, "a", None, "b"):
            self.commit(branch=branch)
            self.clock.advance(10)
        self.assertEqual(scheduler.getPendingBuildTimes(), [START + 70, START + 80, START + 90])
        self.clock.pump([10] * 6)
        self.assertEqual(self.built(), [[2], [1, 3], [4]])
        self.assertEqual([record.sourcestamp["branch"] for record in self.sets()], ["a", None, "b"])

    def test_eachRepository(self) -> None:
        """F2: changes of two repositories are built separately."""
        for one in (AnyBranchScheduler("any", None, MINUTE, ["full"]), mainScheduler()):
            self.use(one)
            before = len(self.sets())
            numbers = [self.commit(repository=name).number for name in ("a", "b", "a")]
            self.clock.advance(MINUTE)
            self.assertEqual(self.built()[before:], [[numbers[0], numbers[2]], [numbers[1]]])
            self.assertEqual([each.sourcestamp["repository"] for each in self.sets()[before:]], ["a", "b"])
            self.remove(one)

    def test_someBranches(self) -> None:
        """With a list of branches, other branches are ignored."""
        self.use(AnyBranchScheduler("any", ["a", None], MINUTE, ["full"]))
        for branch in (None, "a", "b"):
            self.commit(branch=branch)
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1], [2]])

    def test_manyUnimportant(self) -> None:
        """P5: the limit, here 60, is for all branches; the branch quiet for longest loses changes first."""
        self.patch(branches, "MOST_UNIMPORTANT", most := 60)
        self.use(AnyBranchScheduler("any", None, DAY, ["full"], isCode))
        self.commit("a.c", branch="code")
        self.commit("README", branch="code")
        self.commit("README", branch="old")
        self.commit("README", branch="lively")
        for number in range(most - 1):
            self.commit("README", branch=f"topic-{number}")
        self.commit("README", branch="lively")
        for branch in ("old", "topic-0", "topic-2", "lively"):
            self.commit("a.c", branch=branch)
        self.clock.advance(DAY)
        self.assertEqual(sorted(map(len, self.built())), [1, 1, 2, 2, 3])


class Picky(Scheduler):
    """Like in 2006: it checks each change first."""

    def __init__(self, *args: Any) -> None:
        Scheduler.__init__(self, *args)
        self.looked: list[int | None] = []

    def addChange(self, change: Change) -> None:
        self.looked.append(change.number)
        if "ignore" not in change.comments:
            Scheduler.addChange(self, change)


class Hasty(Scheduler):
    """Like in 2006: it makes the set itself."""

    def fireTimer(self) -> None:
        self.timer = None
        self.nextBuildTime = None
        changes = self.importantChanges + self.unimportantChanges
        self.importantChanges = []
        self.unimportantChanges = []
        self.submit(BuildSet(["package"], SourceStamp(changes=changes), "hasty"))


class Gathering(Scheduler):
    """Like in 2006: it collects changes and sets the timer itself."""

    def addImportantChange(self, change: Change) -> None:
        self.importantChanges.append(change)
        self.nextBuildTime = max(self.nextBuildTime or 0, change.when + (self.treeStableTimer or 0))
        self.setTimer(self.nextBuildTime)

    def addUnimportantChange(self, change: Change) -> None:
        self.unimportantChanges += [change]

    def setTimer(self, when: float) -> None:
        if self.timer:
            self.timer.cancel()
        Scheduler.setTimer(self, when)


class Renaming(Scheduler):
    """Like in 2006: it does something before its base class."""

    fired = 0

    def fireTimer(self) -> None:
        self.fired += 1
        Scheduler.fireTimer(self)

    def submit(self, bs: BuildSet) -> None:
        bs.reason = "renamed"
        Scheduler.submit(self, bs)


class Own(BaseScheduler):
    """Like in 2006: a scheduler from scratch."""

    compare_attrs = ("name",)

    def listBuilderNames(self) -> list[str]:
        return ["full"]

    def addChange(self, change: Change) -> None:
        if change.files == ["bad"]:
            raise RuntimeError("bad")
        self.submit(BuildSet(["full"], SourceStamp(changes=[change])))


class Failing(AnyBranchScheduler):
    """A scheduler that fails now and then."""

    failures = 1

    def isStable(self, branch: str | None) -> None:
        if branch is None and self.failures:
            self.failures -= 1
            raise RuntimeError("now and then")
        AnyBranchScheduler.isStable(self, branch)

    def submitted(self, record: Any) -> None:
        raise RuntimeError("each time")


class SubclassTests(SchedulerCase):
    """Users' schedulers written for 0.7.5."""

    def test_addChange(self) -> None:
        """A scheduler that checks each change gets each once, also those that it does not need."""
        picky = self.use(Picky("main", None, MINUTE, ["full"]))
        for comments in ("x", "ignore", "ignore", "y"):
            self.commit(comments=comments)
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1, 4]])
        self.assertEqual(picky.looked, [1, 2, 3, 4])

    def test_fireTimer(self) -> None:
        """A scheduler that makes its own sets of waiting changes makes each once, also across a kill."""
        self.use(Hasty("main", None, MINUTE, ["full"]))
        self.commit()
        self.clock.advance(MINUTE)
        self.restart(Hasty("main", None, MINUTE, ["full"]))
        self.clock.advance(DAY)
        self.assertEqual([(record.reason, *numbers) for record, numbers in self.pairs()], [("hasty", 1)])

    def test_fireTimerIdle(self) -> None:
        """0.7.5, row 25: fireTimer without a waiting change builds the latest revision of the branch."""
        scheduler = self.use(Scheduler("main", "stable", MINUTE, ["full"]))
        scheduler.fireTimer()
        self.clock.advance(0)
        (record,) = self.sets()
        self.assertEqual((record.sourcestamp["branch"], record.sourcestamp["changes"]), ("stable", []))

    def test_status(self) -> None:
        """The status of a scheduler has its name, and the sets that it will submit next."""
        scheduler = self.use(Scheduler("main", None, MINUTE, ["full"]))
        verifyObject(ISchedulerStatus, scheduler)
        self.assertEqual((scheduler.getName(), scheduler.getPendingBuildsets()), ("main", []))
        self.commit()
        (waiting,) = scheduler.getPendingBuildsets()
        self.assertEqual((waiting.getBuilderNames(), len(waiting.getSourceStamp().changes)), (["full"], 1))
        self.clock.advance(MINUTE)
        self.assertEqual(scheduler.getPendingBuildsets(), [])
        hourly = self.use(Periodic("hourly", ["full"], HOUR, "stable"))
        self.clock.advance(0)
        (waiting,) = hourly.getPendingBuildsets()
        self.assertEqual(waiting.getSourceStamp().branch, "stable")

    def pairs(self) -> list[tuple[Any, list[int]]]:
        return list(zip(self.sets(), self.built(), strict=True))

    def test_gathers(self) -> None:
        """P2: changes added to the lists of 0.7.5 wait and are built, also across a kill."""
        scheduler = self.use(Gathering("main", None, MINUTE, ["full"], isCode))
        self.commit("README")
        self.assertEqual((scheduler.nextBuildTime, scheduler.timer), (None, None))
        self.commit()
        self.assertEqual(scheduler.nextBuildTime, START + MINUTE)
        self.assertTrue(scheduler.timer.active())
        self.assertEqual([change.number for change in scheduler.importantChanges], [1, 2])
        self.clock.advance(30)
        self.commit()
        self.restart(Gathering("main", None, MINUTE, ["full"], isCode))
        self.clock.advance(59)
        self.assertEqual(self.built(), [])
        self.clock.advance(1)
        self.assertEqual(self.built(), [[1, 2, 3]])

    def test_takesSomeOut(self) -> None:
        """Removing a single change from the list raises an error, so that the change is not built
        unnoticed.
        """
        scheduler = self.use(mainScheduler())
        self.commit()
        scheduler.importantChanges = list(scheduler.importantChanges)
        self.assertRaises(ValueError, setattr, scheduler, "importantChanges", [self.commit(tells=False)])
        for take in ("pop", "clear"):
            self.assertRaises(TypeError, getattr(scheduler.importantChanges, take))
        scheduler.importantChanges = []
        self.clock.advance(DAY)
        self.assertEqual(self.built(), [])

    def test_callsUp(self) -> None:
        """A scheduler that extends its base class's method gets both effects."""
        scheduler = self.use(Renaming("main", None, MINUTE, ["full"]))
        self.commit()
        self.clock.advance(MINUTE)
        self.assertEqual(scheduler.fired, 1)
        self.assertEqual([(record.reason, *numbers) for record, numbers in self.pairs()], [("renamed", 1)])

    def test_fails(self) -> None:
        """A scheduler that fails when it is due is called again; other branches are built meanwhile."""
        self.use(Failing("main", None, MINUTE, ["full"]))
        self.commit()
        self.commit(branch="b")
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[2]])
        self.clock.advance(RETRY_AFTER - 0.1)
        self.assertEqual(self.built(), [[2]])
        self.clock.advance(0.1)
        self.assertEqual(self.built(), [[2], [1]])
        self.commit()
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[2], [1], [3]])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1 + 3)

    def test_ownScheduler(self) -> None:
        """A scheduler from scratch gets each change once across a kill; a change on which it fails is
        skipped.
        """
        self.use(Own("own"))
        self.commit()
        self.commit("bad")
        self.commit()
        self.commit(tells=False)
        self.restart(Own("own"))
        self.assertEqual(self.built(), [[1], [3], [4]])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_parts(self) -> None:
        """A scheduler made of others, like 0.7.5's AnyBranchScheduler, is refused with the reason."""
        whole = BaseScheduler("whole")
        mainScheduler().setServiceParent(whole)
        error = self.assertRaises(TypeError, whole.setServiceParent, self.master)
        self.assertIn("scheduler main is a part of BaseScheduler 'whole'", str(error))
        self.successResultOf(whole.disownServiceParent())

    def test_unnumbered(self) -> None:
        """A change without a number, passed directly to a scheduler, is taken."""
        scheduler = self.use(mainScheduler())
        scheduler.changeAdded(Change("ann", ["a.c"], "", when=START))
        self.assertEqual(scheduler.getPendingBuildTimes(), [START + MINUTE])

    def test_wantsNoChanges(self) -> None:
        """A scheduler without addChange does not read changes."""
        scheduler = self.use(BaseScheduler("plain"))
        self.commit()
        self.assertEqual((scheduler.listBuilderNames(), scheduler.getPendingBuildTimes()), ([], []))
        self.assertEqual(self.clock.getDelayedCalls(), [])
