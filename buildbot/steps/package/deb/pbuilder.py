# -*- test-case-name: tests.unit.steps.test_package -*-
"""Steps that build a package of Debian or Ubuntu in a clean system of its own.

The system is kept in a file or a directory of the slave. It is made when it is missing, and updated when it
is old. For both, the slave must be allowed to call C{sudo} without a password.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from typing import Any

from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.kinds import TEXT, orNone
from buildbot.model.results import FAILURE
from buildbot.process.kinds import ARGUMENTS, PROGRAM
from buildbot.process.remotecommand import LoggedRemoteCommand, RemoteShellCommand
from buildbot.steps.composed import refuseCommand
from buildbot.steps.counting import WarningCountingShellCommand

_NAMES = {"distribution": "x", "architecture": "x"}


def _isPlace(value: object) -> bool:
    try:
        return isinstance(value, str) and value != "" and bool(value % _NAMES)
    except (KeyError, TypeError, ValueError):
        return False


_PLACE = Kind("a path, which may have %(distribution)s and %(architecture)s in it", _isPlace)


class DebPbuilder(WarningCountingShellCommand):
    """I build a package with pbuilder.

    @ivar maxAge: the seconds after which the system is updated before a build.
    @ivar pbuilder: the program; C{baseOption}: its option for the place of the system.
    """

    name = "pbuilder"
    haltOnFailure = True
    description = ["pdebuilding"]
    descriptionDone = ["pdebuild"]
    warningPattern = r".*(warning[: ]|\sW: ).*"

    architecture: str | None = None
    distribution: str | None = "stable"
    basetgz = "/var/cache/pbuilder/%(distribution)s-%(architecture)s-buildbot.tgz"
    mirror = "http://cdn.debian.net/debian/"
    extrapackages: Sequence[str] = ()
    keyring: str | None = None
    components: str | None = None
    maxAge = 60 * 60 * 24 * 7
    pbuilder = "/usr/sbin/pbuilder"
    baseOption = "--basetgz"

    @arguments(
        architecture=orNone(PROGRAM, "that of the slave"),
        distribution=orNone(PROGRAM),
        basetgz=orNone(_PLACE),
        mirror=orNone(TEXT),
        extrapackages=ARGUMENTS,
        keyring=orNone(TEXT),
        components=orNone(TEXT),
    )
    def __init__(
        self,
        architecture: str | None = None,
        distribution: str | None = None,
        basetgz: str | None = None,
        mirror: str | None = None,
        extrapackages: Sequence[str] | None = None,
        keyring: str | None = None,
        components: str | None = None,
        **kwargs: Any,
    ) -> None:
        """@param architecture: the processor to build for; None: that of the slave.
        @param distribution: the release to build for, such as C{"stable"}.
        @param basetgz: the place of the system on the slave.
        @param mirror: the address of the packages.
        @param extrapackages: packages to install in the system.
        @param keyring: a file with the keys of the mirror.
        @param components: the parts of the distribution, such as C{"main universe"}.
        """
        refuseCommand(self, kwargs)
        super().__init__(**kwargs)
        given = {
            **{"architecture": architecture, "distribution": distribution, "basetgz": basetgz},
            **{"mirror": mirror, "extrapackages": extrapackages, "keyring": keyring},
            "components": components,
        }
        self.__dict__.update({name: value for name, value in given.items() if value})
        if not self.distribution:
            complain(self, "lacks its argument distribution", "distribution")
        names = {"distribution": self.distribution, "architecture": self.architecture or "local"}
        self.basetgz = self.basetgz % names

    async def start(self) -> Any:
        """See L{buildbot.process.basestep.BuildStep}: look after the system, and build in it."""
        trouble = await self._lookAfterSystem()
        if trouble:
            self.step_status.setText([*self.describe(False), *trouble])
            self.step_status.setText2([self.name])
            self.finished(FAILURE)
            return None
        self.setCommand(self._build())
        return super().start()

    async def _lookAfterSystem(self) -> list[str]:
        """Make the system, or update it. Returns words about a failure, or an empty list."""
        if self.slaveVersion("stat") is None:  # a slave of 0.7 cannot tell the age
            looking: LoggedRemoteCommand = RemoteShellCommand(".", ["test", "-e", self.basetgz])
        else:
            looking = LoggedRemoteCommand("stat", {"file": self.basetgz})
        await self.runCommand(looking)
        if looking.rc != 0:
            return await self._prepare("create", self._creation())
        found = looking.updates.get("stat", [()])[-1]
        if not found:
            return []
        if not (stat.S_ISREG(found[stat.ST_MODE]) or stat.S_ISDIR(found[stat.ST_MODE])):
            self.addCompleteLog("pbuilder", f"{self.basetgz} is neither a file nor a directory\n")
            return ["failed"]
        isOld = self.build.build_status.now() - found[stat.ST_MTIME] >= self.maxAge
        return await self._prepare("update", []) if isOld else []

    async def _prepare(self, action: str, options: list[str]) -> list[str]:
        self.step_status.setText(["PBuilder", f"{action}."])
        command = ["sudo", self.pbuilder, f"--{action}", self.baseOption, self.basetgz, *options]
        cmd = RemoteShellCommand(self.build.render(self.workdir) or self.build.workdir, command)
        cmd.useLog(self.addLog("pbuilder"), True, "stdio")
        await self.runCommand(cmd)
        return [] if cmd.rc == 0 else ["PBuilder", action, "failed"]

    def _creation(self) -> list[str]:
        options = ["--distribution", str(self.distribution), "--mirror", self.mirror, *self._ofProcessor()]
        options += self._extra()
        if self.keyring:
            options += ["--debootstrapopts", f"--keyring={self.keyring}"]
        return [*options, "--components", self.components] if self.components else options

    def _build(self) -> list[str]:
        return [
            *("pdebuild", "--buildresult", ".", "--pbuilder", self.pbuilder, *self._ofProcessor()),
            *("--", "--buildresult", ".", self.baseOption, self.basetgz, *self._extra()),
        ]

    def _ofProcessor(self) -> list[str]:
        return ["--architecture", self.architecture] if self.architecture else []

    def _extra(self) -> list[str]:
        return ["--extrapackages", " ".join(self.extrapackages)] if self.extrapackages else []


class DebCowbuilder(DebPbuilder):
    """I build a package with cowbuilder, which keeps the system in a directory."""

    name = "cowbuilder"
    basetgz = "/var/cache/pbuilder/%(distribution)s-%(architecture)s-buildbot.cow/"
    pbuilder = "/usr/sbin/cowbuilder"
    baseOption = "--basepath"


class UbuPbuilder(DebPbuilder):
    """I build a package of Ubuntu with pbuilder. The distribution must be given."""

    distribution = None
    mirror = "http://archive.ubuntu.com/ubuntu/"
    components = "main universe"


class UbuCowbuilder(DebCowbuilder):
    """I build a package of Ubuntu with cowbuilder. The distribution must be given."""

    distribution = None
    mirror = "http://archive.ubuntu.com/ubuntu/"
    components = "main universe"
