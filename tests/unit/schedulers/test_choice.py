"""The keywords of 0.8: filters, properties, the reason, onlyIfChanged."""

from __future__ import annotations

from typing import Any

from buildbot.changes.filter import ChangeFilter
from buildbot.scheduler import AnyBranchScheduler, Dependent, Nightly, Periodic
from buildbot.schedulers.basic import SingleBranchScheduler
from buildbot.util import NotABranch
from tests.schedulers import MINUTE, SchedulerCase, isCode, mainScheduler


def single(**more: Any) -> SingleBranchScheduler:
    """A scheduler in the style of 0.8."""
    return SingleBranchScheduler(name="q", treeStableTimer=MINUTE, builderNames=["full"], **more)


class ChoiceTests(SchedulerCase):
    """Which changes are built, and with what."""

    def test_filter(self) -> None:
        """Without a branch, the filter chooses the branches; each is built by itself."""
        self.use(single(change_filter=ChangeFilter(branch=["a", "b"], category="x")))
        for branch, category in (("a", "x"), ("b", "x"), ("c", "x"), ("a", "y"), ("a", "x")):
            self.commit(branch=branch, category=category)
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[2], [1, 5]])

    def test_notABranch(self) -> None:
        """The branch NotABranch is none, as in 0.8: the filter chooses."""
        self.use(single(branch=NotABranch, change_filter=ChangeFilter(branch="a")))
        self.commit(branch="a")
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1]])

    def test_neither(self) -> None:
        """A scheduler without branch and filter is refused."""
        self.assertIn("lacks its argument branch", str(self.assertRaises(TypeError, single)))

    def test_brokenFilter(self) -> None:
        """A filter that raises excludes the change, and is logged."""
        self.use(single(change_filter=ChangeFilter(filter_fn=lambda change: 1 / 0)))
        self.commit()
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_categories(self) -> None:
        """Only changes of these categories are built."""
        self.use(AnyBranchScheduler("any", None, MINUTE, ["full"], categories=["docs"]))
        self.commit(category="docs")
        self.commit(category="code")
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1]])

    def test_onlyImportant(self) -> None:
        """Unimportant changes are dropped."""
        self.use(mainScheduler(fileIsImportant=isCode, onlyImportant=True))
        self.commit("doc.txt")
        self.commit("a.c")
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[2]])

    def test_propertiesAndReason(self) -> None:
        """The builds have the properties and the reason of the scheduler."""
        self.use(mainScheduler(properties={"kind": "quick"}, reason="by %(name)s"))
        self.commit()
        self.clock.advance(MINUTE)
        [record] = self.sets()
        self.assertEqual((record.properties, record.reason), ({"kind": "quick"}, "by main"))

    def test_codebase(self) -> None:
        """Changes of another codebase are not built."""
        self.use(mainScheduler(codebases={"lib": {"repository": "git://lib"}}))
        self.commit(codebase="lib")
        self.commit(codebase="app")
        self.clock.advance(MINUTE)
        self.assertEqual(self.built(), [[1]])

    def test_others(self) -> None:
        """The other schedulers take properties too."""
        one = mainScheduler()
        for made in (
            Dependent("d", one, ["full"], properties={"x": 1}),
            Periodic("p", ["full"], 60, properties={"x": 1}),
            Nightly("n", ["full"], properties={"x": 1}),
        ):
            self.assertNotIn("_misconfigured", vars(made))
        self.assertRaises(TypeError, Nightly, "n", ["full"], properties=7)


class ChangedTests(SchedulerCase):
    """Nightly(onlyIfChanged=True)."""

    def test_onlyIfChanged(self) -> None:
        """A night without a change has no build; the next build has the changes since the last one."""
        self.use(Nightly("n", ["full"], minute="*", hour="*", onlyIfChanged=True, fileIsImportant=isCode))
        self.clock.pump([10] * 12)
        self.assertEqual(self.built(), [])
        self.commit("doc.txt")
        self.clock.pump([10] * 12)
        self.assertEqual(self.built(), [])
        self.commit("a.c")
        self.commit("b.c", branch="other")
        self.clock.pump([10] * 12)
        self.assertEqual(self.built(), [[1, 2]])
