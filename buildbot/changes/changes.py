# -*- test-case-name: tests.unit.changes.test_changes -*-
"""
Where Changes arrive, under the names of 0.7.5.

A Change itself is in L{buildbot.model.change}; keeping it is the store's business.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, ensureDeferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.model.change import Change as Change  # where 0.7.5 had it
from buildbot.reconfig.parent import PluginParent
from buildbot.store.interface import StoreFailed

log = Logger()

#: Seconds after which the oldest of the Changes that could not be kept is tried again (P4).
RETRY_AFTER = 10.0
#: So many Changes may wait for that; more are refused.
MOST_WAITING = 10_000


@dataclass(order=True)
class _Found:
    """A Change that is not on disk yet, and its place among all."""

    place: int
    change: Change = field(compare=False)
    done: Deferred[Change] = field(compare=False, default_factory=Deferred)


class ChangeMaster(PluginParent):
    """
    I am the parent of the change sources, and hand what they find to the master that is mine.

    What cannot be kept just now waits here, in its order: many a source of 0.7.5 does not look at what
    becomes of a Change, and none can be asked to find it again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setName("changemaster")
        self._count = self._refused = 0
        self._waiting: list[_Found] = []
        self._sending: list[Deferred[None]] = []
        self._retry: Any = None
        self._isFailing = self._isStopping = False

    def addChange(self, change: Change) -> Deferred[Change]:
        """
        Somebody committed something.

        @return: fires with the Change, its number set, once it is on disk (P2), however long that takes
            (P4).  Fails with StoreFailed if MOST_WAITING wait already, or the master stops before.
        """
        self._count += 1
        found = _Found(self._count, change)
        if not self._isFailing or self._isStopping:
            self._send(found)
        elif len(self._waiting) < MOST_WAITING:
            self._wait(found)
        else:
            why = StoreFailed(f"already {MOST_WAITING} changes wait to be stored, which is the most")
            self._clock().callLater(0, self._refuse, found, Failure(why))
        return found.done

    def addChangeNow(self, change: Change) -> Deferred[Change]:
        """
        As L{addChange}, for whoever can be told to come again.

        @return: fails with StoreFailed if the Change cannot be kept just now.
        """
        parent: Any = self.parent
        return ensureDeferred(parent.addChange(change))

    def getChangeNumbered(self, num: int) -> Deferred[Change | None]:
        """Fires with the Change of this number; None if it is not kept."""
        parent: Any = self.parent
        found: Deferred[Change | None] = parent.botmaster.store.getChange(num)
        return found

    def addSource(self, source: Any) -> None:
        """Listen to one more source."""
        source.setServiceParent(self)

    def removeSource(self, source: Any) -> Any:
        """Listen to it no more; may return a Deferred."""
        return source.disownServiceParent()

    def startService(self) -> None:
        """See L{twisted.application.service.MultiService}."""
        self._isStopping = False
        super().startService()

    def stopService(self) -> Deferred[Any]:
        """
        Stop the sources, and try what waits for the last time.

        @return: fires when all is kept, or said to be lost.
        """
        self._isStopping = True
        self._sendAll()
        trying = DeferredList(list(self._sending)).addCallback(self._sayLost)  # a source may never stop
        stopping = maybeDeferred(super().stopService)
        return DeferredList([trying, stopping]).addCallback(self._sayLost)

    def _sayLost(self, results: Any) -> None:
        if self._refused:
            log.error(
                "changes lost because the master stopped before they could be stored: {count}",
                count=self._refused,
            )
        self._isFailing, self._refused = False, 0

    # what waits

    def _clock(self) -> Any:
        parent: Any = self.parent
        return parent.botmaster.clock

    def _sendAll(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            self._send(each)

    def _sendOldest(self) -> None:
        """One alone: as long as the store fails, no other one is to get before it."""
        self._retry = None
        self._send(self._waiting.pop(0))

    def _send(self, found: _Found) -> None:
        sending: Deferred[Any] = self.addChangeNow(found.change)
        self._sending.append(sending)
        sending.addBoth(self._answered, sending)
        sending.addCallbacks(self._kept, self._notKept, (found,), {}, (found,))

    def _answered(self, result: Any, sending: Deferred[Any]) -> Any:
        self._sending.remove(sending)
        return result

    def _kept(self, change: Change, found: _Found) -> None:
        found.done.callback(change)
        if self._isFailing and not self._isStopping:
            log.info(
                "changes can be stored again: {count} had to wait, {refused} were refused",
                **{"count": len(self._waiting) + 1, "refused": self._refused},
            )
            self._isFailing, self._refused = False, 0
            self._sendAll()

    def _notKept(self, why: Failure, found: _Found) -> None:
        if not isinstance(why.value, StoreFailed):
            found.done.errback(why)
            if self._waiting:
                self._retrySoon()
        elif self._isStopping:
            self._refuse(found, why)
        else:
            if not self._isFailing:
                log.error("changes cannot be stored, and wait: {reason}", reason=why.value.reason)
            self._isFailing = True
            self._wait(found)

    def _wait(self, found: _Found) -> None:
        insort(self._waiting, found)
        self._retrySoon()

    def _retrySoon(self) -> None:
        if self._retry is None and not self._isStopping:
            self._retry = self._clock().callLater(RETRY_AFTER, self._sendOldest)

    def _refuse(self, found: _Found, why: Failure) -> None:
        """It is lost, unless its source looks at what becomes of it; that is said once for all of them."""
        self._refused += 1
        found.done.errback(why)
        found.done.addErrback(lambda failure: failure.trap(StoreFailed))
