# -*- test-case-name: tests.daemons.test_p4poller -*-
"""The source of changes that looks regularly at a Perforce depot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from buildbot.changes import p4log
from buildbot.changes.programpoller import FETCH_SECONDS, ProgramPoller
from buildbot.changes.storingpoller import CATEGORY, PollFailed
from buildbot.config.arguments import Kind, arguments, complain, remember
from buildbot.config.kinds import COUNT, ENCODING, FLAG, PASSWORD, SOME_SECONDS, TEXT, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change
from buildbot.programs.output import BadOutput
from buildbot.programs.running import ProgramFailed
from buildbot.text.urls import STRUCK


def get_simple_split(branchfile: str) -> tuple[str | None, str | None]:
    """The first directory of a path is its branch. A file outside of all directories does not matter."""
    branch, slash, path = branchfile.partition("/")
    return (branch, path) if slash else (None, None)


def _onMainLine(branchfile: str) -> tuple[None, str]:
    return None, branchfile


class P4Source(ProgramPoller):
    """I make a change for each new changelist below a path of a depot; one for each branch of it.

    My first look makes no changes: it only remembers the last changelist.
    """

    compare_attrs = (
        *("p4port", "p4user", "p4passwd", "p4base", "p4bin", "split_file", "pollInterval", "encoding"),
        *("project", "name", "use_tickets", "ticket_login_interval", "category", "revlink", "timeout"),
    )

    last_change: int | None = None
    _parts = 0
    _ticket: str | None = None
    _ticketUntil = 0.0

    @arguments(
        p4port=orNone(TEXT),
        p4user=orNone(TEXT),
        p4passwd=orNone(PASSWORD),
        p4base=TEXT,
        p4bin=TEXT,
        split_file=Kind("a function of a path", callable),
        pollInterval=SOME_SECONDS,
        histmax=orNone(COUNT),
        pollinterval=orNone(SOME_SECONDS),
        encoding=ENCODING,
        project=orNone(TEXT),
        name=orNone(TEXT),
        use_tickets=FLAG,
        ticket_login_interval=SOME_SECONDS,
        server_tz=orNone(TEXT),
        pollAtLaunch=FLAG,
        revlink=orNone(Kind("a function of a branch and a revision", callable)),
        resolvewho=orNone(Kind("a function of a user", callable)),
        category=CATEGORY,
        timeout=orNone(SOME_SECONDS),
    )
    def __init__(
        self,
        p4port: str | None = None,
        p4user: str | None = None,
        p4passwd: str | None = None,
        p4base: str = "//",
        p4bin: str = "p4",
        split_file: Callable[[str], Sequence[str | None]] = _onMainLine,
        pollInterval: float = 10 * 60,
        histmax: int | None = None,
        pollinterval: float | None = None,
        encoding: str = "utf8",
        project: str | None = None,
        name: str | None = None,
        use_tickets: bool = False,
        ticket_login_interval: float = 24 * 60 * 60,
        server_tz: str | None = None,
        pollAtLaunch: bool = False,
        revlink: Callable[[str | None, str], str] | None = None,
        resolvewho: Callable[[str], str] | None = None,
        category: object = None,
        timeout: float | None = None,
    ) -> None:
        """@param p4port: the server. Without it, C{p4user} or C{p4passwd}, p4 finds them by itself.
        @param p4base: the path in the depot to watch, such as C{//depot/project/}.
        @param split_file: called with a path below C{p4base}; returns the branch (None for the main line) and
            the path in it, or None for both if the file does not matter.
        @param histmax: without effect: no changelist is lost.
        @param pollinterval: the name of C{pollInterval} in 0.7: seconds between two looks.
        @param encoding: of the texts of the server.
        @param use_tickets: True: log in with the password for a ticket, and use that.
        @param ticket_login_interval: seconds until the next login.
        @param server_tz: without effect: p4 tells times that do not depend on a time zone.
        @param pollAtLaunch: True: look first as soon as I start.
        @param revlink: called with a branch and a revision; returns the address of a page about it.
        @param resolvewho: called with C{user@client}; returns the author. The default is the user.
        @param timeout: the most seconds that one command of p4 may take.
        """
        remember(self)
        if use_tickets and not p4passwd:
            complain(self, ": use_tickets needs p4passwd, to log in")
        self.p4port = p4port
        self.p4user = p4user
        self.p4passwd = p4passwd
        self.p4base = p4base
        self.p4bin = p4bin
        self.split_file = split_file
        self.encoding = encoding
        self.use_tickets = use_tickets
        self.ticket_login_interval = ticket_login_interval
        self.revlink = revlink
        self.resolvewho = resolvewho
        interval = pollInterval if pollinterval is None else pollinterval
        self.take(interval, project, category, name, timeout, pollAtLaunch)

    @property
    def pollinterval(self) -> float:
        """The same as C{pollInterval}, under its name of 0.7."""
        return self.pollInterval

    def identity(self) -> str:
        """See L{StoringPoller.identity}."""
        return self.identityOf(self.p4port or "", self.p4base, self.project)

    def describe(self) -> str:
        """One line for people: the server and the path."""
        return f"P4Source of {' '.join(each for each in (self.p4port, self.p4base) if each)}"

    # the look

    async def poll(self) -> None:
        """See L{PollingChangeSource.poll}."""
        last = await self._load() if self.last_change is None else self.last_change
        if last is None:
            newest = await self._p4("changes", "-s", "submitted", "-m", "1", f"{self.p4base}...")
            await self._remember(max(p4log.numbers(newest), default=0))
            return
        range_ = f"{self.p4base}...@{last + 1},now"
        for number in p4log.numbers(await self._p4("changes", "-s", "submitted", range_)):
            if number > last:
                found = await self._p4("describe", "-s", str(number))
                await self._report(p4log.submitted(found, self.encoding))

    async def _load(self) -> int | None:
        """The last changelist that I have passed on; None before my first look."""
        state = await self.store.getState(self.key)
        if not state:
            return None
        self._parts = int(state.get("parts", 0))
        return int(state["last"])

    async def _remember(self, last: int) -> None:
        await self.store.setState(self.key, {"last": last})
        self.last_change, self._parts = last, 0

    async def _report(self, found: p4log.Submitted) -> None:
        """Pass on a changelist: one change for each branch."""
        changes = self._changesOf(found)
        await self.passOn(self.parted(found.number, changes)[self._parts :])
        if not changes:
            await self._remember(found.number)
        self.last_change, self._parts = found.number, 0

    def _changesOf(self, found: p4log.Submitted) -> list[Change]:
        branches: dict[str | None, list[str]] = {}
        for path in found.files:
            if path.startswith(self.p4base):
                branch, file = self._split(path[len(self.p4base) :])
                if file:
                    branches.setdefault(branch, []).append(file)
        return [self._change(found, branch, files) for branch, files in branches.items()]

    def _split(self, path: str) -> tuple[str | None, str | None]:
        try:
            branch, file = self.split_file(path)
            return branch or None, file
        except PLUGIN_ERRORS as error:
            raise PollFailed(f"split_file failed on {path!r}: {error!r}") from error

    def _change(self, found: p4log.Submitted, branch: str | None, files: list[str]) -> Change:
        try:
            who = self.resolvewho(f"{found.user}@{found.client}") if self.resolvewho else found.user
            link = self.revlink(branch, str(found.number)) if self.revlink else ""
        except PLUGIN_ERRORS as error:
            raise PollFailed(f"resolvewho or revlink failed on {found.number}: {error!r}") from error
        change = Change(
            who=str(who),
            files=files,
            comments=found.comments,
            revision=str(found.number),
            when=found.when,
            branch=branch,
            revlink=str(link or ""),
            project=self.project,
        )
        return self.categorized(change)

    # p4

    async def _p4(self, verb: str, *arguments: str) -> list[dict[bytes, bytes]]:
        """Run p4, and return its records.

        @raise PollFailed: it failed.
        """
        environment = {}
        if self.p4passwd:  # not on the command line, where every user of the machine could read it
            environment["P4PASSWD"] = await self._login() if self.use_tickets else self.p4passwd
        try:
            output = await self._run(["-G", verb, *arguments], environment)
        except ProgramFailed as failed:
            self._fail(verb, _errors(failed.output) or str(failed).partition(": ")[2])
        found = p4log.records(output)
        if told := p4log.errors(found):
            self._fail(verb, told)
        return found

    def _fail(self, verb: str, why: str) -> NoReturn:
        for secret in (self.p4passwd, self._ticket):
            why = why.replace(secret, STRUCK) if secret else why
        self._ticket = None  # a wrong ticket may be the reason
        raise PollFailed(f"p4 {verb}: {why}") from None

    async def _login(self) -> str:
        """Return a ticket, from a new login if the last one is long ago."""
        now = self.clock.seconds()
        if self._ticket is None or now >= self._ticketUntil:
            password = f"{self.p4passwd}\n".encode("utf-8", "surrogateescape")
            try:
                output = await self._run(["login", "-p"], {}, password)
            except ProgramFailed as failed:
                self._fail("login", str(failed).partition(": ")[2])
            words = output.decode("ascii", "replace").split()
            if not words:
                self._fail("login", "it printed no ticket")
            self._ticket, self._ticketUntil = words[-1], now + self.ticket_login_interval
        return self._ticket

    async def _run(
        self, arguments: Sequence[str], environment: Mapping[str, str], stdin: bytes = b""
    ) -> bytes:
        where = [("-p", self.p4port), ("-u", self.p4user)]
        flags = [word for flag, value in where if value for word in (flag, value)]
        return await self.run(
            [self.p4bin, *flags, *arguments], self.timeout or FETCH_SECONDS, environment, stdin
        )


def _errors(output: bytes) -> str:
    """The errors in the output of a p4 that has failed; empty if it cannot be read."""
    try:
        return p4log.errors(p4log.records(output))
    except BadOutput:
        return ""
