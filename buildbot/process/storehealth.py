# -*- test-case-name: tests.unit.process.test_engine_keeping -*-
"""
Whether the store works, and what is done until it works again.

No build begins while the store is in trouble. Every write reports here whether it
succeeded, and the store itself is tried again every STORE_AGAIN seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.daemon.troubles import Symptom
from buildbot.process.resources import Resources
from buildbot.store.interface import FILE_GONE, StoreFailed

log = Logger()

#: Seconds after which a store that failed is tried again (P4).
STORE_AGAIN = 10.0


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
        self._trying: Any = None

    def watch(self, store: Any) -> None:
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
        if self._trying is None and not self._resources.stopping:
            self._trying = self._resources.clock.callLater(STORE_AGAIN, self._try)

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
            self._resources.clock.callLater(0, self._recovered)

    def _try(self) -> None:
        """Write something: while there is trouble no build begins, so perhaps nobody else writes."""
        self._trying = None
        resources = self._resources
        trying = resources.store.setState("store/trouble", [self.trouble, resources.now()])
        trying.addCallbacks(lambda kept: self.works(), self._stillFails)

    def _stillFails(self, why: Failure) -> None:
        why.trap(StoreFailed)
        assert isinstance(why.value, StoreFailed)
        self.failed(why.value.reason)

    def stop(self) -> None:
        """Try the store no more."""
        if self._trying is not None:
            self._trying.cancel()
            self._trying = None

    async def untilKept(
        self, write: Callable[[], Deferred[Any]], failed: Callable[[], None] = lambda: None
    ) -> Any:
        """
        Repeat a write until it succeeds, however long that takes (P4).

        @param failed: is called after each attempt that failed.
        @return: the answer of the store; None if the master stops first.
        """
        while True:
            try:
                kept = await write()
            except StoreFailed as why:
                self.failed(why.reason)
                failed()
                if self._resources.stopping:
                    return None
                await self._resources.sleep(STORE_AGAIN)
            else:
                self.works()
                return kept

    def remember(self, key: str, value: Any) -> None:
        """Store a small value. If that fails, nothing is done about it: the value is a convenience."""
        self._resources.store.setState(key, value).addErrback(self._notKept)

    def _notKept(self, why: Failure) -> None:
        why.trap(StoreFailed)
