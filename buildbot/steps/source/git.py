# -*- test-case-name: tests.unit.steps.source.test_git -*-
"""Source from Git."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from buildbot.config.arguments import REQUIRED, Kind, arguments
from buildbot.config.kinds import FLAG, orNone
from buildbot.process.kinds import ENVIRONMENT
from buildbot.steps.source.base import BRANCH_NAME, URL, WORD, Source
from buildbot.steps.source.checkout import Checkout, CheckoutFailed, NotInRepository, Slave
from buildbot.steps.source.driving import System
from buildbot.steps.source.work import Outcome, PartSkipped, Work, hiddenUrl

#: The first version of the slave's command that runs Git itself (0.7.12); older ones ran Cogito.
RUNS_GIT = "2.9"
#: The first version that knows C{reference}, C{progress} and C{shallow} (0.8).
KNOWS_SHALLOW = "2.10"

#: A revision that means one commit everywhere. All others are looked up as names first, shorter ones too.
_IS_ID = re.compile(r"[0-9a-fA-F]{7,64}")
#: A name that a repository may have, as that of a tag; not an expression of git, as C{v1~2}.
_IS_NAME = re.compile(r"[\w./-]+")

#: The words of git for the directory of a submodule that it keeps. Only the first of them has translations.
_KEPT = re.compile(r"^[^:]{1,30}: unable to rmdir (?!'?/|'?(?:.*/)?\.\.[/':])'?(.+?)'?: [^:]+$")

_DESCRIBE = Kind(
    "True or False, or a dict of options of git describe",
    lambda value: value in (True, False, None) or isinstance(value, Mapping),
)


class GitSystem(System):
    """I am Git."""

    command = "git"
    metadata = ".git"
    #: English words, and no question for a password, which nobody would answer.
    environment = MappingProxyType({"LANGUAGE": "C", "GIT_TERMINAL_PROMPT": "0"})
    skipping = re.compile(r"^[^:]{1,30}: unable to (?:unlink|rmdir) ")
    doubtful = re.compile(r"not our ref|not allow request for unadvertised|[Cc]ouldn't find remote ref")

    def whyTooOld(self, checkout: Checkout, slave: Slave) -> str | None:
        """See L{System}."""
        for name in ("getDescription", "config", "tags"):
            if checkout.option(name):
                return f"no slave's command git knows {name}"
        if checkout.branch in (None, "", "HEAD") or str(checkout.branch).startswith("refs/"):
            return "no slave's command git gets what is no branch, as HEAD"
        revision = _revision(checkout)
        if checkout.revision is not None and (revision is None or not _IS_ID.fullmatch(revision)):
            return "a slave's command git takes the name of a revision for one of the working copy"
        later = any(checkout.option(name) for name in ("reference", "progress", "shallow"))
        return slave.lacks("git", KNOWS_SHALLOW if later else RUNS_GIT)

    def slaveArguments(self, checkout: Checkout, slave: Slave) -> dict[str, Any]:
        """See L{System}."""
        sent: dict[str, Any] = {"repourl": checkout.repository, "branch": checkout.branch}
        sent["submodules"] = bool(checkout.option("submodules"))
        sent["ignore_ignores"] = checkout.option("ignore_ignores", True)
        for name in ("reference", "progress", "shallow"):
            if checkout.option(name):
                sent[name] = checkout.options[name]
        return sent

    async def isOurs(self, work: Work, checkout: Checkout, place: str) -> bool:
        """See L{System}.

        C{--git-dir} names this repository: if it is broken, git would use one of a parent directory.
        """
        ours = ["git", "--git-dir=.git"]
        url = await work.run([*ours, "config", "remote.origin.url"], place, mayFail=True, isQuiet=True)
        if url.rc == 0:
            return url.line == checkout.repository
        # A slave's own command makes a working copy that does not name its repository.
        named = ["config", "remote.origin.url", hiddenUrl(checkout.repository)]
        for ask in (["rev-parse", "--verify", "HEAD"], named):
            if (await work.run([*ours, *ask], place, mayFail=True, isQuiet=True)).rc != 0:
                return False
        return True

    async def make(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        await work.makeDirectory(place)
        await self._git(work, checkout, place, "init", "-q")
        url = hiddenUrl(checkout.repository)
        await self._git(work, checkout, place, "config", "remote.origin.url", url)
        await self._git(
            work, checkout, place, "config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"
        )
        if checkout.option("reference"):
            objects = f"{checkout.options['reference']}/objects\n"
            if not await work.exists(f"{checkout.options['reference']}/objects"):
                objects = f"{checkout.options['reference']}/.git/objects\n"
            await work.write(place, ".git/objects/info/alternates", objects.encode())
        await self._turn(work, checkout, place)

    async def update(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        await self._turn(work, checkout, place)
        # If a build has moved a directory away, with a link to it in its place, the files of the directory
        # that are the same in both revisions are missing now. To look for them is quicker than another reset.
        ask = ["diff-files", "--name-only", "--diff-filter=D", "--ignore-submodules=all"]
        missing = await self._git(work, checkout, place, *ask, mayFail=True, isQuiet=True)
        if missing.rc != 0 or missing.line:
            await self._git(work, checkout, place, "reset", "--hard", "-q")

    async def _turn(self, work: Work, checkout: Checkout, place: str) -> None:
        wanted = await self._fetchWanted(work, checkout, place)
        try:
            # do not give the branch here: a directory may have the same name
            await self._git(work, checkout, place, "reset", "--hard", wanted, "--")
        except PartSkipped as skipped:
            if not await self.mended(work, checkout, place, skipped.lines):
                raise
        if checkout.option("submodules"):
            await self._git(work, checkout, place, "submodule", "sync")
            how = ["--init", "--recursive", "--force"]
            await self._git(work, checkout, place, "submodule", "update", *how)

    async def whyWrong(self, work: Work, checkout: Checkout, place: str) -> str:
        """See L{System}. The slave's own command leaves changed files of submodules as they are."""
        if (
            not checkout.option("submodules")
            or checkout.patch is not None
            or not work.slave.has(self.command)
        ):
            return ""
        command = ["git", "submodule", "foreach", "git reset --hard -q"]
        ended = await work.run(command, place, mayFail=True)
        return "" if ended.rc == 0 else "a submodule cannot be reset"

    async def mended(self, work: Work, checkout: Checkout, place: str, lines: Sequence[str]) -> bool:
        """See L{System}. Git leaves the files of a submodule that the new revision does not have."""
        kept = [_KEPT.search(line) for line in lines]
        names = [match[1] for match in kept if match is not None]
        if len(names) < len(lines):
            return False
        await work.removeAll(place, names)
        # the new revision may have files of its own there
        await self._git(work, checkout, place, "reset", "--hard", "-q")
        return True

    async def clean(self, work: Work, checkout: Checkout, place: str, ignored: bool) -> None:
        """See L{System}."""
        flags = ["-f", "-f", "-d", *(["-x"] if ignored else [])]
        await self._git(work, checkout, place, "clean", *flags)
        if checkout.option("submodules"):
            each = ["foreach", "--recursive", " ".join(["git", "clean", *flags])]
            await self._git(work, checkout, place, "submodule", *each)

    async def revision(self, work: Work, checkout: Checkout, place: str) -> Any:
        """See L{System}."""
        return (await self._git(work, checkout, place, "rev-parse", "HEAD")).line

    async def isReachable(self, work: Work, checkout: Checkout) -> bool:
        """See L{System}."""
        branch = checkout.branch or "HEAD"
        asked = "HEAD" if _IS_ID.fullmatch(branch) else branch
        url = hiddenUrl(checkout.repository)
        told = await self._git(work, checkout, ".", "ls-remote", url, asked, mayFail=True)
        return told.rc == 0 and told.line != ""

    async def description(self, work: Work, checkout: Checkout) -> str | None:
        """The output of C{git describe}; None without a tag."""
        wanted = checkout.option("getDescription")
        options = ["--tags"] if not isinstance(wanted, Mapping) else list(_flags(wanted))
        place = checkout.place
        told = await self._git(work, checkout, place, "describe", *options, "HEAD", mayFail=True)
        return told.line if told.rc == 0 else None

    async def _fetchWanted(self, work: Work, checkout: Checkout, place: str) -> str:
        """Fetch the wanted revision; return a word for it in the working copy.

        A name means that of the repository. The working copy may have the same name for an older revision.
        """
        revision = _revision(checkout)
        isId = revision is not None and _IS_ID.fullmatch(revision) is not None
        if revision is not None and not isId and _IS_NAME.fullmatch(revision):
            if (await self._fetch(work, checkout, place, revision, mayFail=True)).rc == 0:
                return "FETCH_HEAD"
        await self._fetch(work, checkout, place, checkout.branch or "HEAD")
        if revision is None:
            return "FETCH_HEAD"
        if not isId:
            # the words HEAD~1 mean the revision before the last one of the branch
            await self._git(work, checkout, place, "reset", "--hard", "FETCH_HEAD", "--")
            if not await self._has(work, place, revision):
                raise NotInRepository(f"the repository has no revision {revision}")
        elif not await self._has(work, place, revision):
            # it is outside of the branch
            try:
                await self._fetch(work, checkout, place, revision)
            except CheckoutFailed:
                if work.doubts:
                    raise NotInRepository(f"the repository has no revision {revision}") from None
                raise
        return revision

    async def _fetch(
        self, work: Work, checkout: Checkout, place: str, what: str, mayFail: bool = False
    ) -> Outcome:
        flags = ["-f", "-t"]
        if checkout.option("progress"):
            flags.append("--progress")
        shallow = checkout.option("shallow")
        if shallow:
            flags += ["--depth", str(1 if shallow is True else shallow)]
        url = hiddenUrl(checkout.repository)
        command = ["fetch", *flags, url, what]
        if checkout.option("retryFetch"):
            ended = await self._git(work, checkout, place, *command, mayFail=True)
            if ended.rc == 0:
                return ended
        return await self._git(work, checkout, place, *command, mayFail=mayFail)

    async def _has(self, work: Work, place: str, revision: str) -> bool:
        command = ["git", "cat-file", "-e", f"{revision}^{{commit}}"]
        return (await work.run(command, place, mayFail=True, isQuiet=True)).rc == 0

    async def _git(
        self,
        work: Work,
        checkout: Checkout,
        place: str,
        *words: Any,
        mayFail: bool = False,
        isQuiet: bool = False,
    ) -> Outcome:
        settings = checkout.option("config", {})
        config = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return await work.run(["git", *config, *words], place, mayFail, isQuiet)


def _revision(checkout: Checkout) -> str | None:
    """The wanted revision; None for the last one of the branch."""
    return None if checkout.revision in (None, "", "HEAD") else str(checkout.revision)


def _flags(wanted: Mapping[str, Any]) -> list[str]:
    """The options of C{git describe}."""
    found = []
    for name, value in wanted.items():
        if value is True:
            found.append(f"--{name}")
        elif value not in (False, None):
            found.append(f"--{name}={value}")
    return found


class Git(Source):
    """I get the source from a Git repository.

    Objects that the repository C{reference} on the slave has are not transferred.
    """

    name = "git"
    system = GitSystem()

    @arguments(
        repourl=URL,
        branch=BRANCH_NAME,
        submodules=FLAG,
        reference=orNone(WORD),
        shallow=Kind(
            "True, False, or a number of commits", lambda value: value is None or isinstance(value, int)
        ),
        progress=FLAG,
        ignore_ignores=FLAG,
        retryFetch=FLAG,
        clobberOnFailure=FLAG,
        getDescription=_DESCRIBE,
        config=ENVIRONMENT,
    )
    def __init__(
        self,
        repourl: object = REQUIRED,
        branch: object = "HEAD",
        mode: str = "incremental",
        method: str | None = None,
        reference: object = None,
        submodules: bool = False,
        shallow: bool | int = False,
        progress: bool = False,
        retryFetch: bool = False,
        clobberOnFailure: bool = False,
        getDescription: object = False,
        config: Mapping[str, Any] | None = None,
        *,
        ignore_ignores: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """@param branch: the branch of builds that have none.
        @param reference: a directory with a repository on the slave, whose objects are used.
        @param submodules: whether to get the submodules, too.
        @param shallow: True for one commit only, or the number of commits.
        @param retryFetch: whether a failed fetch is tried once more.
        @param clobberOnFailure: accepted: a working copy that cannot be updated is always made again.
        @param getDescription: whether to set C{commit-description} to the output of C{git describe}.
        @param config: settings for each command of git.
        """
        super().__init__(mode=mode, method=method, **kwargs)
        self.repourl = repourl
        self.branch = branch
        self._options = {
            "reference": reference,
            "submodules": submodules,
            "shallow": shallow,
            "progress": progress,
            "retryFetch": retryFetch,
            "getDescription": getDescription,
            "config": config,
            "ignore_ignores": ignore_ignores,
        }

    def options(self) -> dict[str, Any]:
        """See L{Source}."""
        return self._options

    def repositoryOf(self, branch: str | None) -> str:
        """See L{Source}."""
        url: str = self.build.render(self.repourl)
        return url

    async def fetched(self, work: Work, checkout: Checkout) -> None:
        """See L{Source}."""
        if checkout.option("getDescription"):
            told = await GitSystem().description(work, checkout)
            if told is not None:
                self.setProperty("commit-description", told)
