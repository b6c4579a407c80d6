# -*- test-case-name: tests.unit.slaves.test_told -*-
"""What slaves have told about themselves: it is in the store, so it is known while they are offline, too."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from twisted.logger import Logger

from buildbot.model.records import Record
from buildbot.process.readable import statesOf
from buildbot.process.resources import Resources
from buildbot.status.slave import SlaveStatus

log = Logger()

#: Seconds until the same words of a slave are stored again, with their new time.
_AGAIN = 3600
#: The most letters of one fact that are stored.
_LONGEST = 1000


@dataclass(frozen=True)
class Told(Record):
    """I am what a slave has told at one login.

    @ivar when: the time of the login, in seconds since the epoch.
    @ivar admin, host: the contents of its info files.
    """

    when: float
    address: str | None = None
    generation: str | None = None
    version: str | None = None
    admin: str | None = None
    host: str | None = None


class SlavesTold:
    """I keep what the slaves of one master have told."""

    def __init__(self, resources: Resources, slaves: Callable[[], Collection[str]]) -> None:
        """@param slaves: returns the names of the slaves in the configuration."""
        self._resources = resources
        self._slaves = slaves
        self._stored: dict[str, Told] = {}

    async def load(self) -> None:
        """Read what is stored. Raises L{StoreFailed<buildbot.store.interface.StoreFailed>}."""
        self._stored = await statesOf(self._resources.store, "slavetold", Told.fromRecord)

    def resume(self) -> None:
        """Forget the slaves that are not in the configuration any more."""
        for name in [name for name in self._stored if name not in self._slaves()]:
            self.forget(name)

    def recall(self, status: SlaveStatus) -> None:
        """Set what a slave has told before the start of the master."""
        told = self._stored.get(status.name)
        if told is not None:
            status.told = told.when
            status.address, status.generation, status.version = told.address, told.generation, told.version
            status.setAdmin(told.admin)
            status.setHost(told.host)

    def keep(self, status: SlaveStatus) -> None:
        """Store what a slave tells now, if that is new, or if an hour has passed."""
        status.told = now = self._resources.now()
        facts = (_cut(status.generation), _cut(status.version), _cut(status.admin), _cut(status.host))
        before = self._stored.get(status.name)
        if before is not None and now - before.when < _AGAIN:
            if facts == (before.generation, before.version, before.admin, before.host):
                return
        self._stored[status.name] = Told(now, status.address, *facts)
        self._store(status.name, self._stored[status.name])

    def forget(self, name: str) -> None:
        """A slave was removed from the configuration."""
        if self._stored.pop(name, None) is not None:
            self._store(name, None)

    def _store(self, name: str, told: Told | None) -> None:
        def failed(why: object) -> None:
            # The trouble of the store is told elsewhere. The next login stores it.
            log.debug("cannot store what slave {name} has told: {why}", name=name, why=why)
            if told is not None and self._stored.get(name) is told:
                del self._stored[name]

        stored = self._resources.store.setState(
            f"slavetold/{name}", None if told is None else told.toRecord()
        )
        stored.addErrback(failed)


def _cut(fact: str | None) -> str | None:
    return fact if fact is None else fact[:_LONGEST]
