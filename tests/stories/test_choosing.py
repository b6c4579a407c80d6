"""Functions of a builder that choose its next build: nextBuild, nextSlave, canStartBuild."""

from __future__ import annotations

from typing import Any

from tests.stories.test_force import LONG, ForceCase

FORM = """
from buildbot.process.builder import enforceChosenSlave
c['schedulers'] = [ForceScheduler('form', ['full', 'docs'], properties=[BuildslaveChoiceParameter()])]
"""


class ChoosingCase(ForceCase):
    """Two slaves, and a builder with functions of its own."""

    config = FORM

    def use(self, **functions: str) -> None:
        """Give functions to the builder full, by a reconfig."""
        self.write(
            LONG
            + FORM
            + "import sys\nfrom twisted.internet.defer import Deferred\nasync def wait():\n    return None\n"
            + "".join(f"c['builders'][0][{name!r}] = {text}\n" for name, text in functions.items())
        )
        self.assertTrue(self.reconfig()["applied"])

    def slavesOf(self, builder: str = "full") -> dict[str, list[int | None]]:
        """The running builds of a builder: slave -> the requests of its build."""
        building = self.master.botmaster.builders[builder].building
        return {build.getSlaveName(): [each.id for each in build.requests] for build in building}

    def why(self) -> str:
        """The reason why the builder full waits."""
        return self.master.botmaster.builders["full"].whyWaiting()

    def wanted(self, *revisions: str, **more: Any) -> list[int]:
        """Force builds of the builder full, of different revisions, and return the requests."""
        return [
            self.successResultOf(self.asking(scheduler="form", who="ann", revision=each, **more))["request"]
            for each in revisions
        ]

    def end(self, slave: Any) -> None:
        """End the command on a slave."""
        slave.commands.pop(0).end(0)
        self.wait(1)


class NextBuildTests(ChoosingCase):
    """C{nextBuild}."""

    def test_newest(self) -> None:
        """The function chooses the request, build after build, and a reconfig ends that."""
        self.use(nextBuild="lambda builder, requests: requests[-1]")
        one, two, three, four = self.wanted("1", "2", "3", "4")
        bot = self.connect()
        self.assertEqual(self.slavesOf(), {"bot1": [four]})
        self.end(bot)
        self.assertEqual(self.slavesOf(), {"bot1": [three]})
        self.assertEqual(self.reconfig()["changes"], [])
        self.write(LONG + FORM)
        self.assertEqual(self.reconfig()["changes"], ["~ builder full: nextBuild"])
        self.end(bot)
        self.assertEqual(self.slavesOf(), {"bot1": [one]})
        self.end(bot)
        self.assertEqual(self.slavesOf(), {"bot1": [two]})

    def test_submittedAt(self) -> None:
        """The function may compare the times of the requests, as in 0.8."""
        self.use(nextBuild="lambda builder, requests: max(requests, key=lambda each: each.submittedAt)")
        _, two = self.wanted("1", "2")
        self.connect()
        self.assertEqual(self.slavesOf(), {"bot1": [two]})

    def test_merged(self) -> None:
        """Requests that may share the build of the chosen one do so."""
        self.use(nextBuild="lambda builder, requests: requests[1]")
        _, two, three = self.wanted("1", "2", "2")
        self.connect()
        self.assertEqual(self.slavesOf(), {"bot1": [two, three]})

    def test_asksTheMaster(self) -> None:
        """The function may ask the master of its builder, as in 0.8, whether a slave can start a build."""
        slaves = "builder.master.botmaster.slaves.values()"
        names = "builder.master.getStatus().getBuilder(builder.name).slavenames"
        self.use(
            nextBuild=f"lambda builder, requests: requests[-1] if {names} and any(each.canStartBuild()"
            f" for each in {slaves}) else None"
        )
        _, two = self.wanted("1", "2")
        self.connect()
        self.assertEqual(self.slavesOf(), {"bot1": [two]})

    def test_none(self) -> None:
        """If it chooses none, no build starts, and the status has the reason."""
        self.use(nextBuild="lambda builder, requests: None")
        self.connect()
        self.wanted("1")
        self.assertEqual(
            (self.slavesOf(), self.why()), ({}, "nextBuild of the configuration chooses no request")
        )
        self.use(nextBuild="lambda builder, requests: requests[0]")
        self.assertEqual(list(self.slavesOf()), ["bot1"])


class NextSlaveTests(ChoosingCase):
    """C{nextSlave}."""

    def setUp(self) -> None:
        super().setUp()
        self.connect()
        self.connect(name="bot2")

    def test_chosen(self) -> None:
        """The function chooses the slave, with the request if it takes one."""
        for function in (
            "lambda builder, slaves: max(slaves, key=lambda each: each.slave.slavename)",
            "lambda builder, slaves, request: slaves[-1] if request.reason else None",
            "lambda builder, slaves: [each for each in slaves if not each.isBusy()][1]",
        ):
            self.use(nextSlave=function)
            self.wanted("1")
            self.assertEqual(list(self.slavesOf()), ["bot2"])
            self.end(self.slaves[1])

    def test_none(self) -> None:
        """If it chooses none, no build starts, and the status has the reason."""
        self.use(nextSlave="lambda builder, slaves: None")
        self.wanted("1")
        self.assertEqual(
            (self.slavesOf(), self.why()), ({}, "nextSlave of the configuration chooses no slave")
        )

    def test_leastBusy(self) -> None:
        """The function may count the builds of each slave, of all builders, as in 0.8."""
        self.write(
            LONG
            + FORM
            + """
from collections import Counter

def leastBusy(builder, slaves):
    parts = [(each, part) for each in slaves for part in each.slave.slavebuilders.values()]
    running = Counter([each for each, part in parts if part.isBusy()])
    return min(slaves, key=lambda each: (running[each], each.slave.slavename))

c['builders'][0]['nextSlave'] = leastBusy
"""
        )
        self.assertTrue(self.reconfig()["applied"])
        self.successResultOf(self.asking(builder="docs", scheduler="form", who="ann"))
        ofDocs = self.slavesOf("docs")
        self.wanted("1")
        self.assertEqual({*ofDocs, *self.slavesOf()}, {"bot1", "bot2"})
        self.assertEqual(sorted(self.master.botmaster.slaves["bot1"].slavebuilders), ["docs", "full"])


class SlaveEnvironTests(ChoosingCase):
    """What a slave tells of itself."""

    def test_rendered(self) -> None:
        """A step may use a variable of the slave's environment, with a function of 0.8."""
        self.write(
            LONG
            + FORM
            + """
from buildbot.process.properties import renderer

@renderer
def home(props):
    return props.getBuild().slavebuilder.slave.slave_environ.get('HOME')

c['builders'][0]['factory'].addStep(ShellCommand(command=['echo', home], env={'AT': home}))
"""
        )
        self.assertTrue(self.reconfig()["applied"])
        told = {b"environ": {b"HOME": b"/home/bot", b"PATH": b"/bin"}, b"system": b"posix", b"basedir": b"/s"}
        bot = self.connect(info=told)
        self.force(reason="x")
        self.end(bot)
        (command,) = bot.commands
        self.assertEqual(command.args[b"command"], [b"echo", b"/home/bot"])
        self.assertEqual(command.args[b"env"], {b"AT": b"/home/bot"})
        slave = self.master.botmaster.slaves["bot1"]
        self.assertEqual((slave.slave_system, slave.slave_basedir), ("posix", "/s"))


class CanStartBuildTests(ChoosingCase):
    """C{canStartBuild}, and a person who chooses the slave."""

    def test_chosenSlave(self) -> None:
        """A request waits for its slave; others need not wait behind it. So it is after a restart."""
        self.use(canStartBuild="enforceChosenSlave")
        self.connect()
        (one,) = self.wanted("1", params={"slavename": "bot2"})
        (two,) = self.wanted("2")
        self.assertEqual(self.slavesOf(), {"bot1": [two]})
        self.end(self.slaves[0])
        self.assertEqual(self.why(), "canStartBuild of the configuration allows no build")
        self.restart()
        self.slaves.clear()
        self.connect()
        self.assertEqual(self.slavesOf(), {})
        self.connect(name="bot2")
        self.assertEqual(self.slavesOf(), {"bot2": [one]})

    def test_both(self) -> None:
        """With C{nextSlave}, too, a request waits for its slave, and others need not wait behind it."""
        self.use(
            canStartBuild="enforceChosenSlave",
            nextSlave="lambda builder, slaves: min(slaves, key=lambda each: each.slave.slavename)"
            " if len(slaves) > 1 else None",
        )
        self.connect()
        self.connect(name="bot2")
        (one,) = self.wanted("1", params={"slavename": "bot2"})
        self.assertEqual(self.slavesOf(), {})
        (two,) = self.wanted("2")
        self.assertEqual(self.slavesOf(), {"bot1": [two]})
        self.use(canStartBuild="enforceChosenSlave")
        self.assertEqual(self.slavesOf(), {"bot1": [two], "bot2": [one]})

    def test_otherSlave(self) -> None:
        """The slaves are asked one after the other."""
        self.use(canStartBuild="lambda builder, slave, request: slave.slave.slavename == 'bot2'")
        self.connect()
        self.connect(name="bot2")
        self.wanted("1")
        self.assertEqual(list(self.slavesOf()), ["bot2"])


class FailureTests(ChoosingCase):
    """A function that fails harms its own builder only."""

    def test_fails(self) -> None:
        """If it raises or returns nonsense, the builder waits and tells so; another builder builds."""
        self.connect()
        self.wanted("1")
        docs = 0
        for name, arguments in (
            ("nextBuild", "builder, requests"),
            ("nextSlave", "builder, slaves"),
            ("canStartBuild", "builder, slave, request"),
        ):
            for answer, kind in (
                ("1 / 0", ZeroDivisionError),
                ("Deferred()", TypeError),
                ("wait()", TypeError),
                ("sys.exit()", SystemExit),
                ("'bot1'", TypeError),
            ):
                if (name, answer) == ("canStartBuild", "'bot1'"):
                    continue  # every value is true or false
                if self.slavesOf():
                    self.end(self.slaves[0])
                self.use(**{name: f"lambda {arguments}: {answer}"})
                self.wanted("1")
                self.wanted("2")
                self.assertEqual(self.slavesOf(), {})
                self.assertEqual(self.why(), f"{name} of the configuration failed: see twistd.log")
                self.assertEqual(len(self.flushLoggedErrors(kind)), 1)
                self.wanted(str(docs), builder="docs")
                self.assertEqual(list(self.slavesOf("docs")), ["bot1"])
                self.end(self.slaves[0])
                docs += 1
        self.use()
        self.assertEqual(list(self.slavesOf()), ["bot1"])
