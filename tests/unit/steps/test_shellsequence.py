"""Several commands in one step."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from buildbot.config.arguments import BadArguments
from buildbot.model.interpolate import Property, renderer
from buildbot.model.properties import WithProperties
from buildbot.model.results import EXCEPTION, FAILURE, RETRY, SUCCESS, WARNINGS
from buildbot.plugins import steps, util
from buildbot.steps.shellsequence import ShellArg, ShellSequence
from tests.stepping import Running, StepCase


class ShellSequenceTests(StepCase):
    """The commands run in order, and their results add up."""

    def ended(self, *commands: ShellArg, rcs: tuple[int, ...] = (), **kw: Any) -> Running:
        """A sequence whose commands end with these statuses."""
        running = self.begin(ShellSequence(list(commands), **kw))
        for rc in rcs:
            running.command.end(rc, stdout=f"{rc}\n".encode())
        return running

    def test_order(self) -> None:
        """Each command runs after the one before, with the arguments of the step; a log can be shared."""
        one = ShellArg(["make", WithProperties("%(branch)s")])
        running = self.begin(ShellSequence([one, ShellArg("check", logname="check")], env={"A": "b"}))
        args = running.command.args
        self.assertEqual((args["command"], args["env"]), (["make", "trunk"], {"A": "b"}))
        self.assertEqual(running.step.getText(), ["'make", "trunk'"])
        running.command.end(stdout=b"made\n")
        self.assertEqual((running.command.args["command"], running.result), ("check", None))
        running.command.end(stdout=b"checked\n")
        self.assertEqual((running.result, running.logs()), (SUCCESS, ["stdio", "check"]))
        self.assertEqual(running.log("stdio"), "made\nexit code 0\n")
        self.assertEqual(running.log("check"), "checked\nexit code 0\n")
        self.assertEqual(running.step.getText(), ["'check'"])

    def test_results(self) -> None:
        """The flags of a command decide what its failure means for the step."""
        last = ShellArg("last")
        kinds: list[tuple[dict[str, Any], tuple[int, ...], int]] = [
            ({}, (1, 0), SUCCESS),
            ({"warnOnFailure": True}, (1, 0), WARNINGS),
            ({"flunkOnFailure": True}, (1, 0), FAILURE),
            ({"haltOnFailure": True}, (1,), FAILURE),
        ]
        for flags, rcs, results in kinds:
            running = self.ended(ShellArg("first", **flags), last, rcs=rcs)
            self.assertEqual((running.result, len(running.sent)), (results, len(rcs)), flags)
        running = self.ended(ShellArg("x", warnOnWarnings=True), rcs=(3,), decodeRC={3: WARNINGS})
        self.assertEqual(running.result, WARNINGS)
        self.assertEqual(running.step.getText(), ["'x'", "warnings"])

    def test_leftOut(self) -> None:
        """A subclass may leave commands out; an empty one does not run; without any the step succeeds."""

        class Some(ShellSequence):
            def shouldRunTheCommand(self, command: Any) -> bool:
                return bool(command != "no")

        running = self.begin(Some([ShellArg("no"), ShellArg("yes")]))
        self.assertEqual(running.command.args["command"], "yes")
        running = self.ended(ShellArg(Property("no such")))
        self.assertEqual((running.result, running.sent), (SUCCESS, []))
        self.assertEqual(running.step.getText(), ["shell_sequence", "nothing to run"])

    def test_rendered(self) -> None:
        """The list itself may come from a function of the properties."""
        commands = renderer(lambda told: [ShellArg(f"make {told['branch']}")])
        self.assertEqual(self.begin(ShellSequence(commands)).command.args["command"], "make trunk")

    def test_logfiles(self) -> None:
        """A watched file has one log for all commands."""
        running = self.begin(ShellSequence([ShellArg("a"), ShellArg("b")], logfiles={"f": "f.log"}))
        for text in (b"one\n", b"two\n"):
            running.command.update(log=(b"f", text))
            running.command.end()
        self.assertEqual((running.logs(), running.log("f")), (["stdio", "f"], "one\ntwo\n"))
        self.assertTrue(all(log.isFinished() for log in running.step.getLogs()))

    def test_stopped(self) -> None:
        """A stopped build runs no further command."""
        running = self.ended(ShellArg("a"), ShellArg("b"))
        running.build.stopBuild("enough")
        running.command.end(-1)
        self.assertEqual((len(running.sent), running.result), (1, EXCEPTION))

    def test_lost(self) -> None:
        """A lost slave ends the sequence, and the build is tried again."""
        running = self.ended(ShellArg("a"), ShellArg("b"))
        running.build.lostRemote(Failure(ConnectionLost()))
        self.assertEqual((len(running.sent), running.build.results), (1, RETRY))

    def test_arguments(self) -> None:
        """Anything but a list of ShellArgs is refused; equal ones compare equal."""
        wrong: list[dict[str, Any]] = [{}, {"commands": "make"}, {"commands": ["make"]}]
        wrong.append({"commands": [ShellArg("a")], "command": "b"})
        for each in wrong:
            self.assertRaises(BadArguments, ShellSequence, **each)
        self.assertRaises(BadArguments, ShellArg, None)
        self.assertRaises(BadArguments, ShellArg, "a", logname=3)
        self.assertEqual(ShellSequence([ShellArg("a")]), ShellSequence([ShellArg("a")]))
        self.assertNotEqual(ShellSequence([ShellArg("a")]), ShellSequence([ShellArg("b")]))

    def test_plugins(self) -> None:
        """Files of 0.8.11 and later find both by the names of plug-ins."""
        self.assertIs(steps.ShellSequence, ShellSequence)
        self.assertIs(util.ShellArg, ShellArg)
