"""Steps that make their command from arguments of their own."""

from __future__ import annotations

from typing import Any

from buildbot.config.arguments import BadArguments
from buildbot.model.properties import WithProperties
from buildbot.steps.composed import ComposedCommand
from tests.stepping import StepCase


class Listing(ComposedCommand):
    """I list a directory."""

    def __init__(self, where: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.where = where

    def commandLine(self) -> Any:
        """See L{ComposedCommand}."""
        return ["ls", self.where]


class ComposedCommandTests(StepCase):
    """ComposedCommand."""

    def test_made(self) -> None:
        """The command is made at the start, and properties are filled in."""
        running = self.begin(Listing(WithProperties("of-%(buildername)s"), timeout=5))
        self.assertEqual(running.command.args["command"], ["ls", "of-full"])
        self.assertEqual(running.command.args["timeout"], 5)

    def test_noCommand(self) -> None:
        """A command that would be ignored is an error."""
        error = self.assertRaises(BadArguments, Listing, "x", command="y")
        self.assertIn("Listing makes its command from its other arguments", str(error))
