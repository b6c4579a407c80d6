# -*- test-case-name: tests.daemons.test_hgpoller -*-
"""The source of changes that looks regularly at a Mercurial repository."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from buildbot.changes import hglog
from buildbot.changes.branches import BRANCHES, Branches, isWatched, named, oneOrSeveral, toldBranches
from buildbot.changes.programpoller import FETCH_SECONDS, LOOK_SECONDS, ProgramPoller
from buildbot.changes.storingpoller import AT_ONCE, CATEGORY, URL, PollFailed
from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.kinds import ENCODING, FLAG, SOME_SECONDS, TEXT, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change
from buildbot.programs.running import ProgramFailed
from buildbot.text.urls import splitCredentials, withoutPasswords

#: With these, hg prints the same for every user, in UTF-8. The user's own file still has keys and proxies.
_ENVIRONMENT = {"HGPLAIN": "1", "HGENCODING": "UTF-8"}


class HgPoller(ProgramPoller):
    """I make a change for each new commit on the branches that I watch.

    I pull into a repository of my own. My first look makes no changes: it only remembers the heads of the
    history.
    """

    compare_attrs = (
        *("repourl", "branches", "workdir", "pollInterval", "hgbin", "usetimestamps", "category", "project"),
        *("codebase", "encoding", "name", "revlink", "timeout"),
    )

    _heads: frozenset[str] | None = None
    _hasBranch = False

    @arguments(
        repourl=URL,
        branch=orNone(TEXT),
        branches=BRANCHES,
        workdir=orNone(TEXT, "a directory of its own"),
        pollInterval=SOME_SECONDS,
        pollinterval=orNone(SOME_SECONDS),
        pollAtLaunch=FLAG,
        hgbin=TEXT,
        usetimestamps=FLAG,
        category=CATEGORY,
        project=orNone(TEXT),
        codebase=orNone(TEXT),
        encoding=ENCODING,
        name=orNone(TEXT),
        revlink=orNone(Kind("a function of a branch and a revision", callable)),
        timeout=orNone(SOME_SECONDS),
    )
    def __init__(
        self,
        repourl: str,
        branch: str | None = None,
        workdir: str | None = None,
        pollInterval: float = 10 * 60,
        hgbin: str = "hg",
        usetimestamps: bool = True,
        category: object = None,
        project: str | None = "",
        pollinterval: float | None = None,
        encoding: str = "utf-8",
        pollAtLaunch: bool = False,
        name: str | None = None,
        revlink: Callable[[str, str], str] | None = None,
        branches: Branches = None,
        codebase: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """@param repourl: where the repository is, as hg takes it.
        @param branch: the branch to watch; the default is C{"default"}.
        @param branches: the same for several: a list, True for all of them, or a function that returns true
            for the name of a branch.
        @param workdir: the directory of my own repository, below that of the master.
        @param pollInterval: seconds between two looks.
        @param usetimestamps: True: a change has the time of its commit; False: the time when I saw it.
        @param category: of the changes: a text, or a function of a change that returns it.
        @param pollinterval: an old name of C{pollInterval}.
        @param encoding: without effect: hg knows the encoding of its texts.
        @param pollAtLaunch: True: look first as soon as I start.
        @param revlink: called with a branch and a revision; returns the address of a page about it.
        @param timeout: the most seconds that one command of hg may take.
        """
        remember(self)
        self.repourl = repourl
        self.branches = oneOrSeveral(self, branch, branches, "default")
        self.workdir = workdir
        self.hgbin = hgbin
        self.usetimestamps = usetimestamps
        self.codebase = codebase or ""
        self.encoding = encoding
        self.revlink = revlink
        interval = pollInterval if pollinterval is None else pollinterval
        self.take(interval, project, category, name, timeout, pollAtLaunch)

    def identity(self) -> str:
        """See L{StoringPoller.identity}."""
        return self.identityOf(self.repourl, self.project, self.codebase)

    def describe(self) -> str:
        """One line for people: the repository and the branches."""
        return f"HgPoller of {withoutPasswords(self.repourl)} ({toldBranches(self.branches)})"

    # the look

    async def poll(self) -> None:
        """See L{PollingChangeSource.poll}."""
        heads = await self._load() if self._heads is None else self._heads
        await self._pull()
        if not self._hasBranch:
            await self._findBranch()
        if not heads:
            await self._remember(await self._now())
            return
        found = hglog.commits(await self._hg(hglog.logSince(heads), self.timeout or FETCH_SECONDS))
        if not any(each.revision in heads for each in found):
            raise PollFailed(
                "the repository has none of the commits that were there before: is this another repository?"
            )
        await self._report([each for each in found if each.revision not in heads], heads)

    async def _load(self) -> frozenset[str]:
        """The heads of the history that I have passed on; empty before my first look."""
        state = await self.store.getState(self.key)
        return frozenset(state["heads"] if state else ())

    async def _findBranch(self) -> None:
        """Check that the repository has a branch that I watch. Branches of hg never disappear."""
        names = named(self.branches)
        if names is not None:
            listed = await self._hg(["branches", "--closed", "--template", "{branch}\\0"])
            if not set(listed.decode("utf-8", "replace").split("\0")) & set(names):
                raise PollFailed(f"the repository has no branch {' and no '.join(map(repr, names))}")
        self._hasBranch = True

    async def _now(self) -> frozenset[str]:
        """The heads of my repository."""
        heads = await self._hg(["log", "--hidden", "--template", "{node}\\n", "--rev", "heads(all())"])
        return frozenset(heads.decode("ascii", "replace").split())

    async def _remember(self, heads: frozenset[str]) -> None:
        if heads:
            await self.store.setState(self.key, {"heads": sorted(heads)})
            self._heads = heads

    async def _report(self, commits: Sequence[hglog.Commit], heads: frozenset[str]) -> None:
        """Pass on the commits of watched branches, and remember all of them."""
        self._heads = None  # until all are stored, read my heads from the store
        for start in range(0, len(commits), AT_ONCE):
            changes = []
            for commit in commits[start : start + AT_ONCE]:
                heads = hglog.headsWith(heads, commit)
                if isWatched(self.branches, commit.branch):
                    changes.append((self._change(commit), {self.key: {"heads": sorted(heads)}}))
            await self.passOn(changes)
        if commits:
            await self._remember(heads)
        self._heads = heads

    def _change(self, commit: hglog.Commit) -> Change:
        change = Change(
            who=commit.author,
            files=commit.files,
            comments=commit.comments,
            revision=commit.revision,
            when=commit.when if self.usetimestamps else None,
            branch=commit.branch,
            revlink=self._link(commit),
            project=self.project,
            repository=withoutPasswords(self.repourl),
            codebase=self.codebase,
        )
        return self.categorized(change)

    def _link(self, commit: hglog.Commit) -> str:
        try:
            return str(self.revlink(commit.branch, commit.revision) or "") if self.revlink else ""
        except PLUGIN_ERRORS as error:
            raise PollFailed(f"the function revlink= failed on {commit.revision}: {error!r}") from error

    # my own repository

    @property
    def _directory(self) -> str:
        return self.place(self.workdir or os.path.join("hgpoller-work", self.digest))

    async def _pull(self) -> None:
        """Pull all new commits."""
        if not os.path.exists(os.path.join(self._directory, ".hg", "requires")):
            os.makedirs(os.path.dirname(self._directory), exist_ok=True)
            await self.run([self.hgbin, "init", "--", self._directory], LOOK_SECONDS, _ENVIRONMENT)
        try:
            await self._pullOnce()
        except ProgramFailed as failed:
            journal = os.path.join(self._directory, ".hg", "store", "journal")
            if failed.status is None or not os.path.exists(journal):
                raise
            await self._hg(["recover"], self.timeout or FETCH_SECONDS)  # from a pull that was killed
            await self._pullOnce()

    async def _pullOnce(self) -> None:
        url, credentials = splitCredentials(self.repourl)
        asks, stdin = ["--noninteractive"], b""
        if credentials is not None:  # not on the command line, where every user could read them
            asks = ["--config", "ui.interactive=yes", "--config", "ui.nontty=yes"]
            stdin = "".join(f"{each}\n" for each in credentials).encode("utf-8", "surrogateescape")
        command = [self.hgbin, *asks, "--repository", self._directory, "pull", "--quiet", "--", url]
        await self.run(command, self.timeout or FETCH_SECONDS, _ENVIRONMENT, stdin)

    async def _hg(self, arguments: Sequence[str], seconds: float | None = None) -> bytes:
        command = [self.hgbin, "--noninteractive", "--repository", self._directory, *arguments]
        return await self.run(command, seconds or self.timeout or LOOK_SECONDS, _ENVIRONMENT)
