# -*- test-case-name: tests.unit.steps.source.test_old -*-
"""Source from Arch: by tla (Arch) or baz (Bazaar 1). A branch is a version, and a revision a patch of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from buildbot.config.arguments import REQUIRED, arguments
from buildbot.config.kinds import orNone
from buildbot.steps.source.base import URL, WORD, Source
from buildbot.steps.source.checkout import Checkout, Slave
from buildbot.steps.source.driving import System
from buildbot.steps.source.work import Work, hiddenUrl

#: The first version of the slave's commands that change branches.
CHANGES_BRANCH = "1.39"


class ArchSystem(System):
    """I am tla or baz."""

    metadata = "{arch}"
    cleans = False

    def __init__(self, command: str, program: str) -> None:
        self.command = command
        self._program = program

    def whyTooOld(self, checkout: Checkout, slave: Slave) -> str | None:
        """See L{System}."""
        isOther = checkout.branch != checkout.option("defaultBranch")
        later = isOther and checkout.oldMode() in ("update", "copy")
        return slave.lacks(self.command, CHANGES_BRANCH if later else "0")

    def slaveArguments(self, checkout: Checkout, slave: Slave) -> dict[str, Any]:
        """See L{System}."""
        sent = {"url": checkout.repository, "version": checkout.branch, "archive": checkout.option("archive")}
        if checkout.option("build-config"):
            sent["build-config"] = checkout.options["build-config"]
        return sent

    async def isOurs(self, work: Work, checkout: Checkout, place: str) -> bool:
        """See L{System}. An update stays in the version of the tree."""
        told = await work.run([self._program, "tree-version"], place, mayFail=True, isQuiet=True)
        return told.rc == 0 and f"/{told.line}".endswith(f"/{checkout.branch}")

    async def make(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        program, archive = self._program, checkout.option("archive")
        url = hiddenUrl(checkout.repository)
        await work.run([program, "register-archive", "--force", url], ".")
        which = str(checkout.branch)
        if checkout.revision is not None:
            which += f"--{checkout.revision}"
        place_ = ["--archive", archive] if archive else []
        await work.run([program, "get", *place_, "--no-pristine", which, place], ".")
        if checkout.option("build-config"):
            await work.run([program, "build-config", checkout.options["build-config"]], place)

    async def update(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        revision = [] if checkout.revision is None else [str(checkout.revision)]
        await work.run([self._program, "replay", *revision], place)

    async def revision(self, work: Work, checkout: Checkout, place: str) -> Any:
        """See L{System}."""
        told = await work.run([self._program, "logs", "--full", "--reverse"], place)
        found = re.search(r"--((?:patch|base|version|versionfix)-\d+)$", told.line)
        return found[1] if found else None


class Arch(Source):
    """I get the source from an archive of GNU Arch."""

    name = "arch"
    system = ArchSystem("arch", "tla")
    defaultMethod = "clobber"

    @arguments(url=URL, version=WORD, archive=orNone(WORD))
    def __init__(
        self, url: object = REQUIRED, version: object = REQUIRED, archive: object = None, **kwargs: Any
    ) -> None:
        """@param url: the URL of the archive.
        @param version: category, branch and version, as C{project--devel--1.0}: the branch of builds that
            have none.
        @param archive: the name of the archive; by default the archive itself tells it.
        """
        super().__init__(**kwargs)
        self.url = url
        self.branch = version
        self.archive = archive

    def options(self) -> dict[str, Any]:
        """See L{Source}."""
        return {"archive": self.archive, "defaultBranch": self.branch}

    def repositoryOf(self, branch: str | None) -> str:
        """See L{Source}."""
        url: str = self.build.render(self.url)
        return url

    def computeSourceRevision(self, changes: Sequence[Any]) -> Any:
        """The patch with the highest number, or C{base-0}."""
        found = [re.search(r"\b(patch|base)-(\d+)$", str(change.revision)) for change in changes]
        patches = [int(each[2]) for each in found if each is not None and each[1] == "patch"]
        if patches:
            return f"patch-{max(patches)}"
        return "base-0" if any(found) else None


class Bazaar(Arch):
    """I get the source from an archive of Bazaar 1 (baz)."""

    name = "bazaar"
    system = ArchSystem("bazaar", "baz")

    @arguments(archive=WORD)
    def __init__(
        self, url: object = REQUIRED, version: object = REQUIRED, archive: object = REQUIRED, **kwargs: Any
    ) -> None:
        super().__init__(url, version, archive, **kwargs)
