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
    """How the user calls this program.

    @param program: its file, as the shell has found it or the user has typed it.
    """
    if program.endswith(os.path.join("buildbot", "__main__.py")):
        return [os.path.basename(sys.executable), "-m", "buildbot"]
    if os.path.basename(program) != "buildbot" or shutil.which("buildbot") == program:
        return ["buildbot"]
    return [program]
