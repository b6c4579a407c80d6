"""The rules for steps that trigger schedulers."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.locks import MasterLock, SlaveLock
from buildbot.process.factory import BuildFactory, s
from buildbot.process.properties import WithProperties
from buildbot.scheduler import Periodic, Triggerable
from buildbot.schedulers.timed import NightlyTriggerable
from buildbot.steps.shell import ShellCommand
from buildbot.steps.trigger import Trigger
from tests.unit.config.test_check import errors, warnings


def builder(name: str = "full", slave: str = "b1", locks: Any = (), **kw: Any) -> dict[str, Any]:
    """A builder; with arguments for a step, it has one that triggers."""
    factory = BuildFactory([Trigger(**kw)] if kw else [])
    return {"name": name, "slavename": slave, "builddir": name, "factory": factory, "locks": list(locks)}


class NamesTests(unittest.TestCase):
    """The triggered schedulers."""

    def told(self, *names: Any, **kw: Any) -> list[str]:
        """The errors of a step that triggers these schedulers."""
        schedulers = [Triggerable("there", ["full"]), Periodic("hourly", ["full"], 3600)]
        step = builder(schedulerNames=list(names), **kw)
        return errors(bots=[("b1", "pw")], builders=[step], schedulers=schedulers)

    def test_known(self) -> None:
        """A known name is no error, and neither is one that only a build knows."""
        self.assertEqual(self.told("there", WithProperties("%(branch)s")), [])
        step = builder(schedulerNames=WithProperties("%(branch)s"))
        self.assertEqual(errors(bots=[("b1", "pw")], builders=[step]), [])

    def test_unknown(self) -> None:
        """An unknown name is an error with the nearest one, and those that can be triggered."""
        self.assertEqual(
            self.told("ther"),
            [
                "builder 'full': step 'trigger' triggers scheduler 'ther', which is not in c['schedulers'];"
                " did you mean 'there'?; schedulers that can be triggered: there"
            ],
        )

    def test_otherKind(self) -> None:
        """A scheduler of another kind is an error that says what to do."""
        (error,) = self.told("hourly")
        self.assertIn("'hourly', a Periodic, which no step can trigger: make it a Triggerable", error)

    def test_own(self) -> None:
        """A step that chooses its schedulers itself is not checked."""

        class Own(Trigger):
            def getSchedulersAndProperties(self) -> Any:
                return []

        entry = {**builder(), "factory": BuildFactory([Own(schedulerNames=["any"])])}
        self.assertEqual(errors(bots=[("b1", "pw")], builders=[entry]), [])
        self.assertEqual(warnings(bots=[("b1", "pw")], builders=[entry]), [])

    def test_uncalled(self) -> None:
        """A method of 0.8 that is never called is told."""

        class Old(Trigger):
            def prepareSourcestampListForTrigger(self) -> Any:
                return {}

        entry = {**builder(), "factory": BuildFactory([Old(schedulerNames=["there"])])}
        (warning,) = warnings(bots=[("b1", "pw")], builders=[entry])
        self.assertIn("defines prepareSourcestampListForTrigger, which this release never uses", warning)


class DeadlockTests(unittest.TestCase):
    """Builds that wait for builds that need their own slave, or their lock."""

    def told(self, *builders: Any, most: int | None = 1, schedulers: Any = None) -> list[str]:
        """The warnings about these builders, with the scheduler C{after} for the builder C{second}."""
        bots = [("b1", "pw", {"max_builds": most} if most else {}), ("b2", "pw")]
        given = schedulers or [Triggerable("after", ["second"]), Triggerable("last", ["third"])]
        return warnings(bots=bots, builders=list(builders), schedulers=given)

    def test_oneSlave(self) -> None:
        """A slave with max_builds 1 cannot run a build, and another one that the first waits for."""
        first = builder(schedulerNames=["after"], waitForFinish=True)
        self.assertEqual(
            self.told(first, builder("second"), builder("third")),
            [
                "builder 'full' waits for builds that need its own slave, so it would wait for ever: 'full'"
                " waits for 'second', and slave 'b1' runs 1 at a time (max_builds)"
            ],
        )
        for most in (None, 2):
            self.assertEqual(self.told(first, builder("second"), builder("third"), most=most), [])
        self.assertEqual(self.told(first, builder("second", "b2"), builder("third")), [])
        first = builder(schedulerNames=["after"])
        self.assertEqual(self.told(first, builder("second"), builder("third")), [])

    def test_manyPaths(self) -> None:
        """Many ways through a tree of builds are searched at once: 4 to the power of 15 here."""
        names = [[f"b{level}-{place}" for place in range(4)] for level in range(16)]
        builders = [
            builder(name, schedulerNames=[f"level {level + 1}"], waitForFinish=True)
            for level, those in enumerate(names[:15])
            for name in those
        ]
        builders += [builder(name) for name in names[15]]
        schedulers = [Triggerable(f"level {level}", those) for level, those in enumerate(names)]
        self.assertEqual(self.told(*builders, most=16, schedulers=schedulers), [])
        self.assertEqual(len(self.told(*builders, most=15, schedulers=schedulers)), 4)

    def test_chain(self) -> None:
        """A chain of three builds needs three places."""
        chain = [
            builder(schedulerNames=["after"], waitForFinish=True),
            builder("second", schedulerNames=["last"], waitForFinish=True),
            builder("third"),
        ]
        (warning,) = self.told(*chain, most=2)
        self.assertIn("'full' waits for 'second' waits for 'third', and slave 'b1' runs 2 at a time", warning)
        self.assertEqual(self.told(*chain, most=3), [])

    def test_itself(self) -> None:
        """A builder that waits for itself never ends, whatever its slave runs."""
        first = builder(schedulerNames=["again"], waitForFinish=True)
        (warning,) = self.told(first, most=None, schedulers=[Triggerable("again", ["full"])])
        self.assertTrue(warning.endswith("for ever: 'full' waits for 'full'"), warning)

    def test_later(self) -> None:
        """No step waits for a scheduler that builds later."""
        first = builder(schedulerNames=["again"], waitForFinish=True)
        self.assertEqual(self.told(first, schedulers=[NightlyTriggerable("again", ["full"])]), [])

    def test_lock(self) -> None:
        """A lock for one build cannot be held by a build, and by another one that the first waits for."""
        step: dict[str, Any] = {"schedulerNames": ["after"], "waitForFinish": True}
        told = (
            "builder 'full' holds lock 'db' while it waits for 'second', which needs it,"
            " so it would wait for ever"
        )
        for lock, count in ((MasterLock("db"), 1), (MasterLock("db", 2), 0), (SlaveLock("db"), 0)):
            others = [builder("second", "b2", [lock]), builder("third")]
            found = self.told(builder(locks=[lock], **step), *others, most=None)
            self.assertEqual(found, [told] * count)
        lock = SlaveLock("db", 3, {"b1": 1})
        others = [builder("second", "b1", [lock]), builder("third")]
        found = self.told(builder(locks=[lock], **step), *others, most=None)
        self.assertEqual(found, [told])

    def test_lockOfStep(self) -> None:
        """The same holds for the lock of a step, and for a build further below."""
        lock = MasterLock("db")
        middle = builder("second", "b2", schedulerNames=["last"], waitForFinish=True)
        last = builder("third", "b2")
        last["factory"] = BuildFactory([s(ShellCommand, command="make", locks=[lock])])
        first = builder(locks=[lock], schedulerNames=["after"], waitForFinish=True)
        (warning,) = self.told(first, middle, last, most=None)
        self.assertIn("while it waits for 'third'", warning)
