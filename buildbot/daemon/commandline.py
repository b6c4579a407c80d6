# -*- test-case-name: tests.unit.scripts.test_runner -*-
"""Format command lines that messages suggest to a user."""

from __future__ import annotations

import os
import shlex
import shutil
import sys


def command(*words: str) -> str:
    """The text of a command line with these words."""
    return shlex.join([*_typed(sys.argv[0]), *words])


def _typed(program: str) -> list[str]:
    """The words with which the user ran this program.

    @param program: the program's file, as found by the shell or typed by the user.
    """
    if program.endswith(os.path.join("buildbot", "__main__.py")):
        return [os.path.basename(sys.executable), "-m", "buildbot"]
    if os.path.basename(program) != "buildbot" or shutil.which("buildbot") == program:
        return ["buildbot"]
    return [program]
