# -*- test-case-name: tests.stories.test_web -*-
"""What the pages and the API see of the master, and who may do what: the seams of the web."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from twisted.internet.interfaces import IReactorTime

from buildbot.config.model import MasterConfig
from buildbot.control.audit import Audit
from buildbot.outgoing.senders import Senders
from buildbot.process.cleanstop import CleanStop
from buildbot.slaves.botmaster import BotMaster
from buildbot.status.master import Status
from buildbot.status.topics import Topics
from buildbot.store.interface import IStore
from buildbot.web.sight import Sight
from buildbot.web.who import Who

T = TypeVar("T")


class WatchedMaster(Protocol):
    """The part of a master that the web uses: the L{buildbot.buildmaster.service.BuildMaster}."""

    basedir: str
    since: float
    status: Status
    botmaster: BotMaster
    commands: dict[str, Callable[..., Any]]
    audit: Audit
    lastReconfig: dict[str, Any] | None
    cleanStop: CleanStop
    outgoing: Senders

    @property
    def absence(self) -> str:
        """Since when the master is away, as a sentence for people; "" if it is there."""

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""

    @property
    def generation(self) -> int:
        """The number of reconfigs since its start."""

    def describePages(self) -> list[str]:
        """The address of the pages for people, if it is known, and the open ports of the pages, in words."""

    def describePorts(self) -> list[str]:
        """The open slave ports, in words."""

    def sources(self) -> Sequence[object]:
        """The running change sources, in the order of their start."""


class Guard(Protocol):
    """The check of logins and rights.

    @ivar refusals: the number of refused logins by reason.
    """

    refusals: dict[str, int]

    async def may(self, who: Who, action: str, builder: str | None = None) -> bool:
        """True if C{who} may do an action (to a builder)."""

    async def couldAfterLogin(self, action: str, builder: str | None = None) -> bool:
        """True if some account may do it, so that a login is worth offering."""

    async def sight(self, who: Who) -> Sight | None:
        """The builders that C{who} sees; None: all."""


@dataclass(frozen=True)
class Settings:
    """The settings of one web server, from the arguments of C{WebStatus}.

    @ivar hasStyle, hasIcon: True if the site has a C{buildbot.css} or a C{favicon.ico} of its own.
    @ivar headElements: HTML for the head of each page.
    @ivar origins: the other sites whose pages may read the API: see L{buildbot.web.accounts.cors}.
    """

    numbuilds: int = 20
    numEvents: int = 200
    numEventsMax: int | None = None
    orderConsoleByTime: bool = False
    isWaterfall: bool = False
    categories: tuple[str, ...] | None = None
    revlink: Any = None
    changecommentlink: Any = None
    projects: Any = None
    repositories: Any = None
    feeds: frozenset[str] = frozenset(("atom", "rss", "json"))
    hasStyle: bool = False
    hasIcon: bool = False
    headElements: tuple[str, ...] = ()
    origins: frozenset[str] = frozenset()


class Parts:
    """I hold the objects that the requests of one web server share, one object of each class."""

    def __init__(self, *parts: object, others: Callable[[], Sequence[object]] = list) -> None:
        """@param others: makes further objects; called once, when the first of them is asked for."""
        self._parts = {type(each): each for each in parts}
        self._others: Callable[[], Sequence[object]] | None = others
        self._isStopped = False

    def get(self, kind: type[T]) -> T:
        """The object of a class.

        @raise LookupError: this web server has no such object.
        """
        if kind not in self._parts and self._others is not None:
            others, self._others = self._others(), None
            self._parts.update((type(each), each) for each in others)
            if self._isStopped:
                self.stop()
        found = self._parts.get(kind)
        if found is None:
            raise LookupError(f"this web server has no {kind.__name__}")
        return cast(T, found)

    def forget(self) -> None:
        """Empty all objects with a method C{forget}: they keep what is made again when it is needed."""
        for each in self._parts.values():
            forget = getattr(each, "forget", None)
            if forget is not None:
                forget()

    def stop(self) -> None:
        """Stop all objects with a method C{stop}."""
        self._isStopped = True
        for each in self._parts.values():
            stop = getattr(each, "stop", None)
            if stop is not None:
                stop()


@dataclass(frozen=True)
class World:
    """The objects that handlers use.

    @ivar options: the settings of this web server.
    @ivar parts: the objects that its requests share, such as the open streams; see L{part}.
    """

    master: WatchedMaster
    clock: IReactorTime
    guard: Guard
    options: Settings
    parts: Parts

    @property
    def status(self) -> Status:
        """The status of the master."""
        return self.master.status

    @property
    def topics(self) -> Topics:
        """What changes."""
        return self.master.status.topics

    @property
    def botmaster(self) -> BotMaster:
        """The slaves and builders."""
        return self.master.botmaster

    @property
    def store(self) -> IStore:
        """The store."""
        return self.master.botmaster.resources.store

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""
        return self.master.config

    def part(self, kind: type[T]) -> T:
        """The object of a class that all requests of this web server share.

        @raise LookupError: this web server has no such object.
        """
        return self.parts.get(kind)

    def now(self) -> float:
        """The present time, in seconds since the epoch."""
        return self.master.botmaster.now()

    def zone(self) -> tuple[str, int]:
        """The master's time zone now: its name, and its minutes east of UTC."""
        there = time.localtime(self.now())
        return there.tm_zone, there.tm_gmtoff // 60
