# -*- test-case-name: tests.unit.steps.source.test_mercurial -*-
"""Source from Mercurial."""

from __future__ import annotations

import posixpath
import re
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from buildbot.config.arguments import arguments
from buildbot.config.kinds import FLAG, oneOf
from buildbot.steps.source.base import UrlSource
from buildbot.steps.source.checkout import Checkout, Slave, inBranch
from buildbot.steps.source.driving import System
from buildbot.steps.source.work import Work, hiddenUrl

#: The first version of the slave's command that knows C{branchType} (0.7.12).
KNOWS_BRANCHES = "2.9"
_SECRET = re.compile(r"\(ignored \d+ secret changesets?\)")
#: A name or a changeset, which another repository can look up; not an expression.
_IS_NAME = re.compile(r"[\w./-]+")


class HgSystem(System):
    """I am Mercurial."""

    command = "hg"
    metadata = ".hg"
    #: Neither aliases, defaults, colours nor other languages.
    environment = MappingProxyType({"HGPLAIN": "1"})
    skipping = re.compile(r"^update failed to remove ")

    def whyTooOld(self, checkout: Checkout, slave: Slave) -> str | None:
        """See L{System}."""
        return slave.lacks("hg", KNOWS_BRANCHES if checkout.option("branchType") == "inrepo" else "0")

    def slaveArguments(self, checkout: Checkout, slave: Slave) -> dict[str, Any]:
        """See L{System}."""
        return {
            "repourl": checkout.repository,
            "branch": _branch(checkout),
            "branchType": checkout.option("branchType"),
            "clobberOnBranchChange": checkout.option("clobberOnBranchChange"),
        }

    async def isOurs(self, work: Work, checkout: Checkout, place: str) -> bool:
        """See L{System}. A tree of another branch is not, unless it may be changed."""
        # --untrusted: the files may belong to another user, as the one who ran this slave before
        command = ["hg", "showconfig", "--untrusted", "paths.default"]
        url = await work.run(command, place, mayFail=True, isQuiet=True)
        if url.rc != 0 or _asKept(url.line) != _asKept(checkout.repository):
            return False
        if checkout.option("branchType") != "inrepo" or not checkout.option("clobberOnBranchChange"):
            return True
        branch = await work.run(["hg", "identify", "--branch"], place, mayFail=True, isQuiet=True)
        return branch.line == _branch(checkout)

    async def make(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        await work.run(["hg", "clone", "--noupdate", hiddenUrl(checkout.repository), place], ".")
        await self._turn(work, checkout, place)

    async def update(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        await work.run(["hg", "pull", hiddenUrl(checkout.repository)], place)
        await self._turn(work, checkout, place)

    async def whyWrong(self, work: Work, checkout: Checkout, place: str) -> str:
        """See L{System}. A pull keeps changesets that the repository has no more."""
        if checkout.revision is not None:
            return ""
        ask = ["hg", "outgoing", "--limit", "1", "--rev", ".", "--template", "{node}\\n"]
        told = await work.run([*ask, hiddenUrl(checkout.repository)], place, mayFail=True, isQuiet=True)
        *_, last = ["", *told.output.splitlines()]
        # a secret changeset, as a patch of the extension mq may be, is never sent
        if (told.rc == 0 and last) or _SECRET.search(told.output):
            return f"the working copy has a changeset that the repository does not have: {last}"
        return ""

    async def _turn(self, work: Work, checkout: Checkout, place: str) -> None:
        await work.run(["hg", "update", "--clean", "--rev", _wanted(checkout)], place)

    async def clean(self, work: Work, checkout: Checkout, place: str, ignored: bool) -> None:
        """See L{System}."""
        flags = ["--all"] if ignored else []
        await work.run(["hg", "--config", "extensions.purge=", "purge", *flags], place)

    async def revision(self, work: Work, checkout: Checkout, place: str) -> Any:
        """See L{System}."""
        return (await work.run(["hg", "parents", "--template", "{node}\\n"], place)).line or None

    async def isReachable(self, work: Work, checkout: Checkout) -> bool:
        """See L{System}."""
        url = hiddenUrl(checkout.repository)
        wanted = _wanted(checkout)
        which = ["--rev", wanted] if _IS_NAME.fullmatch(wanted) else []
        return (await work.run(["hg", "identify", "--id", *which, url], ".", mayFail=True)).rc == 0


def _wanted(checkout: Checkout) -> str:
    return _branch(checkout) if checkout.revision is None else str(checkout.revision)


def _asKept(url: str) -> str:
    """A URL as a working copy keeps it: without a part behind C{#}, and a directory without C{file:}."""
    url = url.partition("#")[0]
    path = re.fullmatch(r"file:(?://(?:localhost)?)?(/.*)", url)
    url = unquote(path[1]) if path else url
    return posixpath.normpath(url) if url.startswith("/") else url.rstrip("/")


def _branch(checkout: Checkout) -> str:
    """The branch in the repository."""
    return (checkout.branch or "default") if checkout.option("branchType") == "inrepo" else "default"


class Mercurial(UrlSource):
    """I get the source from a Mercurial repository."""

    name = "hg"
    system = HgSystem()

    @arguments(branchType=oneOf("dirname", "inrepo"), clobberOnBranchChange=FLAG)
    def __init__(
        self,
        repourl: object = None,
        baseURL: object = None,
        defaultBranch: object = None,
        branchType: str = "dirname",
        clobberOnBranchChange: bool = True,
        **kwargs: Any,
    ) -> None:
        """@param branchType: C{dirname} if each branch has a repository, whose URL ends with the branch;
            C{inrepo} if they are the named branches of one repository.
        @param clobberOnBranchChange: whether another named branch gets a new working copy.
        """
        super().__init__(repourl, baseURL, defaultBranch, **kwargs)
        self.branchType = branchType
        self.clobberOnBranchChange = clobberOnBranchChange

    def options(self) -> dict[str, Any]:
        """See L{buildbot.steps.source.base.Source}."""
        return {"branchType": self.branchType, "clobberOnBranchChange": bool(self.clobberOnBranchChange)}

    def repositoryOf(self, branch: str | None) -> str:
        """See L{buildbot.steps.source.base.Source}."""
        url: str = self.build.render(self.repourl if self.repourl is not None else self.baseURL)
        return url if self.branchType == "inrepo" else inBranch(url, branch)
