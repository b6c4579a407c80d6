# -*- test-case-name: tests.processes.test_scripts_streams -*-
"""The command C{buildbot}, and C{python -m buildbot}.

It imports the rest, which takes a moment. A signal or an error of the system during that moment is reported
in one line.
"""

from __future__ import annotations

import sys


def run() -> None:
    """The entry point of the command; ends the process."""
    if sys.argv[1:2] == ["--complete"]:
        _complete()
    try:
        from buildbot.daemon.garbage import NEW_OBJECTS_OF_BRIEF, collectRarely

        collectRarely(NEW_OBJECTS_OF_BRIEF)
        from buildbot.scripts.runner import run as runCommand
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, MemoryError, SystemError) as why:  # the last: Python 3.13 -m in a deleted directory
        sys.exit(f"buildbot: cannot load its modules: {why}")
    runCommand()


def _complete() -> None:
    """Answer a shell that completes a word, with few modules; ends the process."""
    try:
        from buildbot.scripts.completing import run as answer

        sys.exit(answer(sys.argv[2:]))
    except (KeyboardInterrupt, OSError, MemoryError, SystemError):
        sys.exit(1)


if __name__ == "__main__":
    run()
