# -*- test-case-name: tests.unit.steps.source.test_p4 -*-
"""Source from Perforce: with a client that the step makes (P4), or one of the slave (P4Sync)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.config.arguments import REQUIRED, Kind, arguments
from buildbot.config.kinds import orNone
from buildbot.model.sourcestamp import lastRevision
from buildbot.process.kinds import isFilledIn
from buildbot.steps.source.base import BRANCH_NAME, SECRET, WORD, Source
from buildbot.steps.source.checkout import Checkout, Slave
from buildbot.steps.source.driving import System
from buildbot.steps.source.work import Outcome, Work, secret

#: The first version of the slave's command p4 that knows C{p4line_end} (0.8).
KNOWS_LINE_ENDS = "2.10"
#: The form of the name of a client.
CLIENT = "buildbot_%(slave)s_%(builder)s"

_VIEWS = Kind(
    "a list of pairs (path in the depot, path in the client)",
    lambda value: (
        isinstance(value, (list, tuple))
        and all(
            isinstance(each, (list, tuple)) and len(each) == 2 and all(map(isFilledIn, each))
            for each in value
        )
    ),
    standIn=(),
)


class P4System(System):
    """I am Perforce, with a client for each slave and builder.

    A working copy has no files of Perforce in it. Only the server knows which files it gave to the client.
    """

    command = "p4"
    metadata = "."
    cleans = False

    def whyTooOld(self, checkout: Checkout, slave: Slave) -> str | None:
        """See L{System}."""
        if checkout.option("p4bin", "p4") != "p4" or checkout.option("p4viewspec"):
            return "no slave's command p4 knows p4bin or p4viewspec"
        isPlain = checkout.option("p4line_end", "local") == "local"
        return slave.lacks("p4", "0" if isPlain else KNOWS_LINE_ENDS)

    def slaveArguments(self, checkout: Checkout, slave: Slave) -> dict[str, Any]:
        """See L{System}."""
        names = ("p4port", "p4user", "p4passwd", "p4client", "p4base")
        sent = {name: checkout.options.get(name) for name in names}
        sent |= {"branch": checkout.branch, "p4extra_views": checkout.options["p4extra_views"]}
        if checkout.option("p4line_end"):
            sent["p4line_end"] = checkout.options["p4line_end"]
        return sent

    async def make(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}. All files are sent again."""
        await work.makeDirectory(place)
        await self._client(work, checkout, place)
        await self._sync(work, checkout, place, "-f")

    async def update(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        await self._client(work, checkout, place)
        await self._sync(work, checkout, place)

    async def revision(self, work: Work, checkout: Checkout, place: str) -> Any:
        """See L{System}."""
        what = f"//{checkout.options['p4client']}/...#have"
        told = await _p4(work, checkout, place, "changes", "-m", "1", what)
        found = re.search(r"\bChange (\d+) on", told.output)
        return int(found[1]) if found else None

    async def isReachable(self, work: Work, checkout: Checkout) -> bool:
        """See L{System}."""
        return (await _p4(work, checkout, ".", "info", mayFail=True)).rc == 0

    async def _client(self, work: Work, checkout: Checkout, place: str) -> None:
        root = (await work.run(["pwd"], place, isQuiet=True)).line
        await _p4(work, checkout, place, "client", "-i", stdin=clientSpec(checkout, root))

    async def _sync(self, work: Work, checkout: Checkout, place: str, *flags: str) -> None:
        what = f"//{checkout.options['p4client']}/..."
        at = "" if checkout.revision is None else f"@{checkout.revision}"
        await _p4(work, checkout, place, "sync", *flags, what + at)


class P4SyncSystem(System):
    """I am Perforce, with a client that the administrator of the slave has made."""

    command = "p4sync"
    metadata = "."
    cleans = False

    def slaveArguments(self, checkout: Checkout, slave: Slave) -> dict[str, Any]:
        """See L{System}."""
        sent = {name: checkout.options.get(name) for name in ("p4port", "p4user", "p4passwd", "p4client")}
        # it takes the revision as a text only
        return sent | ({} if checkout.revision is None else {"revision": str(checkout.revision)})

    async def make(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        await work.makeDirectory(place)
        await self._sync(work, checkout, place, "-f")

    async def update(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        await self._sync(work, checkout, place)

    async def isReachable(self, work: Work, checkout: Checkout) -> bool:
        """See L{System}."""
        return (await _p4(work, checkout, ".", "info", mayFail=True)).rc == 0

    async def _sync(self, work: Work, checkout: Checkout, place: str, *flags: str) -> None:
        at = [] if checkout.revision is None else [f"@{checkout.revision}"]
        await _p4(work, checkout, place, "sync", *flags, *at)


async def _p4(
    work: Work, checkout: Checkout, place: str, *words: Any, stdin: str | None = None, mayFail: bool = False
) -> Outcome:
    command: list[Any] = [checkout.option("p4bin", "p4")]
    for flag, name in (("-p", "p4port"), ("-u", "p4user"), ("-P", "p4passwd"), ("-c", "p4client")):
        value = checkout.option(name)
        if value is not None:
            command += [flag, secret(value) if name == "p4passwd" else value]
    return await work.run([*command, *words], place, stdin=stdin, mayFail=mayFail)


def clientSpec(checkout: Checkout, root: str) -> str:
    """The description of the client, for C{p4 client -i}."""
    client = checkout.options["p4client"]
    views = checkout.option("p4viewspec")
    if views:
        pairs = [(depot, f"//{client}/{path}") for depot, path in views]
    else:
        base = str(checkout.option("p4base")).rstrip("/")
        branch = f"/{checkout.branch}" if checkout.branch else ""
        pairs = [(f"{base}{branch}/...", f"//{client}/...")]
        extra = checkout.option("p4extra_views", ())
        pairs += [(f"{depot}/...", f"//{client}/{path}/...") for depot, path in extra]
    lines = [
        f"Client: {client}",
        f"Owner: {checkout.option('p4user', 'buildbot')}",
        "Description:\n\tMade by buildbot",
        f"Root: {root}",
        "Options: allwrite rmdir",
        f"LineEnd: {checkout.option('p4line_end', 'local')}",
        "View:\n" + "\n".join(f"\t{_quoted(depot)} {_quoted(path)}" for depot, path in pairs),
    ]
    return "\n\n".join(lines) + "\n"


def _quoted(path: str) -> str:
    return f'"{path}"' if " " in path else path


class _Perforce(Source):
    """The common part of both steps."""

    _options: Mapping[str, Any] = {}

    def options(self) -> dict[str, Any]:
        """See L{Source}. The name of the client may have the slave and the builder in it."""
        names = {"slave": self.getSlaveName(), "builder": self.build.builder.name}
        client = self._options["p4client"]
        if isinstance(client, str) and "%(" in client:
            client = client % names
        return {**self._options, "p4client": client}

    def secrets(self, options: Mapping[str, Any]) -> list[str]:
        """See L{Source}."""
        return [options["p4passwd"]] if options.get("p4passwd") else []

    def repositoryOf(self, branch: str | None) -> str:
        """See L{Source}."""
        return str(self._options.get("p4base") or "")

    def computeSourceRevision(self, changes: Sequence[Any]) -> Any:
        """The highest revision of the changes."""
        return lastRevision([change.revision for change in changes if change.revision is not None])


class P4(_Perforce):
    """I get the source from a Perforce depot, through a client that I make."""

    name = "p4"
    system = P4System()
    defaultMethod = "clobber"

    @arguments(
        p4base=orNone(WORD),
        defaultBranch=BRANCH_NAME,
        p4port=orNone(WORD),
        p4user=orNone(WORD),
        p4passwd=orNone(SECRET),
        p4extra_views=_VIEWS,
        p4client=WORD,
        p4branch=BRANCH_NAME,
        p4line_end=orNone(WORD),
        p4viewspec=orNone(_VIEWS),
        p4bin=WORD,
    )
    def __init__(
        self,
        p4base: object = None,
        defaultBranch: object = None,
        p4port: object = None,
        p4user: object = None,
        p4passwd: object = None,
        p4extra_views: Sequence[Any] = (),
        p4client: object = CLIENT,
        *,
        p4branch: object = None,
        p4line_end: object = None,
        p4viewspec: object = None,
        p4bin: object = "p4",
        **kwargs: Any,
    ) -> None:
        """@param p4base: the part of the depot above the branches, as C{//depot/project}.
        @param p4extra_views: more pairs (path in the depot, path in the client).
        @param p4client: the client; C{%(slave)s} and C{%(builder)s} are filled in.
        @param p4branch: the name of defaultBranch in 0.8.
        @param p4viewspec: the whole view, as pairs, instead of p4base.
        """
        super().__init__(**kwargs)
        self.branch = defaultBranch if defaultBranch is not None else p4branch
        self._options = {
            "p4base": p4base,
            "p4port": p4port,
            "p4user": p4user,
            "p4passwd": p4passwd,
            "p4extra_views": [tuple(each) for each in p4extra_views],
            "p4client": p4client,
            "p4line_end": p4line_end,
            "p4viewspec": p4viewspec,
            "p4bin": p4bin,
        }


class P4Sync(_Perforce):
    """I get the source from a Perforce depot, through a client that the slave has."""

    name = "p4sync"
    system = P4SyncSystem()
    defaultMethod = "copy"

    @arguments(p4port=WORD, p4user=WORD, p4passwd=SECRET, p4client=WORD)
    def __init__(
        self,
        p4port: object = REQUIRED,
        p4user: object = REQUIRED,
        p4passwd: object = REQUIRED,
        p4client: object = REQUIRED,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._options = {"p4port": p4port, "p4user": p4user, "p4passwd": p4passwd, "p4client": p4client}
