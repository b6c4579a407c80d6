"""Builds that trigger others: the source, the properties, the results, and what comes in between."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.changes.changes import Change
from buildbot.model.records import MOST_INTERRUPTIONS, BuildRecord, BuildsetRecord
from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, RETRY, SUCCESS, WARNINGS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.store.outbox import RETRY_AFTER
from tests.fakes import FakeCommand, FakeSlave
from tests.schedulers import TestStore
from tests.stories.world import World

CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.process.properties import Interpolate, Property, WithProperties
from buildbot.scheduler import Triggerable
from buildbot.schedulers.timed import NightlyTriggerable
from buildbot.steps.shell import ShellCommand
from buildbot.steps.trigger import Trigger

class Each(Trigger):
    "Triggers one scheduler for each name."
    def getSchedulersAndProperties(self):
        return [("u", {'name': each}) for each in self.build.getProperty("names").split()]

class Maybe(Trigger):
    "Triggers only for one branch."
    def start(self):
        if any(each.branch == "stable" for each in self.build.getAllSourceStamps()):
            return Trigger.start(self)
        self.step_status.setText(["another branch"])
        self.end(0)

class Own(Trigger):
    "Chooses by itself."
    async def getSchedulersAndProperties(self):
        return [("t", {'a': "own"}), {'sched_name': "u", 'props_to_set': self.set_properties}]
    def createTriggerProperties(self, properties):
        return {**properties, 'made': "yes"}

top = BuildFactory()
top.addStep(STEP)
top.addStep(ShellCommand(name='after', command=['after']))
below = BuildFactory()
below.addStep(ShellCommand(name='make', command=['make'], warnOnFailure=True))
c = BuildmasterConfig = {}
c['bots'] = [("bot1", "sekrit"), ("bot2", "sekrit")]
c['builders'] = [
    {'name': "top", 'slavename': "bot1", 'builddir': "top", 'factory': top},
    {'name': "linux", 'slavename': "bot2", 'builddir': "linux", 'factory': below},
    {'name': "mac", 'slavename': "bot2", 'builddir': "mac", 'factory': below},
]
c['schedulers'] = [
    Triggerable("t", ["linux", "mac"], properties={'a': "scheduler", 'b': "scheduler"}),
    Triggerable("u", ["linux"]),
    NightlyTriggerable("n", ["linux"]),
]
c['slavePortnum'] = 9989
"""


class TriggerCase(World):
    """A builder with a step that triggers, and two others, whose builds end when the test says so."""

    def begin(self, arguments: str, step: str = "Trigger", connect: bool = True) -> None:
        """Start the master with a step with these arguments, and the slaves."""
        self.write(CONFIG.replace("STEP", f"{step}({arguments})"))
        self.successResultOf(self.start())
        self.commands: dict[str, FakeCommand] = {}
        if connect:
            self.top = self.attach("bot1")
            self.attach("bot2")

    def attach(self, name: str) -> FakeSlave:
        """Connect a slave. The step after the trigger succeeds at once; other commands go to C{commands}."""

        def command(given: FakeCommand) -> None:
            if given.args[b"command"] == [b"after"]:
                given.end(0)
            else:
                self.commands[given.builder.decode()] = given  # type: ignore[attr-defined]  # bytes of 0.7

        return self.connect("0.7.12", name=name, onCommand=command)

    def submit(self, builder: str = "top", source: SourceStamp | None = None, **properties: Any) -> BuildSet:
        """Request a build."""
        buildset = BuildSet(
            [builder], source or SourceStamp("stable", "r1"), "by hand", properties=properties
        )
        self.successResultOf(ensureDeferred(self.master.submitBuildSet(buildset)))
        self.settle()
        return buildset

    def builds(self, name: str = "top") -> list[BuildRecord]:
        """The builds of a builder from the store, oldest first."""
        return self.successResultOf(self.store.getBuilds(name))[::-1]

    def sets(self, scheduler: str = "t") -> list[BuildsetRecord]:
        """The sets of a scheduler."""
        return self.successResultOf(self.store.getBuildsetsOf(scheduler))

    def keys(self) -> dict[str, Any]:
        """The keys of triggered sets."""
        return self.successResultOf(self.store.getStates("trigger/"))

    def running(self, name: str = "top") -> list[Any]:
        """The running builds of a builder."""
        return self.master.botmaster.builders[name].building

    def end(self, *statuses: int) -> None:
        """End the running builds below with these exit statuses."""
        for name, status in zip(("linux", "mac"), statuses, strict=False):
            self.commands.pop(name).end(status)
        self.settle()

    def result(self, name: str = "top") -> int | None:
        """The result of the only build of a builder."""
        (build,) = self.builds(name)
        return build.results

    def log(self) -> str:
        """The log of the step of the only build."""
        (build,) = self.builds()
        log = build.steps[0].logs[0]
        with open(f"{self.basedir}/logs/{log.filename}", "rb") as stream:
            return stream.read().decode("utf-8", "replace")


class WaitTests(TriggerCase):
    """A step that waits, or does not."""

    def test_noWait(self) -> None:
        """Without waitForFinish the build goes on at once; the triggered builds run on their own."""
        self.begin("schedulerNames=['t', 'u']")
        self.submit()
        (build,) = self.builds()
        self.assertEqual(build.results, SUCCESS)
        self.assertEqual(build.steps[0].text, ("triggered", "t", "u"))
        self.assertEqual([len(self.sets(name)) for name in "tu"], [1, 1])
        self.assertIn("scheduler t: build set 2", self.log())
        self.end(1, 1)
        self.assertEqual([self.result("mac"), self.result()], [FAILURE, SUCCESS])

    def test_success(self) -> None:
        """With waitForFinish the build goes on when all triggered builds have ended."""
        self.begin("schedulerNames=['t'], waitForFinish=True")
        self.submit()
        (running,) = self.running()
        self.assertEqual(running.build_status.note, "waiting for the builds of t")
        self.assertEqual(running.build_status.steps[0].getText(), ["waiting for", "t"])
        self.assertTrue(self.builds()[0].waits)
        self.end(0)
        self.assertIsNone(self.result())
        self.commands["mac"].end(0)
        self.settle()
        (build,) = self.builds()
        self.assertEqual((build.results, build.waits), (SUCCESS, False))
        self.assertEqual(build.steps[0].text, ("triggered", "t"))
        for line in ("build set 2: linux/0: success", "build set 2: mac/0: success"):
            self.assertIn(line, self.log())

    def test_links(self) -> None:
        """The step links the pages of the triggered builds, if C{c['buildbotURL']} says where they are."""
        self.begin("schedulerNames=['t'], waitForFinish=True")
        self.edit("c['slavePortnum']", "c['buildbotURL'] = 'http://ci/b/'\nc['slavePortnum']")
        self.assertTrue(self.reconfig()["applied"])
        self.submit()
        self.end(0, 1)
        urls = {f"{name} #0": f"http://ci/b/builders/{name}/builds/0" for name in ("linux", "mac")}
        self.assertEqual(self.builds()[0].steps[0].urls, urls)

    def test_failure(self) -> None:
        """The failure of one triggered build is that of the step; its flags decide the rest."""
        self.begin("schedulerNames=['t'], waitForFinish=True, haltOnFailure=True")
        self.submit()
        self.end(0, 1)
        (build,) = self.builds()
        self.assertEqual((build.results, build.text), (FAILURE, ("failed", "trigger")))
        self.assertEqual([step.results for step in build.steps], [FAILURE])
        self.assertEqual(build.steps[0].text, ("triggered", "t", "failed: mac/0"))
        self.assertIn("build set 2: mac/0: failure", self.log())

    def test_flags(self) -> None:
        """A step whose failure is only a warning lets the build go on."""
        self.begin("schedulerNames=['t'], waitForFinish=True, flunkOnFailure=False, warnOnFailure=True")
        self.submit()
        self.end(0, 1)
        (build,) = self.builds()
        self.assertEqual(build.results, WARNINGS)
        self.assertEqual([step.results for step in build.steps], [FAILURE, SUCCESS])

    def test_cancelled(self) -> None:
        """A cancelled request counts as a failure of the step."""
        self.begin("schedulerNames=['t'], waitForFinish=True")
        self.master.botmaster.slaves["bot2"].disconnect("test")
        self.settle()
        self.submit()
        for name in ("linux", "mac"):
            builder = self.master.botmaster.builders[name]
            builder.cancelPending(list(builder.pending))
        self.settle()
        self.assertEqual([record.results for record in self.sets()], [CANCELLED])
        self.assertEqual(self.result(), FAILURE)

    def test_stopped(self) -> None:
        """A build that is stopped does not wait any longer; the triggered builds run on."""
        self.begin("schedulerNames=['t'], waitForFinish=True")
        listeners = len(list(self.master.botmaster.events.listeners))
        self.submit()
        self.running()[0].stopBuild("enough")
        self.settle()
        (build,) = self.builds()
        self.assertEqual(
            (build.results, build.text, build.waits), (FAILURE, ("interrupted", "enough"), False)
        )
        self.assertEqual(build.steps[0].text, ("trigger", "interrupted"))
        self.assertEqual([step.results for step in build.steps], [EXCEPTION])
        self.assertEqual(len(list(self.master.botmaster.events.listeners)), listeners)
        self.end(0, 0)
        self.assertEqual(self.result("mac"), SUCCESS)

    def test_later(self) -> None:
        """No step waits for a scheduler that builds at its times."""
        self.begin("schedulerNames=['n'], waitForFinish=True")
        self.submit()
        self.assertEqual(self.builds()[0].steps[0].text, ("triggered", "n"))
        self.assertEqual((self.result(), self.sets("n")), (SUCCESS, []))
        self.assertIn("scheduler n: builds at its next time", self.log())
        self.wait(3600)
        self.assertEqual([record.sourcestamp["branch"] for record in self.sets("n")], ["stable"])

    def test_unknown(self) -> None:
        """A scheduler that is named by a property, and does not exist, fails the step, which says so. No
        other one is triggered.
        """
        self.begin("schedulerNames=['t', WithProperties('%(which)s')], waitForFinish=True")
        self.submit(which="nobody")
        self.assertEqual(self.sets(), [])
        (build,) = self.builds()
        self.assertEqual((build.results, build.steps[0].results), (FAILURE, FAILURE))
        self.assertIn("there is no scheduler 'nobody'", build.steps[0].text[1])
        self.assertIn("there is no scheduler 'nobody'", self.log())


class SourceTests(TriggerCase):
    """The source of the triggered builds."""

    def triggered(self, step: str = "", source: SourceStamp | None = None, **properties: Any) -> SourceStamp:
        """The source that is triggered by a step with these arguments."""
        self.begin(f"schedulerNames=['u'], {step}")
        self.submit(source=source, **properties)
        (record,) = self.sets("u")
        return SourceStamp.fromRecord(record.sourcestamp)

    def test_same(self) -> None:
        """It is that of the build, with its changes and its patch."""
        change = Change("ann", ["a.c"], "c", revision="r3")
        source = SourceStamp(None, None, (1, "diff"), [change])
        found = self.triggered(source=source)
        self.assertEqual((found.patch, found.revision), ((1, "diff"), None))
        self.assertEqual([each.revision for each in found.changes], ["r3"])

    def test_gotRevision(self) -> None:
        """It has the revision that the slave has found."""
        found = self.triggered(source=SourceStamp("stable"), got_revision="r99")
        self.assertEqual((found.branch, found.revision), ("stable", "r99"))

    def test_unsafe(self) -> None:
        """A revision that another slave could take for an option is not passed on."""
        self.assertIsNone(self.triggered(source=SourceStamp("stable"), got_revision="--config=x").revision)

    def test_notUpdated(self) -> None:
        """With updateSourceStamp=False it has not."""
        found = self.triggered("updateSourceStamp=False", SourceStamp("stable"), got_revision="r99")
        self.assertIsNone(found.revision)

    def test_latest(self) -> None:
        """With alwaysUseLatest it is the latest revision of the branch, at the same place."""
        source = SourceStamp("stable", "r1", (1, "diff"), repository="git://x", project="p", codebase="c")
        found = self.triggered("alwaysUseLatest=True", source, got_revision="r99")
        self.assertEqual(found, SourceStamp("stable", repository="git://x", project="p", codebase="c"))

    def test_given(self) -> None:
        """With sourceStamp it is the given one, with properties filled in."""
        given = "{'branch': 'x', 'revision': Property('rev'), 'repository': 'git://y', 'patch_body': 'd'}"
        found = self.triggered(f"sourceStamp={given}", rev="r5")
        self.assertEqual(found, SourceStamp("x", "r5", (0, "d"), repository="git://y"))

    def test_givenList(self) -> None:
        """sourceStamps is a list of it."""
        self.assertEqual(self.triggered("sourceStamps=[{'branch': 'x'}]"), SourceStamp("x"))

    def both(self, *revisions: str | None) -> SourceStamp:
        """A source with these revisions of two codebases."""
        stamps = [
            SourceStamp("stable", each, codebase=name)
            for name, each in zip(("app", "lib"), revisions, strict=True)
        ]
        return SourceStamp.together(stamps)

    def test_severalFound(self) -> None:
        """Of several codebases, each has the revision that the slave has found for it."""
        got = {"app": "a9", "lib": "--config=x", "doc": "d9"}
        self.assertEqual(
            self.triggered(source=self.both(None, "l1"), got_revision=got), self.both("a9", "l1")
        )

    def test_severalLatest(self) -> None:
        """With alwaysUseLatest, each codebase is the latest of its branch."""
        found = self.triggered("alwaysUseLatest=True", self.both("a1", "l1"), got_revision={"app": "a9"})
        self.assertEqual(found, self.both(None, None))

    def test_severalGiven(self) -> None:
        """sourceStamps has one dictionary for each codebase; a property may be the name."""
        said = ["{'codebase': 'app', 'branch': 'stable'}", "{'codebase': Property('p'), 'branch': 'stable'}"]
        self.assertEqual(self.triggered(f"sourceStamps=[{', '.join(said)}]", p="lib"), self.both(None, None))

    def test_givenTwice(self) -> None:
        """If a build fills in one name twice, the step fails, and triggers nothing."""
        self.begin("schedulerNames=['u'], sourceStamps=[{'codebase': 'a'}, {'codebase': Property('p')}]")
        self.submit(p="a")
        (build,) = self.builds()
        self.assertEqual((build.results, self.sets("u")), (FAILURE, []))
        self.assertIn("two of sourceStamps have the codebase 'a'", build.steps[0].text[1])


class PropertyTests(TriggerCase):
    """The properties of the triggered builds."""

    def test_properties(self) -> None:
        """Those of the step count more than those of the scheduler; missing ones are not copied."""
        self.begin(
            "schedulerNames=['t'], set_properties={'a': Interpolate('%(prop:x)s-%(prop:y)s'), 'n': 7},"
            " copy_properties=['x', 'missing']"
        )
        self.submit(x="1", y="2")
        (record,) = self.sets()
        self.assertEqual(record.properties, {"a": "1-2", "b": "scheduler", "n": 7, "x": "1"})
        (build,) = self.running("linux")
        self.assertEqual(build.getProperty("a"), "1-2")

    def test_long(self) -> None:
        """A property that is too long, as a slave may set it, fails the step."""
        self.begin("schedulerNames=['u'], copy_properties=['x']")
        self.submit(x="y" * 70000)
        (build,) = self.builds()
        self.assertEqual((build.results, self.sets("u")), (FAILURE, []))
        self.assertIn("property 'x' is longer than 65536 characters", build.steps[0].text[1])

    def test_names(self) -> None:
        """A property may have the name of the scheduler, or a list of names."""
        self.begin("schedulerNames=Property('names')")
        self.submit(names="u")
        self.submit(names=["u", "t"])
        self.assertEqual([len(self.sets(name)) for name in "ut"], [2, 1])

    def test_own(self) -> None:
        """A subclass may choose the schedulers and their properties."""
        given = "schedulerNames=['any'], set_properties={'c': Property('x')}, waitForFinish=True"
        self.begin(given, "Own")
        self.submit(x="1")
        self.assertEqual(self.sets()[0].properties, {"a": "own", "b": "scheduler", "made": "yes"})
        self.assertEqual(self.sets("u")[0].properties, {"c": "1", "made": "yes"})

    def test_ownStart(self) -> None:
        """A subclass of 0.8 overrides start(): it triggers by that of Trigger, or ends by itself."""
        self.begin("schedulerNames=['t']", "Maybe")
        self.submit(source=SourceStamp("other"))
        self.assertEqual((self.sets(), self.builds()[0].results), ([], SUCCESS))
        self.submit()
        self.assertEqual((len(self.sets()), self.builds()[1].results), (1, SUCCESS))


class OnceTests(TriggerCase):
    """Each scheduler is triggered once for each request."""

    STEP = "schedulerNames=['t'], waitForFinish=True"

    def test_slaveLost(self) -> None:
        """A build that starts again after the loss of its slave waits for the builds that it has triggered
        before, also those that have ended meanwhile.
        """
        self.begin(self.STEP)
        self.submit()
        self.top.broker.transport.loseConnection()
        self.settle()
        self.end(0, 1)
        self.attach("bot1")
        first, second = self.builds()
        self.assertEqual([first.results, second.results], [RETRY, FAILURE])
        self.assertEqual(len(self.sets()), 1)

    def test_restart(self) -> None:
        """So does a build after a restart of the master; the waiting ones end before it."""
        self.begin(self.STEP)
        self.submit()
        self.commands["linux"].end(0)
        self.settle()
        self.stop()
        self.successResultOf(self.start())
        self.attach("bot1")
        self.attach("bot2")
        self.assertEqual(self.running()[0].build_status.note, "waiting for the builds of t")
        self.commands["mac"].end(0)
        self.settle()
        self.assertEqual([build.results for build in self.builds()], [RETRY, SUCCESS])
        self.assertEqual(len(self.sets()), 1)
        self.assertEqual([build.results for build in self.builds("linux")], [SUCCESS])

    def test_merged(self) -> None:
        """A build of two requests triggers once, and each of the two remembers it."""
        self.begin(self.STEP, connect=False)
        self.commands = {}
        numbers = [self.submit().requests[0].id for _ in range(2)]
        self.top = self.attach("bot1")
        self.attach("bot2")
        self.assertEqual(len(self.builds()), 1)
        (record,) = self.sets()
        self.assertEqual(self.keys(), {f"trigger/{number}/trigger/t/0": record.id for number in numbers})

    def test_another(self) -> None:
        """A request that comes to the build later triggers for itself; the build waits for both sets."""
        self.begin(self.STEP)
        self.submit()
        self.top.broker.transport.loseConnection()
        self.settle()
        self.submit()
        self.attach("bot1")
        self.assertEqual(len(self.builds()), 2)
        self.assertEqual(len(self.sets()), 2)
        self.end(0, 0)
        self.assertIsNone(self.builds()[-1].results)
        self.end(0, 0)
        self.assertEqual(self.builds()[-1].results, SUCCESS)
        self.assertEqual(sorted(self.keys().values()), [record.id for record in self.sets()])

    def test_sameName(self) -> None:
        """Two steps of one name trigger twice."""
        self.begin("schedulerNames=['u']))\ntop.addStep(Trigger(schedulerNames=['u']")
        self.submit()
        self.assertEqual(len(self.sets("u")), 2)

    def test_several(self) -> None:
        """A subclass may trigger one scheduler several times, also when its build starts again."""
        self.begin("schedulerNames=['u'], waitForFinish=True", "Each")
        self.submit(names="a b c")
        self.top.broker.transport.loseConnection()
        self.settle()
        self.attach("bot1")
        self.assertEqual([record.properties["name"] for record in self.sets("u")], ["a", "b", "c"])
        for _ in "abc":
            self.assertIsNone(self.builds()[-1].results)
            self.end(0)
        self.assertEqual(self.builds()[-1].results, SUCCESS)

    def test_lastAttempt(self) -> None:
        """A build on its last attempt may wait for another one that is on its last attempt, too."""
        self.get = self.successResultOf
        self.get(self.store.open())
        for builder, keys in (("top", ()), ("linux", ("trigger/1/trigger/u/0",))):
            record = BuildsetRecord(0, "r", SourceStamp().toRecord(), 1.0, {}, scheduler="u")
            _, (request,) = self.get(self.store.addBuildset(record, [builder], None, keys))
            for _ in range(MOST_INTERRUPTIONS - 1):
                self.get(self.store.startBuild(BuildRecord(builder, None, "bot1", (request.id,), 1.0)))
                self.get(self.store.interrupted(2.0))
        self.begin("schedulerNames=['u'], waitForFinish=True")
        self.end(0)
        self.assertEqual([self.builds(name)[-1].results for name in ("top", "linux")], [SUCCESS, SUCCESS])
        self.assertEqual(len(self.sets("u")), 2)


class TroubleTests(TriggerCase):
    """The store fails, or a reconfig comes, while a step triggers."""

    store: TestStore

    def setUp(self) -> None:
        super().setUp()
        self.store = TestStore()

    def beginFull(self) -> None:
        """The disk is full when the step begins."""
        step = "ShellCommand(name='before', command=['before']))\ntop.addStep(Trigger"
        self.begin("schedulerNames=['t'], waitForFinish=True", step)
        self.submit()
        self.store.full = True
        self.commands.pop("top").end(0)
        self.settle()

    def room(self) -> None:
        """The disk has room again."""
        self.store.full = False
        self.wait(2 * int(RETRY_AFTER) + 2)

    def test_full(self) -> None:
        """The step waits until the set is stored, and triggers once."""
        self.beginFull()
        self.wait(30)
        self.room()
        self.assertEqual(len(self.sets()), 1)
        self.end(0, 0)
        self.assertEqual(self.result(), SUCCESS)

    def test_stopped(self) -> None:
        """A build can be stopped meanwhile."""
        self.beginFull()
        self.running()[0].stopBuild("enough")
        self.settle()
        self.assertEqual(self.running(), [])
        # What comes of the trigger is of no interest any more.
        self.store.full = False
        self.edit('    Triggerable("t"', '    Triggerable("v"')
        self.edit("schedulerNames=['t']", "schedulerNames=['v']")
        self.assertTrue(self.reconfig()["applied"])
        self.room()
        self.assertEqual((self.result(), self.sets()), (FAILURE, []))

    def test_exchanged(self) -> None:
        """If a reconfig exchanges the scheduler, the new one is triggered, once."""
        self.beginFull()
        self.wait(1)
        self.store.full = False  # the next attempt comes later
        self.edit("'b': \"scheduler\"", "'b': \"other\"")
        self.assertTrue(self.reconfig()["applied"])
        self.room()
        self.assertEqual([record.properties["b"] for record in self.sets()], ["other"])
        self.end(0, 0)
        self.assertEqual(self.result(), SUCCESS)

    def test_removed(self) -> None:
        """If a reconfig removes it, the step fails, and says so."""
        self.beginFull()
        self.wait(1)
        self.store.full = False
        self.edit('    Triggerable("t"', '    Triggerable("v"')
        self.edit("schedulerNames=['t']", "schedulerNames=['v']")
        self.assertTrue(self.reconfig()["applied"])
        self.room()
        self.assertEqual((self.result(), self.sets()), (FAILURE, []))
        (build,) = self.builds()
        self.assertIn("there is no scheduler 't'", build.steps[1].text[1])

    def test_removedLater(self) -> None:
        """A step that has triggered a scheduler waits for its builds, also after the scheduler is removed."""
        self.begin("schedulerNames=['t'], waitForFinish=True")
        self.submit()
        self.edit('    Triggerable("t"', '    Triggerable("v"')
        self.edit("schedulerNames=['t']", "schedulerNames=['v']")
        self.assertTrue(self.reconfig()["applied"])
        self.end(0, 1)
        self.assertEqual(self.result(), FAILURE)
