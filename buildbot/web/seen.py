# -*- test-case-name: tests.stories.test_websight -*-
"""The master for a visitor who may not see all builders.

Handlers read the master through L{buildbot.web.world.World}. For such a visitor, its C{master} is a
L{SeenMaster} without the hidden builders and without their builds, requests and events. So no handler has to
check. Slaves and schedulers that serve hidden builders alone are left out, too. Everybody sees all changes,
because changes belong to no builder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred, ensureDeferred, succeed

from buildbot.config.model import MasterConfig
from buildbot.control.audit import Audit
from buildbot.control.auditcommands import AuditCommands
from buildbot.control.buildcommands import BuildCommands
from buildbot.control.lookingcommands import LookingCommands
from buildbot.events.coroutines import together
from buildbot.model.audit import Entry
from buildbot.model.records import BuildRecord, RequestRecord
from buildbot.model.rows import MOST_ROWS, BuildFilter, BuildRow, Page, Standing
from buildbot.outgoing.senders import Senders
from buildbot.schedulers.outlook import buildersOf
from buildbot.slaves.botmaster import BotMaster
from buildbot.status.asking import Unanswered
from buildbot.status.master import Status
from buildbot.status.report import reportSlave
from buildbot.status.topics import ALL, Event, News, Subscription, Topics
from buildbot.store.lists import ANY_BUILD
from buildbot.store.waiting import WaitingPage
from buildbot.web.discreet import discreet
from buildbot.web.sight import Sight, withoutHidden
from buildbot.web.world import WatchedMaster, World

_V = TypeVar("_V")
#: The most pages of actions that are read to find an action that the visitor may see.
_PAGES = 20


def seenBy(world: World, sight: Sight) -> World:
    """The world without the hidden builders of a visitor."""
    return replace(world, master=SeenMaster(whole(world).master, sight))


def whole(world: World) -> World:
    """The whole world: for figures about the whole master, never for the answer to a visitor."""
    master = world.master
    return replace(world, master=master.whole) if isinstance(master, SeenMaster) else world


def _isSeen(sight: Sight, scheduler: object) -> bool:
    """True if the visitor sees a builder of a scheduler. A scheduler that cannot name any is hidden."""
    builders = buildersOf(scheduler)
    return not isinstance(builders, Unanswered) and sight.seesOne(builders)


class _Part:
    """A part of the master. I pass on only the attributes in C{open} and those that I define myself."""

    open: Sequence[str] = ()

    def __init__(self, whole: Any, sight: Sight) -> None:
        self._whole = whole
        self._sight = sight

    def __getattr__(self, name: str) -> Any:
        if name in type(self).open:
            return getattr(self._whole, name)
        raise AttributeError(f"{type(self).__name__} does not show {name}")


class SeenMaster:
    """I am the master."""

    def __init__(self, whole: WatchedMaster, sight: Sight) -> None:
        self.whole = whole
        self._sight = sight
        self.basedir, self.since, self.cleanStop = whole.basedir, whole.since, whole.cleanStop
        self.describePorts, self.describePages = whole.describePorts, whole.describePages
        self.sources = whole.sources
        self.botmaster = cast(BotMaster, SeenBotMaster(whole.botmaster, sight))
        self.outgoing = Senders(whole.botmaster.resources)  # none: messages name hidden builders
        self.status: Status = SeenStatus(whole.status, self.botmaster, sight)
        self.audit = cast(Audit, SeenAudit(whole.audit, sight))
        self.lastReconfig = self._seenReconfig(whole.lastReconfig)
        self._commands = BuildCommands(self.botmaster, self.status.getSchedulers)
        told = {**AuditCommands(self.audit).handlers(), "status": self._status}
        told |= LookingCommands(self.botmaster, self.status.getSchedulers).handlers()
        told |= {"builds": self._builds, "build": self._build, "parameters": self._commands.parameters}
        told |= {"request": self._request, "slave": self._slave, "disk": self._disk}
        told |= {"names": self._commands.names}
        #: The commands. Reading commands report only the seen builders.
        self.commands: dict[str, Callable[..., Any]] = {
            name: discreet(each, sight) for name, each in {**whole.commands, **told}.items()
        }

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""
        return self.botmaster.config

    @property
    def generation(self) -> int:
        """The number of reconfigs since its start."""
        return self.whole.generation

    @property
    def absence(self) -> str:
        """Since when the master is away."""
        return self.whole.absence

    def _seenReconfig(self, found: dict[str, Any] | None) -> dict[str, Any] | None:
        """The outcome of the last reconfig, without the changes: they name removed builders."""
        if found is None:
            return None
        told = {name: self._unhidden(found[name]) for name in ("errors", "warnings")}
        return {**found, **told, "changes": []}

    def _unhidden(self, lines: Iterable[object]) -> list[str]:
        return [each for each in map(str, lines) if not self._sight.hides(each)]

    async def _builds(self, builder: str | None = None, count: int = 20, **asked: Any) -> dict[str, Any]:
        """The command C{builds}."""
        found = await self._commands.builds(builder, count, **asked)
        return {**found, "running": [self._told(each) for each in found["running"]]}

    async def _build(self, builder: str, number: int) -> dict[str, Any]:
        """The command C{build}."""
        return self._told(await self._commands.build(builder, number))

    async def _request(self, builder: str, request: int) -> dict[str, Any]:
        """The command C{request}."""
        found = await self.whole.commands["request"](builder, request)
        return {**found, "why": withoutHidden(self._sight, found["why"])}

    async def _slave(self, slave: str, count: int = 10) -> dict[str, Any]:
        """The command C{slave}."""
        looking = LookingCommands(self.botmaster, self.status.getSchedulers)
        found = await looking.slave(slave, count)
        return {**found, "running": [self._told(each) for each in found["running"]]}

    async def _disk(self, **limits: Any) -> dict[str, Any]:
        """The command C{disk}."""
        found: dict[str, Any] = await self.whole.commands["disk"](**limits)
        builders = [each for each in found["builders"] if self._sight.sees(each["builder"])]
        return {**found, "builders": builders}

    def _told(self, build: dict[str, Any]) -> dict[str, Any]:
        """A build without a note about a hidden one, which may hold its lock."""
        return {**build, "note": withoutHidden(self._sight, build["note"])}

    def _status(self, slave: str | None = None) -> dict[str, Any]:
        """The command C{status}."""
        found: dict[str, Any] = self.whole.commands["status"](slave)
        slaves, sees = self.botmaster.slaves, self._sight.sees
        master = found["master"]
        builds = {
            name: [each for each in master[name] if sees(each["builder"])]
            for name in ("running", "waiting", "givenUp")
        }
        builds["running"] = [self._told(each) for each in builds["running"]]
        counts = {
            "builders": len(self._sight.seen),
            "slaves": len(slaves),
            "connected": sum(1 for each in slaves.values() if each.slave_status.isConnected()),
        }
        troubles = [each for each in master["troubles"] if not self._sight.hides(str(each))]
        names = [each["name"] for each in found["slaves"] if each["name"] in slaves]
        return {
            "master": {**master, **builds, **counts, "troubles": troubles, "outgoing": []},
            "slaves": [reportSlave(slaves[name]) for name in names],
        }


class SeenStatus(Status):
    """I am the status of the master."""

    def __init__(self, whole: Status, botmaster: BotMaster, sight: Sight) -> None:
        self.botmaster = botmaster
        self.basedir = whole.basedir
        self._sight = sight
        self._whole = whole
        self._schedulers = self._seenSchedulers
        self.topics = cast(Topics, SeenTopics(whole.topics, sight))

    def _seenSchedulers(self) -> Sequence[Any]:
        return [each for each in self._whole.getSchedulers() if _isSeen(self._sight, each)]

    def getBuildSets(self) -> list[Any]:
        """The unfinished build sets for seen builders alone."""
        found = self._whole.getBuildSets()
        return [each for each in found if all(map(self._sight.sees, each.getBuilderNames()))]


class SeenBotMaster(_Part):
    """I am the slaves and builders."""

    open = ("clock", "now", "health", "retention", "stopping", "announcer", "reportLogStorage")

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""
        made: tuple[MasterConfig, MasterConfig] | None = self.__dict__.get("_config")
        if made is None or made[0] is not self._whole.config:
            made = self.__dict__["_config"] = self._whole.config, self._seenConfig(self._whole.config)
        return made[1]

    def _seenConfig(self, config: MasterConfig) -> MasterConfig:
        sight = self._sight
        return replace(
            config,
            builders={name: each for name, each in config.builders.items() if sight.sees(name)},
            slaves={name: each for name, each in config.slaves.items() if sight.seesSlave(name)},
            schedulers=tuple(each for each in config.schedulers if _isSeen(sight, each)),
            warnings=tuple(each for each in config.warnings if not sight.hides(str(each))),
        )

    @cached_property
    def builders(self) -> Mapping[str, Any]:
        """The builders, by name."""
        return _Chosen(self._whole.builders, self._sight.sees, lambda each: each)

    @cached_property
    def slaves(self) -> Mapping[str, Any]:
        """The slaves, by name."""
        return _Chosen(self._whole.slaves, self._sight.seesSlave, lambda each: SeenSlave(each, self._sight))

    def getBuilders(self) -> list[Any]:
        """The builders, in the order of the configuration."""
        return [each for each in self._whole.getBuilders() if self._sight.sees(each.name)]

    def getPerspective(self, slavename: str) -> Any:
        """A slave, or None."""
        return self.slaves.get(slavename)

    @cached_property
    def store(self) -> SeenStore:
        """The store."""
        return SeenStore(self._whole.resources.store, self._sight)

    @cached_property
    def resources(self) -> SeenResources:
        """The resources: the store, and the directory of logs."""
        return SeenResources(self._whole.resources, self.store)

    @cached_property
    def troubles(self) -> SeenTroubles:
        """The troubles."""
        return SeenTroubles(self._whole.troubles, self._sight)


class SeenResources:
    """I am the resources of the master."""

    def __init__(self, whole: Any, store: SeenStore) -> None:
        self.store = store
        self._whole = whole

    @property
    def logs(self) -> Any:
        """The directory of logs. Handlers find their names in records of builds."""
        return self._whole.logs

    @property
    def deposed(self) -> str:
        """Why slaves must look for another master."""
        said: str = self._whole.deposed
        return said


class SeenTroubles(_Part):
    """I am the list of troubles."""

    def current(self) -> list[Any]:
        """The present troubles."""
        return [each for each in self._whole.current() if not self._sight.hides(str(each.toRecord()))]


class SeenSlave:
    """I am a slave, without the builders that are not seen."""

    def __init__(self, whole: Any, sight: Sight) -> None:
        self._whole = whole
        self._sight = sight

    @property
    def builderList(self) -> list[tuple[str, str]]:
        """The (builder name, builddir) pairs."""
        return [each for each in self._whole.builderList if self._sight.sees(each[0])]

    @property
    def builders(self) -> dict[str, Any]:
        """The builders that are attached to the slave, by name."""
        return {name: each for name, each in self._whole.builders.items() if self._sight.sees(name)}

    @cached_property
    def slave_status(self) -> SeenSlaveStatus:
        """The status of the slave."""
        return SeenSlaveStatus(self._whole.slave_status, self._sight)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)


class SeenSlaveStatus:
    """I am the status of a slave, without the builders that are not seen."""

    def __init__(self, whole: Any, sight: Sight) -> None:
        self._whole = whole
        self._sight = sight

    @property
    def failing(self) -> dict[str, str]:
        """The builders that cannot be used on the slave, with reasons."""
        return {name: why for name, why in self._whole.failing.items() if self._sight.sees(name)}

    @property
    def note(self) -> str:
        """A note about the slave."""
        note: str = self._whole.note
        return "" if self._sight.hides(note) else note

    def getEvents(self) -> list[tuple[float, str]]:
        """The last events as (when, text), oldest first."""
        return [each for each in self._whole.getEvents() if not self._sight.hides(each[1])]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)


class SeenTopics(_Part):
    """I am the hub of topics, with the events of seen builders only."""

    open = ("epoch", "generation", "etag", "lastId", "touch")

    def subscribe(
        self,
        topics: Iterable[str],
        tell: Callable[[News], object],
        events: bool = False,
        since: str | None = None,
    ) -> Subscription:
        """See L{Topics.subscribe}."""

        def told(news: News) -> None:
            kept = tuple(each for each in map(self._seen, news.events) if each is not None)
            tell(replace(news, events=kept))

        subscribed: Subscription = self._whole.subscribe(topics, told, events=events, since=since)
        return subscribed

    def since(self, lastId: str, topics: Iterable[str] = (ALL,)) -> list[Event] | None:
        """See L{Topics.since}."""
        found = self._whole.since(lastId, topics)
        return None if found is None else [each for each in map(self._seen, found) if each is not None]

    def _seen(self, event: Event) -> Event | None:
        """An event without hidden names; None if it is about a hidden builder, slave or scheduler."""
        sight, data = self._sight, event["data"]
        if not all(map(sight.seesTopic, event["topics"])) or sight.hides(str(data.get("subject", ""))):
            return None
        builders = list(data.get("builders", ()))
        if not sight.seesOne(builders):
            return None
        if all(map(sight.sees, builders)):
            return event
        return {**event, "data": {**data, "builders": list(filter(sight.sees, builders))}}


class SeenAudit(_Part):
    """I am the record of actions."""

    open = ("record", "refused", "carriedOut")

    async def find(
        self, count: int = 100, cursor: str = "", subject: str | None = None, who: str | None = None
    ) -> Page[Entry]:
        """See L{buildbot.control.audit.Audit.find}. A page may be shorter than C{count}."""
        for _ in range(_PAGES):
            found: Page[Entry] = await self._whole.find(count, cursor, subject, who)
            rows = tuple(each for each in found.rows if self._isSeen(each))
            if rows or not found.next:
                break
            cursor = found.next
        return Page(rows, found.next)

    def _isSeen(self, entry: Entry) -> bool:
        return self._sight.seesTopic(entry.subject) and not self._sight.hides(entry.detail)


class SeenStore(_Part):
    """I am the store, for readers."""

    open = (
        "getChange",
        "getChanges",
        "getChangeRows",
        "findChanges",
        "loss",
        "commits",
        "getState",
        "setState",
        "getAnswer",
        "keepAnswer",
    )

    def _seen(self, builders: Iterable[str] | None) -> tuple[str, ...]:
        if builders is None:
            return tuple(sorted(self._sight.seen))
        return tuple(filter(self._sight.sees, builders))

    def getBuildRows(
        self, filter: BuildFilter = ANY_BUILD, count: int = 50, cursor: str = ""
    ) -> Deferred[Page[BuildRow]]:
        """See L{ILists<buildbot.store.lists.ILists>}."""
        chosen = replace(filter, builders=self._seen(filter.builders))
        rows: Deferred[Page[BuildRow]] = self._whole.getBuildRows(chosen, count, cursor)
        return rows

    def getLastRows(self, builders: Iterable[str], count: int = 20) -> Deferred[dict[str, list[BuildRow]]]:
        """See L{ILists<buildbot.store.lists.ILists>}."""
        return self._ofEach(tuple(builders), lambda seen: self._whole.getLastRows(seen, count), list)

    def getStandings(self, builders: Iterable[str]) -> Deferred[dict[str, Standing]]:
        """See L{ILists<buildbot.store.lists.ILists>}."""
        return self._ofEach(tuple(builders), self._whole.getStandings, Standing)

    def _ofEach(
        self,
        builders: Sequence[str],
        ask: Callable[[Sequence[str]], Deferred[dict[str, _V]]],
        none: Callable[[], _V],
    ) -> Deferred[dict[str, _V]]:
        """The facts in the store about each builder, without the hidden builders."""
        asked = ask(self._seen(builders))
        return asked.addCallback(lambda found: {**{name: none() for name in builders}, **found})

    def getRowsOfChanges(self, numbers: Iterable[int], count: int = MOST_ROWS) -> Deferred[list[BuildRow]]:
        """See L{ILists<buildbot.store.lists.ILists>}."""
        found = self._whole.getRowsOfChanges(numbers, MOST_ROWS)
        rows: Deferred[list[BuildRow]] = found.addCallback(
            lambda rows: [each for each in rows if self._sight.sees(each.builder)][:count]
        )
        return rows

    def findWaiting(self, ids: Sequence[int]) -> Deferred[list[RequestRecord]]:
        """See L{IWaiting<buildbot.store.waiting.IWaiting>}."""
        return self._requests(self._whole.findWaiting(ids))

    def getWaitingOf(self, change: int) -> Deferred[list[RequestRecord]]:
        """See L{IWaiting<buildbot.store.waiting.IWaiting>}."""
        return self._requests(self._whole.getWaitingOf(change))

    def _requests(self, found: Deferred[list[RequestRecord]]) -> Deferred[list[RequestRecord]]:
        return found.addCallback(lambda rows: [each for each in rows if self._sight.sees(each.builder)])

    def getWaiting(self, builder: str, after: int = 0, count: int = 500) -> Deferred[WaitingPage]:
        """See L{IWaiting<buildbot.store.waiting.IWaiting>}."""
        if not self._sight.sees(builder):
            return succeed(WaitingPage([], [], None))
        page: Deferred[WaitingPage] = self._whole.getWaiting(builder, after, count)
        return page

    def countBuilds(self) -> Deferred[dict[str, int]]:
        """See L{ILists<buildbot.store.lists.ILists>}."""
        counts: Deferred[dict[str, int]] = self._whole.countBuilds()
        return counts.addCallback(
            lambda found: {name: each for name, each in found.items() if self._sight.sees(name)}
        )

    def getBuild(self, builder: str, number: int) -> Deferred[BuildRecord | None]:
        """See L{IStore<buildbot.store.interface.IStore>}."""
        if not self._sight.sees(builder):
            return succeed(None)
        found: Deferred[BuildRecord | None] = self._whole.getBuild(builder, number)
        return found

    def getBuilds(
        self, builder: str | None = None, count: int = 20, before: float | None = None
    ) -> Deferred[list[BuildRecord]]:
        """See L{IStore<buildbot.store.interface.IStore>}."""
        if builder is None:
            return ensureDeferred(self._last(count, before))
        if not self._sight.sees(builder):
            return succeed([])
        found: Deferred[list[BuildRecord]] = self._whole.getBuilds(builder, count, before)
        return found

    async def _last(self, count: int, before: float | None) -> list[BuildRecord]:
        """The last builds of all seen builders."""
        page = await self.getBuildRows(BuildFilter(until=before), min(count, MOST_ROWS))
        found = await together(self.getBuild(row.builder, row.number) for row in page.rows)
        return [each for each in found if each is not None]


class _Chosen(Mapping[str, Any]):
    """A live view of some items of a mapping, each item in its visible form."""

    def __init__(
        self, whole: Mapping[str, Any], isIn: Callable[[str], bool], shown: Callable[[Any], Any]
    ) -> None:
        self._whole = whole
        self._isIn = isIn
        self._shown = shown

    def __getitem__(self, name: str) -> Any:
        if not self._isIn(name):
            raise KeyError(name)
        return self._shown(self._whole[name])

    def __iter__(self) -> Iterator[str]:
        return filter(self._isIn, self._whole)

    def __len__(self) -> int:
        return sum(1 for _ in self)
