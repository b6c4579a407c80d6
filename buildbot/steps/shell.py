# -*- test-case-name: tests.test_steps -*-
"""Steps that run a command on the slave, as far as a configuration knows them: they hold their arguments.

Nothing runs here yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.process.buildstep import LoggingBuildStep
from buildbot.process.properties import WithProperties as WithProperties  # where 0.7.5 had it

#: A shell's command line, or a program and its arguments.
Command = str | WithProperties | Sequence[Any]
#: One word or several, for a narrow display.
Words = str | Sequence[str]


class ShellCommand(LoggingBuildStep):
    """I run one command on the slave; it fails if its exit status is not 0.

    @ivar remote_kwargs: what the slave is told besides the command itself.
    """

    name = "shell"
    description: Words | None = None
    descriptionDone: Words | None = None
    command: Command | None = None
    flunkOnFailure = True

    def __init__(
        self,
        workdir: str | None = None,
        description: Words | None = None,
        descriptionDone: Words | None = None,
        command: Command | None = None,
        env: Mapping[str, str] | None = None,
        want_stdout: bool = True,
        want_stderr: bool = True,
        timeout: float | None = 1200,
        **kwargs: Any,
    ) -> None:
        """
        @param workdir: below the builder's directory on the slave; None for the build's own.
        @param description: what I am doing, as in C{["compiling"]}.
        @param descriptionDone: what I have done, as in C{["compile"]}.
        @param timeout: seconds without output after which the command is killed; None: never.
        @raise TypeError: another keyword is none of a step's.
        """
        super().__init__(**kwargs)
        if description:
            self.description = _asWords(description)
        if descriptionDone:
            self.descriptionDone = _asWords(descriptionDone)
        if command:
            self.command = command
        self.remote_kwargs = {
            "workdir": workdir,
            "env": env,
            "want_stdout": want_stdout,
            "want_stderr": want_stderr,
            "timeout": timeout,
        }


def _asWords(words: Words) -> list[str]:
    return [words] if isinstance(words, str) else list(words)


class TreeSize(ShellCommand):
    """I measure how much the build's directory holds."""

    name = "treesize"
    command = ("du", "-s", ".")


class Configure(ShellCommand):
    """I run a configure script."""

    name = "configure"
    haltOnFailure = True
    description = ("configuring",)
    descriptionDone = ("configure",)
    command = ("./configure",)


class Compile(ShellCommand):
    """I compile."""

    name = "compile"
    haltOnFailure = True
    description = ("compiling",)
    descriptionDone = ("compile",)
    command = ("make", "all")


class Test(ShellCommand):
    """I run tests."""

    name = "test"
    warnOnFailure = True
    description = ("testing",)
    descriptionDone = ("test",)
    command = ("make", "test")
