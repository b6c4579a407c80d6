# -*- test-case-name: tests.processes.test_bonsaipoller -*-
"""The source of changes that regularly asks a Bonsai server about commits to a CVS repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from buildbot.changes.bonsailog import (
    BonsaiParser,
    BonsaiResult,
    CiNode,
    EmptyResult,
    FileNode,
    InvalidResultError,
)
from buildbot.changes.storingpoller import URL, StoringPoller
from buildbot.changes.webpage import NoPage, page
from buildbot.config.arguments import arguments, remember
from buildbot.config.kinds import FLAG, SOME_SECONDS, TEXT, orNone
from buildbot.model.change import Change
from buildbot.text.urls import withoutPasswords

__all__ = [
    "BonsaiParser",
    "BonsaiPoller",
    "BonsaiResult",
    "CiNode",
    "EmptyResult",
    "FileNode",
    "InvalidResultError",
]

#: Each look asks again for so many seconds before the newest commit: a commit may arrive late at Bonsai.
OVERLAP = 30 * 60
#: The time limit of a look, in seconds.
LOOK_SECONDS = 120.0
#: Clocks of servers may be ahead by so many seconds.
AHEAD = 24 * 60 * 60


class BonsaiPoller(StoringPoller):
    """I make a change for each new commit that a Bonsai server tells.

    My first look makes no changes: it only remembers the commits that are there. I remember the files of the
    newest commits: a file that arrives later makes a change by itself.
    """

    compare_attrs = (
        *("bonsaiURL", "module", "branch", "tree", "cvsroot", "pollInterval", "project", "name"),
        *("timeout",),
    )

    _memory: _Memory | None = None
    _getting: Deferred[bytes] | None = None

    @arguments(
        bonsaiURL=URL,
        module=TEXT,
        branch=TEXT,
        tree=TEXT,
        cvsroot=TEXT,
        pollInterval=SOME_SECONDS,
        project=orNone(TEXT),
        pollAtLaunch=FLAG,
        name=orNone(TEXT),
        timeout=SOME_SECONDS,
    )
    def __init__(
        self,
        bonsaiURL: str,
        module: str,
        branch: str,
        tree: str = "default",
        cvsroot: str = "/cvsroot",
        pollInterval: float = 30,
        project: str | None = "",
        pollAtLaunch: bool = False,
        name: str | None = None,
        timeout: float = LOOK_SECONDS,
    ) -> None:
        """@param bonsaiURL: the server, such as C{http://bonsai.mozilla.org}.
        @param module: of CVS; C{"all"} for all.
        @param branch: of CVS; it is also the branch of the changes.
        @param tree: a name that the server has for a repository and its modules.
        @param pollInterval: seconds between two looks.
        @param pollAtLaunch: True: look first as soon as I start.
        @param timeout: the most seconds that one look may take.
        """
        remember(self)
        self.bonsaiURL = bonsaiURL.rstrip("/")
        self.module = module
        self.branch = branch
        self.tree = tree
        self.cvsroot = cvsroot
        self.pollInterval = pollInterval
        self.project = project or ""
        self.name = name
        self.timeout = timeout
        if pollAtLaunch:
            self.random = lambda: 0.0

    def identity(self) -> str:
        """See L{StoringPoller.identity}."""
        where = [self.bonsaiURL, self.tree, self.module, self.branch, self.cvsroot, self.project]
        return self.name or " ".join(where)

    def describe(self) -> str:
        """One line for people: the server and the part of the repository."""
        return f"BonsaiPoller of {withoutPasswords(self.bonsaiURL)} ({self.module}, {self.branch})"

    # the look

    async def poll(self) -> None:
        """See L{PollingChangeSource.poll}."""
        now = self.wallClock()
        memory = self._memory or _Memory.fromState(await self.store.getState(self.key))
        known = memory or _Memory(now - OVERLAP)
        since, until = int(known.newest - OVERLAP), int(now + AHEAD)
        nodes = [each for each in await self._ask(since, until) if since <= each.date <= until]
        todo: list[tuple[Change, Mapping[str, Any]]] = []
        for node in sorted(nodes, key=lambda node: node.date):
            new = known.newIn(node)
            known = known.withCommit(node)
            if new is not None:
                todo.append((self._change(new), {self.key: known.toState()}))
        if memory is None:
            await self.store.setState(self.key, known.toState())
        else:
            self._memory = None  # until all are stored, only the store has it
            await self.passOn(todo)
        self._memory = known

    async def _ask(self, since: int, until: int) -> list[CiNode]:
        asked = {
            **{"treeid": self.tree, "module": self.module, "branch": self.branch, "branchtype": "match"},
            **{"sortby": "Date", "date": "explicit", "mindate": since, "maxdate": until},
            **{"cvsroot": self.cvsroot, "xml": 1},
        }
        self._getting = page(self.clock, f"{self.bonsaiURL}/cvsquery.cgi?{urlencode(asked)}", self.timeout)
        try:
            return BonsaiParser(await self._getting).getData().nodes
        except EmptyResult:
            return []
        finally:
            self._getting = None

    def _change(self, node: CiNode) -> Change:
        return Change(
            who=node.who,
            files=[f"{file.filename} (revision {file.revision})" for file in node.files],
            comments=node.log,
            when=float(node.date),
            branch=self.branch,
            project=self.project,
        )

    def stopPoll(self, looking: Deferred[Any]) -> None:
        """Close the connection. Changes on their way to the store are waited for."""
        if self._getting is not None:
            self._getting.cancel()

    def reasonOf(self, why: Failure) -> str:
        """See L{PollingChangeSource.reasonOf}."""
        if why.check(NoPage, InvalidResultError):
            return withoutPasswords(why.getErrorMessage())
        return super().reasonOf(why)


@dataclass(frozen=True)
class _Memory:
    """The commits that I have passed on.

    @ivar newest: the date of the newest one.
    @ivar seen: the files and revisions of the newest ones -> the dates of their commits.
    """

    newest: float
    seen: Mapping[str, int] = field(default_factory=dict)

    def newIn(self, node: CiNode) -> CiNode | None:
        """The commit with its new files alone; None if nothing of it is new."""
        files = [each for each in node.files if _key(each.filename, each.revision) not in self.seen]
        isNew = files or (not node.files and _whole(node) not in self.seen)
        return replace(node, files=files) if isNew else None

    def withCommit(self, node: CiNode) -> _Memory:
        """The memory after this commit, too."""
        newest = max(self.newest, node.date)
        kept = {key: date for key, date in self.seen.items() if date >= int(newest - OVERLAP)}
        keys = [_key(each.filename, each.revision) for each in node.files] or [_whole(node)]
        return _Memory(newest, {**kept, **dict.fromkeys(keys, node.date)})

    def toState(self) -> dict[str, Any]:
        """The memory for the store."""
        return {"newest": self.newest, "seen": dict(self.seen)}

    @classmethod
    def fromState(cls, state: Any) -> _Memory | None:
        """The memory of a state; None if there is none."""
        return cls(float(state["newest"]), state["seen"]) if state else None


def _key(*words: object) -> str:
    return sha256("\0".join(map(str, words)).encode("utf-8", "surrogatepass")).hexdigest()[:20]


def _whole(node: CiNode) -> str:
    """The key of a commit without files."""
    return _key(node.who, node.date, node.log)
