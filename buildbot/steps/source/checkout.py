# -*- test-case-name: tests.unit.steps.source.test_checkout -*-
"""The description of a checkout, and the abilities of a slave. This module runs no command."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from buildbot.wire.banana import SIZE_LIMIT
from buildbot.wire.dialect import versionAtLeast

#: The modes of 0.7.5 and of 0.8, and the methods of 0.8's mode "full".
MODES = ("update", "copy", "clobber", "export", "incremental", "full")
METHODS = ("clean", "fresh", "clobber", "copy", "export")
#: The directory from which the method C{copy} copies.
COPIED = "source"
_ODD = re.compile(r"[^\w.-]+")
#: The place in a URL for the branch.
BRANCH_PLACE = "%%BRANCH%%"


class CheckoutFailed(Exception):
    """The source cannot be checked out; the text says why. The step fails with it."""


class NotInRepository(CheckoutFailed):
    """The repository answers, but it does not have the wanted revision. The working copy is not to blame."""


@dataclass(frozen=True)
class Patch:
    """A patch for the source: the number for C{patch -p}, the text, and the directory to apply it in."""

    level: int
    diff: str | bytes
    directory: str = ""

    @classmethod
    def of(cls, given: Sequence[Any] | None) -> Patch | None:
        """The patch of a source stamp.

        @raise CheckoutFailed: the directory is outside of the source.
        """
        if given is None:
            return None
        level, diff, *rest = given
        directory = posixpath.normpath(rest[0]) if rest and rest[0] else ""
        if directory.startswith(("/", "../")) or directory == "..":
            raise CheckoutFailed(f"the patch belongs into {directory!r}, which is outside of the source")
        return cls(int(level), diff, "" if directory == "." else directory)

    @property
    def content(self) -> bytes:
        """The text of the patch, as bytes."""
        return self.diff if isinstance(self.diff, bytes) else self.diff.encode("utf-8", "surrogateescape")

    def isTooLarge(self) -> bool:
        """True if the patch does not fit into a call of the slave."""
        return len(self.content) > SIZE_LIMIT

    def asSent(self) -> tuple[Any, ...]:
        """The patch for the command of a slave."""
        return (self.level, self.diff, self.directory) if self.directory else (self.level, self.diff)


@dataclass(frozen=True)
class Checkout:
    """A checkout: the source, and its directory on the slave.

    @ivar method: None to update the working copy; else the way to a fresh tree: C{clean} removes the files
        that are not under version control; C{fresh} also removes the ignored files; C{clobber} removes
        everything; C{copy} copies a tree from another directory; C{export} leaves out the files of the
        version control.
    @ivar retry: (seconds, times): how often a failed checkout is tried again; or None.
    @ivar options: the arguments of one version control, by their names in the configuration.
    @ivar copied: the directory of the tree that C{copy} copies.
    """

    repository: str
    workdir: str
    branch: str | None = None
    revision: Any = None
    method: str | None = None
    patch: Patch | None = None
    retry: tuple[float, int] | None = None
    timeout: float | None = 1200
    options: Mapping[str, Any] = field(default_factory=dict)
    copied: str = COPIED

    @property
    def place(self) -> str:
        """The directory of the working copy: a copied tree comes from another one."""
        return self.copied if self.method == "copy" else self.workdir

    def oldMode(self) -> str | None:
        """The mode for a slave's own command; None if these commands lack the method."""
        if self.method is None:
            return "update"
        return self.method if self.method in ("copy", "clobber", "export") else None

    def option(self, name: str, default: object = None) -> Any:
        """An option; the default if it is not set or None."""
        value = self.options.get(name)
        return default if value is None else value

    def asSent(self) -> dict[str, Any]:
        """The arguments that all of the slaves' own commands take."""
        return {
            "mode": self.oldMode(),
            "workdir": self.workdir,
            "timeout": self.timeout,
            # The master tries again: git of 0.7.12 cannot, and slaves try once more than they are told.
            "retry": None,
            "patch": None if self.patch is None else self.patch.asSent(),
            "revision": self.revision,
            "logEnviron": False,
        }


def methodOf(mode: str, method: str | None, default: str = "fresh") -> str | None:
    """The method for a mode of 0.7.5 or 0.8; C{default} is that of "full"."""
    if mode in ("update", "incremental"):
        return None
    return (method or default) if mode == "full" else mode


def copiedFrom(codebase: str) -> str:
    """The directory from which C{copy} copies a codebase, in a build with several."""
    return f"{COPIED}-{_ODD.sub('_', codebase)}" if codebase else COPIED


def inBranch(base: str, branch: str | None) -> str:
    """The URL of a branch: it is appended, or put into the place for it."""
    if BRANCH_PLACE in base:
        return base.replace(BRANCH_PLACE, branch or "")
    return base + (branch or "")


def checkWords(checkout: Checkout) -> None:
    """Raise L{CheckoutFailed} if a program would take a word for an option, or for two lines."""
    words = {"repository": checkout.repository, "branch": checkout.branch, "revision": checkout.revision}
    for name, word in words.items():
        if isinstance(word, str) and (word.startswith("-") or "\0" in word):
            raise CheckoutFailed(f"the {name} {word!r} is refused: it looks like an option of a program")


@dataclass(frozen=True)
class Slave:
    """The abilities of a slave.

    @ivar commands: its commands and their versions; empty for slaves before 0.6, which cannot tell them.
    """

    commands: Mapping[str, str]

    def isUnknown(self) -> bool:
        """True if the slave cannot tell its commands."""
        return not self.commands

    def has(self, command: str, version: str = "0") -> bool:
        """True if the slave has a command in this version, or a later one."""
        return versionAtLeast(self.commands.get(command), version)

    def lacks(self, command: str, version: str = "0") -> str | None:
        """The reason why a command cannot be used; or None."""
        if self.isUnknown():
            return None if version == "0" else f"the slave cannot tell the version of its command {command}"
        if command not in self.commands:
            return f"the slave has no command {command}"
        if not self.has(command, version):
            return f"the slave's command {command} has version {self.commands[command]}; {version} is needed"
        return None
