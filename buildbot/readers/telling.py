# -*- test-case-name: tests.stories.test_readers -*-
"""The master's side of the processes that only serve pages: what has changed since they asked last.

An answer has whole states of builders, builds and slaves, not steps from one state to the next. So a process
that was cut off asks again, with the last event that it knows, and misses nothing. If that event is too old,
the answer has everything. The size of an answer is limited by the configuration, and by L{MOST_REQUESTS}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import unquote

from twisted.internet.defer import Deferred

from buildbot.events.alarm import Alarm
from buildbot.model.records import RequestRecord
from buildbot.process.builder import Builder
from buildbot.process.request import BuildRequest
from buildbot.slaves.botmaster import BotMaster
from buildbot.slaves.perspective import BotPerspective
from buildbot.status.build import BuildStatus
from buildbot.status.master import Status
from buildbot.status.report import reportProcess, reportSlave
from buildbot.status.reported import ReportedMaster
from buildbot.status.topics import ALL, Topics

#: The most seconds until an answer, if nothing happens.
WAIT = 10.0
#: The most waiting requests with all their data in one answer. The next answer has more of them.
MOST_REQUESTS = 1000
#: The most clients that are remembered, and the seconds without a question after which a client has gone.
MOST_READERS, GONE = 100, 30.0


class ToldMaster(ReportedMaster, Protocol):
    """The part of a master that is told: the L{buildbot.buildmaster.service.BuildMaster}."""

    @property
    def status(self) -> Status: ...

    @property
    def lastReconfig(self) -> dict[str, Any] | None: ...


class Telling:
    """I carry out the command C{follow}."""

    def __init__(self, master: Any, logins: Callable[[], int]) -> None:
        """@param master: a L{ToldMaster}.
        @param logins: returns the number of changes of sessions and tokens, so far.
        """
        self._master: ToldMaster = master
        self._botmaster: BotMaster = master.botmaster
        self._logins = logins
        self._waiting: dict[Deferred[None], None] = {}
        self._readers: dict[str, tuple[float, float]] = {}  # the first and the last question, by name

    @property
    def _topics(self) -> Topics:
        return self._master.status.topics

    async def follow(
        self,
        since: str = "",
        known: int = 0,
        logins: int = -1,
        unsettled: Sequence[str] = (),
        pending: Sequence[str] = (),
        wanted: Sequence[int] = (),
        why: bool = True,
        wait: float = WAIT,
        reader: str = "",
        hungUp: Deferred[None] | None = None,
    ) -> dict[str, Any]:
        """What has changed since an event. Without any news, the answer comes after some seconds.

        @param since: the C{lastId} of the last answer; "": tell everything.
        @param known: the highest number of a request that the client knows.
        @param logins: the C{logins} of the last answer.
        @param unsettled: the builders whose last told state has ended builds that are not stored. They are
            told again.
        @param pending: the slaves that had not accepted their list of builders. They are told again, too.
        @param wanted: more requests to tell, by their numbers.
        @param why: tell for all builders why their requests wait. That is much work in a large master.
        @param wait: the most seconds without news, at most L{WAIT}.
        @param reader: the name of the client; "": it does not say.
        """
        topics = self._topics
        self._heard(reader)
        isQuiet = topics.touchedAfter(since) == [] and logins == self._logins() if since else False
        if isQuiet and not self._requests(known, wanted):
            await self._news(min(wait, WAIT), hungUp)
        touched = topics.touchedAfter(since) if since else None
        events = topics.since(since) if touched is not None else None
        if touched is None or events is None:
            builders, slaves = set(self._botmaster.builders), set(self._botmaster.slaves)
            builds = [each for name in builders for each in _running(self._botmaster.builders[name])]
        else:
            builders, slaves, builds = self._touched(touched)
            builders.update(name for name in unsettled if name in self._botmaster.builders)
            slaves.update(name for name in pending if name in self._botmaster.slaves)
        return {
            "lastId": topics.lastId(),
            "isWhole": events is None,
            "events": events or [],
            "touched": touched or [],
            "logins": self._logins(),
            "master": reportProcess(self._master),
            "lastReconfig": self._master.lastReconfig,
            "builders": {name: self._builder(self._botmaster.builders[name]) for name in sorted(builders)},
            "builds": [_build(each) for each in builds],
            "requests": [_request(each) for each in self._requests(0 if events is None else known, wanted)],
            "slaves": {name: _slave(self._botmaster.slaves[name]) for name in sorted(slaves)},
            "why": self._reasons() if why else {},
        }

    def _heard(self, reader: str) -> None:
        """Remember who asks."""
        now = self._botmaster.now()
        known = self._readers.pop(reader, None)
        if reader and len(self._readers) < MOST_READERS:
            self._readers[reader] = (known[0] if known is not None else now, now)

    def readers(self) -> list[dict[str, Any]]:
        """The clients that have asked lately, for C{status}."""
        now = self._botmaster.now()
        self._readers = {name: each for name, each in self._readers.items() if now - each[1] <= GONE}
        return [{"name": name, "since": since} for name, (since, _) in sorted(self._readers.items())]

    def wake(self) -> None:
        """Answer all who wait: something has changed that is no event."""
        waiting, self._waiting = self._waiting, {}
        for each in waiting:
            each.callback(None)

    async def _news(self, seconds: float, hungUp: Deferred[None] | None) -> None:
        """Wait for an event, for L{wake}, for the client to go, or for some seconds."""
        news: Deferred[None] = Deferred()
        self._waiting[news] = None

        def tell(result: object = None) -> None:
            if self._waiting.pop(news, news) is None:
                news.callback(None)

        late = Alarm(tell)
        late.set(self._botmaster.clock, seconds)
        heard = self._topics.subscribe((ALL,), tell)
        if hungUp is not None:
            hungUp.addBoth(tell)
        try:
            await news
        finally:
            late.stop()
            heard.stop()

    def _touched(self, topics: Iterable[str]) -> tuple[set[str], set[str], list[BuildStatus]]:
        """The names of the builders and slaves of some topics, and the running builds."""
        builders: set[str] = set()
        slaves: set[str] = set()
        builds: list[BuildStatus] = []
        for topic in topics:
            kind, _, rest = topic.partition("/")
            name, _, number = rest.partition("/")
            name = unquote(name, errors="surrogateescape")
            if kind == "slave" and name in self._botmaster.slaves:
                slaves.add(name)
            elif kind in ("builder", "build") and name in self._botmaster.builders:
                builders.add(name)
                if kind == "build":
                    found = _running(self._botmaster.builders[name])
                    builds += [each for each in found if str(each.number) == number]
        return builders, slaves, builds

    def _builder(self, builder: Builder) -> dict[str, Any]:
        now = builder.clock.seconds()

        def short(request: BuildRequest) -> list[Any]:
            age = max(0.0, now - request.arrived)
            isDue = builder.backlog.isDue(request)
            return [request.id, request.attempts, request.interruptions, round(age, 3), isDue]

        return {
            "building": [each.build_status.number for each in builder.building],
            "ending": [each.build_status.number for each in builder.ending],
            "starting": [short(each) for each in builder.starting],
            "pending": [short(each) for each in builder.pending],
            "inStore": builder.backlog.count,
            **_reason(builder),
        }

    def _reasons(self) -> dict[str, Any]:
        """Why requests wait, by builder."""
        return {name: _reason(each) for name, each in self._botmaster.builders.items() if each.pending}

    def _requests(self, known: int, wanted: Sequence[int]) -> list[BuildRequest]:
        """The waiting requests with higher numbers, and those that are wanted; the oldest first."""
        more = frozenset(wanted)
        waiting = (
            each
            for builder in self._botmaster.builders.values()
            for each in (*builder.starting, *builder.pending)
            if each.id is not None and (each.id > known or each.id in more)
        )
        return sorted(waiting, key=lambda each: each.id or 0)[:MOST_REQUESTS]


def _running(builder: Builder) -> list[BuildStatus]:
    return [each.build_status for each in (*builder.building, *builder.ending)]


def _reason(builder: Builder) -> dict[str, Any]:
    if not builder.pending:
        return {"why": "", "isHopeless": False}
    return {"why": builder.whyWaiting(), "isHopeless": builder.isHopeless()}


def _build(build: BuildStatus) -> dict[str, Any]:
    """A running build."""
    left = build.getTimeLeft()
    growing = [log for step in build.steps for log in step.logs if not log.isFinished()]
    return {
        "record": build.toRecord().toRecord(),
        "left": None if left is None else [left.left, left.late],
        "note": build.note,
        "expected": [each.expected for each in build.steps if each.started is not None],
        "extents": {log.filename: log.extent() for log in growing},
    }


def _request(request: BuildRequest) -> dict[str, Any]:
    """A waiting request, as a L{RequestRecord} keeps it."""
    record = RequestRecord(
        id=request.id or 0,
        buildset=0,
        builder=request.getBuilderName(),
        submitted=request.submitted,
        attempts=request.attempts,
        state="pending",
        results=None,
        reason=request.reason,
        sourcestamp=request.source.toRecord(),
        properties={name: _plain(value) for name, value in request.properties.items()},
        interruptions=request.interruptions,
        mergeable=request.mergeable,
        propertySource=request.propertySource,
    )
    return record.toRecord()


def _plain(value: object) -> object:
    """A property as JSON has it; others are shown by pages as their text anyway."""
    return value if isinstance(value, (str, int, float, bool, list, dict, type(None))) else repr(value)


def _slave(slave: BotPerspective) -> dict[str, Any]:
    """A slave: as C{status} tells it, and what pages and figures need of its instance."""
    found: dict[str, Any] = reportSlave(slave)
    instance = slave.instance
    if instance is not None:
        more: Mapping[str, Any] = {
            "words": instance.words(),
            "name": instance.state.name,
            "failures": instance.failures,
            "stops": instance.stops,
        }
        found["instanceMore"] = more
    return found
