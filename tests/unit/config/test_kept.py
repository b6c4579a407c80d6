"""A new configuration refers to the running objects that it keeps, also inside of other objects."""

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
    """The schedulers of a configuration."""
    return config.schedulers


class Plugin(ComparableMixin):
    """A plug-in that is compared by its title, and holds another object."""

    compare_attrs = ("title",)

    def __init__(self, title: str, holds: Any = None) -> None:
        self.title = title
        self.holds = holds

    def hear(self) -> None:
        """A function to call."""


def schedulers(timer: float = 60, after: str = "docs") -> tuple[Scheduler, Dependent]:
    """A scheduler and one that follows it, made anew like by each load of a file."""
    quick = Scheduler("quick", None, timer, ["full"])
    return quick, Dependent("after", quick, [after])


class KeepTests(unittest.SynchronousTestCase):
    """The running objects that a new configuration keeps."""

    def test_nothingChanged(self) -> None:
        """F1: with an equal file, all running objects are kept."""
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
        """F1: a new Dependent follows the running scheduler, not its equal from the file."""
        old, new = MasterConfig(schedulers=schedulers()), MasterConfig(schedulers=schedulers(after="full"))
        quick, after = plugins(keep(old, new))
        self.assertIs(quick, old.schedulers[0])
        self.assertIsNot(after, old.schedulers[1])
        self.assertIs(after.upstream, quick)

    def test_followedReplaced(self) -> None:
        """F1: if the upstream of a Dependent is replaced, the Dependent is replaced too."""
        old, new = MasterConfig(schedulers=schedulers()), MasterConfig(schedulers=schedulers(timer=5))
        kept = keep(old, new)
        added: Sequence[Any] = diff(old, kept).schedulersAdded
        self.assertEqual([each.name for each in added], ["quick", "after"])
        quick, after = plugins(kept)
        self.assertIs(after.upstream, quick)

    def test_heldOneReplaced(self) -> None:
        """F1: a plug-in that holds a replaced one is replaced too, although it equals the old one."""
        one, other = Plugin("a"), Plugin("b")
        old = MasterConfig(sources=(one,), status=(Plugin("t", [one]), Plugin("u")))
        new = MasterConfig(sources=(other,), status=(Plugin("t", [other]), Plugin("u")))
        change = diff(old, keep(old, new))
        self.assertEqual((change.statusRemoved, change.statusAdded), ((old.status[0],), (new.status[0],)))

    def test_anotherOneHeld(self) -> None:
        """F1: so is a plug-in that holds another kept plug-in than before."""
        first, second = (Plugin("a"), Plugin("b")), (Plugin("a"), Plugin("b"))
        old = MasterConfig(sources=first, status=(Plugin("t", {"x": first[0]}),))
        new = MasterConfig(sources=second, status=(Plugin("t", {"x": second[1]}),))
        (status,) = keep(old, new).status
        self.assertIs(status, new.status[0])
        self.assertIs(status.holds["x"], first[1])  # type: ignore[attr-defined]

    def test_howItIsHeld(self) -> None:
        """F1: references of a new plug-in in a list, tuple, dictionary or call are corrected."""
        running, double = Plugin("a"), Plugin("a")
        holds = [(double,), {"x": double}, partial(print, double), double.hear]
        old = MasterConfig(sources=(running,))
        new = MasterConfig(sources=(double,), status=(Plugin("t", holds),))
        (status,) = keep(old, new).status
        a, b, c, d = status.holds  # type: ignore[attr-defined]
        for each in (a[0], b["x"], c.args[0], d.__self__):
            self.assertIs(each, running)

    def test_itself(self) -> None:
        """An object is paired with itself, even if others equal it."""
        one, other = Plugin("a"), Plugin("a")
        self.assertIs(equalPairs((one, other), (other, Plugin("a")))[0][1], other)
