# -*- test-case-name: tests.unit.steps.source.test_svn -*-
"""Source from Subversion."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any
from urllib.parse import unquote

from buildbot.config.arguments import arguments, complain
from buildbot.config.kinds import FLAG, orNone
from buildbot.model.sourcestamp import lastRevision
from buildbot.process.kinds import ARGUMENTS, DIRECTORY
from buildbot.steps.source.base import BRANCH_NAME, SECRET, URL, WORD, Source
from buildbot.steps.source.checkout import Checkout, CheckoutFailed, Slave, inBranch
from buildbot.steps.source.driving import System
from buildbot.steps.source.work import Work, hiddenUrl, secret

#: The first versions of the slave's command that change branches, that log in, and that know C{depth}.
CHANGES_BRANCH = "1.39"
LOGS_IN = "2.8"
KNOWS_DEPTH = "2.9"
#: The ports that Subversion leaves out of URLs.
_USUAL_PORTS = {"http": ":80", "https": ":443", "svn": ":3690"}
#: The options that say how deep a working copy is.
_OF_DEPTH = re.compile(r"-N$|--non-recursive$|--(?:set-)?depth\b")
#: The attributes of a file or directory that an update could not bring to the revision.
_WRONG = re.compile(
    r'\b(?:item="(?:conflicted|obstructed|incomplete)"|props="conflicted"|(?:tree-conflicted|switched)="true")'
)
#: The attributes of what differs from the working copy's revision.
_CHANGED = re.compile(
    r'\bitem="(?!(?:unversioned|ignored|external|normal|none)")|\bprops="(?!(?:none|normal)")|\btree-conflicted='
)
#: Something else is in the place of a file or directory, for which the repository has nothing new.
_OBSTRUCTED = re.compile(r'^(?!.*\btree-conflicted="true").*\bitem="obstructed"', re.DOTALL)


class SvnSystem(System):
    """I am Subversion."""

    command = "svn"
    metadata = ".svn"

    def whyTooOld(self, checkout: Checkout, slave: Slave) -> str | None:
        """See L{System}."""
        wanted = "0"
        if checkout.oldMode() in ("update", "copy") and checkout.branch != checkout.option("defaultBranch"):
            wanted = CHANGES_BRANCH
        if checkout.option("username") is not None or checkout.option("password") is not None:
            wanted = LOGS_IN
        if checkout.option("depth") or checkout.option("extra_args"):
            wanted = KNOWS_DEPTH
        return slave.lacks("svn", wanted)

    def slaveArguments(self, checkout: Checkout, slave: Slave) -> dict[str, Any]:
        """See L{System}."""
        sent: dict[str, Any] = {"svnurl": checkout.repository}
        names = (
            "username",
            "password",
            "depth",
            "extra_args",
            "keep_on_purge",
            "ignore_ignores",
            "always_purge",
        )
        sent |= {name: checkout.options[name] for name in names if checkout.option(name) is not None}
        if slave.isUnknown():
            sent["directory"] = checkout.workdir
        return sent

    async def isOurs(self, work: Work, checkout: Checkout, place: str) -> bool:
        """See L{System}. A working copy of another depth is not: an update keeps its depth."""
        told = await work.run(["svn", "info", "--xml"], place, mayFail=True, isQuiet=True)
        url = re.search(r"<url>(.*?)</url>", told.output)
        if url is None or _asKept(unescape(url[1])) != _asKept(checkout.repository):
            return False
        if any(_OF_DEPTH.match(str(word)) for word in checkout.option("extra_args", ())):
            return True
        depth = re.search(r"<depth>(\w+)</depth>", told.output)
        return (depth[1] if depth else "infinity") == (checkout.option("depth") or "infinity")

    async def make(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        verb = "export" if checkout.method == "export" else "checkout"
        depth = ["--depth", checkout.options["depth"]] if checkout.option("depth") else []
        url = hiddenUrl(checkout.repository)
        await work.run(["svn", verb, *_login(checkout), *_revision(checkout), *depth, url, place], ".")

    async def update(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        await work.run(["svn", "update", *_login(checkout), *_revision(checkout)], place)

    async def whyWrong(self, work: Work, checkout: Checkout, place: str) -> str:
        """See L{System}. An update that meets a conflict or an obstacle ends with status 0."""
        wrong = await self._wrong(work, place)
        isBuilt = checkout.method != "copy" and checkout.patch is None
        if wrong and isBuilt and all(_OBSTRUCTED.search(flags) for flags in wrong.values()):
            # a build has put a link, a directory or another file in the place of something
            await work.removeAll(place, [*wrong])
            await self.update(work, checkout, place)
            wrong = await self._wrong(work, place)
        for path in wrong:
            return f"{path} is not as in the repository: it is conflicted, obstructed or switched"
        return ""

    async def _wrong(self, work: Work, place: str) -> dict[str, str]:
        """The paths that are not as in the repository, and what C{svn status} says of them."""
        command = ["svn", "status", "--quiet", "--xml", "--non-interactive"]
        told = await work.run(command, place, mayFail=True, isQuiet=True)
        entries = re.findall(r'<entry\s+path="([^"]*)">\s*<wc-status([^>]*)', told.output)
        return {unescape(path): flags for path, flags in entries if _WRONG.search(flags)}

    async def clean(self, work: Work, checkout: Checkout, place: str, ignored: bool) -> None:
        """See L{System}."""
        flags = ["--xml", "--non-interactive", *(["--no-ignore"] if ignored else [])]
        wanted = "unversioned|ignored" if ignored else "unversioned"
        entry = re.compile(rf'<entry\s+path="([^"]*)">\s*<wc-status[^>]*?item="(?:{wanted})"', re.DOTALL)
        kept = checkout.option("keep_on_purge", ())
        isAll = isChanged = False
        found: list[str] = []
        while not isAll:
            told = await work.run(["svn", "status", *flags], place, isQuiet=True)
            isChanged = isChanged or told.isCut or _CHANGED.search(told.output) is not None
            before = found
            found = [path for path in map(unescape, entry.findall(told.output)) if path not in kept]
            await work.removeAll(place, found)
            isAll = not told.isCut or found in ([], before)
        if isChanged:
            await work.run(["svn", "revert", "--recursive", "."], place)

    async def revision(self, work: Work, checkout: Checkout, place: str) -> Any:
        """See L{System}. An export has the revision of its repository."""
        where = [hiddenUrl(checkout.repository)] if checkout.method == "export" else []
        login = [*_login(checkout), *_revision(checkout)] if where else []
        told = await work.run(["svn", "info", "--xml", *login, *where], "." if where else place, isQuiet=True)
        what = "commit" if checkout.option("preferLastChangedRev") else "entry"
        found = re.search(rf'<{what}\b[^>]*?\brevision="(\d+)"', told.output, re.DOTALL)
        return int(found[1]) if found else None

    async def isReachable(self, work: Work, checkout: Checkout) -> bool:
        """See L{System}."""
        url = hiddenUrl(checkout.repository)
        asked = ["svn", "info", *_login(checkout), *_revision(checkout), url]
        return (await work.run(asked, ".", mayFail=True)).rc == 0


def _asKept(url: str) -> str:
    """A URL as a working copy keeps it: Subversion leaves out a usual port and superfluous marks."""
    scheme, mark, rest = unquote(url).partition("://")
    login, _, path = rest.partition("/")
    user, at, host = login.rpartition("@")
    scheme, host = scheme.lower(), host.lower().removesuffix(_USUAL_PORTS.get(scheme.lower(), ""))
    if scheme == "file" and host == "localhost":
        host = ""
    parts = [part for part in path.removesuffix("@").split("/") if part not in ("", ".")]
    return "/".join([f"{scheme}{mark}{user}{at}{host}", *parts])


def _login(checkout: Checkout) -> list[Any]:
    """The options of all commands that reach the repository."""
    words: list[Any] = ["--non-interactive", "--no-auth-cache"]
    if checkout.option("username") is not None:
        words += ["--username", checkout.options["username"]]
    if checkout.option("password") is not None:
        words += ["--password", secret(checkout.options["password"])]
    return words + list(checkout.option("extra_args", ()))


def _revision(checkout: Checkout) -> list[str]:
    return [] if checkout.revision is None else ["--revision", str(checkout.revision)]


class SVN(Source):
    """I get the source from a Subversion repository."""

    name = "svn"
    system = SvnSystem()

    @arguments(
        svnurl=orNone(URL),
        baseURL=orNone(URL),
        defaultBranch=BRANCH_NAME,
        directory=DIRECTORY,
        repourl=orNone(URL),
        username=orNone(WORD),
        password=orNone(SECRET),
        extra_args=ARGUMENTS,
        keep_on_purge=ARGUMENTS,
        ignore_ignores=FLAG,
        always_purge=FLAG,
        depth=orNone(WORD),
        preferLastChangedRev=FLAG,
    )
    def __init__(
        self,
        svnurl: Any = None,
        baseURL: Any = None,
        defaultBranch: Any = None,
        directory: Any = None,
        *,
        repourl: object = None,
        username: object = None,
        password: object = None,
        extra_args: Sequence[Any] | None = None,
        keep_on_purge: Sequence[Any] | None = None,
        ignore_ignores: bool | None = None,
        always_purge: bool | None = None,
        depth: object = None,
        preferLastChangedRev: bool = False,
        **kwargs: Any,
    ) -> None:
        """@param svnurl: the URL, for builds without branches; C{repourl} is its name in 0.8.
        @param baseURL: the URL to which the branch is appended.
        @param directory: an old name of workdir.
        @param depth: how deep to go: C{empty}, C{files}, C{immediates} or C{infinity}.
        @param keep_on_purge: files to keep when files are removed.
        @param preferLastChangedRev: whether got_revision is the last revision that changed something.
        """
        super().__init__(**({"workdir": directory} if directory else {}), **kwargs)
        given = [each for each in (svnurl, repourl, baseURL) if each is not None]
        if len(given) != 1:
            complain(self, " needs one of svnurl (repourl in 0.8) and baseURL")
        self.svnurl = svnurl
        self.repourl = repourl
        self.baseURL = baseURL
        self.branch = defaultBranch
        self._options = {
            "username": username,
            "password": password,
            "extra_args": extra_args,
            "keep_on_purge": keep_on_purge,
            "ignore_ignores": ignore_ignores,
            "always_purge": always_purge,
            "depth": depth,
            "preferLastChangedRev": preferLastChangedRev,
        }

    def options(self) -> dict[str, Any]:
        """See L{Source}."""
        return {**self._options, "defaultBranch": self.branch}

    def secrets(self, options: Mapping[str, Any]) -> list[str]:
        """See L{Source}."""
        return [options["password"]] if options.get("password") else []

    def repositoryOf(self, branch: str | None) -> str:
        """See L{Source}."""
        url: str = self.build.render(self.svnurl or self.repourl or self.baseURL)
        if self.baseURL is not None or "%%" in url:
            return inBranch(url, branch)
        if branch and self.svnurl is not None:
            raise CheckoutFailed(f"svnurl has no place for the branch {branch!r}: give baseURL instead")
        return url

    def computeSourceRevision(self, changes: Sequence[Any]) -> Any:
        """The highest revision of the changes."""
        return lastRevision([change.revision for change in changes if change.revision is not None])
