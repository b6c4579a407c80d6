"""A master and a slave for one instance, whose behaviour a test sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from buildbot.buildslave import AbstractLatentBuildSlave
from buildbot.daemon.symptoms import Symptom
from buildbot.latent.record import InstanceRecord
from buildbot.latent.seams import KnownInstance
from buildbot.store.interface import StoreFailed


class FakeMaster:
    """The surroundings of one instance, with a store that can be slow, and can fail at the end.

    @ivar kept: the store: key -> value.
    @ivar holds: True: writes wait for L{write}.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.isOver = self.holds = False
        self.kept: dict[str, Any] = {}
        self.admitted = self.asked = 0
        self.symptom: Symptom | None = None
        self._writes: list[tuple[str, Any, Deferred[None]]] = []

    def now(self) -> float:
        return float(self.clock.seconds())

    def keep(self, key: str, value: Any) -> Deferred[None]:
        self._writes.append((key, value, Deferred()))
        done = self._writes[-1][2]
        if not self.holds:
            self.write()
        return done

    def write(self, fails: bool = False) -> None:
        """Do the writes that wait, in their order."""
        while self._writes:
            key, value, done = self._writes.pop(0)
            if fails:
                done.errback(StoreFailed("the disk is full"))
                continue
            if value is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = value
            done.callback(None)

    def environment(self, instance: KnownInstance) -> Mapping[str, str]:
        return {"WORKERNAME": instance.name}

    def masked(self, instance: KnownInstance, text: str) -> str:
        return text.replace("s3cret", "***")

    def changed(self, instance: KnownInstance) -> None:
        pass

    def admit(self, instance: KnownInstance) -> None:
        self.admitted += 1

    def ask(self, instance: KnownInstance) -> None:
        self.asked += 1

    def trouble(self, instance: KnownInstance, symptom: Symptom | None) -> None:
        self.symptom = symptom


class FakeCloudSlave(AbstractLatentBuildSlave):
    """A slave whose calls wait for the test.

    @ivar lives: what it answers when it is asked whether its instance runs.
    @ivar running: the numbers of the running instances; a test shares it with the slaves of other processes.
    """

    lives = True
    token: object = None
    start_timeout = 60.0
    stop_timeout = 60.0

    def __init__(self, name: str = "bot1", running: list[int] | None = None, **kwargs: Any) -> None:
        super().__init__(name, "sekrit", **kwargs)
        self.running: list[int] = [] if running is None else running
        self.starting: Deferred[Any] | None = None
        self.stopping: Deferred[Any] | None = None
        self.stops = 0

    def means(self) -> dict[str, Any]:
        return {"name": self.slavename}

    def check_instance(self) -> bool:
        return self.lives

    def start_instance(self, build: Any) -> Deferred[Any]:
        self.starting = Deferred()
        return self.starting

    def stop_instance(self, fast: bool = False) -> Deferred[Any]:
        self.stops += 1
        self.stopping = Deferred()
        return self.stopping

    def create(self) -> None:
        """An instance appears, while its start goes on."""
        self.running.append(len(self.running))

    def started(self, answer: Any = "i-1", fails: str = "", leaks: bool = False) -> None:
        """End the start."""
        starting, self.starting = self.starting, None
        assert starting is not None
        if starting.called:  # it was cancelled
            return
        if leaks or not fails:
            self.create()
        starting.callback(Failure(OSError(fails)) if fails else answer)

    def stopped(self, fails: str = "") -> None:
        """End the stop."""
        stopping, self.stopping = self.stopping, None
        assert stopping is not None
        if stopping.called:
            return
        if not fails:
            self.running.clear()
        stopping.callback(Failure(OSError(fails)) if fails else None)


class FakeBot:
    """The slave of the configuration."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.parted = 0

    def happened(self, text: str) -> None:
        self.said.append(text)

    def disconnect(self, reason: str) -> Deferred[None]:
        self.parted += 1
        return succeed(None)


def recordOf(master: FakeMaster, name: str = "bot1") -> InstanceRecord | None:
    """The note in the store."""
    kept = master.kept.get(f"instance/{name}")
    return None if kept is None else InstanceRecord.fromRecord(kept)
