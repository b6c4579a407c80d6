"""The conditions of steps: doStepIf and hideStepIf."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial import unittest

from buildbot.config.arguments import BadArguments
from buildbot.interfaces import IProperties
from buildbot.model.interpolate import Interpolate, Property
from buildbot.model.properties import WithProperties
from buildbot.model.records import StepRecord
from buildbot.model.results import EXCEPTION, FAILURE, SKIPPED, SUCCESS
from buildbot.process.buildstep import BuildStep
from buildbot.process.locks import MasterLock
from buildbot.steps.shell import ShellCommand
from tests.stepping import Running, StepCase
from tests.unit.process.test_builds import BuildCase, shell


class Own(BuildStep):
    """A step that has its condition as a method."""

    def doStepIf(self, step: BuildStep) -> bool:
        """No."""
        return step is not self

    async def run(self) -> int:
        """Never called."""
        raise AssertionError


def dividing(*args: object) -> bool:
    """A condition of a site that raises."""
    return bool(1 / 0)


class Levelled(ShellCommand):
    """A step of a site of 0.8, with an attribute that has properties in it."""

    renderables = [*ShellCommand.renderables, "level"]
    more: Any = ()

    def __init__(self, level: Any = 1, **kwargs: Any) -> None:
        self.level = level
        ShellCommand.__init__(self, **kwargs)

    def start(self) -> None:
        """Use the level."""
        self.setCommand(["build", self.level, *self.more])
        ShellCommand.start(self)


class Named(Levelled):
    """One more attribute, named in a list of its own."""

    renderables = ["more"]

    def __init__(self, more: Any, **kwargs: Any) -> None:
        self.more = more
        Levelled.__init__(self, **kwargs)


class RenderablesTests(StepCase):
    """C{renderables} of a step, as in 0.8."""

    def test_rendered(self) -> None:
        """The attributes have the values of the build when start() is called, also those of a base class."""
        step = Named(more=[Property("branch")], level=WithProperties("l-%(branch)s"))
        running = self.begin(step)
        branch = running.build.getProperty("branch")
        self.assertEqual(running.command.args["command"], ["build", f"l-{branch}", branch])

    def test_eachBuild(self) -> None:
        """Each build renders anew: the step of the configuration keeps its value."""
        step = Levelled(level=WithProperties("%(branch)s"))
        self.begin(step)
        self.assertIsInstance(step.level, WithProperties)

    def test_missing(self) -> None:
        """A property that is not set makes the step an exception, and no command is sent."""
        running = self.begin(Levelled(level=WithProperties("%(nothing)s")))
        self.assertEqual((running.result, running.sent), (EXCEPTION, []))

    def test_skipped(self) -> None:
        """A step that is skipped renders nothing."""
        running = self.begin(Levelled(level=WithProperties("%(nothing)s"), doStepIf=False))
        self.assertEqual(running.result, SKIPPED)


class DoStepIfTests(StepCase):
    """A step runs only if its doStepIf is true."""

    def shell(self, condition: Any, **kw: Any) -> Running:
        """A shell step with this condition, started."""
        return self.begin(ShellCommand(command=["make", "all"], doStepIf=condition, **kw))

    def test_values(self) -> None:
        """The condition is a truth value, a function of the step, or a value with properties."""
        conditions: list[tuple[Any, bool]] = [
            *((True, True), (1, True), (False, False), (0, False)),
            *((lambda step: step.name == "shell", True), (lambda step: [], False)),
            *((Property("branch"), True), (Property("no such"), False)),
            *((WithProperties("%(no:-)s"), False), (Interpolate("%(prop:branch)s"), True)),
        ]
        for condition, isWanted in conditions:
            running = self.shell(condition)
            self.assertEqual(len(running.sent), int(isWanted), condition)
            if isWanted:
                running.command.end()
                self.assertEqual(running.result, SUCCESS)
            else:
                self.assertEqual(running.result, SKIPPED)
                self.assertEqual(running.step.getText(), ["'make", "all'", "skipped"])
                self.assertTrue(running.step.isSkipped())
                self.assertEqual((running.logs(), running.build.results), ([], SUCCESS))

    def test_method(self) -> None:
        """The condition of a class can be a method."""
        running = self.begin(Own())
        self.assertEqual((running.result, running.step.getText()), (SKIPPED, ["generic", "skipped"]))

    def test_waits(self) -> None:
        """The condition may be a coroutine, or return a Deferred."""
        answers: list[Deferred[bool]] = [Deferred(), Deferred()]

        async def condition(step: BuildStep) -> bool:
            return await answers[0]

        for answer, each in zip(answers, (condition, lambda step: answers[1]), strict=True):
            running = self.shell(each)
            self.assertEqual((running.sent, running.result), ([], None))
            answer.callback(False)
            self.assertEqual(running.result, SKIPPED)

    def test_unsetProperty(self) -> None:
        """In a condition, a property that is not set is None, as in the releases with conditions."""
        asked: list[Callable[[Any], Any]] = [
            lambda step: step.getProperty("no"),
            lambda step: step.getProperty("no", False),
            lambda step: step.hasProperty("no"),
            lambda step: step.build.getProperty("no", None),
            lambda step: step.build.getProperty("no"),
            lambda step: step.build.getProperties().getProperty("no"),
            lambda step: step.getProperties().has_key("no"),
            lambda step: "no" in step.build.getProperties().properties,
        ]
        for condition in asked:
            self.assertEqual(self.shell(condition).result, SKIPPED)
        asking = (lambda step: ("branch", "trunk", "build") in step.build.getProperties().asList(),)
        self.assertEqual(len(self.shell(*asking).sent), 1)
        running = self.shell(lambda step: step.getProperty("branch") == "trunk")
        self.assertRaises(KeyError, running.build.steps[0].getProperty, "no")
        self.assertEqual(len(running.sent), 1)

    def test_setProperty(self) -> None:
        """A step sets properties as those of 0.8 do, with the source and with what has no effect here."""
        step = self.shell(True).build.steps[0]
        step.setProperty("a", 1, "me", runtime=True)
        step.build.getProperties().setProperty("b", 2, "you", runtime=True)
        properties: Any = step.build.getProperties()
        told = [each for each in properties.asList() if each[0] in ("a", "b")]
        self.assertEqual(told, [("a", 1, "me"), ("b", 2, "you")])

    def test_adapted(self) -> None:
        """C{IProperties} of a step or a build are the properties of the build, as in 0.8."""
        step = self.shell(True).build.steps[0]
        for thing in (step, step.build):
            properties = IProperties(thing)
            self.assertEqual(
                (properties.getProperty("branch"), properties.getProperty("no")), ("trunk", None)
            )
            properties.setProperty("a", 1, "me")
        self.assertTrue(IProperties(step).hasProperty("a"))
        self.assertRaises(TypeError, IProperties, "text")

    def test_skippedCommand(self) -> None:
        """A step is skipped even if its command has a property that is not set."""
        running = self.begin(ShellCommand(command=WithProperties("make %(no)s"), doStepIf=False))
        self.assertEqual((running.result, running.step.getText()), (SKIPPED, ["shell", "skipped"]))

    def test_raises(self) -> None:
        """A condition that raises makes its step an exception, which says so."""
        running = self.shell(dividing)
        self.assertEqual((running.result, running.build.results), (EXCEPTION, EXCEPTION))
        self.assertEqual(running.step.getText(), ["shell", "exception", "in", "doStepIf"])
        said = running.log("err.text")
        self.assertTrue(said.startswith("doStepIf of this step raised ZeroDivisionError: division by zero\n"))
        self.assertIn("in dividing", said)

    def test_noProperty(self) -> None:
        """A condition in a text with a property that is not set is such an exception, too."""
        running = self.shell(WithProperties("%(no)s"))
        self.assertEqual(running.result, EXCEPTION)
        self.assertIn("there is no property 'no'", running.log("err.text"))

    def test_locks(self) -> None:
        """A step that never runs waits for no lock; one whose function is asked holds its locks."""
        for condition, wanted in ((False, 0), (lambda step: False, 1)):
            asked: list[Any] = []
            running = self.prepare(BuildStep(locks=[MasterLock("l")], doStepIf=condition))
            builder: Any = running.build.builder
            builder.realLocks = lambda locks, slavebuilder, asked=asked: asked.append(locks) or []
            self.assertEqual((running.begin().result, len(asked)), (SKIPPED, wanted))

    def test_stopped(self) -> None:
        """A step whose build is stopped while its condition waits does not run."""
        answer: Deferred[bool] = Deferred()
        running = self.shell(lambda step: answer)
        running.build.stopBuild("enough")
        answer.callback(True)
        self.assertEqual((running.sent, running.result), ([], EXCEPTION))
        self.assertEqual(running.build.text, ["interrupted", "enough"])


class HideStepIfTests(StepCase):
    """Pages hide a step if its hideStepIf is true."""

    def ended(self, condition: Any, rc: int = 0) -> Running:
        """A shell step with this condition, at its end."""
        running = self.begin(ShellCommand(command="make", hideStepIf=condition))
        running.command.end(rc)
        return running

    def test_values(self) -> None:
        """The condition is a truth value, a function of the result and the step, or a property."""
        conditions: list[tuple[Any, bool]] = [
            *((True, True), (False, False), (Property("branch"), True), (Property("no"), False)),
            *((lambda results, step: results == SUCCESS and step.name == "shell", True),),
            *((lambda results, step: results == SKIPPED, False),),
        ]
        for condition, isHidden in conditions:
            running = self.ended(condition)
            self.assertEqual((running.result, running.step.isHidden()), (SUCCESS, isHidden), condition)

    def test_results(self) -> None:
        """The function gets the result of the step, whatever it is."""
        got: list[int] = []

        def noting(results: int, step: BuildStep) -> None:
            got.append(results)

        self.ended(noting)
        self.ended(noting, rc=1)
        self.begin(ShellCommand(command="make", doStepIf=False, hideStepIf=noting))
        self.begin(ShellCommand(command="make", doStepIf=dividing, hideStepIf=noting))
        self.assertEqual(got, [SUCCESS, FAILURE, SKIPPED, EXCEPTION])

    def test_kept(self) -> None:
        """The record of a step tells whether pages hide it; records of earlier releases have no such note."""
        record = self.ended(True).step.toRecord()
        self.assertTrue(StepRecord.fromRecord(record.toRecord()).hidden)
        old = {"name": "shell", "started": 1.0}
        self.assertEqual((StepRecord.fromRecord(old).hidden, StepRecord.fromRecord(old).urls), (False, None))

    def test_raises(self) -> None:
        """A condition that raises makes its step an exception, which is shown."""
        running = self.ended(dividing)
        self.assertEqual((running.result, running.step.isHidden()), (EXCEPTION, False))
        self.assertEqual(running.step.getText(), ["shell", "exception", "in", "hideStepIf"])
        self.assertIn("ZeroDivisionError", running.log("err.text"))

    def test_stopped(self) -> None:
        """A build that is stopped does not wait for the condition of a step that has ended."""
        running = self.ended(lambda results, step: Deferred())
        self.assertFalse(running.build.finished)
        running.build.stopBuild("enough")
        self.assertEqual((running.build.finished, running.step.isHidden()), (True, False))


class ConditionsOfBuildsTests(BuildCase):
    """Conditions in whole builds."""

    def test_goesOn(self) -> None:
        """Skipped steps, and alwaysRun after a condition that raises, are as for any other step."""
        factory = shell("configure", doStepIf=False)
        factory.addStep(ShellCommand, command=["make"], doStepIf=dividing)
        factory.addStep(ShellCommand, command=["install"])
        factory.addStep(ShellCommand, command=["clean"], alwaysRun=True, hideStepIf=True)
        self.configure(factory)
        slave = self.green()
        self.force()
        self.force()
        self.assertEqual([command.args[b"command"] for command in slave.commands], [[b"clean"]] * 2)
        for build in self.builds():
            self.assertEqual([step.results for step in build.steps], [SKIPPED, EXCEPTION, SUCCESS])
            self.assertEqual([step.hidden for step in build.steps], [False, False, True])
            self.assertEqual(build.results, EXCEPTION)


class ArgumentTests(unittest.TestCase):
    """Conditions that no step can use are errors of the configuration."""

    def test_refused(self) -> None:
        """A text, None, and a function with other arguments are refused."""
        wrong: list[tuple[str, Any, str]] = [
            ("doStepIf", "yes", "not the text 'yes'"),
            ("doStepIf", None, "not None"),
            ("doStepIf", lambda results, step: True, "this one does not take 1 argument"),
            ("hideStepIf", lambda step: True, "this one does not take 2 arguments"),
            ("hideStepIf", 2, "not 2"),
        ]
        for name, value, why in wrong:
            with self.assertRaises(BadArguments) as caught:
                ShellCommand(command="make", **{name: value})
            self.assertIn(why, str(caught.exception))
