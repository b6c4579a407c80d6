# -*- test-case-name: tests.unit.process.test_engine_keeping -*-
"""The health of the store, and its recovery after a failure.

No build starts while the store fails. Every write reports its success or failure here. After a failure, a
test write is repeated every RETRY_AFTER seconds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.daemon.troubles import Symptom
from buildbot.events.alarm import Alarm
from buildbot.events.eventual import eventual
from buildbot.process.resources import Resources
from buildbot.store.interface import FILE_GONE, IStore, StoreFailed
from buildbot.store.outbox import RETRY_AFTER, untilKept

log = Logger()

_T = TypeVar("_T")


def storeSymptom(reason: str) -> Symptom:
    """The trouble that C{status} shows while the store fails. C{reason} is from the L{StoreFailed}."""
    cure = "make sure that the disk has room and is writable; then the master goes on by itself"
    if reason.endswith(FILE_GONE):
        cure = (
            "stop the master, put the file back from a backup if there is one, and start the master again;"
            " without the file it begins with an empty store"
        )
    return Symptom("no build starts: changes, requests and builds cannot be kept", reason, cure)


class StoreHealth:
    """I watch the store of one master.

    @ivar trouble: the present error of the store, in words; empty while it works.
    """

    def __init__(self, resources: Resources, recovered: Callable[[], object]) -> None:
        """@param recovered: called in a later reactor turn when the store works again."""
        self._resources = resources
        self._recovered = recovered
        self.trouble = ""
        self._alarm = Alarm(self._try)

    def watch(self, store: IStore) -> None:
        """Watch all writes of a store."""
        store.watch(self.failed, self.works, self.damaged)

        def look() -> Symptom | None:
            reason = self.trouble or store.loss()
            return storeSymptom(reason) if reason else None

        self._resources.troubles.watch("store", look)

    def failed(self, reason: str) -> None:
        """Report a failed write. No build starts until the store works again (P4)."""
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
        """Report an unreadable part of the store. This trouble stays until the next start."""
        symptom = Symptom(
            "some of the store cannot be read: builds, requests or changes are missing",
            reason,
            "check the disk, and restart the master: it sets the file aside and recovers the readable data",
        )
        self._resources.troubles.report("damaged store", symptom)

    def works(self) -> None:
        """Report a successful write. Ends the trouble."""
        if self.trouble:
            log.info("builds and requests can be stored again")
            self.trouble = ""
            self._resources.troubles.clear("store")
            self.stop()
            eventual(self._resources.clock, self._recovered)

    def _try(self) -> None:
        """Write a test value: while no build starts, there may be no other writes."""
        resources = self._resources
        trying = resources.store.setState("store/trouble", [self.trouble, resources.now()])
        trying.addCallbacks(lambda kept: self.works(), self._stillFails)

    def _stillFails(self, why: Failure) -> None:
        why.trap(StoreFailed)
        assert isinstance(why.value, StoreFailed)
        self.failed(why.value.reason)

    def stop(self) -> None:
        """Stop the test writes."""
        self._alarm.stop()

    async def untilKept(
        self, write: Callable[[], Awaitable[_T]], failed: Callable[[], None] = lambda: None
    ) -> _T | None:
        """Repeat a write until it succeeds, however long that takes (P4).

        @param failed: called after each failed attempt.
        @return: the answer of the store; None if the master stops first.
        """

        def told(why: StoreFailed) -> None:
            self.failed(why.reason)
            failed()

        kept = await untilKept(write, self._resources.sleep, told, lambda: self._resources.stopping)
        if kept is not None and self.trouble:
            self.works()
        return kept

    def remember(self, key: str, value: object) -> None:
        """Store a value that may be lost: a failure is ignored."""
        self._resources.store.setState(key, value).addErrback(self._notKept)

    def _notKept(self, why: Failure) -> None:
        why.trap(StoreFailed)
