"""A configuration that is loaded again names the objects that run already, and so does all that it holds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.trial import unittest

from buildbot.config.compare import ComparableMixin
from buildbot.config.diff import diff
from buildbot.config.kept import equalPairs, keep
from buildbot.config.model import BuilderConfig, MasterConfig
from buildbot.scheduler import Dependent, Scheduler


def plugins(config: MasterConfig) -> Sequence[Any]:
    """The schedulers of a configuration, whatever they have."""
    return config.schedulers


class Plugin(ComparableMixin):
    """A plug-in that is compared by its title, and holds something besides."""

    compare_attrs = ("title",)

    def __init__(self, title: str, holds: Any = None) -> None:
        self.title = title
        self.holds = holds

    def hear(self) -> None:
        """Something to call."""


def schedulers(timer: float = 60, after: str = "docs") -> tuple[Scheduler, Dependent]:
    """A scheduler and one that follows it, as each load of a file makes them anew."""
    quick = Scheduler("quick", None, timer, ["full"])
    return quick, Dependent("after", quick, [after])


class KeepTests(unittest.SynchronousTestCase):
    """What of a new configuration is old."""

    def test_nothingChanged(self) -> None:
        """F1: of a file that says the same, everything that runs is named."""
        old = MasterConfig(
            schedulers=schedulers(),
            sources=(Plugin("s"),),
            status=(Plugin("t"),),
            manhole=Plugin("m"),
            builders={"full": BuilderConfig("full", ("b",), "full", "factory")},
        )
        new = MasterConfig(
            schedulers=schedulers(),
            sources=(Plugin("s"),),
            status=(Plugin("t"),),
            manhole=Plugin("m"),
            builders={"full": BuilderConfig("full", ("b",), "full", "factory")},
        )
        kept = keep(old, new)
        self.assertTrue(diff(old, new).isEmpty())
        self.assertTrue(diff(old, kept).isEmpty())
        for name in ("schedulers", "sources", "status"):
            for one, other in zip(getattr(old, name), getattr(kept, name), strict=True):
                self.assertIs(one, other)
        self.assertIs(old.manhole, kept.manhole)
        self.assertIs(old.builders["full"], kept.builders["full"])

    def test_followerReplaced(self) -> None:
        """F1: a new Dependent follows the scheduler that runs, not its double out of the file."""
        old, new = MasterConfig(schedulers=schedulers()), MasterConfig(schedulers=schedulers(after="full"))
        quick, after = plugins(keep(old, new))
        self.assertIs(quick, old.schedulers[0])
        self.assertIsNot(after, old.schedulers[1])
        self.assertIs(after.upstream, quick)

    def test_followedReplaced(self) -> None:
        """F1: a Dependent whose upstream is replaced is replaced too."""
        old, new = MasterConfig(schedulers=schedulers()), MasterConfig(schedulers=schedulers(timer=5))
        kept = keep(old, new)
        added: Sequence[Any] = diff(old, kept).schedulersAdded
        self.assertEqual([each.name for each in added], ["quick", "after"])
        quick, after = plugins(kept)
        self.assertIs(after.upstream, quick)

    def test_heldOneReplaced(self) -> None:
        """F1: a plug-in that holds a replaced one is replaced too, although it is equal to the old one."""
        one, other = Plugin("a"), Plugin("b")
        old = MasterConfig(sources=(one,), status=(Plugin("t", [one]), Plugin("u")))
        new = MasterConfig(sources=(other,), status=(Plugin("t", [other]), Plugin("u")))
        change = diff(old, keep(old, new))
        self.assertEqual((change.statusRemoved, change.statusAdded), ((old.status[0],), (new.status[0],)))

    def test_anotherOneHeld(self) -> None:
        """F1: so is one that holds another plug-in than before, though both of them stay."""
        first, second = (Plugin("a"), Plugin("b")), (Plugin("a"), Plugin("b"))
        old = MasterConfig(sources=first, status=(Plugin("t", {"x": first[0]}),))
        new = MasterConfig(sources=second, status=(Plugin("t", {"x": second[1]}),))
        (status,) = keep(old, new).status
        self.assertIs(status, new.status[0])
        self.assertIs(status.holds["x"], first[1])  # type: ignore[attr-defined]

    def test_howItIsHeld(self) -> None:
        """F1: what a new plug-in holds in a list, a tuple, a dictionary or a call is put right."""
        running, double = Plugin("a"), Plugin("a")
        holds = [(double,), {"x": double}, partial(print, double), double.hear]
        old = MasterConfig(sources=(running,))
        new = MasterConfig(sources=(double,), status=(Plugin("t", holds),))
        (status,) = keep(old, new).status
        a, b, c, d = status.holds  # type: ignore[attr-defined]
        for each in (a[0], b["x"], c.args[0], d.__self__):
            self.assertIs(each, running)

    def test_itself(self) -> None:
        """The very same object pairs with itself, whatever else is equal to it."""
        one, other = Plugin("a"), Plugin("a")
        self.assertIs(equalPairs((one, other), (other, Plugin("a")))[0][1], other)
