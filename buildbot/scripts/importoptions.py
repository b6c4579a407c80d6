# -*- test-case-name: tests.unit.scripts.test_importing -*-
"""The options of C{import}."""

from __future__ import annotations

import os
from typing import Any

from twisted.python import usage

from buildbot.scripts.arguments import MakerBase
from buildbot.text.plural import counted


class ImportOptions(MakerBase):
    """The options of C{import}."""

    synopsis = "[options] OLDMASTER DIR"
    longdesc = (
        "Reads the builds, logs and changes of a stopped master of 0.7 or 0.8, and adds them to the stopped "
        "master in DIR, which `buildbot create-master` makes. Builds keep their numbers. OLDMASTER stays as "
        "it is. The command can be stopped; the same command continues."
    )
    optFlags: list[list[Any]] = [
        ["check", "c", "Read everything except the logs, and write nothing."],
        ["no-changes", None, "Leave out the changes."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["builders"] = []
        self["renamed"] = {}

    def opt_builder(self, name: str) -> None:
        """Import this builder, by its old name; may be given several times. Default: all."""
        self["builders"].append(name)

    def opt_rename(self, pair: str) -> None:
        """OLD=NEW: import the builder OLD as builds of NEW; may be given several times."""
        old, equals, new = pair.partition("=")
        if not (old and equals and new):
            raise usage.UsageError(f"--rename must be OLD=NEW, not {pair!r}")
        self["renamed"][old] = new

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: OLDMASTER DIR."""
        if len(args) != 2:
            raise usage.UsageError(f"give OLDMASTER and DIR, not {counted(len(args), 'argument')}")
        self["oldmaster"], self["basedir"] = args

    def postOptions(self) -> None:
        """Make both directories absolute."""
        super().postOptions()
        if not self["oldmaster"]:
            raise usage.UsageError("OLDMASTER is empty: name the directory of the old master")
        self["oldmaster"] = os.path.abspath(self["oldmaster"])
