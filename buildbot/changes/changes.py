# -*- test-case-name: tests.unit.changes.test_changes -*-
"""
The parent of the change sources, which receives their changes, under the names of 0.7.5.

L{buildbot.model.change} has the Change itself; the store keeps it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, DeferredList, ensureDeferred, maybeDeferred
from twisted.logger import Logger

from buildbot.model.change import Change as Change  # where 0.7.5 had it
from buildbot.reconfig.parent import PluginParent
from buildbot.store.interface import StoreFailed
from buildbot.store.outbox import Outbox

log = Logger()

#: The most changes that wait while the store fails; further ones are refused.
MOST_WAITING = 10_000


class ChangeMaster(PluginParent):
    """
    I am the parent of the change sources, and hand their changes to the master.

    A change that cannot be stored waits here, and keeps its place: most sources of 0.7.5 do not look at the
    outcome, and no source can be asked to find a change again.
    """

    _outbox: Outbox[Change, Change]

    def __init__(self) -> None:
        super().__init__()
        self.setName("changemaster")

    def setServiceParent(self, parent: Any) -> Any:
        """Belong to the master, which stores changes."""
        self._outbox = Outbox(
            parent.botmaster.clock, self.addChangeNow, failed=self._storeFails, works=self._storeWorks
        )
        return super().setServiceParent(parent)

    def addChange(self, change: Change) -> Deferred[Change]:
        """
        Somebody committed something.

        @return: fires with the Change, its number set, once it is on disk (P2), however long that takes
            (P4).  Fails with StoreFailed if MOST_WAITING wait already, or the master stops before.
        """
        if self._outbox.isFailing and not self._outbox.isFinishing and self._outbox.waiting >= MOST_WAITING:
            reason = f"already {MOST_WAITING} changes wait to be stored, which is the most"
            return self._outbox.refuse(StoreFailed(reason))
        return self._outbox.add(change)

    def addChangeNow(self, change: Change) -> Deferred[Change]:
        """
        Store a Change now or not at all, for a source that can be told to send it again.

        @return: fires as that of L{addChange} does; fails with StoreFailed if the store fails.
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
        self._outbox.reopen()
        super().startService()

    def stopService(self) -> Deferred[Any]:
        """
        Stop the sources, and try to store the waiting changes for the last time.

        @return: fires when all are stored, or the log says how many are lost.
        """
        storing = self._outbox.finish().addCallback(self._sayLost)  # at once: a source may never stop
        stopping = maybeDeferred(super().stopService)
        return DeferredList([storing, stopping]).addCallback(self._sayLost)

    def _sayLost(self, results: object) -> None:
        if self._outbox.refused:
            log.error(
                "changes lost because the master stopped before they could be stored: {count}",
                count=self._outbox.refused,
            )
        self._outbox.refused = 0

    def _storeFails(self, why: StoreFailed) -> None:
        if not self._outbox.isFailing:
            log.error("changes cannot be stored, and wait: {reason}", reason=why.reason)

    def _storeWorks(self) -> None:
        log.info(
            "changes can be stored again: {count} had to wait, {refused} were refused",
            **{"count": self._outbox.waiting + 1, "refused": self._outbox.refused},
        )
        self._outbox.refused = 0
