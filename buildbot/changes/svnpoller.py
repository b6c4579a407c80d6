# -*- test-case-name: tests.daemons.test_svnpoller -*-
"""The source of changes that looks regularly at a Subversion repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote_plus

from twisted.logger import Logger

from buildbot.changes import svnlog
from buildbot.changes.programpoller import FETCH_SECONDS, ProgramPoller
from buildbot.changes.storingpoller import CATEGORY, URL, PollFailed
from buildbot.changes.svnbranches import split_file_alwaystrunk as split_file_alwaystrunk
from buildbot.changes.svnbranches import split_file_branches as split_file_branches
from buildbot.changes.svnbranches import split_file_projects_branches as split_file_projects_branches
from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.kinds import COUNT, FLAG, NAMES, PASSWORD, SOME_SECONDS, TEXT, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change
from buildbot.text.urls import withoutPasswords

log = Logger()

#: The result of a C{split_file}: None for a file that does not matter; the branch and the path in it; or a
#: dictionary of these and more, as in 0.8.
Split: TypeAlias = tuple[str | None, str] | Mapping[str, Any] | None
_PLACES = ("project", "repository", "codebase")


class SVNPoller(ProgramPoller):
    """I make a change for each new revision below a URL; one for each branch if it is on several.

    My first look makes no changes: it only remembers the last revision.
    """

    compare_attrs = (
        *("svnurl", "split_file_function", "svnuser", "svnpasswd", "pollInterval", "histmax", "svnbin"),
        *("revlinktmpl", "category", "project", "extra_args", "name", "timeout"),
    )

    last_change: int | None = None
    _parts = 0

    @arguments(
        svnurl=URL,
        split_file=orNone(Kind("a function of a path", callable), "the main line"),
        svnuser=orNone(TEXT),
        svnpasswd=orNone(PASSWORD),
        pollinterval=orNone(SOME_SECONDS),
        histmax=COUNT,
        svnbin=TEXT,
        revlinktmpl=orNone(TEXT),
        category=CATEGORY,
        project=orNone(TEXT),
        cachepath=orNone(TEXT),
        pollInterval=SOME_SECONDS,
        extra_args=orNone(NAMES),
        name=orNone(TEXT),
        timeout=orNone(SOME_SECONDS),
        pollAtLaunch=FLAG,
    )
    def __init__(
        self,
        svnurl: str,
        split_file: Callable[[str], Split] | None = None,
        svnuser: str | None = None,
        svnpasswd: str | None = None,
        pollinterval: float | None = None,
        histmax: int = 100,
        svnbin: str = "svn",
        revlinktmpl: str | None = "",
        category: object = None,
        project: str | None = "",
        cachepath: str | None = None,
        pollInterval: float = 10 * 60,
        extra_args: Sequence[str] | None = None,
        name: str | None = None,
        timeout: float | None = None,
        pollAtLaunch: bool = False,
    ) -> None:
        """@param svnurl: the part of the repository to watch.
        @param split_file: called with a path below C{svnurl}; that of a directory ends with a slash. Returns
            the branch (None for the main line) and the path in it, or None for a file that does not matter.
            The default puts all on the main line.
        @param pollinterval: the name of C{pollInterval} in 0.7: seconds between two looks.
        @param histmax: the number of revisions to read at once.
        @param revlinktmpl: a template of a link to a revision, with one C{%s}.
        @param cachepath: a file in which a poller of 0.8 has kept its last revision; read once.
        @param extra_args: added to each command of svn.
        @param timeout: the most seconds that one command of svn may take.
        @param pollAtLaunch: True: look first as soon as I start.
        """
        remember(self)
        self.svnurl = svnurl.rstrip("/")
        self.split_file_function = split_file or split_file_alwaystrunk
        self.svnuser = svnuser
        self.svnpasswd = svnpasswd
        self.histmax = histmax
        self.svnbin = svnbin
        self.revlinktmpl = revlinktmpl or ""
        self.cachepath = cachepath
        self.extra_args = list(extra_args or ())
        interval = pollInterval if pollinterval is None else pollinterval
        self.take(interval, project, category, name, timeout, pollAtLaunch)

    @property
    def pollinterval(self) -> float:
        """The same as C{pollInterval}, under its name of 0.7."""
        return self.pollInterval

    def identity(self) -> str:
        """See L{StoringPoller.identity}."""
        return self.identityOf(self.svnurl, self.project)

    def describe(self) -> str:
        """One line for people: the place."""
        return f"SVNPoller of {withoutPasswords(self.svnurl)}"

    def split_file(self, path: str) -> Split:
        """The branch of a path, and the path in it; see the constructor."""
        return self.split_file_function(path)

    # the look

    async def poll(self) -> None:
        """See L{PollingChangeSource.poll}."""
        last = await self._load() if self.last_change is None else self.last_change
        here = svnlog.place(await self._svn("info", "--revision", "HEAD"))
        if last is None:
            await self._remember(here.last)
            return
        if here.last < last:
            raise PollFailed(
                f"the last revision is {here.last}, but {last} was there before: is this another repository?"
            )
        while last < here.last:
            reads = await self._svn(
                *("log", "--verbose", "--revision", f"{last + 1}:{here.last}", "--limit", str(self.histmax))
            )
            found = svnlog.revisions(reads)
            for revision in found:
                await self._report(revision, here.prefix)
            last = found[-1].number if len(found) >= self.histmax else here.last
            await self._remember(last)

    async def _load(self) -> int | None:
        """The last revision that I have passed on; None before my first look."""
        state = await self.store.getState(self.key)
        if state:
            self._parts = int(state.get("parts", 0))
            return int(state["last"])
        if self.cachepath:
            try:
                with open(self.place(self.cachepath)) as file:
                    return int(file.read().strip())
            except (OSError, ValueError) as error:
                log.warn("{source}: cachepath cannot be read: {why}", source=self.describe(), why=error)
        return None

    async def _remember(self, last: int) -> None:
        await self.store.setState(self.key, {"last": last})
        self.last_change, self._parts = last, 0

    async def _report(self, revision: svnlog.Revision, prefix: str) -> None:
        """Pass on a revision: one change for each branch."""
        changes = list(self.changesOf(revision, prefix))
        await self.passOn(self.parted(revision.number, changes)[self._parts :])
        self.last_change, self._parts = revision.number, 0

    def changesOf(self, revision: svnlog.Revision, prefix: str) -> Iterator[Change]:
        """The changes of a revision, without paths outside of C{prefix}.

        @raise PollFailed: C{split_file} failed.
        """
        branches: dict[tuple[Any, ...], list[str]] = {}
        start = f"{prefix}/" if prefix else ""
        for each in revision.paths:
            if not each.path.startswith(start):
                continue
            where = self._split(each.path[len(start) :])
            if where is None or (each.action == "D" and not where[-1]):
                continue  # an unwanted file, or a deleted branch: nothing to build
            *at, path = where
            branches.setdefault(tuple(at), []).append(path)
        for (branch, *at), files in branches.items():
            placed = {name: value for name, value in zip(_PLACES, at, strict=True) if value is not None}
            change = Change(
                who=revision.author,
                files=[file for file in files if file],
                comments=revision.comments,
                revision=str(revision.number),
                when=revision.when,
                branch=branch,
                revlink=self.revlinktmpl % quote_plus(str(revision.number)) if self.revlinktmpl else "",
                **{"project": self.project, "repository": withoutPasswords(self.svnurl), **placed},
            )
            yield self.categorized(change)

    def _split(self, path: str) -> tuple[Any, ...] | None:
        """The branch, project, repository, codebase and path; None if the file does not matter."""
        try:
            where = self.split_file(path)
            if where is None:
                return None
            if isinstance(where, Mapping):
                return (where.get("branch") or None, *map(where.get, _PLACES), str(where["path"]))
            branch, inner = where
            return branch or None, None, None, None, str(inner)
        except PLUGIN_ERRORS as error:
            raise PollFailed(f"split_file failed on {path!r}: {error!r}") from error

    async def _svn(self, verb: str, *arguments: str) -> bytes:
        command = [self.svnbin, verb, "--xml", "--non-interactive", *arguments, *self.extra_args]
        if self.svnuser:
            command += ["--username", self.svnuser]
        password = b""
        if self.svnpasswd is not None:
            command += ["--no-auth-cache", "--password-from-stdin"]
            password = self.svnpasswd.encode("utf-8", "surrogateescape")
        return await self.run([*command, self.svnurl + "@"], self.timeout or FETCH_SECONDS, stdin=password)
