# -*- test-case-name: tests.stories.test_readers -*-
"""The builders, builds and slaves of another process, as the pages read them.

They hold what the master has told last; nothing here decides or acts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import SimpleNamespace
from typing import Any

from twisted.internet.interfaces import IReactorTime

from buildbot.config.model import BuilderConfig
from buildbot.daemon.symptoms import Symptom
from buildbot.daemon.troubles import Trouble, Troubles
from buildbot.model.records import BuildRecord, PauseRecord
from buildbot.model.rows import BuildRow
from buildbot.process.request import BuildRequest
from buildbot.status.build import BuildStatus
from buildbot.status.builderstatus import BuilderHolder, BuilderStatus
from buildbot.status.slave import SlaveStatus
from buildbot.status.timeleft import TimeLeft


class MirroredBuild(BuildStatus):
    """I am a running build of the master.

    @ivar told: the record, as the master has told it.
    @ivar forecast: its time left at L{toldAt}; None if it is unknown.
    """

    told: BuildRecord
    forecast: TimeLeft | None = None
    toldAt = 0.0

    def getTimeLeft(self) -> TimeLeft | None:
        """See L{BuildStatus}."""
        if self.forecast is None or self.isFinished():
            return None
        passed = max(0.0, self.now() - self.toldAt)
        over = max(0.0, passed - self.forecast.left)
        late = self.forecast.late + over
        return TimeLeft(max(0.0, self.forecast.left - passed), late if late > 10 else self.forecast.late)

    def toRecord(self) -> BuildRecord:
        """See L{BuildStatus}."""
        return self.told


@dataclass(frozen=True)
class Running:
    """I hold the status of a running build."""

    build_status: MirroredBuild


class MirroredBuilderStatus(BuilderStatus):
    """I am the status of a builder of the master."""

    def newestRows(self) -> list[BuildRow]:
        """None: while the master cannot be asked, the store has newer builds than the memory here."""
        return []


class MirroredBacklog:
    """I know how many requests wait in the store only: see L{buildbot.process.backlog.Backlog}."""

    count = 0
    due: frozenset[int] = frozenset()

    def isDue(self, request: BuildRequest) -> bool:
        """True if no older request is in the store only."""
        return not self.count or request.id in self.due


class MirroredBuilder:
    """I am a builder of the master: see L{buildbot.process.builder.Builder} for the attributes."""

    def __init__(self, setup: BuilderConfig, botmaster: Any) -> None:
        self.setup = setup
        self.botmaster: BuilderHolder = botmaster
        self._slaves: Mapping[str, MirroredSlave] = botmaster.slaves
        self.clock: IReactorTime = botmaster.clock
        self._announcer = botmaster.announcer
        self.building: Sequence[Running] = ()
        self.ending: Sequence[Running] = ()
        self.starting: Sequence[BuildRequest] = ()
        self.pending: Sequence[BuildRequest] = ()
        self.backlog = MirroredBacklog()
        self.isRemoved = False
        self.why = ""
        self._isHopeless = False
        self.forget()

    def forget(self) -> None:
        """Read the last finished build again when it is next asked for."""
        self.builder_status = MirroredBuilderStatus(self, self._announcer)

    @property
    def name(self) -> str:
        """The name in the configuration."""
        return self.setup.name

    @property
    def slavenames(self) -> list[str]:
        """The slaves that may build here, attached or not."""
        return list(self.setup.slavenames)

    @property
    def builddir(self) -> str:
        """The directory of the builder on its slaves."""
        return self.setup.builddir

    @property
    def attachedSlaves(self) -> dict[str, MirroredSlave]:
        """The attached slaves."""
        found = {name: self._slaves[name] for name in self.setup.slavenames if name in self._slaves}
        return {name: each for name, each in found.items() if self.name in each.builders}

    @property
    def waiting(self) -> int:
        """The number of waiting requests."""
        return len(self.pending) + self.backlog.count

    def reason(self, told: Mapping[str, Any]) -> None:
        """Take the reason why requests wait."""
        self.why, self._isHopeless = told["why"], told["isHopeless"]

    def whyWaiting(self) -> str:
        """The reason why the oldest request waits, in words."""
        return self.why

    def isHopeless(self) -> bool:
        """True if no slave can ever build here."""
        return self._isHopeless


class Attachment(Enum):
    """The state of a slave before the master has told it."""

    UNKNOWN = "unknown"


class MirroredSlave:
    """I am a slave of the master: see L{buildbot.slaves.perspective.BotPerspective} for the attributes."""

    def __init__(self, name: str, botmaster: Any) -> None:
        self.slavename = name
        self._botmaster = botmaster
        self.slave_status = SlaveStatus(name)
        self.state: Any = Attachment.UNKNOWN
        self.availability: Any = SimpleNamespace(buildsRunning=0, paused=None, isDrained=False)
        self.instance: Any = None
        self.builders: Mapping[str, object] = {}
        self._isPending = False
        self._traffic: dict[str, int] = {"in": 0, "out": 0}

    @property
    def builderList(self) -> tuple[tuple[str, str], ...]:
        """The (builder name, builddir) pairs in the configuration."""
        found: tuple[tuple[str, str], ...] = self._botmaster.config.builderList(self.slavename)
        return found

    def isPending(self) -> bool:
        """True while it has not accepted the present builder list."""
        return self._isPending

    def traffic(self) -> dict[str, int]:
        """The bytes of the present connection."""
        return self._traffic

    def take(self, told: Mapping[str, Any]) -> None:
        """Take what the master tells: see L{buildbot.status.report.reportSlave}."""
        status = SlaveStatus(self.slavename)
        status.keepEvents(len(told["events"]))
        for each in told["events"]:
            status.happened(each["when"], each["text"])
        status.setConnected(told["connected"])
        status.setAdmin(told["admin"])
        status.setHost(told["host"])
        for name in ("since", "told", "address", "generation", "version", "failing", "note"):
            setattr(status, name, told[name])
        if told["refused"] is not None:
            status.refusals, status.refusedAt = told["refused"]["logins"], told["refused"]["when"]
            status.refusedFrom = told["refused"]["address"]
        self.slave_status = status
        self.state = SimpleNamespace(value=told["state"])
        paused = None if told["paused"] is None else PauseRecord.fromRecord(told["paused"])
        self.availability = SimpleNamespace(
            buildsRunning=told["running"], paused=paused, isDrained=told["drained"]
        )
        self.builders = dict.fromkeys(told["attachedTo"])
        self._isPending, self._traffic = told["pending"], told["bytes"]
        self.instance = None if told["instance"] is None else _instance(told)


def _instance(told: Mapping[str, Any]) -> Any:
    """The instance of a latent slave."""
    record, more = told["instance"], told["instanceMore"]
    return SimpleNamespace(
        toRecord=lambda: record,
        words=lambda: more["words"],
        state=SimpleNamespace(name=more["name"], value=record["words"]),
        failures=more["failures"],
        stops=more["stops"],
    )


class MirroredTroubles:
    """I am the troubles of the master, and those of this process."""

    def __init__(self, own: Troubles) -> None:
        self._own = own
        self.told: Sequence[Mapping[str, Any]] = ()

    def current(self) -> list[Trouble]:
        """The present troubles."""
        return [*map(_trouble, self.told), *self._own.current()]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


def _trouble(told: Mapping[str, Any]) -> Trouble:
    return Trouble(told["subject"], Symptom(told["what"], told["why"], told["cure"]), told["since"])
