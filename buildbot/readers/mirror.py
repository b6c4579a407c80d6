# -*- test-case-name: tests.stories.test_readers -*-
"""The slaves and builders of another process, kept up to date with what it tells.

L{buildbot.readers.telling} tells it. I have the attributes of L{buildbot.slaves.botmaster.BotMaster} that
pages read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from twisted.internet.interfaces import IReactorTime

from buildbot.config.model import MasterConfig
from buildbot.logs.names import LOGS
from buildbot.model.records import BuildRecord, RequestRecord
from buildbot.process.request import BuildRequest
from buildbot.process.resources import Resources
from buildbot.readers.followedlogs import FollowedLogs
from buildbot.readers.following import OutOfStep
from buildbot.readers.mirrored import (
    MirroredBuild,
    MirroredBuilder,
    MirroredSlave,
    MirroredTroubles,
    Running,
)
from buildbot.status.announcer import Announcer
from buildbot.status.history import finishedBuild
from buildbot.status.timeleft import TimeLeft
from buildbot.store.interface import IStore

#: The most requests that are asked for by their numbers at a time.
MOST_WANTED = 1000
#: The most builders and slaves of each kind that are asked for again.
MOST = 100


class Mirror:
    """I am the slaves and builders of the master.

    @ivar process: what the master tells of itself: see L{buildbot.status.report.reportProcess}.
    @ivar known: the highest number of a request that it has told.
    """

    def __init__(self, basedir: str, clock: IReactorTime, store: IStore, now: Callable[[], float]) -> None:
        self.clock = clock
        self.config = MasterConfig()
        self.builders: dict[str, MirroredBuilder] = {}
        self.slaves: dict[str, MirroredSlave] = {}
        self.resources = Resources(clock, now)
        self.resources.basedir, self.resources.store = basedir, store
        self.logs = FollowedLogs(os.path.join(basedir, LOGS), clock, troubles=self.resources.troubles)
        self.resources.logs = self.logs
        self.troubles = MirroredTroubles(self.resources.troubles)
        self.process: Mapping[str, Any] = {}
        self.lastReconfig: dict[str, Any] | None = None
        self.known = 0
        self.engine = SimpleNamespace(activeBuildsets=list)
        self._builds: dict[tuple[str, int], MirroredBuild] = {}
        self._requests: dict[int, BuildRequest] = {}
        self._wanted: dict[int, None] = {}
        self._incomplete: dict[str, Mapping[str, Any]] = {}  # builders with requests that come later

    # the attributes of a BotMaster

    @property
    def now(self) -> Callable[[], float]:
        """Returns the time, in seconds since the epoch."""
        return self.resources.now

    @property
    def store(self) -> IStore:
        """The store, for readers."""
        return self.resources.store

    @property
    def announcer(self) -> Announcer:
        """Nobody listens to it: events come from the master."""
        return self.resources.announcer

    @property
    def stopping(self) -> bool:
        """True while this process stops."""
        return self.resources.stopping

    @property
    def health(self) -> Any:
        """Whether the store of the master works."""
        told = self.process.get
        return SimpleNamespace(
            trouble=told("storeTrouble"), lapse=told("storeLapse", ""), server=told("storeServer", "")
        )

    @property
    def retention(self) -> Any:
        """How many builds are kept."""
        keeps = self.process.get("keeps") or {"builds": None, "days": None}
        return SimpleNamespace(horizon=keeps["builds"], days=keeps["days"])

    def reportLogStorage(self) -> dict[str, Any] | None:
        """What the master tells of the bucket with logs."""
        found: dict[str, Any] | None = self.process.get("logStorage")
        return found

    def getBuilders(self) -> list[MirroredBuilder]:
        """All builders, in the order of the configuration."""
        return [self.builders[name] for name in self.config.builders]

    def getPerspective(self, slavename: str) -> MirroredSlave | None:
        """A slave, or None."""
        return self.slaves.get(slavename)

    @property
    def wanted(self) -> list[int]:
        """The numbers of requests that came into the memory of the master after younger ones."""
        return list(self._wanted)[:MOST_WANTED]

    @property
    def unsettled(self) -> list[str]:
        """The builders with builds that have ended, but were not stored when they were told."""
        return [name for name, each in self.builders.items() if each.ending][:MOST]

    @property
    def pending(self) -> list[str]:
        """The connected slaves that had not accepted their list of builders when they were told."""
        slaves = self.slaves.items()
        return [name for name, each in slaves if each.isPending() and each.slave_status.isConnected()][:MOST]

    # changes

    def configure(self, config: MasterConfig) -> None:
        """Use a configuration. Builders and slaves that it has, too, stay as they are."""
        self.config = config
        slaves, builders = dict(self.slaves), dict(self.builders)
        self.slaves.clear()
        for name in config.slaves:
            self.slaves[name] = slaves.get(name) or MirroredSlave(name, self)
        self.builders.clear()
        for name, setup in config.builders.items():
            kept = builders.get(name)
            if kept is None:
                kept = MirroredBuilder(setup, self)
            kept.setup = setup
            self.builders[name] = kept
        for name in builders.keys() - self.builders.keys():
            builders[name].isRemoved = True

    def take(self, told: Mapping[str, Any]) -> None:
        """Take an answer of the master.

        @raise OutOfStep: it does not fit to the answers before.
        """
        self.process, self.lastReconfig = told["master"], told["lastReconfig"]
        self.troubles.told = self.process.get("troubles", ())
        if told["isWhole"]:
            self._requests.clear()
            self._incomplete.clear()
            self.known = 0
        self._wanted.clear()
        for each in told["requests"]:
            self._takeRequest(RequestRecord.fromRecord(each))
        for each in told["builds"]:
            self._takeBuild(each)
        for name, state in {**self._incomplete, **told["builders"]}.items():
            self._incomplete.pop(name, None)
            if name in self.builders:
                self._takeBuilder(self.builders[name], state)
        for name, state in told["slaves"].items():
            if name in self.slaves:
                self.slaves[name].take(state)
        for name, reason in told["why"].items():
            if name in self.builders:
                self.builders[name].reason(reason)
        if told["isWhole"]:
            self._silence(told)
        self._forget()

    def _silence(self, told: Mapping[str, Any]) -> None:
        """Empty the builders and slaves that the master does not have: its configuration is another one."""
        for name in self.builders.keys() - told["builders"].keys():
            each = self.builders[name]
            each.building = each.ending = each.starting = each.pending = ()

    def _takeRequest(self, record: RequestRecord) -> None:
        request = BuildRequest.fromRecord(record)
        request.status.brid, request.status.submitted = request.id, request.submitted
        self._requests[record.id] = request
        self.known = max(self.known, record.id)

    def _takeBuild(self, told: Mapping[str, Any]) -> None:
        record = BuildRecord.fromRecord({**told["record"]})
        builder = self.builders.get(record.builder)
        if builder is None or record.number is None:
            return
        resources = self.resources
        made = finishedBuild(
            record, builder.builder_status, self.logs, resources.announcer, kind=MirroredBuild
        )
        assert isinstance(made, MirroredBuild)
        made.told = record
        made.ahead = resources.now() - self.clock.seconds()
        made.note = told["note"]
        made.waits = record.waits
        made.toldAt = made.now()
        made.forecast = None if told["left"] is None else TimeLeft(*told["left"])
        for step, expected in zip(made.steps, told["expected"], strict=False):
            step.expected = expected
        self.logs.told(told["extents"])
        self._builds[record.builder, record.number] = made

    def _takeBuilder(self, builder: MirroredBuilder, told: Mapping[str, Any]) -> None:
        builder.building = self._running(builder.name, told["building"])
        builder.ending = self._running(builder.name, told["ending"])
        builder.starting = self._waiting(told["starting"])
        builder.pending = self._waiting(told["pending"])
        builder.backlog.count = told["inStore"]
        builder.backlog.due = frozenset(each[0] for each in told["pending"] if each[-1])
        builder.reason(told)
        if len(builder.starting) + len(builder.pending) < len(told["starting"]) + len(told["pending"]):
            self._incomplete[builder.name] = told

    def _running(self, builder: str, numbers: Iterable[int]) -> Sequence[Running]:
        try:
            return [Running(self._builds[builder, number]) for number in numbers]
        except KeyError:
            raise OutOfStep(f"a build of {builder}") from None

    def _waiting(self, told: Iterable[Sequence[Any]]) -> Sequence[BuildRequest]:
        found = []
        for number, attempts, interruptions, age, _ in told:
            request = self._requests.get(number)
            if request is None and number <= self.known:
                self._wanted[number] = None
            if request is not None:  # else a later answer has it
                request.attempts, request.interruptions = attempts, interruptions
                request.arrived = self.clock.seconds() - age
                found.append(request)
        return found

    def _forget(self) -> None:
        """Forget builds and requests that are over."""
        running = {
            (each.name, one.build_status.number): one.build_status
            for each in self.builders.values()
            for one in (*each.building, *each.ending)
        }
        self._builds = running
        kept = {number for each in running.values() for number in each.record.requests}
        for builder in self.builders.values():
            kept.update(each.id or 0 for each in (*builder.starting, *builder.pending))
        for number in self._requests.keys() - kept:
            del self._requests[number]
        self.logs.keepOnly({log.filename for each in running.values() for log in each.getLogs()})
