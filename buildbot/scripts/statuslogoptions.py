# -*- test-case-name: tests.stories.test_statuslog -*-
"""The options of the command C{statuslog}."""

from __future__ import annotations

from typing import Any

from twisted.python import usage

from buildbot.scripts.arguments import CommandOptions

#: How much a master tells. Each mode includes those before it.
MODES = ("builders", "builds", "steps", "logs", "full")


class StatusLogOptions(CommandOptions):
    """The options of C{statuslog}."""

    optFlags = [
        ["help", "h", "Display this help and exit."],
        ["quiet", "q", "Print errors only."],
    ]
    optParameters: list[list[Any]] = [
        ["master", "m", None, "The port of the PBListener, HOST:PORT."],
        ["mode", "", "steps", "How much to print: builders, builds, steps, logs or full."],
        ["auth", "a", None, "USER:PASSWORD of the PBListener. --auth-file hides it better."],
        ["auth-file", "", None, "A file that holds USER:PASSWORD; - for standard input."],
    ]
    longdesc = (
        "Prints what happens on a master, a line for each event, until you interrupt it. The master needs a "
        "PBListener in c['status']. `buildbot status` needs none."
    )

    def parseArgs(self, *args: str) -> None:
        """Refuse arguments."""
        if args:
            raise usage.UsageError(f"there are no arguments: leave out {' '.join(args)}")

    def postOptions(self) -> None:
        """Check the options. Raises UsageError."""
        if not self["master"]:
            raise usage.UsageError("--master is missing: give HOST:PORT of the PBListener")
        if self["mode"] not in MODES:
            raise usage.UsageError(f"--mode must be one of {', '.join(MODES)}, not {self['mode']!r}")
        if self["auth"] is not None and self["auth-file"] is not None:
            raise usage.UsageError("--auth and --auth-file are alternatives: give only one of them")
