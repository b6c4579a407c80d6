# -*- test-case-name: tests.unit.process.test_engine_keeping -*-
"""
Whether the store works, and what is done until it works again.

No build begins while the store is in trouble. Every write reports here whether it
succeeded, and the store itself is tried again every RETRY_AFTER seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.daemon.troubles import Symptom
from buildbot.events.alarm import Alarm
from buildbot.events.eventual import eventual
from buildbot.process.resources import Resources
from buildbot.store.interface import FILE_GONE, IStore, StoreFailed
from buildbot.store.outbox import RETRY_AFTER, untilKept

log = Logger()


def storeSymptom(reason: str) -> Symptom:
    """What C{status} says while the store fails. C{reason} is that of the L{StoreFailed}."""
    cure = "make sure that the disk has room and can be written; then the master goes on by itself"
    if reason.endswith(FILE_GONE):
        cure = "stop the master, put the file back from a backup if there is one, and start the master again"
    return Symptom("no build begins: changes, requests and builds cannot be kept", reason, cure)


class StoreHealth:
    """
    I know whether the store of one master works.

    @ivar trouble: why the store fails now, in words; empty while it works.
    """

    def __init__(self, resources: Resources, recovered: Callable[[], object]) -> None:
        """@param recovered: is called, in a later turn, when the store works again."""
        self._resources = resources
        self._recovered = recovered
        self.trouble = ""
        self._alarm = Alarm(self._try)

    def watch(self, store: IStore) -> None:
        """Hear from a store about every write, whoever made it."""
        store.watch(self.failed, self.works, self.damaged)

    def failed(self, reason: str) -> None:
        """A write failed: no build begins until the store works again (P4)."""
        if not self.trouble:
            log.error(
                "cannot store builds and requests: {reason}; no build starts until that works again",
                reason=reason,
            )
        self.trouble = reason
        self._resources.troubles.report("store", storeSymptom(reason))
        if not self._alarm.isSet and not self._resources.stopping:
            self._alarm.set(self._resources.clock, RETRY_AFTER)

    def damaged(self, reason: str) -> None:
        """Some of the store cannot be read. That stays so until the next start."""
        symptom = Symptom(
            "some of the store cannot be read: builds, requests or changes are missing",
            reason,
            "look for faults of the disk, and restart the master: it sets the file aside and carries over"
            " what can be read",
        )
        self._resources.troubles.report("damaged store", symptom)

    def works(self) -> None:
        """A write succeeded."""
        if self.trouble:
            log.info("builds and requests can be stored again")
            self.trouble = ""
            self._resources.troubles.clear("store")
            self.stop()
            eventual(self._resources.clock, self._recovered)

    def _try(self) -> None:
        """Write something: while there is trouble no build begins, so perhaps nobody else writes."""
        resources = self._resources
        trying = resources.store.setState("store/trouble", [self.trouble, resources.now()])
        trying.addCallbacks(lambda kept: self.works(), self._stillFails)

    def _stillFails(self, why: Failure) -> None:
        why.trap(StoreFailed)
        assert isinstance(why.value, StoreFailed)
        self.failed(why.value.reason)

    def stop(self) -> None:
        """Try the store no more."""
        self._alarm.stop()

    async def untilKept(
        self, write: Callable[[], Deferred[Any]], failed: Callable[[], None] = lambda: None
    ) -> Any:
        """
        Repeat a write until it succeeds, however long that takes (P4).

        @param failed: is called after each attempt that failed.
        @return: the answer of the store; None if the master stops first.
        """

        async def attempt() -> Any:
            kept = await write()
            self.works()
            return kept

        def told(why: StoreFailed) -> None:
            self.failed(why.reason)
            failed()

        return await untilKept(attempt, self._resources.sleep, told, lambda: self._resources.stopping)

    def remember(self, key: str, value: Any) -> None:
        """Store a small value. If that fails, nothing is done about it: the value is a convenience."""
        self._resources.store.setState(key, value).addErrback(self._notKept)

    def _notKept(self, why: Failure) -> None:
        why.trap(StoreFailed)
