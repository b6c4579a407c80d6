# -*- test-case-name: tests.unit.scripts.test_backup -*-
"""The options of C{backup}, C{restore} and C{upgrade-master}."""

from __future__ import annotations

import os
from typing import Any

from twisted.python import usage

from buildbot.scripts.arguments import MakerBase
from buildbot.text.plural import counted


class BackupOptions(MakerBase):
    """The options of C{backup}."""

    synopsis = "[options] DIR TARGET"
    optFlags: list[list[Any]] = [["force", "f", "Replace TARGET if it is a file."]]
    longdesc = (
        "Copies the directory of a master to TARGET: changes, requests and builds as they are at one "
        "instant, logs, configuration and all other files. The master may run. If TARGET ends with .tar.gz, "
        ".tgz or .tar, it is a file with sums, for `buildbot restore`. Otherwise it is a directory, and a "
        "master can be started in it."
    )

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: DIR TARGET."""
        if len(args) != 2:
            raise usage.UsageError(f"give DIR and TARGET, not {counted(len(args), 'argument')}")
        self["basedir"], self["target"] = args

    def postOptions(self) -> None:
        """Make both directories absolute."""
        super().postOptions()
        if not self["target"]:
            raise usage.UsageError("TARGET is empty: name the file or the directory of the copy")
        self["target"] = os.path.abspath(self["target"])


class RestoreOptions(MakerBase):
    """The options of C{restore}."""

    synopsis = "[options] FILE [DIR]"
    optFlags: list[list[Any]] = [["check", "c", "Only compare the sums in FILE; write nothing."]]
    longdesc = (
        "Makes the directory DIR of a master from FILE, which `buildbot backup` has made. All sums in FILE "
        "are compared first. DIR must not exist, or be empty."
    )

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: FILE DIR, or FILE alone with --check."""
        if self["check"] and len(args) != 1:
            raise usage.UsageError(f"with --check, give FILE alone, not {counted(len(args), 'argument')}")
        if not self["check"] and len(args) != 2:
            raise usage.UsageError(f"give FILE and DIR, not {counted(len(args), 'argument')}")
        self["file"], self["basedir"] = args[0], args[-1]

    def postOptions(self) -> None:
        """Make both paths absolute."""
        super().postOptions()
        if not self["file"]:
            raise usage.UsageError("the name of FILE is empty")
        self["file"] = os.path.abspath(self["file"])


class UpgradeOptions(MakerBase):
    """The options of C{upgrade-master}."""

    optFlags: list[list[Any]] = [
        ["check", "c", "Only say whether there is something to upgrade; change nothing."],
        ["replace", "r", "No effect, accepted for old scripts."],
    ]
    longdesc = (
        "Upgrades the store of the stopped master in DIR to the format of this release, after a copy of it. "
        "The first start of a new release does the same."
    )
