"""Steps that run on the master, with real commands."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from buildbot.model.interpolate import Interpolate, Property, renderer
from buildbot.model.properties import WithProperties
from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS
from buildbot.process.basestep import BuildStep
from buildbot.steps.master import MasterShellCommand, SetProperty
from tests.stepping import Running, StepCase


class MasterCase(StepCase):
    """Steps on the master, by the real clock."""

    async def ended(self, step: BuildStep, setUp: Any = lambda build: None) -> Running:
        """Run a step to its end."""
        running = self.prepare(step)
        running.clock = reactor  # type: ignore[assignment]
        running._remote.clock = reactor
        setUp(running.build)
        running.begin()
        while running.result is None:
            await _soon()
        return running


class CommandTests(MasterCase):
    """MasterShellCommand."""

    async def test_list(self) -> None:
        """A list of arguments runs in the directory of the master; its output is in the log."""
        code = "import os,sys; print(os.getcwd(), sys.argv[1:]); sys.stderr.write('hm\\n')"
        running = await self.ended(MasterShellCommand(command=["python3", "-c", code, "a b", "$HOME"]))
        self.assertEqual((running.result, running.step.getText()), (SUCCESS, ["Ran"]))
        log = running.log("stdio")
        self.assertIn(f"{self.basedir} ['a b', '$HOME']\n", log)
        self.assertIn("hm\n", log)
        self.assertTrue(log.endswith("exit status 0\n"))

    async def test_text(self) -> None:
        """A text is for a shell; its environment is that of the master, with changes."""
        self.patch(os, "environ", {**os.environ, "WHERE": "here", "AWAY": "1"})
        step = MasterShellCommand(
            command="echo $A:$B:$AWAY; exit 3",
            env={"A": "${WHERE}/x", "B": ["1", "2"], "AWAY": None},
            description="greeting",
        )
        running = await self.ended(step)
        self.assertEqual((running.result, running.step.getText()), (FAILURE, ["greeting", "failed"]))
        self.assertIn("\nhere/x:1:2:\nexit status 3\n", running.log("stdio"))

    async def test_missing(self) -> None:
        """A program that does not exist is a failure."""
        running = await self.ended(MasterShellCommand(command=["no-such-program"]))
        self.assertEqual(running.result, FAILURE)
        self.assertIn("No such file or directory", running.log("stdio"))

    async def test_path(self) -> None:
        """The working directory is relative to that of the master."""
        os.mkdir(os.path.join(self.basedir, "sub"))
        running = await self.ended(MasterShellCommand(command="pwd", path="sub"))
        self.assertIn(f"{self.basedir}/sub\n", running.log("stdio"))

    async def test_properties(self) -> None:
        """Properties are rendered in the arguments, whatever they are."""

        def setUp(build: Any) -> None:
            build.properties.setProperty("odd", "a; echo b", "slave bot1")

        step = MasterShellCommand(command=["echo", WithProperties("<%s>", "odd")])
        running = await self.ended(step, setUp)
        self.assertIn("\n<a; echo b>\n", running.log("stdio"))

    async def test_unsafe(self) -> None:
        """Nobody runs commands on the master by a property: the step fails, and says why."""

        def setUp(build: Any) -> None:
            build.properties.setProperty("odd", "a; echo b", "slave bot1")

        step = MasterShellCommand(command=WithProperties("echo '%s'", "odd"))
        running = await self.ended(step, setUp)
        self.assertEqual(running.result, FAILURE)
        why = "property 'odd' is 'a; echo b', which a shell would interpret: write the command as a list of"
        self.assertEqual(running.log("stdio"), f"{why} arguments\n")
        harmless = MasterShellCommand(command=WithProperties("echo '%s'", "branch"))
        running = await self.ended(harmless)
        self.assertIn("\ntrunk\n", running.log("stdio"))

    async def test_renderables(self) -> None:
        """A command may be any value with properties; what it becomes, a text or a list, is run."""

        def setUp(build: Any) -> None:
            build.properties.setProperty("words", ["echo", "a b"], "slave bot1")
            build.ofAll = {"ours": ["echo", "a b"]}

        for command, words in (
            (Interpolate("echo $((1+1)) %(prop:branch)s"), "\n2 trunk\n"),
            (Property("ours"), "\na b\n"),
            (renderer(lambda properties: ["echo", properties["branch"], "$HOME"]), "\ntrunk $HOME\n"),
        ):
            running = await self.ended(MasterShellCommand(command=command), setUp)
            self.assertEqual(running.result, SUCCESS)
            self.assertIn(words, running.log("stdio"))
        running = await self.ended(MasterShellCommand(command=Property("words")), setUp)
        self.assertEqual(running.result, FAILURE)
        self.assertIn("property 'words' is not from the configuration, so it", running.log("stdio"))

    async def test_forced(self) -> None:
        """Who forces a build runs no commands on the master by a parameter, whatever renders it."""

        def setUp(build: Any) -> None:
            (request,) = build.requests
            request.propertySource = "Force Build Form"
            request.properties.setProperty("reason", "$(touch evil)", request.propertySource)

        for command in (
            Interpolate("echo %(prop:reason)s"),
            WithProperties("echo %(reason)s"),
            renderer(lambda properties: f"echo {properties['reason']}"),
        ):
            running = await self.ended(MasterShellCommand(command=command), setUp)
            self.assertEqual(running.result, FAILURE)
            self.assertIn("which a shell would interpret", running.log("stdio"))
            self.assertEqual(os.path.exists(os.path.join(self.basedir, "evil")), False)

    async def test_secret(self) -> None:
        """An obfuscated argument is not in the log (S3)."""
        running = await self.ended(MasterShellCommand(command=["true", ("obfuscated", "s3cret", "XXX")]))
        log = running.log("stdio")
        self.assertEqual((running.result, "s3cret" in log, "true XXX\n" in log), (SUCCESS, False, True))

    async def test_stopped(self) -> None:
        """A stopped build ends the command."""
        running = self.prepare(MasterShellCommand(command="echo begun; sleep 600", interruptSignal="TERM"))
        running.clock = reactor  # type: ignore[assignment]
        running._remote.clock = reactor
        running.begin()
        while "\nbegun\n" not in running.log("stdio"):
            await _soon()
        running.build.stopBuild("enough")
        while running.result is None:
            await _soon()
        self.assertIn(running.result, (FAILURE, EXCEPTION))


class PropertyTests(MasterCase):
    """SetProperty."""

    async def test_set(self) -> None:
        """The value is made of other properties."""
        running = await self.ended(SetProperty(property="p", value=WithProperties("on %s", "branch")))
        self.assertEqual(running.build.getProperty("p"), "on trunk")
        self.assertEqual((running.result, running.step.getText()), (SUCCESS, ["property 'p' set"]))


def _soon() -> Deferred[None]:
    return deferLater(reactor, 0.01)
