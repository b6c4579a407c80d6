# -*- test-case-name: tests.unit.steps.source.test_cvs -*-
"""Source from CVS. A revision is a date."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from typing import Any

from buildbot.config.arguments import REQUIRED, arguments
from buildbot.config.kinds import FLAG, SECONDS, orNone
from buildbot.process.kinds import ARGUMENTS
from buildbot.steps.source.base import BRANCH_NAME, SECRET, URL, WORD, Source
from buildbot.steps.source.checkout import Checkout, Slave
from buildbot.steps.source.driving import System
from buildbot.steps.source.hiding import secretsOf
from buildbot.steps.source.work import Work, hiddenUrl, portions

#: The first versions of the slave's command that change branches, and that know more options.
CHANGES_BRANCH = "1.39"
KNOWS_CHECKOUT_OPTIONS = "2.9"
KNOWS_OPTIONS = "2.10"
#: The file with the name of a module that has another path.
NAMED = "CVS/buildbot-module"


class CvsSystem(System):
    """I am CVS."""

    command = "cvs"
    metadata = "CVS"
    skipping = re.compile(r"ignoring .* \(CVS/\w+ missing\)|^C \S|^cvs .*: unable to remove ")
    doubtful = re.compile(r"^\? \S")

    def whyTooOld(self, checkout: Checkout, slave: Slave) -> str | None:
        """See L{System}."""
        wanted = "0"
        if checkout.oldMode() in ("update", "copy") and checkout.branch != checkout.option("defaultBranch"):
            wanted = CHANGES_BRANCH
        if checkout.option("checkout_options"):
            wanted = KNOWS_CHECKOUT_OPTIONS
        if checkout.option("export_options") or checkout.option("extra_options"):
            wanted = KNOWS_OPTIONS
        return slave.lacks("cvs", wanted)

    def slaveArguments(self, checkout: Checkout, slave: Slave) -> dict[str, Any]:
        """See L{System}."""
        branch: str | None = checkout.branch or "HEAD"
        if branch == "HEAD" and checkout.revision is not None:
            branch = None
        sent: dict[str, Any] = {
            "cvsroot": checkout.repository,
            "cvsmodule": checkout.options["cvsmodule"],
            "global_options": list(checkout.option("global_options", ())),
            "branch": branch,
            "login": checkout.option("login"),
        }
        for name in ("checkout_options", "export_options", "extra_options"):
            if checkout.option(name):
                sent[name] = list(checkout.options[name])
        if slave.isUnknown():
            mode = checkout.oldMode()
            sent |= {"export": mode == "export", "clobber": mode == "clobber", "tag": branch}
            sent["copydir"] = "source" if mode == "copy" else None
        return sent

    async def isOurs(self, work: Work, checkout: Checkout, place: str) -> bool:
        """See L{System}."""
        command = ["cat", "CVS/Root", "CVS/Repository", NAMED]
        told = await work.run(command, place, mayFail=True, isQuiet=True)
        root, path, *named = [*told.output.splitlines(), "", ""]
        isNamed = named[:1] == [checkout.options["cvsmodule"]]
        return _same(root, checkout.repository) and (isNamed or _isModule(path, checkout))

    async def make(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        root = hiddenUrl(checkout.repository)
        if checkout.option("login") is not None:
            await work.run(["cvs", "-d", root, "login"], ".", stdin=f"{checkout.options['login']}\n")
        isExport = checkout.method == "export"
        verb = "export" if isExport else "checkout"
        options = checkout.option("export_options" if isExport else "checkout_options", ())
        which = _which(checkout) or (["-r", "HEAD"] if isExport else [])
        how = [*_options(checkout), verb, *options, *checkout.option("extra_options", ()), *which]
        module = checkout.options["cvsmodule"]
        await work.run(["cvs", "-d", root, *how, "-d", place, module], ".")
        if not isExport and not await self.isOurs(work, checkout, place):
            # the module is a name for other paths, which only the repository knows
            if await work.exists(f"{place}/{self.metadata}"):
                await work.write(place, NAMED, f"{module}\n".encode())

    async def update(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        which = _which(checkout) or ["-A"]
        await work.run(["cvs", *_options(checkout), "update", "-dP", "-C", *which], place)

    async def whyWrong(self, work: Work, checkout: Checkout, place: str) -> str:
        """See L{System}. CVS skips a directory without files of CVS, even if the repository has it."""
        told = [line.removeprefix("?").strip() for line in work.doubts]
        unknown: list[str] = []
        for some in portions(told):
            command = ["ls", "-d", *(f"{name}/." for name in some)]
            found = await work.run(command, place, mayFail=True, isQuiet=True)
            unknown += [line.removesuffix("/.") for line in found.output.splitlines() if line.endswith("/.")]
        if not unknown:
            return ""
        # not the name of the module: it may be one for another path, or for several of them
        where = await work.run(["cat", "CVS/Repository"], place, mayFail=True, isQuiet=True)
        top = where.line.removeprefix(checkout.repository.rpartition(":")[2].rstrip("/") + "/")
        for some in portions(f"{top}/{name}".removeprefix("./") for name in unknown):
            ask = ["-Q", "rls", "-R", "-e", *_which(checkout), *some]
            root = hiddenUrl(checkout.repository)
            listed = await work.run(["cvs", "-d", root, *ask], ".", mayFail=True, isQuiet=True)
            for known in re.findall(r"^(.+):\n(?:D/.*\n)*/", listed.output, re.MULTILINE):
                if any(f"{known}/".startswith(f"{path}/") for path in some):
                    return f"the working copy has no files of CVS for the directory {known}"
        return ""

    async def clean(self, work: Work, checkout: Checkout, place: str, ignored: bool) -> None:
        """See L{System}."""
        flags = ["-I", "!", "-I", "CVS"] if ignored else []
        isAll = False
        found: list[str] = []
        while not isAll:
            told = await work.run(["cvs", "-n", "-q", "update", *flags], place, isQuiet=True, mayFail=True)
            before, found = found, re.findall(r"^\? (.+)\n", told.output, re.MULTILINE)
            await work.removeAll(place, found)
            isAll = not told.isCut or found in ([], before)

    async def revision(self, work: Work, checkout: Checkout, place: str) -> Any:
        """See L{System}. It is the date of the wanted revision, or now."""
        if checkout.revision is not None:
            return checkout.revision
        return time.strftime("%Y-%m-%d %H:%M:%S +0000", time.gmtime(work.step.build.build_status.now()))

    async def isReachable(self, work: Work, checkout: Checkout) -> bool:
        """See L{System}."""
        command = ["cvs", "-d", hiddenUrl(checkout.repository), "rls", *_branch(checkout)]
        return (await work.run(command, ".", mayFail=True)).rc == 0


def _same(root: str, wanted: str) -> bool:
    """True if a root is the wanted one; CVS leaves out the password."""
    for each in secretsOf(wanted):
        wanted = wanted.replace(f":{each}@", "@")
    return root.strip() == wanted


def _isModule(path: str, checkout: Checkout) -> bool:
    """True if a path in the repository is that of the module; it may begin with the repository."""
    return f"/{path.strip()}".endswith(f"/{checkout.options['cvsmodule']}")


def _options(checkout: Checkout) -> list[Any]:
    return [*checkout.option("global_options", ()), "-z3"]


def _which(checkout: Checkout) -> list[str]:
    """The branch and the date."""
    return [*_branch(checkout), *([] if checkout.revision is None else ["-D", str(checkout.revision)])]


def _branch(checkout: Checkout) -> list[str]:
    return [] if checkout.branch in (None, "", "HEAD") else ["-r", str(checkout.branch)]


class CVS(Source):
    """I get the source from a CVS repository, as it was C{checkoutDelay} seconds after the last change."""

    name = "cvs"
    system = CvsSystem()

    @arguments(
        cvsroot=URL,
        cvsmodule=WORD,
        global_options=ARGUMENTS,
        branch=BRANCH_NAME,
        checkoutDelay=orNone(SECONDS, "half of the time until the build was wanted"),
        login=orNone(SECRET),
        clobber=FLAG,
        export=FLAG,
        copydir=orNone(WORD),
        checkout_options=ARGUMENTS,
        export_options=ARGUMENTS,
        extra_options=ARGUMENTS,
    )
    def __init__(
        self,
        cvsroot: object = REQUIRED,
        cvsmodule: object = REQUIRED,
        global_options: Sequence[Any] = (),
        branch: object = None,
        checkoutDelay: float | None = None,
        login: object = None,
        clobber: bool = False,
        export: bool = False,
        copydir: object = None,
        *,
        checkout_options: Sequence[Any] | None = None,
        export_options: Sequence[Any] | None = None,
        extra_options: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """@param global_options: options in front of the command of cvs.
        @param checkoutDelay: seconds between the last change and the date that is checked out.
        @param login: the password for C{cvs login}, empty for none.
        @param clobber: the old way to write mode="clobber"; so are C{export} and C{copydir}.
        """
        old = "export" if export else "clobber" if clobber else "copy" if copydir else None
        if old:
            kwargs.setdefault("mode", old)
        super().__init__(**kwargs)
        self.cvsroot = cvsroot
        self.branch = branch
        self.checkoutDelay = checkoutDelay
        self._options = {
            "cvsmodule": cvsmodule,
            "global_options": global_options,
            "login": login,
            "checkout_options": checkout_options,
            "export_options": export_options,
            "extra_options": extra_options,
        }

    def options(self) -> dict[str, Any]:
        """See L{Source}."""
        return {**self._options, "defaultBranch": self.branch}

    def secrets(self, options: Mapping[str, Any]) -> list[str]:
        """See L{Source}."""
        return [options["login"]] if options.get("login") else []

    def repositoryOf(self, branch: str | None) -> str:
        """See L{Source}."""
        url: str = self.build.render(self.cvsroot)
        return url

    def computeSourceRevision(self, changes: Sequence[Any]) -> Any:
        """A date between the last change and the request of the build; None without changes."""
        if not changes:
            return None
        last = max(change.when for change in changes)
        if self.checkoutDelay is not None:
            return formatdate(last + self.checkoutDelay)
        wanted = max(request.submitted for request in self.build.requests)
        return formatdate((last + max(wanted, last)) / 2)
