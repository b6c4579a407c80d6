# -*- test-case-name: tests.unit.steps.source.test_darcs -*-
"""Source from Darcs. A revision is a context: the text that C{darcs changes --context} prints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from buildbot.steps.source.base import UrlSource
from buildbot.steps.source.checkout import Checkout, Slave
from buildbot.steps.source.driving import System
from buildbot.steps.source.work import Work, hiddenUrl

#: The first version of the slave's command that gets a revision, and that changes branches.
GETS_REVISION = "1.39"
#: The file with the wanted context.
CONTEXT = ".darcs-context"
#: The file of a working copy with the URL that it comes from.
KEPT = "_darcs/prefs/defaultrepo"


class DarcsSystem(System):
    """I am Darcs. I cannot clean a tree, nor go back in one."""

    command = "darcs"
    metadata = "_darcs"
    cleans = False
    skipping = re.compile(r"^Warning: Cannot remove non-empty file ")

    def whyTooOld(self, checkout: Checkout, slave: Slave) -> str | None:
        """See L{System}."""
        isOther = checkout.branch != checkout.option("defaultBranch")
        isLater = checkout.revision is not None or (isOther and checkout.oldMode() in ("update", "copy"))
        return slave.lacks("darcs", GETS_REVISION if isLater else "0")

    def slaveArguments(self, checkout: Checkout, slave: Slave) -> dict[str, Any]:
        """See L{System}."""
        return {"repourl": checkout.repository}

    def canUpdate(self, checkout: Checkout) -> bool:
        """See L{System}. A context takes a new tree."""
        return checkout.revision is None

    async def isOurs(self, work: Work, checkout: Checkout, place: str) -> bool:
        """See L{System}."""
        told = await work.run(["cat", KEPT], place, mayFail=True, isQuiet=True)
        return told.rc == 0 and told.line.rstrip("/") == checkout.repository.rstrip("/")

    async def make(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        context = []
        if checkout.revision is not None:
            await work.write(".", CONTEXT, str(checkout.revision).encode("utf-8", "surrogateescape"))
            context = ["--context", CONTEXT]
        url = hiddenUrl(checkout.repository)
        await work.run(["darcs", "get", "--verbose", "--lazy", *context, url, place], ".")
        if not await self.isOurs(work, checkout, place):
            # a user's defaults may tell darcs not to keep the URL
            await work.write(place, KEPT, f"{checkout.repository}\n".encode())

    async def update(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}.

        A pull that was killed has got the patches, and leaves the files as they were.
        """
        await work.run(["darcs", "revert", "--all"], place, mayFail=True)
        await work.run(["darcs", "pull", "--all", "--verbose", hiddenUrl(checkout.repository)], place)

    async def whyWrong(self, work: Work, checkout: Checkout, place: str) -> str:
        """See L{System}. A pull keeps patches that the repository has no more, and leaves lost files so."""
        command = ["darcs", "push", "--dry-run", "--all", hiddenUrl(checkout.repository)]
        if "Would push the following" in (await work.run(command, place, mayFail=True, isQuiet=True)).output:
            return "the working copy has patches that the repository does not have"
        if checkout.patch is not None:
            return ""
        lost = await self._lost(work, place)
        if lost and checkout.method != "copy":
            # a build has removed them
            await work.run(["darcs", "revert", "--all", *lost], place, mayFail=True)
            lost = await self._lost(work, place)
        return f"{lost[0]} is lost from the working copy" if lost else ""

    async def _lost(self, work: Work, place: str) -> list[str]:
        """The files that the repository has, and the working copy has not."""
        told = await work.run(["darcs", "whatsnew", "--summary"], place, mayFail=True, isQuiet=True)
        return re.findall(r"^R (.+)$", told.output, re.MULTILINE)

    async def isReachable(self, work: Work, checkout: Checkout) -> bool:
        """See L{System}."""
        ask = ["darcs", "changes", "--last", "1", "--repo", hiddenUrl(checkout.repository)]
        return (await work.run(ask, ".", mayFail=True)).rc == 0

    async def revision(self, work: Work, checkout: Checkout, place: str) -> Any:
        """See L{System}."""
        return (await work.run(["darcs", "changes", "--context"], place, isQuiet=True)).output or None


class Darcs(UrlSource):
    """I get the source from a Darcs repository."""

    name = "darcs"
    system = DarcsSystem()
    defaultMethod = "clobber"

    def __init__(
        self, repourl: object = None, baseURL: object = None, defaultBranch: object = None, **kwargs: Any
    ) -> None:
        super().__init__(repourl, baseURL, defaultBranch, **kwargs)

    def computeSourceRevision(self, changes: Sequence[Any]) -> Any:
        """None: a change has no context, so the latest revision is built."""
        return None
