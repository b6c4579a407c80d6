# -*- test-case-name: tests.unit.steps.test_tools -*-
"""The step that copies directories on a slave that runs Windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from buildbot.config.arguments import REQUIRED, arguments
from buildbot.config.kinds import FLAG
from buildbot.model.results import FAILURE, SUCCESS, WARNINGS
from buildbot.process.kinds import ARGUMENTS, PATH
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.steps.composed import ComposedCommand

#: The bits of robocopy's exit status: files did not match, or were more than in the source; copies failed.
_ODD, _FAILED = 2 | 4, 8 | 16


class Robocopy(ComposedCommand):
    """I copy a directory of the slave with robocopy, which is part of Windows."""

    @arguments(
        source=PATH,
        destination=PATH,
        files=ARGUMENTS,
        recursive=FLAG,
        mirror=FLAG,
        move=FLAG,
        exclude=ARGUMENTS,
        exclude_files=ARGUMENTS,
        exclude_dirs=ARGUMENTS,
        custom_opts=ARGUMENTS,
        verbose=FLAG,
    )
    def __init__(
        self,
        source: object = REQUIRED,
        destination: object = REQUIRED,
        files: Sequence[Any] | None = None,
        recursive: bool = False,
        mirror: bool = False,
        move: bool = False,
        exclude: Sequence[Any] | None = None,
        exclude_files: Sequence[Any] | None = None,
        exclude_dirs: Sequence[Any] | None = None,
        custom_opts: Sequence[Any] | None = None,
        verbose: bool = False,
        **kwargs: Any,
    ) -> None:
        """@param files: the names or patterns to copy; None: all.
        @param recursive: copy the directories below, too.
        @param mirror: remove files that the source does not have; C{move}: remove those of the source.
        @param exclude_files: names or patterns of files to leave out; C{exclude}: the same.
        @param exclude_dirs: names or patterns of directories to leave out.
        @param custom_opts: further options.
        @param verbose: write all files into the log, with times and paths.
        """
        super().__init__(**kwargs)
        options = {
            **{"/E": recursive, "/MIR": mirror, "/MOVE": move},
            "/XF": [*(exclude or ()), *(exclude_files or ())],
            "/XD": list(exclude_dirs or ()),
        }
        self.arguments = ["robocopy", source, destination, *(files or ())]
        for option, values in options.items():
            if values:
                self.arguments += [option, *(values if isinstance(values, list) else ())]
        if verbose:
            self.arguments += ["/V", "/TS", "/FP"]
        self.arguments += [*(custom_opts or ()), "/TEE", "/NP"]

    def commandLine(self) -> list[Any]:
        """See L{ComposedCommand}."""
        return self.arguments

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """Judge by the bits of the exit status: copied files are a success."""
        if cmd.rc is None or not 0 <= cmd.rc < 32 or cmd.rc & _FAILED:
            return FAILURE
        return WARNINGS if cmd.rc & _ODD else SUCCESS
