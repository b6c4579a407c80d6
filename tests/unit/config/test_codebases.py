"""The rule for source steps whose codebase no build has."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.process.factory import BuildFactory
from buildbot.scheduler import AnyBranchScheduler, Dependent, Triggerable
from buildbot.schedulers.forcesched import ForceScheduler
from buildbot.steps.shell import ShellCommand
from buildbot.steps.source.git import Git
from tests.unit.config.test_check import warnings


class CodebaseTests(unittest.TestCase):
    """The steps of a builder, compared with its schedulers."""

    def told(self, codebases: Any, *schedulers: Any) -> list[str]:
        """The warnings for a builder with a source step for each codebase; None is a step without."""
        factory = BuildFactory([ShellCommand(command=["make"])])
        for name in codebases:
            factory.addStep(Git(repourl="git://h/a", **({} if name is None else {"codebase": name})))
        builder = {"name": "full", "slavename": "b1", "builddir": "full", "factory": factory}
        return warnings(bots=[("b1", "pw")], builders=[builder], schedulers=list(schedulers))

    def test_known(self) -> None:
        """Steps of the codebases of a scheduler are good, also if another one has fewer."""
        one = Triggerable("t", ["full"], codebases=["lib"])
        both = AnyBranchScheduler("b", builderNames=["full"], codebases={"app": {}, "lib": {}})
        forced = ForceScheduler("f", ["full"], codebases=["doc"])
        self.assertEqual(self.told(["app", "lib"], one, both), [])
        self.assertEqual(self.told(["app", "lib", "doc"], one, both, forced), [])

    def test_misspelled(self) -> None:
        """A misspelled codebase is told with the nearest one: its step would be skipped in silence."""
        both = AnyBranchScheduler("b", builderNames=["full"], codebases=["app", "lib"])
        self.assertEqual(
            self.told(["app", "libs"], both),
            [
                "builder 'full': step Git gets the codebase 'libs'; did you mean 'lib'?; the builds of"
                " 'full' have the codebases app, lib: it is skipped in them"
            ],
        )
        forced = ForceScheduler("f", ["full"], codebases=["app"])
        self.assertEqual(len(self.told(["libs"], both, forced, Dependent("d", both, ["full"]))), 1)

    def test_missing(self) -> None:
        """A step without a codebase is told, if all builds have several."""
        both = AnyBranchScheduler("b", builderNames=["full"], codebases=["app", "lib"])
        (told,) = self.told(["app", "lib", None], both)
        self.assertIn("step Git gets no codebase; the builds of 'full' have the codebases app, lib", told)
        self.assertEqual(self.told([None], both, Triggerable("t", ["full"])), [])

    def test_withoutCodebases(self) -> None:
        """Without schedulers that name codebases, nothing is told."""
        for schedulers in (
            [],
            [AnyBranchScheduler("b", builderNames=["full"])],
            [AnyBranchScheduler("b", builderNames=["full"], codebases=[""])],
            [ForceScheduler("f", ["full"])],
        ):
            self.assertEqual(self.told(["app", "lib", None], *schedulers), [])

    def test_own(self) -> None:
        """A step of the site may choose its codebase itself."""

        class Own(Git):
            def __init__(self, **kw: Any) -> None:
                super().__init__(repourl="git://h/a", codebase="app", **kw)

        builder = {"name": "full", "slavename": "b1", "builddir": "full", "factory": BuildFactory([Own()])}
        both = AnyBranchScheduler("b", builderNames=["full"], codebases=["app", "lib"])
        self.assertEqual(warnings(bots=[("b1", "pw")], builders=[builder], schedulers=[both]), [])
