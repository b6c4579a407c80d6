"""The control socket's commands that only look."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.control.lookingcommands import LookingCommands
from buildbot.model.change import Change
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from tests.unit.control.test_buildcommands import AnswersCase
from tests.unit.process.test_builds import shell
from tests.unit.test_docs import literals, pages


class Waiting:
    """A scheduler that waits to build changes."""

    name = "quiet"

    def __init__(self, *changes: Change) -> None:
        self.changes = changes

    def getPendingBuildsets(self) -> list[BuildSet]:
        return [BuildSet(["full"], SourceStamp(changes=self.changes), "quiet")]


class Timed:
    """A scheduler that knows its times."""

    def __init__(self, name: str, *times: float) -> None:
        self.name = name
        self.times = times

    def getPendingBuildTimes(self) -> list[float]:
        return list(self.times)


class LookingCase(AnswersCase):
    """A master with changes."""

    def setUp(self) -> None:
        super().setUp()
        self.schedulers: list[Any] = []
        self.handlers |= LookingCommands(self.botmaster, lambda: self.schedulers).handlers()

    def change(self, who: str = "ann", came: float = 100.0, **values: Any) -> Change:
        """Store a change."""
        made = Change(who, ["a.c"], "why\nand how", when=came, **values)
        stored: Change = self.successResultOf(self.botmaster.store.addChange(made, came))
        return stored

    def build(self, *changes: Change) -> None:
        """Request a build with these changes."""
        buildset = BuildSet(["full"], SourceStamp(changes=changes), "commit")
        self.successResultOf(ensureDeferred(self.botmaster.submitBuildSet(buildset)))
        self.settle()


class ChangesTests(LookingCase):
    """C{changes}."""

    def numbers(self, **asked: Any) -> list[int]:
        return [each["number"] for each in self.ask("changes", **asked)["changes"]]

    def test_none(self) -> None:
        """Without changes the list is empty."""
        self.assertEqual(self.ask("changes"), {"changes": [], "next": None})

    def test_conditions(self) -> None:
        """Changes are chosen by branch, author and time; the newest is first."""
        for number, who in enumerate(("ann", "Bob <bob@example.org>", "ann"), 1):
            self.change(who, 100.0 * number, branch="b" if number > 1 else None)
        self.assertEqual(self.numbers(), [3, 2, 1])
        self.assertEqual(self.numbers(author="BOB@"), [2])
        self.assertEqual(self.numbers(branch="b"), [3, 2])
        self.assertEqual(self.numbers(branch=""), [1])
        self.assertEqual(self.numbers(since=200.0), [3, 2])
        self.assertEqual(self.numbers(since=200.0, until=300.0), [2])

    def test_keys(self) -> None:
        """A change in the list has its codebase, and the keys that the documentation lists."""
        self.change(codebase="lib")
        (said,) = self.ask("changes")["changes"]
        self.assertEqual(said["codebase"], "lib")
        page = pages()["reference/control-socket"]
        (words,) = [each for each in page.split("\n\n") if each.startswith('``{"command": "changes"')]
        told = words.partition("a list of objects with ")[2].partition(". There are")[0]
        self.assertEqual(sorted(literals(told)), sorted(said))

    def test_parts(self) -> None:
        """A long list comes in parts; another text in the place of the cursor is refused."""
        for _ in range(3):
            self.change()
        first = self.ask("changes", count=2)
        self.assertEqual([each["number"] for each in first["changes"]], [3, 2])
        self.assertEqual(self.numbers(count=2, cursor=first["next"]), [1])
        self.assertIn("the cursor is not valid", self.refusal("changes", cursor="x"))
        self.assertEqual(self.numbers(count=0), [3])


class ChangeTests(LookingCase):
    """C{change}."""

    def test_builds(self) -> None:
        """A change is told with its builds, finished or running."""
        change = self.change(revision="r1")
        slave = self.connect()
        self.build(change)
        told = self.ask("change", number=1)
        self.assertEqual((told["who"], told["revision"], told["comments"]), ("ann", "r1", "why\nand how"))
        self.assertEqual([(each["builder"], each["result"]) for each in told["builds"]], [("full", None)])
        self.command(slave).end(0)
        self.settle()
        (built,) = self.ask("change", number=1)["builds"]
        self.assertEqual((built["number"], built["result"], built["changes"]), (0, "success", [1]))

    def test_waiting(self) -> None:
        """A request that waits with the change is told with the reason, and so is a scheduler that will
        build it. A scheduler that fails is left out.
        """

        class Broken:
            """A scheduler of a plug-in that fails."""

            name = "broken"

            def getPendingBuildsets(self) -> object:
                raise RuntimeError("no")

        change, other = self.change(), self.change()
        self.build(change)
        self.schedulers = [Waiting(change), Broken(), object()]
        told = self.ask("change", number=1)
        (waiting,) = told["waiting"]
        self.assertEqual(waiting["builder"], "full")
        self.assertIn("bot1", waiting["why"])
        self.assertEqual(told["pending"], ["quiet"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.ask("change", number=other.number)["waiting"], [])

    def test_unknown(self) -> None:
        """The refusal of an unknown number has the newest one."""
        self.assertEqual(self.refusal("change", number=7), "there is no change 7; there is no change yet")
        self.change()
        self.assertEqual(self.refusal("change", number=7), "there is no change 7; the newest one is 1")


class SlaveTests(LookingCase):
    """C{slave}."""

    def test_slave(self) -> None:
        """A slave is told with its builds; another slave's are left out."""
        slave = self.connect()
        self.force()
        self.command(slave).end(0)
        self.settle()
        self.force()
        told = self.ask("slave", slave="bot1")
        self.assertEqual((told["slave"]["name"], told["slave"]["connected"]), ("bot1", True))
        self.assertEqual([each["number"] for each in told["running"]], [1])
        self.assertEqual([each["number"] for each in told["finished"]], [0])

    def test_gone(self) -> None:
        """Of a removed slave, its builds are told; an unknown one is refused."""
        self.configure(shell("true"), slaves="bot1 bot2")
        self.green(name="bot2")
        self.force()
        self.configure(shell("true"), slaves="bot1")
        told = self.ask("slave", slave="bot2")
        self.assertIsNone(told["slave"])
        self.assertEqual(len(told["finished"]), 1)
        self.assertEqual(self.refusal("slave", slave="bot3"), "no slave 'bot3' in c['bots'] (there: bot1)")


class SchedulersTests(LookingCase):
    """C{schedulers}."""

    def test_order(self) -> None:
        """The scheduler that builds next is first."""
        self.schedulers = [Timed("never"), Timed("later", 200.0), Timed("soon", 100.0)]
        told = self.ask("schedulers")["schedulers"]
        self.assertEqual(
            [(each["name"], each["due"]) for each in told],
            [("soon", 100.0), ("later", 200.0), ("never", None)],
        )
