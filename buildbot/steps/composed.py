# -*- test-case-name: tests.unit.steps.test_composed -*-
"""The base class of steps that make their command from arguments of their own."""

from __future__ import annotations

from typing import Any

from buildbot.config.arguments import arguments, complain
from buildbot.process.kinds import COMMAND
from buildbot.steps.command import ShellCommand


def refuseCommand(step: object, kwargs: dict[str, Any]) -> None:
    """Report and remove the command of a step that makes its own; constructors call this."""
    command = kwargs.pop("command", None)
    if command is not None:
        complain(step, "makes its command from its other arguments, so take command= out", "command", command)


class ComposedCommand(ShellCommand):
    """I run one command, which L{commandLine} makes when I start."""

    @arguments(command=COMMAND)
    def __init__(self, **kwargs: Any) -> None:
        """@param kwargs: see L{ShellCommand}, without C{command}."""
        refuseCommand(self, kwargs)
        super().__init__(**kwargs)

    def commandLine(self) -> Any:
        """The command: a text, or a list. It may have properties in it."""
        raise NotImplementedError

    def start(self) -> Any:
        """See L{ShellCommand}."""
        self.setCommand(self.commandLine())
        return super().start()
