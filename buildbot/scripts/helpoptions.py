# -*- test-case-name: tests.unit.scripts.test_completion -*-
"""The options of C{help} and C{completion}."""

from __future__ import annotations

from twisted.python import usage

from buildbot.scripts.arguments import CommandOptions, nearest

#: The shells that can complete.
SHELLS = ("bash", "zsh", "fish")


class _Plain(CommandOptions):
    """The base class of commands without a directory."""

    optFlags = [
        ["help", "h", "Display this help and exit."],
        ["quiet", "q", "Print errors only."],
    ]


class HelpOptions(_Plain):
    """The options of C{help}."""

    synopsis = "[options] [COMMAND]"
    longdesc = "Describes a command, or lists all commands."

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: [COMMAND]."""
        if len(args) > 1:
            raise usage.UsageError(f"give one COMMAND, not {' '.join(args)}")
        self["command"] = args[0] if args else None


class CompletionOptions(_Plain):
    """The options of C{completion}."""

    synopsis = "[options] bash|zsh|fish"
    longdesc = (
        "Prints a script that makes a shell complete the commands, their options, and the names of "
        "builders, slaves, builds and steps. For bash: source <(buildbot completion bash)"
    )

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: SHELL."""
        if len(args) != 1:
            raise usage.UsageError(f"give a shell: {', '.join(SHELLS)}")
        (self["shell"],) = args
        if self["shell"] not in SHELLS:
            raise usage.UsageError(f"there is no completion for {args[0]}{nearest(args[0], SHELLS)}")
