# -*- test-case-name: tests.unit.scripts.test_hook -*-
"""The options of the commands C{git-hook}, C{svn-hook} and C{hg-hook}."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from twisted.python import usage

from buildbot.scripts.arguments import CommandOptions, seconds

#: The values that every change of the hook gets.
PLACES = ("category", "repository", "project", "codebase")


class HookOptions(CommandOptions):
    """The base class of the options of all hooks.

    @cvar least: the number of arguments that the program gives to its hook.
    """

    least: ClassVar[int] = 0

    synopsis = "[options] REPOSITORY"
    optFlags = [
        ["help", "h", "Display this help and exit."],
        ["quiet", "q", "Print errors only."],
        ["install", "i", "Write the hook into the repository. Without it, the hook is printed."],
        ["deliver", "d", "Send the changes that the master does not have yet."],
        ["run", "", "Send a commit: the hook itself uses this."],
    ]
    optParameters = [
        ["master", "", None, "The address of the master, HOST:PORT."],
        ["auth-file", "", None, "A file that holds USER:PASSWORD of the PBChangeSource."],
        ["category", "c", None, "A word that schedulers can select changes by."],
        ["repository", "", None, "The repository of the source, such as a URL."],
        ["project", "", None, "The project that the source is a part of."],
        ["codebase", "", None, "A name for the repository and its copies."],
        ["timeout", "t", None, "The most seconds that a commit waits for the master.", seconds("--timeout")],
    ]

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: REPOSITORY, or those of the hook."""
        self["arguments"] = args

    def postOptions(self) -> None:
        """Check that one action is given, with its arguments."""
        actions = [name for name in ("install", "deliver") if self[name]]
        if len(actions) > 1:
            raise usage.UsageError("--install and --deliver are alternatives: give only one of them")
        words: Sequence[str] = self["arguments"]
        if self["run"] and not actions:
            if len(words) < self.least:
                raise usage.UsageError(f"--run is for hooks, which give {self.least} arguments")
        elif len(words) > 1 or not (words or self["run"]):
            raise usage.UsageError("give one REPOSITORY")


class GitHookOptions(HookOptions):
    """The options of C{git-hook}."""

    longdesc = (
        "Makes git send each pushed commit to a master. REPOSITORY is the shared one that people push to. "
        "A push never fails because of the master; the changes wait in the repository until the master has "
        "them."
    )


class SvnHookOptions(HookOptions):
    """The options of C{svn-hook}."""

    least = 2
    optFlags = [
        ["branches", "b", "Files in trunk and branches/NAME are on these branches; no others matter."]
    ]
    optParameters = [["prefix", "p", None, "The directory of the files that matter, such as a project."]]
    longdesc = (
        "Makes Subversion send each revision to a master. REPOSITORY is a directory, not a URL. A commit "
        "never fails because of the master; the changes wait in the repository until the master has them."
    )


class HgHookOptions(HookOptions):
    """The options of C{hg-hook}."""

    longdesc = (
        "Makes Mercurial send each changeset that is committed in, pushed to or pulled into REPOSITORY to a "
        "master. Nothing of that fails because of the master; the changes wait in the repository until the "
        "master has them."
    )
