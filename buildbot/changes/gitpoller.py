# -*- test-case-name: tests.processes.test_gitpoller -*-
"""The source of changes that looks regularly at a git repository."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from buildbot.changes import gitlog
from buildbot.changes.branches import BRANCHES, Branches, isWatched, named, oneOrSeveral, toldBranches
from buildbot.changes.programpoller import FETCH_SECONDS, LOOK_SECONDS, ProgramPoller
from buildbot.changes.storingpoller import CATEGORY, URL, PollFailed
from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.kinds import ENCODING, FLAG, SOME_SECONDS, TEXT, orNone
from buildbot.model.change import Change
from buildbot.programs.running import ProgramFailed
from buildbot.text.urls import splitCredentials, withoutPasswords

log = Logger()

#: The most commits of a new branch that become changes: its newest ones.
MOST_OF_NEW = 500
#: The full name of a branch begins with this.
_HEADS = "refs/heads/"
#: The most branches that one command names.
_AT_ONCE = 200
#: git runs this constant text by its own shell, for the user and the password.
_HELPER = '!f() { test "$1" = get && echo "username=$POLLER_USER" && echo "password=$POLLER_PASSWORD"; }; f'
#: With these, git never asks for a password, and takes no lock that it can do without.
_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}


class GitPoller(ProgramPoller):
    """I make a change for each new commit on the branches that I watch.

    One C{git ls-remote} tells me all branches. Only if one has moved, I fetch it into a repository of my own.
    My first poll makes no changes: it only remembers the branches.

    A commit that is on several branches makes one change, on the branch that had it first.
    """

    compare_attrs = (
        *("repourl", "branches", "workdir", "pollInterval", "gitbin", "usetimestamps", "category", "project"),
        *("codebase", "encoding", "name", "timeout"),
    )

    _heads: dict[str, str] | None = None
    _started: Mapping[str, Any] | None = None
    _unfinished: Mapping[str, Any] | None = None

    @arguments(
        repourl=URL,
        branches=BRANCHES,
        branch=orNone(TEXT),
        workdir=orNone(TEXT, "a directory of its own"),
        pollInterval=SOME_SECONDS,
        pollinterval=orNone(SOME_SECONDS),
        pollAtLaunch=FLAG,
        fetch_refspec=Kind("None: only branches are watched, see branches=", lambda value: value is None),
        gitbin=TEXT,
        usetimestamps=FLAG,
        category=CATEGORY,
        project=orNone(TEXT),
        codebase=orNone(TEXT),
        encoding=ENCODING,
        name=orNone(TEXT),
        timeout=orNone(SOME_SECONDS),
    )
    def __init__(
        self,
        repourl: str,
        branches: Branches = None,
        branch: str | None = None,
        workdir: str | None = None,
        pollInterval: float = 10 * 60,
        gitbin: str = "git",
        usetimestamps: bool = True,
        category: object = None,
        project: str | None = None,
        pollinterval: float | None = None,
        fetch_refspec: object = None,
        encoding: str = "utf-8",
        name: str | None = None,
        codebase: str | None = None,
        timeout: float | None = None,
        pollAtLaunch: bool = False,
    ) -> None:
        """@param repourl: where the repository is, as git takes it.
        @param branches: the branches to watch: a list, True for all of them, or a function that returns true
            for a branch: it is called with C{refs/heads/NAME}. The default is C{"master"}.
        @param branch: the same for a single branch.
        @param workdir: the directory of my own repository, below that of the master.
        @param pollInterval: seconds between two looks.
        @param usetimestamps: True: a change has the time of its commit; False: the time when I saw it.
        @param category: of the changes: a text, or a function of a change that returns it.
        @param pollinterval: an old name of C{pollInterval}.
        @param fetch_refspec: not supported: only branches are watched.
        @param timeout: the most seconds that one command of git may take.
        @param pollAtLaunch: True: look first as soon as I start.
        """
        remember(self)
        self.repourl = repourl
        self.branches = oneOrSeveral(self, branch, branches, "master")
        if isinstance(self.branches, (list, tuple, set, frozenset)):
            self.branches = [each.removeprefix(_HEADS) for each in self.branches]
        self.workdir = workdir
        self.gitbin = gitbin
        self.usetimestamps = usetimestamps
        self.codebase = codebase or ""
        self.encoding = encoding
        interval = pollInterval if pollinterval is None else pollinterval
        self.take(interval, project, category, name, timeout, pollAtLaunch)

    def identity(self) -> str:
        """See L{StoringPoller.identity}."""
        return self.identityOf(self.repourl, self.project, self.codebase)

    def describe(self) -> str:
        """One line for people: the repository and the branches."""
        return f"GitPoller of {withoutPasswords(self.repourl)} ({toldBranches(self.branches)})"

    @property
    def lastRev(self) -> dict[str, str]:
        """The last revision of each branch, for subclasses of 0.8; empty before the first look."""
        return dict(self._heads or {})

    # memory

    async def _load(self) -> dict[str, str]:
        """Read my memory from the store: the heads of the branches."""
        known: Mapping[str, Any] = await self.store.getStates(f"{self.key}/")
        start = len(self.key) + 1
        own = {key[start:]: value for key, value in known.items()}
        self._started = own.pop("started", None)
        self._unfinished = own.pop("unfinished", None)
        heads = {key.removeprefix("head/"): str(head) for key, head in own.items() if head}
        self._heads = heads
        return heads

    async def _remember(self, branch: str, head: str | None) -> None:
        assert self._heads is not None
        await self.store.setState(f"{self.key}/head/{branch}", head)
        if head is None:
            self._heads.pop(branch, None)
        else:
            self._heads[branch] = head

    async def _start(self, found: Mapping[str, str], heads: Mapping[str, str]) -> None:
        """Remember the branches that the configuration has added: their old commits make no changes."""
        started = {"branches": named(self.branches)}
        if self._started == started:
            return
        storing = [self._remember(branch, head) for branch, head in found.items() if branch not in heads]
        for each in [Deferred.fromCoroutine(each) for each in storing]:
            await each
        await self.store.setState(f"{self.key}/started", started)
        self._started = started

    # the look

    async def poll(self) -> None:
        """See L{PollingChangeSource.poll}."""
        heads = self._heads if self._heads is not None else await self._load()
        found = await self._look()
        await self._start(found, heads)
        moved = [branch for branch, head in found.items() if heads.get(branch) != head]
        for branch in [branch for branch in heads if branch not in found]:
            await self._remember(branch, None)
        if not moved and self._unfinished is None:
            return
        await self._makeRepository()
        if self._unfinished is not None:
            await self._finish(self._unfinished)
        for start in range(0, len(moved), _AT_ONCE):
            await self._fetch(moved[start : start + _AT_ONCE])
        for branch in moved:
            await self._report(branch, found[branch])

    async def _look(self) -> dict[str, str]:
        """The watched branches of the repository: name -> revision of the head."""
        names = named(self.branches)
        some = [f"refs/heads/{each}" for each in names] if names and len(names) < _AT_ONCE else []
        found = gitlog.heads(await self._git(["ls-remote", "--heads", "--", self._address, *some]))
        watched = {
            branch: head
            for branch, head in found.items()
            if isWatched(self.branches, branch, _HEADS + branch)
        }
        if not watched and names is not None:
            raise PollFailed(f"the repository has no branch {' and no '.join(map(repr, names))}")
        return watched

    async def _makeRepository(self) -> None:
        if not os.path.exists(os.path.join(self._directory, "HEAD")):
            await self._git(["init", "--bare", "--quiet", "--", self._directory])

    @property
    def _directory(self) -> str:
        return self.place(self.workdir or os.path.join("gitpoller-work", self.digest))

    def _own(self, branch: str) -> str:
        """The reference of a branch in my own repository."""
        return f"refs/buildbot/{self.digest}/{branch}"

    async def _fetch(self, branches: Sequence[str]) -> None:
        """Fetch the branches, and their former heads if they were rewritten before I ever fetched them."""
        assert self._heads is not None
        specs = [f"+refs/heads/{branch}:{self._own(branch)}" for branch in branches]
        await self._git([*self._fetching, *specs], FETCH_SECONDS)
        former = {self._heads[branch] for branch in branches if branch in self._heads}
        lost = await self._missing(former)
        if lost:
            try:
                await self._git([*self._fetching, *(f"+{head}:{self._own(f'was/{head}')}" for head in lost)])
            except ProgramFailed as failed:
                log.warn(
                    "{source}: former commits are not available: {why}", source=self.describe(), why=failed
                )

    @property
    def _fetching(self) -> list[str]:
        return ["--git-dir", self._directory, "fetch", "--quiet", "--no-tags", "--", self._address]

    async def _missing(self, revisions: Iterable[str]) -> list[str]:
        """The revisions that my repository lacks."""
        asked = "".join(f"{each}\n" for each in sorted(revisions))
        check = ["--git-dir", self._directory, "cat-file", "--batch-check"]
        lines = (await self._git(check, stdin=asked.encode())).decode().splitlines() if asked else []
        return [line.split()[0] for line in lines if line.endswith(" missing")]

    async def _commits(self, branch: str, head: str) -> list[gitlog.Commit]:
        """The commits that are new with this head, the oldest first.

        The result is the same at each call, until I remember this head.
        """
        assert self._heads is not None
        known = sorted(set(self._heads.values()))
        revisions = "\n".join([head, *(f"^{each}" for each in known)]) + "\n"
        output = await self._git(
            ["--git-dir", self._directory, *gitlog.LOG], FETCH_SECONDS, stdin=revisions.encode()
        )
        found = gitlog.commits(output, self.encoding)
        if branch not in self._heads and len(found) > MOST_OF_NEW:
            log.warn(
                "{source}: the new branch {branch} has {count} new commits: the newest {most} become changes",
                **{"source": self.describe(), "branch": branch, "count": len(found), "most": MOST_OF_NEW},
            )
            found = found[-MOST_OF_NEW:]
        return found

    async def _report(self, branch: str, head: str, reported: int = 0) -> None:
        """Pass on the commits that are new with this head, except those that were passed on before."""
        key = f"{self.key}/unfinished"
        changes = []
        for count, commit in enumerate(await self._commits(branch, head), 1):
            place = {"branch": branch, "head": head, "reported": count}
            changes.append((self._change(branch, commit), {key: place}))
        if changes[reported:]:
            self._unfinished = {"branch": branch, "head": head, "reported": reported}
            await self.passOn(changes[reported:])
        await self._remember(branch, head)
        await self.store.setState(key, None)
        self._unfinished = None

    async def _finish(self, unfinished: Mapping[str, Any]) -> None:
        """Pass on the rest of a branch, after the master was killed in the middle."""
        key = f"{self.key}/unfinished"
        place = await self.store.getState(key) or unfinished
        branch, head = str(place["branch"]), str(place["head"])
        isMissing = bool(await self._missing([head]))
        if isMissing:  # my repository was deleted meanwhile
            await self._fetch([branch])
            isMissing = bool(await self._missing([head]))
        if not isMissing:
            await self._report(branch, head, int(place["reported"]))
        else:
            log.warn(
                "{source}: {branch} lost revision {head}: some of its commits make no changes",
                **{"source": self.describe(), "branch": branch, "head": head},
            )
            await self.store.setState(key, None)
            self._unfinished = None

    def _change(self, branch: str, commit: gitlog.Commit) -> Change:
        change = Change(
            who=commit.author,
            files=list(commit.files),
            comments=commit.comments,
            revision=commit.revision,
            when=float(commit.when) if self.usetimestamps else None,
            branch=branch,
            project=self.project,
            repository=withoutPasswords(self.repourl),
            codebase=self.codebase,
        )
        return self.categorized(change)

    @property
    def _address(self) -> str:
        """The URL of the repository without a password, which L{_git} passes in the environment."""
        return splitCredentials(self.repourl)[0]

    async def _git(
        self, arguments: Sequence[str], seconds: float = LOOK_SECONDS, stdin: bytes = b""
    ) -> bytes:
        environment = dict(_ENVIRONMENT)
        command = [self.gitbin]
        credentials = splitCredentials(self.repourl)[1]
        if credentials is not None:  # not on the command line, where every user could read them
            environment["POLLER_USER"], environment["POLLER_PASSWORD"] = credentials
            server = urlsplit(self._address)
            helper = f"credential.{server.scheme}://{server.netloc}.helper"  # and for no other server
            command += ["-c", f"{helper}=", "-c", f"{helper}={_HELPER}"]
        return await self.run([*command, *arguments], self.timeout or seconds, environment, stdin)
