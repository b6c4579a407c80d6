# -*- test-case-name: tests.unit.steps.source.test_bzr -*-
"""Source from Bazaar (bzr, and Breezy, which has a command of that name)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from buildbot.config.arguments import arguments
from buildbot.config.kinds import FLAG
from buildbot.model.sourcestamp import lastRevision
from buildbot.steps.source.base import UrlSource
from buildbot.steps.source.checkout import Checkout, Slave
from buildbot.steps.source.driving import System
from buildbot.steps.source.work import Work, hiddenUrl


class BzrSystem(System):
    """I am Bazaar."""

    command = "bzr"
    metadata = ".bzr"

    def slaveArguments(self, checkout: Checkout, slave: Slave) -> dict[str, Any]:
        """See L{System}."""
        return {"repourl": checkout.repository, "forceSharedRepo": checkout.option("forceSharedRepo")}

    async def make(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        url = hiddenUrl(checkout.repository)
        if checkout.method == "export":
            await work.run(["bzr", "export", *_revision(checkout), place, url], ".")
            return
        if checkout.option("forceSharedRepo") and not await work.exists(".bzr"):
            await work.run(["bzr", "init-repo", "."], ".")
        await work.run(["bzr", "branch", *_revision(checkout), url, place], ".")

    async def update(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        await work.run(["bzr", "revert", "--no-backup"], place)
        await work.run(
            ["bzr", "pull", "--overwrite", *_revision(checkout), hiddenUrl(checkout.repository)], place
        )
        # A pull that was killed has got the revisions, and leaves the files as they were.
        await work.run(["bzr", "update"], place)

    async def whyWrong(self, work: Work, checkout: Checkout, place: str) -> str:
        """See L{System}. The slave's own command merges revisions that the branch has no more."""
        if not work.slave.has(self.command):
            return ""
        told = await work.run(["bzr", "status", "--short"], place, mayFail=True, isQuiet=True)
        found = re.search(r"^[PC] +(.+)$", told.output, re.MULTILINE)
        return f"the working copy has a merge or a conflict: {found[1]}" if found else ""

    async def clean(self, work: Work, checkout: Checkout, place: str, ignored: bool) -> None:
        """See L{System}."""
        flags = ["--ignored", "--unknown", "--detritus"] if ignored else ["--unknown"]
        await work.run(["bzr", "clean-tree", *flags, "--force"], place)

    async def revision(self, work: Work, checkout: Checkout, place: str) -> Any:
        """See L{System}."""
        if checkout.method == "export":
            if checkout.revision is not None:
                return checkout.revision
            return (await work.run(["bzr", "revno", hiddenUrl(checkout.repository)], ".")).line or None
        return (await work.run(["bzr", "revno"], place)).line or None

    async def isReachable(self, work: Work, checkout: Checkout) -> bool:
        """See L{System}."""
        ask = ["bzr", "log", "--line", *(_revision(checkout) or ["--limit", "1"])]
        return (await work.run([*ask, hiddenUrl(checkout.repository)], ".", mayFail=True)).rc == 0


def _revision(checkout: Checkout) -> list[str]:
    return [] if checkout.revision is None else ["--revision", str(checkout.revision)]


class Bzr(UrlSource):
    """I get the source from a Bazaar branch."""

    name = "bzr"
    system = BzrSystem()

    @arguments(forceSharedRepo=FLAG)
    def __init__(
        self,
        repourl: object = None,
        baseURL: object = None,
        defaultBranch: object = None,
        forceSharedRepo: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """@param forceSharedRepo: whether the working copies of a builder share their store of revisions."""
        super().__init__(repourl, baseURL, defaultBranch, **kwargs)
        self.forceSharedRepo = forceSharedRepo

    def options(self) -> dict[str, Any]:
        """See L{buildbot.steps.source.base.Source}."""
        return {"forceSharedRepo": self.forceSharedRepo}

    def computeSourceRevision(self, changes: Sequence[Any]) -> Any:
        """The highest revision of the changes."""
        return lastRevision([change.revision for change in changes if change.revision is not None])
