"""The arguments of Trigger; tests/stories/test_trigger.py has its builds."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.config.arguments import BadArguments
from buildbot.process.properties import Interpolate, Property, WithProperties
from buildbot.steps.trigger import Trigger


class ArgumentsTests(unittest.SynchronousTestCase):
    """What the step accepts."""

    def refused(self, **kw: Any) -> str:
        """The error of a step with these arguments."""
        return str(self.assertRaises(BadArguments, Trigger, **{"schedulerNames": ["t"], **kw}))

    def test_good(self) -> None:
        """Names and values may be known only in a build."""
        for names in (["t"], ("t", WithProperties("%(x)s")), Property("names"), [Interpolate("%(prop:x)s")]):
            Trigger(schedulerNames=names)
        Trigger(
            schedulerNames=["t"],
            waitForFinish=True,
            set_properties={"a": Property("a"), "b": 7},
            copy_properties=["c"],
            sourceStamp={"branch": Interpolate("%(prop:x)s"), "revision": None, "patch_comment": ""},
        )
        Trigger(
            schedulerNames=["t"], alwaysUseLatest=True, updateSourceStamp=False, set_properties=Property("p")
        )

    def test_names(self) -> None:
        """A missing, empty or single name is an error."""
        self.assertIn("lacks its argument schedulerNames", str(self.assertRaises(BadArguments, Trigger)))
        self.assertIn("it is empty", self.refused(schedulerNames=[]))
        self.assertIn("put a single name into a list, too", self.refused(schedulerNames="t"))

    def test_sources(self) -> None:
        """A codebase is given once. Keys and combinations that do not exist are told."""
        Trigger(schedulerNames=["t"], sourceStamps=[{"codebase": "a"}, {"branch": "x"}, Property("p")])
        for twice, name in (([{"codebase": "a"}] * 2, "'a'"), ([{}, {"codebase": None}], "''")):
            self.assertIn(f"two of them have the codebase {name}", self.refused(sourceStamps=twice))
        self.assertIn("did you mean 'branch'?", self.refused(sourceStamps=[{}, {"brunch": "x"}]))
        self.assertIn("must be a list of dicts", self.refused(sourceStamps={"branch": "x"}))
        self.assertIn("did you mean 'branch'?", self.refused(sourceStamp={"brunch": "x"}))
        one = {"branch": "x"}
        self.assertIn("not both", self.refused(sourceStamp=one, sourceStamps=[one]))
        self.assertIn("a sourceStamp or alwaysUseLatest", self.refused(sourceStamp=one, alwaysUseLatest=True))
        self.assertIn(
            "takes a sourceStamp or updateSourceStamp", self.refused(sourceStamp=one, updateSourceStamp=True)
        )
        self.assertIn(
            "takes alwaysUseLatest or updateSourceStamp",
            self.refused(alwaysUseLatest=True, updateSourceStamp=True),
        )
