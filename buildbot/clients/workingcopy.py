# -*- test-case-name: tests.processes.test_workingcopy -*-
"""Find the base revision and the patch of a working copy, by the program of its version control system.

The names of the classes are those of 0.7.5. The programs run without a shell and without a terminal.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from buildbot.model.sourcestamp import SourceStamp
from buildbot.programs.running import Program, ProgramFailed

#: The most seconds that one program may take.
SECONDS = 600.0
#: With these, programs do not translate, color or page their output.
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "HGPLAIN": "1", "GIT_PAGER": "cat", "P4DIFF": None, "TERM": "dumb"}


class NoSource(Exception):
    """The source of a try job cannot be found. The message is for the user."""


class SourceStampExtractor:
    """I find the source stamp of one working copy: derive from me, one class for each system.

    @ivar vcexe: the program.
    @ivar patchlevel: the number for C{patch -p}.
    @ivar atTop: the names of files that mark the top of a working copy; C{exe} runs there.
    @ivar baserev: the base revision, once it is known.
    @ivar patch: (level, text), once it is known.
    """

    vcexe = ""
    patchlevel = 0
    atTop = ""
    baserev: str | int | None = None
    patch: tuple[int, str] = (0, "")

    def __init__(
        self, treetop: str, branch: str | None, repository: str | None = None, reactor: Any = None
    ) -> None:
        """@param treetop: the top of the working copy.
        @param branch: the branch; None: find it, or else the main line.
        """
        if reactor is None:
            from twisted.internet import reactor
        self.treetop = treetop
        self.branch = branch
        self.repository = repository
        self._reactor = reactor

    def get(self) -> Deferred[SourceStamp]:
        """Fires with the source stamp. Fails with L{NoSource}."""
        return ensureDeferred(self._get())

    async def _get(self) -> SourceStamp:
        try:
            await self.getBaseRevision()
            await self.getPatch()
        except ProgramFailed as failed:
            raise NoSource(str(failed)) from None
        return self.done()

    def done(self, res: object = None) -> SourceStamp:
        """The source stamp."""
        return SourceStamp(self.branch, self.baserev, self.patch, repository=self.repository or "")

    async def getBaseRevision(self) -> None:
        """Find C{baserev}, and the branch if it can be found."""
        raise NotImplementedError

    async def getPatch(self, res: object = None) -> None:
        """Find C{patch}."""
        raise NotImplementedError

    def readPatch(self, res: str, patchlevel: int) -> None:
        """Keep a patch."""
        self.patch = (patchlevel, res)

    async def dovc(self, cmd: list[str], good: tuple[int, ...] = (0,)) -> str:
        """Run the program. Returns its output.

        @param good: the statuses of success: some programs end with 1 if there are differences.
        @raise ProgramFailed: it has failed.
        """
        environment: Mapping[str, str | None] = _ENVIRONMENT
        program = Program(self._reactor, SECONDS)
        try:
            output = await program.start([self.vcexe, *cmd], self.treetop, environment)
        except ProgramFailed as failed:
            if failed.status not in good:
                raise
            output = failed.output
        return output.decode("utf-8", "surrogateescape")


class GitExtractor(SourceStampExtractor):
    """Git. The base is the newest commit that the upstream branch has, too."""

    vcexe = "git"
    patchlevel = 1
    atTop = ".git"

    async def getBaseRevision(self) -> None:
        """The base is where the work left the upstream branch; without any, it is the last commit."""
        upstream = self.branch
        if upstream is None:
            upstream = await self._quietly("rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}")
        if not upstream:
            self.branch = await self._quietly("symbolic-ref", "--short", "-q", "HEAD") or None
            upstream = await self._likely(self.branch) if self.branch else ""
        if not upstream:
            self.baserev = (await self.dovc(["rev-parse", "HEAD"])).strip()
            return
        self.branch = await self._withoutRemote(upstream)
        self.baserev = (await self.dovc(["merge-base", "HEAD", upstream])).strip()

    async def _likely(self, branch: str) -> str:
        """The remote branch for work that follows none: slaves cannot get a local branch.

        @return: the one of the same name, else the default branch of the remote; "" if neither is known.
        """
        remotes = (await self.dovc(["remote"])).split()
        remote = "origin" if "origin" in remotes else "".join(remotes[:1])
        for name in (branch, "HEAD") if remote else ():
            reference = f"refs/remotes/{remote}/{name}"
            found = await self._quietly("rev-parse", "--abbrev-ref", "--verify", "-q", reference)
            if found:
                return found
        return ""

    async def _quietly(self, *cmd: str) -> str:
        try:
            return (await self.dovc(list(cmd))).strip()
        except ProgramFailed as failed:
            if failed.status is None or failed.status == 127:
                raise
            return ""

    async def _withoutRemote(self, branch: str) -> str:
        """The name that a branch has in its own repository: "origin/main" is "main"."""
        remotes = (await self.dovc(["remote"])).split()
        found = [each for each in remotes if branch.startswith(f"{each}/")]
        return branch[len(max(found, key=len)) + 1 :] if found else branch

    async def getPatch(self, res: object = None) -> None:
        """The difference of the working copy to the base."""
        prefixes = ["--src-prefix=a/", "--dst-prefix=b/"]
        plain = ["--no-color", "--no-ext-diff", "--no-textconv", "--no-renames"]
        self.readPatch(await self.dovc(["diff", *plain, *prefixes, str(self.baserev)]), self.patchlevel)


class MercurialExtractor(SourceStampExtractor):
    """Mercurial. The base is the newest ancestor that is public."""

    vcexe = "hg"
    patchlevel = 1
    atTop = ".hg"

    async def getBaseRevision(self) -> None:
        """The base is the newest public ancestor; without one, it is the parent of the working copy."""
        for revset in ("max(::. and public())", "p1()"):
            found = self.parseStatus(await self.dovc(["log", "--template", "{node}\\n", "-r", revset]))
            if found is not None:
                self.baserev = found
                return
        raise NoSource(f"hg knows no revision of the working copy in {self.treetop}")

    def parseStatus(self, output: str) -> str | None:
        """The revision in an output of C{hg log}."""
        match = re.match(r"[0-9a-f]{12,64}", output)
        return None if match is None else match[0]

    async def getPatch(self, res: object = None) -> None:
        """The difference of the working copy to the base."""
        self.readPatch(await self.dovc(["diff", "-r", str(self.baserev)]), self.patchlevel)


class SVNExtractor(SourceStampExtractor):
    """Subversion. The base is the newest revision of the repository."""

    vcexe = "svn"
    atTop = ".svn"

    async def getBaseRevision(self) -> None:
        """The base is the newest revision: the patch undoes the revisions that the working copy lacks."""
        self.baserev = self.parseStatus(await self.dovc(["status", "-u", "--non-interactive"]))

    def parseStatus(self, res: str) -> int:
        """The revision in an output of C{svn status -u}. Raises L{NoSource} if there is none."""
        match = re.search(r"^Status against revision:\s+(\d+)", res, re.MULTILINE)
        if match is None:
            raise NoSource("svn status -u does not tell the revision of the repository")
        return int(match[1])

    async def getPatch(self, res: object = None) -> None:
        """The difference of the working copy to the base."""
        cmd = ["diff", "--internal-diff", "--non-interactive", f"-r{self.baserev}"]
        self.readPatch(await self.dovc(cmd), self.patchlevel)


class CVSExtractor(SourceStampExtractor):
    """CVS. The base is the present time."""

    vcexe = "cvs"
    atTop = "CVS"

    async def getBaseRevision(self) -> None:
        """The base is the state of the repository now."""
        if self.branch is not None:
            raise NoSource("cvs cannot tell the difference to a branch at a time: try works on its main line")
        self.baserev = time.strftime("%Y-%m-%d %H:%M:%S +0000", time.gmtime())

    async def getPatch(self, res: object = None) -> None:
        """The difference of the working copy to the base."""
        diff = await self.dovc(["-f", "-q", "diff", "-u", "-N", "-D", str(self.baserev)], good=(0, 1))
        self.readPatch(diff, self.patchlevel)


class BzrExtractor(SourceStampExtractor):
    """Bazaar. The base is the newest revision that the branch to submit to has, too."""

    vcexe = "bzr"
    atTop = ".bzr"

    async def getBaseRevision(self) -> None:
        """The base is where the work left the submit branch; without one, it is the last commit."""
        try:
            said = await self.dovc(["--no-aliases", "revision-info", "-rsubmit:"])
        except ProgramFailed as failed:
            if failed.status != 3:
                raise
            said = await self.dovc(["--no-aliases", "revision-info"])
        words = said.split()
        if len(words) != 2:
            raise NoSource(f"bzr knows no revision of the working copy in {self.treetop}")
        self.baserev = f"revid:{words[1]}"

    async def getPatch(self, res: object = None) -> None:
        """The difference of the working copy to the base."""
        diff = await self.dovc(["--no-aliases", "diff", "--prefix=:", f"-r{self.baserev}.."], good=(0, 1))
        self.readPatch(diff, self.patchlevel)


class DarcsExtractor(SourceStampExtractor):
    """Darcs. The base is the context of the working copy: all its recorded patches."""

    vcexe = "darcs"
    patchlevel = 1
    atTop = "_darcs"

    async def getBaseRevision(self) -> None:
        """The base is the whole context file."""
        self.parseStatus(await self.dovc(["log", "--context"]))

    def parseStatus(self, res: str) -> None:
        """Keep the context."""
        self.baserev = res

    async def getPatch(self, res: object = None) -> None:
        """The difference of the working copy to the recorded patches."""
        self.readPatch(await self.dovc(["diff", "-u"], good=(0, 1)), self.patchlevel)


class PerforceExtractor(SourceStampExtractor):
    """Perforce. The base is the newest change that is submitted here. The branch must be given."""

    vcexe = "p4"

    async def getBaseRevision(self) -> None:
        """The base is the newest submitted change below the working directory."""
        if not self.branch:
            raise NoSource("p4 needs --branch: the path of the branch below its depot")
        match = re.search(r"^Change (\d+)", await self.dovc(["changes", "-s", "submitted", "-m1", "..."]))
        if match is None:
            raise NoSource(f"p4 knows no change below {self.treetop}")
        self.baserev = match[1]

    async def getPatch(self, res: object = None) -> None:
        """The difference of the opened files to the base."""
        self.readPatch(await self.dovc(["diff", "-du"]), self.patchlevel)

    def readPatch(self, res: str, patchlevel: int) -> None:
        """Keep a patch, with the names of files below the branch."""
        assert self.branch is not None
        branch = re.escape(self.branch.strip("/"))
        header = re.compile(rf"==== //(?:[^/]+/)?{branch}/(?P<path>.+)#(?P<revision>\d+) - .* ====[^\n]*\n")
        headers = [line for line in res.splitlines() if line.startswith("==== ")]
        found = re.sub(header, _p4Header, res)
        if headers and "==== //" in found:
            raise NoSource(f"p4 diff names files that are not below the branch {self.branch!r}: {headers[0]}")
        # newer versions print the names of local files, too
        super().readPatch(re.sub(r"^(?:---|\+\+\+) /[^\n]*\n", "", found, flags=re.MULTILINE), patchlevel)


def _p4Header(match: re.Match[str]) -> str:
    return f"--- {match['path']}#{match['revision']}\n+++ {match['path']}\n"


class MonotoneExtractor(SourceStampExtractor):
    """Monotone. The base is the base revision of the workspace."""

    vcexe = "mtn"
    atTop = "_MTN"

    async def getBaseRevision(self) -> None:
        """The base is the base revision of the workspace."""
        self.baserev = (await self.dovc(["automate", "get_base_revision_id"])).strip()

    async def getPatch(self, res: object = None) -> None:
        """The difference of the workspace to the base."""
        self.readPatch(await self.dovc(["diff"]), self.patchlevel)


class _ArchExtractor(SourceStampExtractor):
    """Arch and Bazaar 1: the base is ARCHIVE/BRANCH--REVISION."""

    patchlevel = 1
    _base: tuple[str, ...] = ()
    _diff: tuple[str, ...] = ()

    async def getBaseRevision(self) -> None:
        """The base is the newest patch of the tree; it also tells the branch."""
        self.parseStatus(await self.dovc(list(self._base)))

    def parseStatus(self, res: str) -> None:
        """Keep the branch and the revision of the first line."""
        match = re.match(r"[^/\n]+/(.+)--([^\n]+)", res)
        if match is None:
            raise NoSource(f"{self.vcexe} does not tell the revision of {self.treetop}")
        self.branch, self.baserev = match[1], match[2].strip()

    async def getPatch(self, res: object = None) -> None:
        """The difference of the tree to the base."""
        self.readPatch(await self.dovc(list(self._diff), good=(0, 1)), self.patchlevel)


class TlaExtractor(_ArchExtractor):
    """Arch."""

    vcexe = "tla"
    _base = ("logs", "--full", "--reverse")
    _diff = ("changes", "--diffs")


class BazExtractor(_ArchExtractor):
    """Bazaar 1."""

    vcexe = "baz"
    _base = ("tree-id",)
    _diff = ("diff",)


#: The name for C{--vc} -> the class.
EXTRACTORS: dict[str, type[SourceStampExtractor]] = {
    "git": GitExtractor,
    "hg": MercurialExtractor,
    "svn": SVNExtractor,
    "cvs": CVSExtractor,
    "bzr": BzrExtractor,
    "darcs": DarcsExtractor,
    "p4": PerforceExtractor,
    "mtn": MonotoneExtractor,
    "tla": TlaExtractor,
    "baz": BazExtractor,
}


def getSourceStamp(
    vctype: str,
    treetop: str,
    branch: str | None = None,
    repository: str | None = None,
    reactor: object = None,
) -> Deferred[SourceStamp]:
    """The source stamp of a working copy.

    @return: fires with it; fails with L{NoSource}.
    @raise NoSource: the system is unknown.
    """
    extractor = EXTRACTORS.get(vctype)
    if extractor is None:
        raise NoSource(f"--vc must be one of {', '.join(EXTRACTORS)}, not {vctype!r}")
    return extractor(treetop, branch, repository, reactor).get()


def getTopdir(topfile: str, start: str | None = None) -> str:
    """The nearest directory that holds a file of this name, upwards from C{start}.

    @raise NoSource: there is none.
    """
    start = os.path.abspath(start or os.getcwd())
    for here in _upwards(start):
        if os.path.exists(os.path.join(here, topfile)):
            return here
    raise NoSource(f"there is no {topfile} in {start}, nor in a directory above it")


def findWorkingCopy(start: str) -> tuple[str, str]:
    """The version control system, and the top directory, of the working copy that a directory is in.

    @raise NoSource: there is none.
    """
    for here in _upwards(start):
        for name, extractor in EXTRACTORS.items():
            if extractor.atTop and os.path.exists(os.path.join(here, extractor.atTop)):
                return name, topOf(name, here)
    raise NoSource(f"{start} is in no working copy that is recognized: give --vc, or a patch with --diff")


def topOf(vctype: str, start: str) -> str:
    """The top directory of the working copy round a directory; C{start} if that cannot be told."""
    mark = EXTRACTORS[vctype].atTop if vctype in EXTRACTORS else ""
    if not mark:
        return start
    found = [here for here in _upwards(start) if os.path.exists(os.path.join(here, mark))]
    if not found:
        return start
    if vctype not in ("cvs", "svn"):
        return found[0]
    # These mark each directory of the working copy (svn before 1.7): the top is the last in a row.
    top = found[0]
    while os.path.dirname(top) in found and os.path.dirname(top) != top:
        top = os.path.dirname(top)
    return top


def _upwards(start: str) -> list[str]:
    """A directory, and all above it."""
    found = [os.path.abspath(start)]
    while os.path.dirname(found[-1]) != found[-1]:
        found.append(os.path.dirname(found[-1]))
    return found
