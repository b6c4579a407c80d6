# -*- test-case-name: tests.unit.schedulers.test_restart -*-
"""The submitted build sets of one scheduler that are not stored yet.

They are stored in order. A set waits while the store fails, and for builders of a configuration that is not
in force yet.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping
from typing import Any, Protocol, TypeAlias

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.records import BuildsetRecord
from buildbot.process.buildset import BuildSet
from buildbot.store.interface import StoreFailed
from buildbot.store.outbox import NotYet, Outbox

log = Logger()

#: Seconds between two checks for missing builders.
BUILDERS_AFTER = 1.0
#: Seconds to wait for a missing builder.
BUILDERS_WITHIN = 60.0

_Submission: TypeAlias = tuple[BuildSet, Mapping[str, Any]]


class Submits(Protocol):
    """The attributes and methods of a scheduler that L{Submissions} uses."""

    name: str

    def storeFails(self, reason: object) -> None:
        """Called when a set cannot be stored now. I retry later."""

    def isToCome(self, builderName: str) -> bool:
        """True if a configuration with this builder will come into force soon."""


class Submissions:
    """I submit the build sets of a scheduler, one after the other, from one start to the next stop.

    @ivar outbox: the sets that are not stored yet.
    """

    def __init__(
        self,
        scheduler: Submits,
        submit: Callable[[BuildSet], Awaitable[BuildsetRecord]],
        clock: IReactorTime,
        builders: Callable[[], Container[str]],
    ) -> None:
        """@param submit: stores a set; raises KeyError if a builder is missing.
        @param builders: returns the names of all existing builders.
        """
        self._scheduler = scheduler
        self._submit = submit
        self._clock = clock
        self._builders = builders
        self._missing: dict[str, float] = {}  # builder -> start of the wait for it
        self._isStopped = False
        self.outbox: Outbox[_Submission, BuildsetRecord | None] = Outbox(
            clock, self._keep, atOnce=1, failed=scheduler.storeFails
        )

    def __len__(self) -> int:
        """The number of sets that are not stored yet."""
        return len(self.outbox)

    def add(self, bs: BuildSet, state: Mapping[str, Any]) -> Deferred[BuildsetRecord | None]:
        """Submit a set.

        @param state: state of the scheduler by key, stored with the set in one transaction.
        @return: fires with the record of the stored set; with None if it can never be stored.
        """
        if not self.outbox:
            self._missing = {}
        return self.outbox.add((bs, state))

    def stop(self) -> None:
        """Stop: submit nothing more."""
        self._isStopped = True
        self.outbox.stop()

    def _keep(self, submission: _Submission) -> Deferred[BuildsetRecord | None]:
        return ensureDeferred(self._store(*submission))

    async def _store(self, bs: BuildSet, state: Mapping[str, Any]) -> BuildsetRecord | None:
        bs.state = {**bs.state, **state}
        while True:
            try:
                stored = await self._submit(bs)
            except StoreFailed:
                raise
            except KeyError:
                if self._isStopped or self._waitsFor(bs):
                    raise NotYet(BUILDERS_AFTER) from None
                if not bs.builderNames:
                    return None
            except PLUGIN_ERRORS:
                log.failure(
                    "scheduler {name} submitted a build set that cannot be built", name=self._scheduler.name
                )
                return None
            else:
                for name in bs.builderNames:
                    self._missing.pop(name, None)
                return stored

    def _waitsFor(self, bs: BuildSet) -> bool:
        """True to wait for missing builders of a set. Builders that are overdue are removed from the set."""
        now = self._clock.seconds()
        there = self._builders()
        missing = [name for name in bs.builderNames if name not in there] or bs.builderNames
        told = ", ".join(map(repr, missing))
        toCome = {name for name in missing if self._scheduler.isToCome(name)}
        if any(name not in self._missing and name not in toCome for name in missing):
            self._scheduler.storeFails(f"there is no builder {told} yet")
        for name in missing:
            self._missing[name] = now if name in toCome else self._missing.get(name, now)
        if any(now < self._missing[name] + BUILDERS_WITHIN for name in missing):
            return True
        bs.builderNames = [name for name in bs.builderNames if name not in missing]
        log.error(
            "scheduler {name}: there is no builder {missing}; set {reason!r} is built on {others}",
            **{"name": self._scheduler.name, "missing": told, "reason": bs.reason},
            others=", ".join(map(repr, bs.builderNames)) or "none",
        )
        return False
